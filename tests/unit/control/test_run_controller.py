"""Events in, effects out: the life of a run as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.control.run_controller import RunController
from adaptor.domain.effects import ReleaseSlots, ReportPlan, RequestRescale, StoreObservation
from adaptor.domain.events import Event, RescaleOutcomeUnknown, RescaleSucceeded, RunFinished
from adaptor.domain.objective import CostBudget, EfficiencyTarget, Objective, RuntimeTarget
from adaptor.domain.plan import ReasonCode
from adaptor.domain.run import RunLength, RunState
from adaptor.domain.statistics import FlinkStatistics
from adaptor.planner.policies import POLICIES
from adaptor.testing.values import BEGAN_S, a_report, a_spec, after, barrier, measured, plan_after, slots, started

HURRY = a_spec(objective=RuntimeTarget(target_s=110.0))
"""20 supersteps of 10 s at 1 would miss it."""


def finished(state: RunState = RunState.FINISHED) -> RunFinished:
    """The end."""
    return RunFinished(state=state, at_s=BEGAN_S + 100)


def kinds(*events: Event) -> list[str]:
    """Names of the effects of the last event."""
    return [type(one).__name__ for one in after(*events).effects]


def superstep(number: int, duration_s: float = 10.0, *, at: int = 1, **fields: object) -> Event:
    """A barrier, a tenth of a second after the driver was done."""
    return barrier(a_report(number, duration_s, at=at, **fields), at_s=BEGAN_S + number * (duration_s + 0.1))


@pytest.mark.parametrize(
    ("events", "effects"),
    [
        ([started(HURRY)], ["ReportPlan", "RequestRescale"]),
        ([started(HURRY), superstep(1)], ["StoreObservation", "ReportPlan", "RequestRescale"]),
        ([started(a_spec(policy="static")), superstep(1)], ["StoreObservation", "ReportPlan"]),
        ([started(HURRY), superstep(1, failed=True)], ["StoreObservation", "ReportPlan"]),
        ([started(HURRY), finished()], ["ReleaseSlots"]),
        ([started(HURRY), superstep(1), finished(RunState.FAILED)], ["ReleaseSlots"]),
        ([started(HURRY), finished(RunState.ABANDONED)], ["ReleaseSlots"]),
        (
            [started(a_spec(policy="static")), finished(RunState.ABANDONED), superstep(1)],
            ["StoreObservation", "ReportPlan", "RequestRescale"],
        ),
        (
            [
                started(HURRY),
                RescaleSucceeded(superstep=1, parallelism=1, capacity=slots(1, 4), duration_s=1.0, at_s=BEGAN_S),
            ],
            [],
        ),
        ([started(HURRY), RescaleOutcomeUnknown(superstep=1, parallelism=1, at_s=BEGAN_S)], []),
    ],
    ids=[
        "a start is planned and granted slots",
        "a barrier is stored, planned and rescaled",
        "a plan to stay asks for no slots",
        "a failed superstep is stored and planned again",
        "the end gives slots back",
        "a failed end too",
        "an abandoned run too",
        "an abandoned run that comes back is granted slots again",
        "the outcome of a rescale calls for nothing",
        "nor does an unknown one",
    ],
)
def test_each_event_calls_for_its_effects(events: list[Event], effects: list[str]) -> None:
    """In this order, and for nothing else."""
    assert kinds(*events) == effects


def test_the_first_event_must_be_the_start() -> None:
    """Anything else is a bug of the caller."""
    with pytest.raises(ValueError, match="first event must be its start"):
        RunController().handle(None, superstep(1))


def test_a_barrier_stores_what_was_planned_requested_and_observed() -> None:
    """Three values, never confused; the observed one counts."""
    flink = FlinkStatistics(observed_parallelism=3, duration_s=9.0)
    report = a_report(1, at=2, job_id="a" * 32)
    handled = after(started(HURRY), barrier(report, at_s=BEGAN_S + 10, flink=flink))
    stored, reported, rescale = handled.effects
    assert isinstance(stored, StoreObservation)
    one = stored.observation
    assert (one.planned_parallelism, one.requested_parallelism, one.observed_parallelism) == (1, 2, 3)
    assert (one.observation_id, one.cold, one.failed, one.flink) == ("run-1/1/1", True, False, flink)
    assert isinstance(reported, ReportPlan)
    assert reported.plan.previous_parallelism == 3
    assert isinstance(rescale, RequestRescale)
    assert (rescale.parallelism, rescale.previous_parallelism) == (reported.plan.parallelism, 1)


def test_observed_parallelism_trains_the_model_and_where_it_is_unknown_the_requested_one() -> None:
    """A driver that uses something else than planned is learnt from all the same."""
    handled = after(started(HURRY), superstep(1, at=2))
    assert [one.parallelism for one in handled.record.own] == [2]


def test_the_first_superstep_and_the_first_after_widening_are_cold() -> None:
    """After narrowing nothing new has to start."""
    events = [started(HURRY), *(superstep(n, at=p) for n, p in enumerate((1, 1, 4, 4, 2, 2, 4), start=1))]
    assert [one.cold for one in after(*events).record.own] == [True, False, True, False, False, False, True]


def test_a_failed_superstep_is_tried_again_and_trains_no_model() -> None:
    """The plan is for the same superstep; what its tries took is no observation of the model."""
    handled = after(started(HURRY), superstep(1), superstep(2, failed=True), superstep(2, failed=True, attempt=2))
    record = handled.record
    assert (record.next_superstep, record.next_attempt, len(record.own)) == (2, 3, 1)
    assert record.plan is not None
    assert (record.plan.superstep, record.plan.evidence.own_observations) == (2, 1)
    stored = handled.effects[0]
    assert isinstance(stored, StoreObservation)
    assert (stored.observation.failed, stored.observation.observation_id) == (True, "run-1/2/2")


def test_a_try_that_fails_twice_is_given_up() -> None:
    """Exploring must not fail a job again and again: what was measured is used instead."""
    begin = [started(HURRY), superstep(1)]
    explored = plan_after(*begin).parallelism
    once = [*begin, superstep(2, at=explored, failed=True)]
    twice = [*once, superstep(2, at=explored, failed=True, attempt=2)]
    assert explored > 1
    assert plan_after(*once).parallelism == explored
    assert plan_after(*twice).parallelism != explored
    verdicts = {one.parallelism: one.verdict for one in plan_after(*twice).alternatives}
    assert verdicts[explored] == "supersteps fail at it"


def test_failing_tries_use_up_the_tries_that_a_run_may_make() -> None:
    """With every wider parallelism failing, the run ends where it began and stays."""
    events: list[Event] = [started(HURRY), superstep(1)]
    tried, attempt = [], 1
    for _ in range(10):
        parallelism = plan_after(*events).parallelism
        tried.append(parallelism)
        if parallelism == 1:
            break
        events.append(superstep(2, at=parallelism, failed=True, attempt=attempt))
        attempt += 1
    assert tried[-1] == 1
    assert len(set(tried) - {1}) <= 3
    assert max(tried.count(one) for one in tried) <= 2


def test_missed_supersteps_count_as_done() -> None:
    """Their reports are gone for good, their work is not."""
    record = after(started(HURRY), superstep(1), superstep(5, missed_supersteps=3)).record
    assert (record.supersteps_done, record.next_superstep, len(record.own)) == (5, 6, 2)


def test_a_plan_counts_on_the_supersteps_that_convergence_leaves() -> None:
    """With their range; a failed try says nothing, and without a tolerance the limit stands."""
    figures = [0.5**number for number in range(1, 6)]
    reports = [superstep(number, convergence=figure) for number, figure in enumerate(figures, start=1)]
    found = plan_after(started(a_spec(tolerance=0.5**9)), *reports).evidence
    bounded = plan_after(started(a_spec()), *reports).evidence
    assert (found.supersteps_basis, bounded.supersteps_basis) == ("convergence", "limit")
    assert found.supersteps_left == pytest.approx(4, abs=1)
    assert found.supersteps_left_low <= 4 <= found.supersteps_left_high < 15
    assert bounded.supersteps_left == 15


def test_a_plan_counts_on_as_many_supersteps_as_earlier_runs_took() -> None:
    """Of the same context."""
    earlier = (RunLength(supersteps=8, limit=20),) * 5
    found = plan_after(started(earlier_lengths=earlier), superstep(1)).evidence
    assert found.supersteps_basis == "similar_runs"
    assert found.supersteps_left == pytest.approx(8, abs=2)


def test_a_failed_try_after_missed_supersteps_plans_that_superstep_again() -> None:
    """Not the first one of those that were missed."""
    handled = after(started(HURRY), superstep(1), superstep(5, missed_supersteps=3, failed=True))
    assert handled.record.plan is not None
    assert (handled.record.plan.superstep, handled.record.next_attempt) == (5, 2)


def test_after_the_last_superstep_the_plan_keeps_what_was_planned() -> None:
    """No slots are asked for, whatever the driver really used."""
    events = [started(a_spec(max_supersteps=2, policy="static")), superstep(1), superstep(2, at=4)]
    handled = after(*events)
    assert handled.record.plan is not None
    assert handled.record.plan.reason.code is ReasonCode.LAST_SUPERSTEP
    assert handled.record.plan.parallelism == 1
    assert [type(one) for one in handled.effects] == [StoreObservation, ReportPlan]
    assert plan_after(*events, superstep(3)).reason.text == "all 2 supersteps were run"


def test_the_end_leaves_nothing_granted() -> None:
    """So the ledger can forget the run."""
    assert after(started(HURRY)).record.granted_slots == 1
    ended = after(started(HURRY), finished())
    assert ended.record.granted_slots == 0
    assert ended.effects == (ReleaseSlots(),)


@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.floats(0.1, 100.0), st.booleans(), st.integers(0, 8)), min_size=1, max_size=8
    ),
    st.one_of(
        st.builds(RuntimeTarget, target_s=st.floats(1.0, 2000.0)),
        st.builds(CostBudget, budget_slot_s=st.floats(1.0, 5000.0)),
        st.builds(EfficiencyTarget, min_efficiency=st.floats(0.1, 0.9)),
    ),
    st.sampled_from(sorted(POLICIES)),
    st.lists(st.tuples(st.integers(1, 8), st.floats(0.1, 100.0)), max_size=4),
)
def test_plans_stay_inside_bounds_and_slots_and_come_out_the_same_again(
    supersteps: list[tuple[int, float, bool, int]], objective: Objective, policy: str, earlier: list[tuple[int, float]]
) -> None:
    """Whatever a job reports, whatever is wanted and whoever decides: a replay of its events gives identical plans."""
    spec = a_spec(objective=objective, policy=policy, most=6, max_supersteps=9)
    known = tuple(one for at, duration_s in earlier for one in measured(at, duration_s, earlier=True))
    events: list[Event] = [started(spec, earlier=known)]
    number, attempt, at_s = 1, 1, BEGAN_S
    for parallelism, duration_s, failed, existing in supersteps:
        at_s += duration_s
        report = a_report(number, duration_s, at=parallelism, failed=failed, attempt=attempt)
        events.append(barrier(report, at_s=at_s, capacity=slots(existing)))
        number, attempt = (number, attempt + 1) if failed else (number + 1, 1)
    plans = [plan_after(*events[: n + 1]) for n in range(len(events))]
    allowed = [4, *(max(1, min(6, existing)) for *_, existing in supersteps)]
    assert all(1 <= plan.parallelism <= most for plan, most in zip(plans, allowed, strict=True))
    assert plans == [plan_after(*events[: n + 1]) for n in range(len(events))]
