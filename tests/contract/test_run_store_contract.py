"""What every store of runs promises, SQLite's and the one in memory alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.domain.context import ExecutionContext
from adaptor.domain.effects import ReleaseSlots, ReportPlan, RequestRescale, StoreObservation
from adaptor.domain.events import Event, RescaleOutcomeUnknown, RescaleSucceeded, RunFinished
from adaptor.domain.observation import Origin
from adaptor.domain.run import Mechanism, RunLength, RunSpec, RunState
from adaptor.engine.ports import RunStore
from adaptor.errors import StateDirectoryError
from adaptor.store.history import Recorded
from adaptor.store.run_store import SqliteRunStore
from adaptor.testing.run_store import InMemoryRunStore
from adaptor.testing.values import BEGAN_S, FLINK_URL, a_report, a_spec, barrier, slots, started


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunStore]:
    """An empty store."""
    if request.param == "memory":
        yield InMemoryRunStore()
        return
    sqlite = SqliteRunStore(tmp_path)
    yield sqlite
    sqlite.close()


class Story:
    """One run, event after event into the store, as the core decides them."""

    def __init__(self, store: RunStore, spec: RunSpec | None = None) -> None:
        self.spec = spec or a_spec(shareable=True)
        self.recorded: list[Recorded] = []
        self._store = store
        self._record: RunRecord | None = None

    async def tell(self, *events: Event, completes: int | None = None) -> Recorded:
        """Record what the core makes of these events."""
        for event in events:
            handled = RunController().handle(self._record, event)
            plans = [one.plan for one in handled.effects if isinstance(one, ReportPlan)]
            observations = [one.observation for one in handled.effects if isinstance(one, StoreObservation)]
            slot_effects = [one for one in handled.effects if isinstance(one, RequestRescale | ReleaseSlots)]
            recorded = Recorded(
                run_id=self.spec.run_id,
                sequence=len(self.recorded) + 1,
                event=event,
                plan=plans[0] if plans else None,
                observation=observations[0] if observations else None,
                slot_effect=slot_effects[0] if slot_effects else None,
                completes=completes,
            )
            await self._store.record(recorded)
            self.recorded.append(recorded)
            self._record = handled.record
        return self.recorded[-1]

    async def begin(self, at_s: float = BEGAN_S) -> Recorded:
        """Start it."""
        return await self.tell(started(self.spec, at_s=at_s))


def superstep(number: int, duration_s: float = 10.0, **fields: object) -> Event:
    """A barrier."""
    return barrier(a_report(number, duration_s, **fields), at_s=BEGAN_S + 10 * number)


def rescaled(number: int, duration_s: float = 2.0) -> RescaleSucceeded:
    """Slots that came."""
    return RescaleSucceeded(
        superstep=number, parallelism=4, capacity=slots(4), duration_s=duration_s, at_s=BEGAN_S + 500
    )


async def test_events_come_back_in_order_with_their_plans_and_observations(store: RunStore) -> None:
    """All of them, equal to what was recorded, from any place on."""
    story = Story(store)
    await story.begin()
    await story.tell(superstep(1), rescaled(2), superstep(2, failed=True), superstep(2, attempt=2))
    await story.tell(RunFinished(state=RunState.FINISHED, at_s=BEGAN_S + 60))
    expected = [(one.event, one.plan, one.observation, one.sequence) for one in story.recorded]
    got = [(one.event, one.plan, one.observation, one.sequence) for one in await store.history("run-1")]
    assert got == expected
    assert [one.sequence for one in await store.history_after("run-1", 4)] == [5, 6]
    assert await store.history_after("run-1", 99) == []


async def test_an_unknown_run_has_no_history(store: RunStore) -> None:
    """Nothing is made up."""
    assert await store.history("nobody") == []
    assert await store.run("nobody") is None
    assert await store.barrier("nobody", 1, 1) is None


async def test_a_barrier_is_found_by_superstep_and_try(store: RunStore) -> None:
    """With the report as it was made and the plan as it was answered."""
    story = Story(store)
    await story.begin()
    failed = await story.tell(superstep(1, failed=True))
    again = await story.tell(superstep(1, 9.0, attempt=2))
    assert await store.barrier("run-1", 1, 1) == (a_report(1, failed=True), failed.plan)
    assert await store.barrier("run-1", 1, 2) == (a_report(1, 9.0, attempt=2), again.plan)
    assert await store.barrier("run-1", 1, 3) is None
    assert await store.barrier("run-1", 2, 1) is None


async def test_an_event_is_recorded_with_everything_or_not_at_all(store: RunStore) -> None:
    """A write that is refused in the middle leaves nothing behind."""
    story = Story(store)
    await story.begin()
    recorded = await story.tell(superstep(1))
    before = (await store.history("run-1"), await store.run("run-1"), await store.pending_slot_effects())
    twice = Recorded(
        run_id="run-1",
        sequence=3,
        event=rescaled(2),
        observation=recorded.observation,
        slot_effect=ReleaseSlots(),
        completes=1,
    )
    with pytest.raises(StateDirectoryError):
        await store.record(twice)
    assert (await store.history("run-1"), await store.run("run-1"), await store.pending_slot_effects()) == before
    assert await store.adaptation_costs_s(FLINK_URL, limit=9) == []


async def test_the_same_place_cannot_be_recorded_twice(store: RunStore) -> None:
    """Two engines on one store would be noticed."""
    story = Story(store)
    first = await story.begin()
    with pytest.raises(StateDirectoryError):
        await store.record(first)


async def test_a_slot_effect_is_pending_until_an_outcome_or_a_word_completes_it(store: RunStore) -> None:
    """Each by its place."""
    story = Story(store)
    await story.begin()
    await story.tell(superstep(1, 30.0))
    effects = {one.sequence: one.slot_effect for one in story.recorded}
    assert await store.pending_slot_effects() == [("run-1", 1, effects[1]), ("run-1", 2, effects[2])]
    await story.tell(rescaled(2), completes=1)
    assert await store.pending_slot_effects() == [("run-1", 2, effects[2])]
    await story.tell(RescaleOutcomeUnknown(superstep=2, parallelism=4, at_s=BEGAN_S + 600))
    await store.complete("run-1", 2)
    await store.complete("run-1", 2)
    assert await store.pending_slot_effects() == []


async def test_what_must_be_released_is_pending_too(store: RunStore) -> None:
    """A crash after the end must not keep slots for ever."""
    story = Story(store)
    await story.begin()
    await story.tell(RunFinished(state=RunState.FINISHED, at_s=BEGAN_S + 60))
    assert (await store.pending_slot_effects())[-1] == ("run-1", 2, ReleaseSlots())


async def test_the_outbox_holds_each_shareable_observation_until_it_was_given(store: RunStore) -> None:
    """In the order of their making, no failed ones, none twice."""
    story = Story(store)
    await story.begin()
    await story.tell(superstep(1), superstep(2, failed=True), superstep(2, attempt=2), superstep(3))
    assert [one.observation_id for one in await store.unpublished(limit=2)] == ["run-1/1/1", "run-1/2/2"]
    await store.published(["run-1/1/1", "run-1/2/2"])
    await store.published(["run-1/1/1"])
    assert [one.observation_id for one in await store.unpublished(limit=9)] == ["run-1/3/1"]
    await store.published(["run-1/3/1"])
    assert await store.unpublished(limit=9) == []


async def test_a_private_observation_never_reaches_the_outbox(store: RunStore) -> None:
    """Private unless the run says otherwise."""
    story = Story(store, a_spec())
    await story.begin()
    await story.tell(superstep(1))
    assert await store.unpublished(limit=9) == []


async def test_earlier_observations_are_the_newest_of_the_context_oldest_first(store: RunStore) -> None:
    """Failed ones and those of other contexts are left out; whether they were cold is kept."""
    story, other = Story(store), Story(store, a_spec("other", context=ExecutionContext(program="pagerank")))
    await story.begin()
    await other.begin()
    await story.tell(superstep(1, 1.0), superstep(2, 2.0, failed=True), superstep(2, 3.0, attempt=2, at=2))
    await other.tell(superstep(1, 99.0))
    await story.tell(superstep(3, 4.0, at=2))
    key = story.spec.context.key
    found = await store.earlier_observations(key, limit=2)
    assert [(one.duration_s, one.parallelism, one.cold, one.origin) for one in found] == [
        (3.0, 2, True, Origin.EARLIER_RUN),
        (4.0, 2, False, Origin.EARLIER_RUN),
    ]
    assert [one.duration_s for one in await store.earlier_observations(key, limit=9)] == [1.0, 3.0, 4.0]
    assert await store.earlier_observations("no such key", limit=9) == []


async def test_lengths_of_earlier_runs_are_those_of_the_context_that_came_to_their_end(store: RunStore) -> None:
    """The newest ones, oldest first, each with its limit."""
    key = a_spec().context.key
    for number, state in enumerate((RunState.FINISHED, RunState.FAILED, RunState.FINISHED, RunState.FINISHED)):
        story = Story(store, a_spec(f"run-{number}", max_supersteps=10 + number))
        await story.begin(BEGAN_S + number)
        await story.tell(*[superstep(one) for one in range(1, 2 + number)], RunFinished(state=state, at_s=BEGAN_S + 99))
    other = Story(store, a_spec("other", context=ExecutionContext(program="pagerank")))
    await other.begin()
    await other.tell(superstep(1), RunFinished(state=RunState.FINISHED, at_s=BEGAN_S + 99))
    every = [RunLength(supersteps=1 + one, limit=10 + one) for one in (0, 2, 3)]
    assert await store.earlier_lengths(key, limit=9) == every
    assert await store.earlier_lengths(key, limit=2) == every[1:]


async def test_adaptation_costs_belong_to_a_cluster(store: RunStore) -> None:
    """The newest ones, oldest first."""
    story = Story(store)
    await story.begin()
    await story.tell(rescaled(1, 1.0), rescaled(2, 2.0), rescaled(3, 3.0))
    assert await store.adaptation_costs_s(FLINK_URL, limit=2) == [2.0, 3.0]
    assert await store.adaptation_costs_s("http://elsewhere", limit=2) == []


async def test_what_a_rescale_in_place_costs_is_none_of_a_driver_loops(store: RunStore) -> None:
    """Another mechanism has another distribution, which is kept with the attached jobs."""
    story = Story(store, a_spec(mechanism=Mechanism.IN_PLACE))
    await story.begin()
    await story.tell(rescaled(1, 1.0))
    assert await store.adaptation_costs_s(FLINK_URL, limit=2) == []


async def test_a_summary_follows_the_events(store: RunStore) -> None:
    """The outcome of a rescale is no sign of life; failed supersteps are not counted."""
    story = Story(store)
    await story.begin()
    await story.tell(superstep(1), superstep(2, failed=True), rescaled(2))
    summary = await store.run("run-1")
    assert summary is not None
    assert (summary.spec, summary.state, summary.supersteps) == (story.spec, RunState.RUNNING, 1)
    assert (summary.started_at_s, summary.updated_at_s) == (BEGAN_S, BEGAN_S + 20)
    assert story.recorded[2].plan is not None
    assert summary.parallelism == story.recorded[2].plan.parallelism
    await story.tell(RunFinished(state=RunState.CANCELLED, at_s=BEGAN_S + 60))
    ended = await store.run("run-1")
    assert ended is not None
    assert (ended.state, ended.updated_at_s) == (RunState.CANCELLED, BEGAN_S + 60)


async def test_runs_are_paged_newest_first_without_gaps_or_repetitions(store: RunStore) -> None:
    """Runs that began at the same moment are told apart by their id."""
    for number, at_s in enumerate((1.0, 2.0, 2.0, 2.0, 3.0)):
        await Story(store, a_spec(f"run-{number}")).begin(at_s)
    seen: list[str] = []
    before = None
    while page := await store.runs(limit=2, before=before):
        seen += [one.spec.run_id for one in page]
        before = (page[-1].started_at_s, page[-1].spec.run_id)
    assert seen == ["run-4", "run-3", "run-2", "run-1", "run-0"]


async def test_running_runs_are_those_that_neither_ended_nor_were_abandoned(store: RunStore) -> None:
    """An abandoned one is back after its next report."""
    stories = {name: Story(store, a_spec(name)) for name in ("a", "b", "c")}
    for story in stories.values():
        await story.begin()
    await stories["b"].tell(RunFinished(state=RunState.FINISHED, at_s=BEGAN_S))
    await stories["c"].tell(RunFinished(state=RunState.ABANDONED, at_s=BEGAN_S))
    assert {one.spec.run_id for one in await store.running()} == {"a"}
    await stories["c"].tell(superstep(1))
    assert {one.spec.run_id for one in await store.running()} == {"a", "c"}
