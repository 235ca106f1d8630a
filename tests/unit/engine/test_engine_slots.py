"""Slots come and go for runs: outcomes, failures, several runs, bounded waits, and a process that dies in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import BarrierReached, RescaleFailed, RescaleOutcomeUnknown, RescaleSucceeded
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.run import RunState
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.values import FLINK_URL, a_report, a_spec, slots
from adaptor.testing.workshop import SETTINGS, Workshop, until

HURRY = a_spec(objective=RuntimeTarget(target_s=110.0))
LEISURE = a_spec(objective=RuntimeTarget(target_s=10_000.0), start_parallelism=4)


async def test_the_outcome_of_a_rescale_is_recorded_with_what_it_cost() -> None:
    """Once for each; afterwards nothing is pending."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.settled()
    shop.cluster.open.clear()
    plan = await shop.engine.report_barrier("run-1", a_report(1))
    await until(lambda: len(shop.cluster.provided) == 2)
    shop.clock.advance(7.0)
    shop.cluster.open.set()
    await shop.settled()
    outcome = (await shop.events())[-1]
    assert outcome == RescaleSucceeded(
        superstep=2,
        parallelism=plan.parallelism,
        capacity=slots(plan.parallelism, 4),
        duration_s=7.0,
        at_s=shop.clock.now_s(),
    )
    assert shop.cluster.provided == [1, plan.parallelism]
    await shop.engine.stop()


async def test_a_plan_to_stay_asks_for_nothing() -> None:
    """No effect, no event, no cost."""
    shop = Workshop()
    await shop.engine.start_run(a_spec(policy="static"))
    await shop.settled()
    await shop.engine.report_barrier("run-1", a_report(1))
    await shop.settled()
    assert await shop.kinds() == ["RunStarted", "RescaleSucceeded", "BarrierReached"]
    await shop.engine.stop()


async def test_slots_that_do_not_come_are_recorded_and_the_next_plan_does_without() -> None:
    """The job goes on with what exists, and is not told again to use what is not there."""
    shop = Workshop()
    shop.cluster.broken = True
    await shop.engine.start_run(HURRY)
    plan = await shop.engine.report_barrier("run-1", a_report(1))
    await shop.settled()
    outcome = (await shop.events())[-1]
    assert isinstance(outcome, RescaleFailed)
    assert (outcome.parallelism, outcome.capacity) == (plan.parallelism, slots(1, 4))
    assert "no more came" in outcome.problem
    assert (await shop.engine.report_barrier("run-1", a_report(2))).parallelism == 1
    await shop.engine.stop()


async def test_runs_on_one_cluster_count_only_on_what_the_others_were_not_granted() -> None:
    """Four slots in all: three are another's, so one is left, however many would be needed."""
    shop = Workshop()
    await shop.engine.start_run(a_spec("other", policy="static", start_parallelism=3))
    await shop.engine.start_run(HURRY)
    plan = await shop.engine.report_barrier("run-1", a_report(1))
    assert (plan.parallelism, plan.evidence.slots) == (1, 1)
    await shop.settled()
    assert shop.cluster.provided[-1] == 4
    await shop.engine.finish_run("other", RunState.FINISHED)
    assert (await shop.engine.report_barrier("run-1", a_report(2))).parallelism > 1
    await shop.engine.stop()


async def test_the_end_of_a_run_leaves_the_cluster_what_the_others_need() -> None:
    """And when nobody is left, the slots that stay idle."""
    shop = Workshop()
    await shop.engine.start_run(a_spec("other", policy="static", start_parallelism=2))
    await shop.engine.start_run(a_spec(policy="static", start_parallelism=2))
    await shop.settled()
    assert shop.cluster.existing == 4
    for run_id, left in (("run-1", 2), ("other", 1)):
        await shop.engine.finish_run(run_id, RunState.FINISHED)
        await shop.settled()
        assert shop.cluster.existing == left
    await shop.engine.stop()


async def test_surplus_goes_before_the_barrier_is_answered() -> None:
    """At that moment no task of the run can be on it."""
    shop = Workshop()
    await shop.engine.start_run(LEISURE)
    await shop.settled()
    assert shop.cluster.existing == 4
    plan = await shop.engine.report_barrier("run-1", a_report(1, at=4))
    assert plan.parallelism < 4
    assert shop.cluster.existing == plan.parallelism
    await shop.engine.stop()


