"""What a job is answered: once, the same again, and whatever else goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adaptor.domain.events import BarrierReached, RunStarted
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import ReasonCode
from adaptor.domain.run import RunState
from adaptor.domain.statistics import FlinkStatistics
from adaptor.errors import ConflictError, OutOfOrderError, StateDirectoryError, UnknownRunError
from adaptor.testing.run_store import InMemoryRunStore
from adaptor.testing.values import a_report, a_spec
from adaptor.testing.workshop import SETTINGS, Workshop

HURRY = a_spec(objective=RuntimeTarget(target_s=110.0))


async def test_a_superstep_is_observed_recorded_and_planned() -> None:
    """With what Flink said, and at the time of the clock."""
    flink = FlinkStatistics(observed_parallelism=1, duration_s=9.5)
    shop = Workshop().observing(flink)
    await shop.engine.start_run(HURRY)
    shop.clock.advance(10.5)
    plan = await shop.engine.report_barrier("run-1", a_report(1, job_id="a" * 32))
    assert (plan.superstep, plan.reason.code, plan.evidence.own_observations) == (2, ReasonCode.EXPLORE_WIDER, 1)
    reached = [one for one in await shop.events() if isinstance(one, BarrierReached)]
    assert [(one.flink, one.at_s) for one in reached] == [(flink, shop.clock.now_s())]
    assert shop.observer.asked == [("run-1", "a" * 32)]
    await shop.engine.stop()


async def test_a_repeated_barrier_gives_the_recorded_plan_and_observes_nothing_again() -> None:
    """Also when the run has got further since, and after its end."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    first = await shop.engine.report_barrier("run-1", a_report(1))
    shop.clock.advance(100)
    assert await shop.engine.report_barrier("run-1", a_report(1)) == first
    await shop.engine.report_barrier("run-1", a_report(2, 5.0, at=2))
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    assert await shop.engine.report_barrier("run-1", a_report(1)) == first
    assert len(shop.observer.asked) == 2
    assert (await shop.kinds()).count("BarrierReached") == 2
    await shop.engine.stop()


async def test_identical_barriers_at_once_give_one_observation_and_one_plan() -> None:
    """A client that repeats a call that is still under way."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    shop.observer.open.clear()
    calls = [asyncio.create_task(shop.engine.report_barrier("run-1", a_report(1))) for _ in range(5)]
    await asyncio.sleep(0)
    shop.observer.open.set()
    plans = await asyncio.gather(*calls)
    assert all(plan == plans[0] for plan in plans)
    assert len(shop.observer.asked) == 1
    assert (await shop.kinds()).count("BarrierReached") == 1
    await shop.engine.stop()


async def test_identical_starts_at_once_make_one_run() -> None:
    """And all are told the same."""
    shop = Workshop()
    records = await asyncio.gather(*(shop.engine.start_run(HURRY) for _ in range(5)))
    assert all(record.plan == records[0].plan for record in records)
    assert (await shop.kinds()).count("RunStarted") == 1
    await shop.engine.stop()


async def test_a_repeated_start_says_where_the_run_is() -> None:
    """So that a restarted driver finds its place."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.engine.report_barrier("run-1", a_report(1))
    plan = await shop.engine.report_barrier("run-1", a_report(2, failed=True))
    record = await shop.engine.start_run(HURRY)
    assert (record.next_superstep, record.next_attempt, record.plan) == (2, 2, plan)
    await shop.engine.stop()


