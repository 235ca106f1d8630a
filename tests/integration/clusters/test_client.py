"""`adaptor.cluster`: both managers say the same calls, and their errors are told apart by class."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator

import pytest

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.client import start_run
from adaptor.cluster import (
    AsyncClusterManager,
    ClusterCallError,
    ClusterManager,
    NotKnownError,
    RefusedCallError,
    StaleRevisionError,
)
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.values import FLINK_URL
from adaptor.testing.workshop import Workshop


@pytest.fixture
def service() -> Iterator[LoopbackService]:
    """A service that listens."""
    listening = LoopbackService(Workshop(cluster=InMemoryProvisioner(most=8))).start()
    yield listening
    listening.close()


@pytest.fixture
def manager(service: LoopbackService) -> Iterator[ClusterManager]:
    """Who manages a cluster of four slots."""
    with ClusterManager(service.address) as made:
        made.register("lab", FLINK_URL, capacity_slots=4)
        yield made


def test_a_day_of_a_manager(service: LoopbackService, manager: ClusterManager) -> None:
    """Every call once, each resting on the newest revision where none is named."""
    manager.set_tenant("team", quota_slots=3, priority=1)
    with start_run(
        program="p",
        run_id="run-1",
        parallelism=3,
        max_supersteps=3,
        efficiency_target=0.01,
        policy="static",
        flink_url=FLINK_URL,
        address=service.address,
        tenant="team",
        priority=2,
        pausable=True,
    ) as run:
        steps = run.supersteps()
        assert next(steps).parallelism == 3
        (demand,) = manager.demand("lab")
        assert (demand.tenant_id, demand.priority, demand.wanted_slots) == ("team", 2, 3)
        assert [one.slots for one in manager.grants("lab")] == [3]
        assert manager.preview_reclaim("lab", slots=1, within_s=60).reclaim.free_slots == 1
        assert manager.set_grant("lab", "run-1", 2).fixed
        assert next(steps).parallelism == 2
        back = manager.reclaim("lab", slots=2, within_s=60, reclaim_id="back")
        assert manager.reclaim_status("back").freed_slots == back.freed_slots == 2
        soon = pb.AnnouncedCapacity(at_s=service.shop.clock.now_s() + 60, more_slots=2)
        assert [one.total_slots for one in manager.announce("lab", [soon]).announced] == [4]
        assert manager.set_capacity("lab", 4).remark == ""
        assert manager.renew_lease("lab") is None
    assert [one.held_slots for one in manager.tenants()] == [0]
    manager.remove_tenant("team")
    assert manager.cluster("lab").revision == 5
    assert manager.remove("lab") == 0
    assert manager.clusters() == []


def test_errors_are_told_apart(manager: ClusterManager) -> None:
    """By class, with the field in the text."""
    with pytest.raises(NotKnownError, match="cluster_id: no cluster 'x'"):
        manager.cluster("x")
    with pytest.raises(RefusedCallError, match="slots: 9 are to be taken back"):
        manager.reclaim("lab", slots=9, within_s=1)
    with pytest.raises(StaleRevisionError, match="revision: "):
        manager.set_capacity("lab", 1, revision=7)
    with ClusterManager("127.0.0.1:9") as nobody, pytest.raises(ClusterCallError) as caught:
        nobody.clusters()
    assert caught.value.code == "UNAVAILABLE"


def test_a_watch_survives_a_restart_of_the_service(service: LoopbackService, manager: ClusterManager) -> None:
    """It goes on where it was, and misses nothing."""
    texts: list[str] = []
    seen = threading.Event()

    def watch() -> None:
        with ClusterManager(service.address) as watching:
            for news in watching.watch("lab", resume_token="0"):
                texts.append(news.text)
                if news.text == "the manager set 3 slots":
                    seen.set()
                if news.text == "the manager set 2 slots":
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    manager.set_capacity("lab", 3)
    assert seen.wait(30.0)
    service.stop()
    service.start()
    manager.set_capacity("lab", 2)
    watcher.join(30.0)
    assert not watcher.is_alive()
    told = [text for text in texts if text.startswith("the")]
    assert told == ["the cluster is managed", "the manager set 3 slots", "the manager set 2 slots"]


def test_the_manager_for_asyncio_says_the_same(service: LoopbackService, manager: ClusterManager) -> None:
    """Its calls have the same names and parameters, and reach the same service."""

    async def calls() -> tuple[int, list[str], str]:
        async with AsyncClusterManager(service.address) as same:
            answer = await same.set_capacity("lab", 2)
            with pytest.raises(StaleRevisionError):
                await same.set_capacity("lab", 1, revision=1)
            watching = same.watch("lab")
            first = await anext(watching)
            await watching.aclose()
            return answer.cluster.capacity_slots, [one.spec.cluster_id for one in await same.clusters()], first.text

    assert asyncio.run(calls()) == (2, ["lab"], "how it stands")
    public = {name: one for name, one in vars(ClusterManager).items() if not name.startswith("_")}
    other = {name: one for name, one in vars(AsyncClusterManager).items() if not name.startswith("_")}
    assert {name: str(inspect.signature(one).parameters) for name, one in public.items()} == {
        name: str(inspect.signature(one).parameters) for name, one in other.items()
    }