async def test_the_wait_for_surplus_to_go_is_bounded() -> None:
    """A cluster that does not let go holds no job up; the outcome is recorded whenever it comes."""
    shop = Workshop(settings=replace(SETTINGS, narrowing_wait_s=0.001))
    await shop.engine.start_run(LEISURE)
    await shop.settled()
    shop.cluster.open.clear()
    plan = await shop.engine.report_barrier("run-1", a_report(1, at=4))
    assert (plan.parallelism < 4, shop.cluster.existing) == (True, 4)
    shop.cluster.open.set()
    await shop.settled()
    assert isinstance((await shop.events())[-1], RescaleSucceeded)
    await shop.engine.stop()


async def test_widening_does_not_hold_up_the_answer_but_the_driver_may_wait_for_it() -> None:
    """The plan is known at once; whoever wants its slots waits, at most as long as it says."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.settled()
    shop.cluster.open.clear()
    wider = (await shop.engine.report_barrier("run-1", a_report(1))).parallelism
    assert wider > shop.cluster.existing == 1
    awaited = await shop.engine.await_slots("run-1", wait_s=0.001)
    assert (awaited.settled, awaited.existing_slots, awaited.paused) == (False, 1, False)
    waiting = asyncio.create_task(shop.engine.await_slots("run-1", wait_s=60.0))
    await until(lambda: wider in shop.cluster.provided)
    shop.cluster.open.set()
    awaited = await asyncio.wait_for(waiting, 30.0)
    assert (awaited.settled, awaited.existing_slots) == (True, wider)
    await shop.engine.stop()


async def test_the_wait_for_slots_ends_when_they_cannot_be_had() -> None:
    """Nothing more will come: the driver is told what exists instead."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.settled()
    shop.cluster.broken = True
    await shop.engine.report_barrier("run-1", a_report(1))
    awaited = await shop.engine.await_slots("run-1", wait_s=60.0)
    assert (awaited.settled, awaited.existing_slots) == (True, 1)
    await shop.engine.stop()


async def test_narrowing_waits_for_slots_that_are_coming_but_not_for_the_word_about_them() -> None:
    """That word needs the run, which the barrier holds: waiting for it would always take the whole bound."""
    shop = Workshop(settings=replace(SETTINGS, narrowing_wait_s=60.0))
    await shop.engine.start_run(LEISURE)
    shop.cluster.open.clear()
    await until(lambda: shop.cluster.provided == [4])
    report = asyncio.create_task(shop.engine.report_barrier("run-1", a_report(1, at=4)))
    await until(lambda: shop.observer.asked)
    shop.cluster.open.set()
    plan = await asyncio.wait_for(report, 30.0)
    assert shop.cluster.existing == plan.parallelism < 4
    await shop.settled()
    assert [type(one).__name__ for one in (await shop.events())[-2:]] == ["RescaleSucceeded"] * 2
    await shop.engine.stop()


