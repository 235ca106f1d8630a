"""What a run's record remembers of its events, and what it makes of clocks, gaps and rescales."""

from __future__ import annotations

import pytest

from adaptor.control.run_record import LONGEST_HOLD, record_after
from adaptor.domain.capacity import Capacity
from adaptor.domain.events import Event, RescaleFailed, RescaleSucceeded, RunFinished
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.run import RunState
from adaptor.testing.values import BEGAN_S, a_report, a_spec, after, barrier, measured, plan_after, slots, started

HURRY = a_spec(objective=RuntimeTarget(target_s=110.0))


def superstep(number: int, *, ends_s: float, duration_s: float = 10.0, **fields: object) -> Event:
    """A barrier at a time since the start."""
    return barrier(a_report(number, duration_s, **fields), at_s=BEGAN_S + ends_s)


def test_the_gap_between_supersteps_is_the_usual_one() -> None:
    """One outage of ten minutes does not recur before every superstep that is left."""
    ends_s = (11.0, 22.0, 33.0, 644.0, 655.0)
    events = [started(), *(superstep(n, ends_s=at_s) for n, at_s in enumerate(ends_s, start=1))]
    assert after(*events).record.gap_s == pytest.approx(1.0)


def test_a_change_between_supersteps_is_no_gap() -> None:
    """It is paid for where it is planned, once."""
    rescaled = RescaleSucceeded(superstep=2, parallelism=2, capacity=slots(2, 4), duration_s=30.0, at_s=BEGAN_S + 40)
    events = [started(), superstep(1, ends_s=11.0), rescaled, superstep(2, ends_s=52.0, at=2)]
    record = after(*events, superstep(3, ends_s=63.0, at=2)).record
    assert record.gap_s == pytest.approx(1.0)


def test_slot_seconds_are_those_of_whole_task_managers() -> None:
    """11 s at 1 and 11 s at 3 with two slots to each TaskManager: two slots, then four."""
    two = Capacity(existing_slots=4, obtainable_slots=4, slots_per_task_manager=2)
    events = [
        started(capacity=two),
        barrier(a_report(1, 10.0), at_s=BEGAN_S + 11.0, capacity=two),
        barrier(a_report(2, 10.0, at=3), at_s=BEGAN_S + 22.0, capacity=two),
    ]
    assert after(*events).record.spent_slot_s == pytest.approx(11.0 * 2 + 11.0 * 4)


@pytest.mark.parametrize(("existing", "cold"), [(1, True), (4, False)])
def test_widening_is_cold_only_where_task_managers_must_be_started(existing: int, cold: bool) -> None:
    """Slots that stand there already have no start-up to pay for."""
    there = slots(existing, 4)
    record = after(started(capacity=there), barrier(a_report(1), at_s=BEGAN_S + 11.0, capacity=there)).record
    assert record.cold(4) is cold


def test_missed_supersteps_are_taken_to_have_been_like_the_next_one() -> None:
    """Their time is not taken for a gap."""
    events = [started(), superstep(1, ends_s=11.0), superstep(5, ends_s=55.0, missed_supersteps=3)]
    assert after(*events).record.gap_s == pytest.approx(1.0)


def test_reports_that_come_late_together_leave_no_gap() -> None:
    """The first is late, the others come at once."""
    events = [started(), *(superstep(n, ends_s=100.0) for n in range(1, 5))]
    assert after(*events).record.gap_s == 0.0


def test_a_clock_that_is_set_back_does_not_make_time_negative() -> None:
    """The run has simply not begun to count."""
    record = after(started(), superstep(1, ends_s=-3600.0)).record
    assert record.elapsed_s == 0.0
    assert record.gap_s == 0.0