async def test_a_start_with_other_content_or_of_a_run_that_has_ended_is_refused() -> None:
    """A finished run has no superstep left to tell a driver to run."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    with pytest.raises(ConflictError, match="another objective"):
        await shop.engine.start_run(a_spec())
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    with pytest.raises(OutOfOrderError, match=r"^run_id: run 'run-1' is over \(finished\)"):
        await shop.engine.start_run(HURRY)
    await shop.engine.stop()


async def test_a_run_that_is_not_known_is_refused_and_nothing_is_kept_of_it() -> None:
    """However often somebody asks for runs that never were."""
    shop = Workshop()
    for number in range(50):
        with pytest.raises(UnknownRunError):
            await shop.engine.report_barrier(f"nobody-{number}", a_report(1))
        with pytest.raises(UnknownRunError):
            await shop.engine.finish_run(f"nobody-{number}", RunState.FINISHED)
        with pytest.raises(UnknownRunError):
            await shop.engine.story(f"nobody-{number}")
        with pytest.raises(UnknownRunError):
            await anext(shop.engine.watch(f"nobody-{number}", after=0))
    assert not shop.engine._loops._loops


async def test_runs_that_have_ended_leave_the_memory_and_are_still_known() -> None:
    """At most so many are kept; a late repetition is answered from the store."""
    shop = Workshop(settings=replace(SETTINGS, max_loaded_runs=2))
    first = None
    for number in range(5):
        run_id = f"run-{number}"
        await shop.engine.start_run(a_spec(run_id))
        plan = await shop.engine.report_barrier(run_id, a_report(1))
        first = first or plan
        await shop.engine.finish_run(run_id, RunState.FINISHED)
        await shop.settled()
    assert len(shop.engine._loops._loops) <= 3
    assert await shop.engine.report_barrier("run-0", a_report(1)) == first
    assert await shop.engine.finish_run("run-0", RunState.FAILED) is RunState.FINISHED
    await shop.engine.stop()


async def test_the_end_is_recorded_once_and_stays_as_it_was() -> None:
    """The first word counts; the observer forgets the run."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    assert await shop.engine.finish_run("run-1", RunState.FAILED) is RunState.FAILED
    assert await shop.engine.finish_run("run-1", RunState.FINISHED) is RunState.FAILED
    assert (await shop.kinds()).count("RunFinished") == 1
    assert shop.observer.forgotten == ["run-1"]
    with pytest.raises(OutOfOrderError):
        await shop.engine.report_barrier("run-1", a_report(1))
    await shop.engine.stop()


async def test_what_cannot_be_recorded_is_not_acted_on_and_can_be_reported_again() -> None:
    """A full disk loses nothing: the same report is taken later."""
    store = InMemoryRunStore()
    shop = Workshop(store=store)
    await shop.engine.start_run(HURRY)
    await shop.settled()
    store.failing = True
    with pytest.raises(StateDirectoryError):
        await shop.engine.report_barrier("run-1", a_report(1))
    assert shop.cluster.provided == [1]
    store.failing = False
    assert (await shop.engine.report_barrier("run-1", a_report(1))).superstep == 2
    await shop.engine.stop()


async def test_a_start_that_cannot_be_recorded_can_be_repeated() -> None:
    """The run does not exist until it is on disk."""
    store = InMemoryRunStore()
    store.failing = True
    shop = Workshop(store=store)
    with pytest.raises(StateDirectoryError):
        await shop.engine.start_run(HURRY)
    with pytest.raises(UnknownRunError):
        await shop.engine.report_barrier("run-1", a_report(1))
    store.failing = False
    assert (await shop.engine.start_run(HURRY)).next_superstep == 1
    await shop.engine.stop()


async def test_while_flink_is_unreachable_a_run_starts_and_goes_on_with_what_was_seen_last() -> None:
    """At the start that is the parallelism it brings; at a barrier the capacity of the barrier before."""
    shop = Workshop()
    shop.cluster.reachable = False
    await shop.engine.start_run(a_spec(start_parallelism=2, policy="static"))
    event = (await shop.events())[0]
    assert isinstance(event, RunStarted)
    assert (event.capacity.existing_slots, event.capacity.obtainable_slots) == (2, 2)
    shop.cluster.reachable = True
    await shop.engine.report_barrier("run-1", a_report(1, at=2))
    shop.cluster.reachable = False
    await shop.engine.report_barrier("run-1", a_report(2, at=2))
    barriers = [one for one in await shop.events() if isinstance(one, BarrierReached)]
    assert barriers[0].capacity == barriers[1].capacity
    await shop.engine.stop()


async def test_a_later_run_of_the_same_context_starts_from_earlier_observations() -> None:
    """And its first plan says how many."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.engine.report_barrier("run-1", a_report(1))
    await shop.engine.report_barrier("run-1", a_report(2, 4.0, at=2))
    await shop.engine.finish_run("run-1", RunState.CANCELLED)  # had it finished, it would tell how many there are
    record = await shop.engine.start_run(a_spec("run-2", objective=HURRY.objective))
    assert record.plan is not None
    assert (record.plan.evidence.earlier_observations, record.plan.parallelism > 1) == (2, True)
    await shop.engine.stop()