async def test_a_rescale_that_a_later_plan_has_overtaken_is_neither_done_nor_counted() -> None:
    """Only one is in flight; of those that wait, only the newest still means something."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.settled()
    shop.cluster.open.clear()
    await shop.engine.report_barrier("run-1", a_report(1))
    await until(lambda: len(shop.cluster.provided) == 2)
    second = await shop.engine.report_barrier("run-1", a_report(2, 9.0, at=2))
    third = await shop.engine.report_barrier("run-1", a_report(3, 3.0, at=4))
    asked_for = [one for one in await shop.pending() if isinstance(one, RequestRescale)]
    shop.cluster.open.set()
    await shop.settled()
    succeeded = [one for one in await shop.events() if isinstance(one, RescaleSucceeded)]
    assert len(shop.cluster.provided) <= 1 + len(asked_for)
    assert succeeded[-1].parallelism in (second.parallelism, third.parallelism)
    assert shop.cluster.existing == third.parallelism
    await shop.engine.stop()


async def test_after_a_crash_a_rescale_without_an_outcome_is_looked_at_again() -> None:
    """First it is said to be unknown, then how it went; the observation is there once."""
    shop = Workshop()
    await shop.engine.start_run(HURRY)
    await shop.settled()
    shop.cluster.open.clear()
    plan = await shop.engine.report_barrier("run-1", a_report(1))
    shop.cluster.open.set()
    await shop.restarted()
    await shop.settled()
    unknown, outcome = (await shop.events())[-2:]
    assert unknown == RescaleOutcomeUnknown(superstep=2, parallelism=plan.parallelism, at_s=shop.clock.now_s())
    assert isinstance(outcome, RescaleSucceeded)
    assert await shop.engine.report_barrier("run-1", a_report(1)) == plan
    assert (await shop.kinds()).count("BarrierReached") == 1
    assert (await shop.engine.report_barrier("run-1", a_report(2, 5.0, at=plan.parallelism))).superstep == 3
    await shop.engine.stop()


async def test_after_a_crash_right_after_the_end_slots_are_given_back_all_the_same() -> None:
    """The end was recorded, the release was not yet done."""
    shop = Workshop()
    await shop.engine.start_run(a_spec(policy="static", start_parallelism=4))
    await shop.settled()
    shop.cluster.open.clear()
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    assert await shop.pending() == [ReleaseSlots()]
    shop.cluster.open.set()
    await shop.restarted()
    await shop.settled()
    assert shop.cluster.existing == 1
    await shop.engine.stop()


async def test_a_restarted_engine_remembers_what_runs_were_granted() -> None:
    """Others cannot take it, and what died meanwhile is put back."""
    shop = Workshop()
    await shop.engine.start_run(a_spec("other", policy="static", start_parallelism=3))
    await shop.settled()
    shop.cluster.existing = 1
    await shop.restarted()
    await until(lambda: shop.cluster.existing == 3)
    await shop.engine.start_run(HURRY)
    assert (await shop.engine.report_barrier("run-1", a_report(1))).evidence.slots == 1
    await shop.engine.stop()


async def test_slots_that_die_are_put_back_and_an_unreachable_cluster_does_not_prevent_that() -> None:
    """Each cluster is healed on its own."""
    dead = InMemoryProvisioner()
    dead.reachable = False
    shop = Workshop(others={"http://dead:8081": dead})
    await shop.engine.start_run(a_spec("lost", policy="static", flink_url="http://dead:8081"))
    await shop.engine.start_run(a_spec(policy="static", start_parallelism=3))
    await shop.settled()
    dead.existing, shop.cluster.existing = 0, 1
    shop.engine.start()
    await until(lambda: shop.cluster.existing == 3)
    await until(lambda: dead.restores > 1)
    await shop.engine.stop()


async def test_a_run_that_falls_silent_is_abandoned_and_comes_back_with_its_next_report() -> None:
    """Its slots are taken back and granted again."""
    shop = Workshop(settings=replace(SETTINGS, run_idle_timeout_s=0.01))
    await shop.engine.start_run(a_spec(policy="static", start_parallelism=3))
    await shop.settled()
    shop.engine.start()
    shop.clock.advance(0.011)
    await until(shop.kinds, lambda kinds: "RunFinished" in kinds)
    await until(lambda: shop.cluster.existing == 1)
    plan = await shop.engine.report_barrier("run-1", a_report(1, at=3))
    await until(lambda: shop.cluster.existing == plan.parallelism == 3)
    assert [one.spec.run_id for one in await shop.store.running()] == ["run-1"]
    await shop.engine.stop()


async def test_a_run_that_reports_is_not_abandoned_by_a_look_that_began_before() -> None:
    """The list of silent runs may be older than the report."""
    shop = Workshop(settings=replace(SETTINGS, run_idle_timeout_s=100.0))
    await shop.engine.start_run(a_spec(policy="static"))
    shop.observer.open.clear()
    shop.clock.advance(101.0)
    report = asyncio.create_task(shop.engine.report_barrier("run-1", a_report(1)))
    await until(lambda: shop.observer.asked)
    look = asyncio.create_task(shop.engine._end_abandoned())
    await asyncio.sleep(0)
    shop.observer.open.set()
    await asyncio.gather(report, look)
    assert "RunFinished" not in await shop.kinds()
    assert isinstance((await shop.events())[-1], BarrierReached)
    await shop.engine.stop()


async def test_a_cluster_without_address_takes_any_parallelism() -> None:
    """Only the bounds of the run limit it then."""
    from adaptor.provisioner.fixed import UnknownCluster

    shop = Workshop(others={"": UnknownCluster()})
    await shop.engine.start_run(a_spec(flink_url="", objective=RuntimeTarget(target_s=25.0), most=64))
    assert (await shop.engine.report_barrier("run-1", a_report(1))).parallelism > 4
    assert FLINK_URL not in shop.engine._ledger.clusters()
    await shop.engine.stop()
