"""What provisioners, publishers, observers and clocks promise, whichever back end stands behind them."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from adaptor.app.clock import SystemClock
from adaptor.control.run_controller import observation_of
from adaptor.domain.events import BarrierReached
from adaptor.engine.ports import Clock, Observer, Provisioner, Publisher
from adaptor.errors import FlinkUnreachableError, ProvisionError
from adaptor.flink.client import FlinkClient
from adaptor.flink.values import ClusterOverview
from adaptor.observer.superstep import SuperstepObserver
from adaptor.provisioner.fixed import FixedProvisioner, UnknownCluster
from adaptor.sharing.participation import Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings
from adaptor.testing.clock import ManualClock
from adaptor.testing.observer import ScriptedObserver
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.publisher import RecordingPublisher
from adaptor.testing.values import a_report, after, barrier, started


class FourSlots:
    """A client of a cluster with four slots."""

    def overview(self) -> ClusterOverview:
        return ClusterOverview(task_managers=4, slots_total=4, slots_available=4, flink_version="2.3.0")


class NoFlink:
    """A client of a cluster that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def refused(*_: object) -> None:
            raise FlinkUnreachableError("http://flink", "connection refused")

        return refused

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(params=["memory", "fixed", "unknown"])
def provisioner(request: pytest.FixtureRequest) -> Provisioner:
    """A cluster that has or can have four slots."""
    made: dict[str, Callable[[], Provisioner]] = {
        "memory": InMemoryProvisioner,
        "fixed": lambda: FixedProvisioner("http://flink", lambda _: cast(FlinkClient, FourSlots())),
        "unknown": UnknownCluster,
    }
    return made[request.param]()


async def test_slots_that_can_be_had_come_and_may_be_asked_for_again(provisioner: Provisioner) -> None:
    """Afterwards there are at least so many, however often it is asked."""
    for slots in (1, 4, 4, 2, 3):
        assert (await provisioner.provide(slots)).existing_slots >= slots
        assert (await provisioner.capacity()).existing_slots >= slots


async def test_what_can_be_had_is_never_less_than_what_exists(provisioner: Provisioner) -> None:
    """A plan may count on either."""
    capacity = await provisioner.capacity()
    assert capacity.obtainable_slots >= capacity.existing_slots
    assert capacity.most_slots >= 4


async def test_restoring_takes_nothing_away(provisioner: Provisioner) -> None:
    """It only puts back what died."""
    await provisioner.provide(3)
    before = await provisioner.capacity()
    await provisioner.restore()
    assert (await provisioner.capacity()).existing_slots >= before.existing_slots


async def test_slots_that_cannot_be_had_are_an_error_and_leave_what_there_is(provisioner: Provisioner) -> None:
    """A cluster that nobody named has as many as Flink could ever use."""
    most = (await provisioner.capacity()).most_slots
    if isinstance(provisioner, UnknownCluster):
        return
    await provisioner.provide(2)
    with pytest.raises(ProvisionError):
        await provisioner.provide(most + 1)
    assert (await provisioner.capacity()).existing_slots >= 2


@pytest.fixture(params=["a log", "recording"])
async def publisher(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Publisher]:
    if request.param == "recording":
        yield RecordingPublisher()
        return
    part = Participation(
        tmp_path,
        SharingSettings(listen=""),
        now_s=time.time,
        chance=random.Random(1),
        precedence=Precedence(),
    )
    await part.create(name="test", writers=None, quorum=1, secret=True)
    yield part
    await part.stop()


async def test_observations_may_be_given_again_and_none_may_be_given(publisher: Publisher) -> None:
    """The outbox gives again after a crash."""
    event = barrier(a_report(1), at_s=1.0)
    observation = observation_of(after(started()).record, cast(BarrierReached, event))
    observation = replace(observation, shareable=True)
    assert publisher.ready
    for batch in ([observation], [observation], []):
        await publisher.publish(batch)
    if isinstance(publisher, Participation):
        assert len(await publisher.open.log.entries_after(0, most=10)) == 1
    if isinstance(publisher, RecordingPublisher):
        assert publisher.observations == {observation.observation_id: observation}


@pytest.mark.parametrize("kind", ["scripted", "of Flink"])
async def test_an_observation_that_cannot_be_made_is_a_problem_and_no_error(kind: str) -> None:
    """What is not known is unknown, and forgetting an unknown run is nothing."""
    flink = SuperstepObserver(
        connect=lambda _: cast(FlinkClient, NoFlink()), timeout_s=5.0, max_workers=1, clock=ManualClock().monotonic_s
    )
    observer: Observer = flink if kind == "of Flink" else ScriptedObserver()
    statistics = await observer.observe(run_id="run-1", flink_url="http://flink:8081", job_id="a" * 32)
    assert statistics.problem
    assert statistics.observed_parallelism is None
    observer.forget("run-1")
    observer.forget("nobody")
    flink.close()


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()], ids=["system", "manual"])
def test_a_clock_never_goes_back_where_it_says_so(clock: Clock) -> None:
    """Its wall clock may."""
    before = clock.monotonic_s()
    if isinstance(clock, ManualClock):
        clock.set_by(-3600.0)
    assert clock.monotonic_s() >= before
    assert clock.now_s() > 0
