"""Watching clusters: news in order, from any place on, and a reader that does not read is let go of."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc
import pytest

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.domain.cluster import CapacityCurve
from adaptor.domain.cluster_news import ClusterWrite
from adaptor.domain.managed import ManagedCluster
from adaptor.engine.clusters import Clusters
from adaptor.errors import NewsGoneError, SlowReaderError
from adaptor.service import cluster_service
from adaptor.testing.cluster_calls import CLUSTER, TestManager
from adaptor.testing.cluster_store import InMemoryClusterStore
from adaptor.testing.demands import a_cluster
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.workshop import Workshop

FAR_MORE_THAN_A_BUFFER = 500
"""News of ten kilobytes each; the channel holds some sixty for a reader, and the server as much again."""


async def read(manager: TestManager, count: int, **request: str) -> list[pb.WatchClustersResponse]:
    """The first news of a watch."""
    call = manager.clusters.WatchClusters(pb.WatchClustersRequest(**request))
    found = [await asyncio.wait_for(call.read(), 10.0) for _ in range(count)]
    call.cancel()
    return found


async def test_a_watch_begins_with_how_things_stand_and_goes_on_with_what_happens(manager: TestManager) -> None:
    """Demand, grants and plans of the runs, each in its own field."""
    await manager.register(4)
    call = manager.clusters.WatchClusters(pb.WatchClustersRequest(cluster_id=CLUSTER))
    first = await call.read()
    assert (first.text, first.cluster.capacity_slots) == ("how it stands", 4)
    await manager.begin("run-1")
    kinds: set[str] = set()
    while not {"demand", "grant", "plan", "rescale"} <= kinds:
        news = await asyncio.wait_for(call.read(), 10.0)
        assert (news.cluster_id, news.run_id) == (CLUSTER, "run-1")
        kinds.add(news.WhichOneof("event"))
    call.cancel()


async def test_a_reader_that_comes_back_misses_nothing(manager: TestManager) -> None:
    """It goes on right after what it saw last, also past what happened while it was away."""
    await manager.register(4)
    for slots in (3, 2, 1):
        revision = (await manager.cluster()).revision
        await manager.clusters.SetCapacity(pb.SetCapacityRequest(cluster_id=CLUSTER, slots=slots, revision=revision))
    everything = await read(manager, 8, resume_token="0")
    for seen in range(1, 8):
        rest = await read(manager, 8 - seen, resume_token=everything[seen - 1].resume_token)
        assert [one.resume_token for one in rest] == [one.resume_token for one in everything[seen:]]
    assert [one.text for one in everything if one.text.startswith("the manager set")] == [
        f"the manager set {slots} slots" for slots in (3, 2, 1)
    ]


async def test_a_reader_that_never_reads_is_dropped_and_told_where_to_go_on(
    manager: TestManager, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RESOURCE_EXHAUSTED with a resume token; with it the reader misses nothing."""
    dropped = asyncio.Event()

    def noted(token: str, *, waited_s: float) -> SlowReaderError:
        dropped.set()
        return SlowReaderError(token, waited_s=waited_s)

    monkeypatch.setattr(cluster_service, "SlowReaderError", noted)
    await manager.register(4)
    status = (await shop.managed.news_after(0, cluster_id="", limit=1))[0][1]
    book = (await shop.managed.book()).clusters
    many = tuple(replace(status, text=f"{number} {'x' * 10_000}") for number in range(FAR_MORE_THAN_A_BUFFER))
    await shop.managed.write(ClusterWrite(clusters=book, news=many))
    call = manager.clusters.WatchClusters(pb.WatchClustersRequest(resume_token="0"))
    await call.read()
    await asyncio.wait_for(dropped.wait(), 30.0)
    seen = []
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        while True:
            seen.append(await asyncio.wait_for(call.read(), 10.0))
            if seen[-1] is grpc.aio.EOF:
                raise AssertionError("the stream ended as if nothing were wrong")
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    token = str(caught.value.trailing_metadata()["adaptor-resume-token"])
    assert len(seen) < FAR_MORE_THAN_A_BUFFER
    assert int(token) <= int(seen[-1].resume_token) + 1
    (following,) = await read(manager, 1, resume_token=seen[-1].resume_token)
    assert int(following.resume_token) == int(seen[-1].resume_token) + 1


async def test_a_reader_that_was_away_too_long_is_told_so() -> None:
    """What came after its token is not kept any more."""
    shop = Workshop(cluster=InMemoryProvisioner(most=8), managed=InMemoryClusterStore(most_news=1))
    clusters: Clusters = shop.clusters
    new = ManagedCluster(cluster=a_cluster(), revision=0, capacity=CapacityCurve())
    await clusters.register(new, capacity_slots=4, expiry=None, revision=0)
    await clusters.set_capacity(CLUSTER, 2, revision=1)
    with pytest.raises(NewsGoneError, match="resume_token: what came after it is not kept any more"):
        await anext(clusters.watch("", after=0))