def test_a_measured_rescale_replaces_the_assumed_cost() -> None:
    """The median counts: one slow TaskManager must not forbid rescaling."""
    events: list[Event] = [started(HURRY)]
    costs = []
    for number, duration_s in enumerate((2.0, 60.0, 3.0), start=1):
        events.append(
            RescaleSucceeded(superstep=number, parallelism=1, capacity=slots(1, 4), duration_s=duration_s, at_s=BEGAN_S)
        )
        costs.append(plan_after(*events, superstep(1, ends_s=10.0)).evidence.adaptation_cost_s)
    assert costs == [2.0, 31.0, 3.0]
    assert plan_after(started(HURRY)).evidence.adaptation_cost_s == 4.0
    assert plan_after(started(HURRY, adaptation_costs_s=(1.0, 7.0, 5.0))).evidence.adaptation_cost_s == 5.0


def failed_rescale(number: int, parallelism: int, existing: int) -> RescaleFailed:
    """Slots that did not come."""
    return RescaleFailed(
        superstep=number, parallelism=parallelism, capacity=slots(existing, 4), problem="no", at_s=BEGAN_S
    )


def test_after_slots_did_not_come_plans_stay_within_those_that_exist_for_a_while() -> None:
    """The provisioner still says that four can be had, but it said so before."""
    events: list[Event] = [started(HURRY), superstep(1, ends_s=10.0)]
    wanted = plan_after(*events).parallelism
    assert wanted > 1
    events.append(failed_rescale(2, wanted, 1))
    within = []
    for number in range(2, 6):
        events.append(superstep(number, ends_s=10.0 * number))
        within.append(plan_after(*events).parallelism)
    assert within[:2] == [1, 1]
    assert within[2] > 1


def test_each_further_failure_doubles_that_while_up_to_a_bound() -> None:
    """And a rescale that comes off in between ends it."""
    events: list[Event] = [started(HURRY)]
    held = []
    for number in range(1, 9):
        events.append(failed_rescale(number, 4, 1))
        held.append(after(*events).record.held_until - number - 1)
    assert held == [2, 4, 8, 16, 32, LONGEST_HOLD, LONGEST_HOLD, LONGEST_HOLD]
    succeeded = RescaleSucceeded(superstep=500, parallelism=4, capacity=slots(4), duration_s=1.0, at_s=BEGAN_S)
    assert after(*events, succeeded).record.failed_rescales == 0


def test_surplus_that_did_not_go_holds_nothing_back() -> None:
    """There are more slots than were asked for, not fewer."""
    assert after(started(HURRY), failed_rescale(1, 1, 3)).record.slots == 4


def test_an_abandoned_run_runs_again_at_its_next_report() -> None:
    """Silence is not an end."""
    gone = [started(), RunFinished(state=RunState.ABANDONED, at_s=BEGAN_S + 3600)]
    assert after(*gone).record.state is RunState.ABANDONED
    assert after(*gone, superstep(1, ends_s=4000.0)).record.state is RunState.RUNNING


def test_a_record_is_rebuilt_from_events_and_the_newest_plan_without_deciding_again() -> None:
    """What a restarted service knows is what the one before it knew."""
    events = [started(HURRY), superstep(1, ends_s=10.0), superstep(2, ends_s=20.0, failed=True)]
    handled = after(*events)
    assert record_after(events, handled.record.plan) == handled.record


@pytest.mark.parametrize("events", [[], [superstep(1, ends_s=1.0)]])
def test_a_record_needs_its_start(events: list[Event]) -> None:
    """A store that lost it is damaged."""
    with pytest.raises(ValueError, match="a run"):
        record_after(events, None)


def test_earlier_observations_are_counted_and_used() -> None:
    """A later run of the same context starts from what earlier ones measured, and says how many."""
    earlier = (*measured(1, 10.0, 10.1, earlier=True), *measured(4, 3.0, earlier=True))
    plan = plan_after(started(HURRY, earlier=earlier))
    assert plan.parallelism > 1
    assert (plan.evidence.earlier_observations, plan.evidence.own_observations) == (3, 0)
    assert plan.evidence.distinct_parallelisms == 2
