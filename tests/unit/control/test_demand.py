"""A run's demand says what its plans would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.control.demand import cheapest_on_time, demand_of
from adaptor.domain.demand import Claim, Demand, DemandPoint
from adaptor.domain.events import Event, RunFinished
from adaptor.domain.objective import EfficiencyTarget, Objective, RuntimeTarget
from adaptor.domain.run import RunState
from adaptor.testing.demands import NOW_S, a_demand, seconds
from adaptor.testing.values import BEGAN_S, a_report, a_spec, a_view, after, barrier, measured, started


def events(objective: Objective, *, supersteps: int = 6, most: int = 8) -> list[Event]:
    """A run that was seen at 1 and at 2: 10 s at 1, 7 s at 2."""
    spec = a_spec(objective=objective, most=most)
    ends = []
    for i in range(1, supersteps + 1):
        report = a_report(i, 10.0 - 3.0 * (i % 2), at=1 + i % 2)
        ends.append(barrier(report, at_s=BEGAN_S + 10 * i))
    return [started(spec), *ends]


def demand(objective: Objective, *, slots: int = 8, at_s: float = BEGAN_S + 60.0) -> Demand:
    """After six supersteps."""
    found = demand_of(after(*events(objective)).record, claim=Claim(), cluster_slots=slots, at_s=at_s)
    assert found is not None
    return found


def test_every_number_of_slots_is_a_point_whatever_was_granted() -> None:
    """The capacity last seen has four slots; the cluster is said to have eight."""
    found = demand(RuntimeTarget(target_s=160.0))
    assert [point.slots for point in found.points] == list(range(1, 9))
    finishes = [point.finish_s.expected for point in found.points if point.finish_s]
    assert finishes == sorted(finishes, reverse=True)
    assert (found.least_slots, found.most_slots) == (1, 8)


@pytest.mark.parametrize(("target_s", "wanted"), [(1000.0, 1), (178.0, 2)])
def test_a_runtime_target_wants_the_cheapest_that_meets_it(target_s: float, wanted: int) -> None:
    """Kept to the end."""
    found = demand(RuntimeTarget(target_s=target_s))
    point = found.point_at(found.wanted_slots)
    assert point is not None
    assert point.on_time_probability is not None
    assert point.on_time_probability >= 0.9
    assert found.wanted_slots == wanted


def test_another_objective_wants_what_its_policy_would_choose_and_cannot_be_missed() -> None:
    """An efficiency that all keep is best served widest."""
    found = demand(EfficiencyTarget(min_efficiency=0.01))
    assert (found.confidence, found.target_s, found.wanted_slots) == (None, None, 8)


def test_the_next_barrier_comes_nearer() -> None:
    """It is as far as the superstep that runs has left; the rest of the demand stays until then."""
    then, later = demand(RuntimeTarget(target_s=160.0)), demand(RuntimeTarget(target_s=160.0), at_s=BEGAN_S + 62.0)
    assert then.barrier_in_s
    assert later.barrier_in_s
    assert later.barrier_in_s.expected == pytest.approx(max(0.0, then.barrier_in_s.expected - 2.0))
    assert later.points == then.points
    assert then.next_superstep == 8


def test_a_run_that_ended_demands_nothing() -> None:
    """Nor one that has done all its supersteps."""
    target = RuntimeTarget(target_s=160.0)
    ended = after(*events(target), RunFinished(state=RunState.FINISHED, at_s=BEGAN_S + 70.0)).record
    done = after(*events(target, supersteps=20)).record
    for record in (ended, done):
        assert demand_of(record, claim=Claim(), cluster_slots=8, at_s=BEGAN_S + 70.0) is None


def test_while_a_run_waits_its_end_moves_and_its_chance_falls() -> None:
    """By the interval of its end: certain before the upper end, even in the middle, one in ten at the lower end."""
    point = DemandPoint(slots=1, finish_s=seconds(100.0), on_time_probability=1.0, cost_slot_s=100.0)
    waiting = replace(a_demand(most=1, needs=1), target_s=120.0, points=(point,))
    chances = []
    for passed_s in (5.0, 15.0, 25.0, 40.0, 130.0):
        later = waiting.as_of(NOW_S + passed_s).points[0]
        assert later.finish_s is not None
        assert later.finish_s.expected == 100.0 + passed_s
        chances.append(later.on_time_probability)
    assert chances == pytest.approx([1.0, 0.9, 0.5, 0.1, 0.0])


def test_a_run_that_is_late_wants_no_slots_that_bring_nothing() -> None:
    """Where what two slots bring cannot be told from noise, it wants one; where it can, two."""
    for at_two, wanted in (((9.9, 13.8, 10.1, 13.9), 1), ((2.0, 2.1, 2.0, 2.1), 2)):
        view = a_view(
            *measured(1, 10.0, 14.0, 10.2, 13.8),
            *measured(2, *at_two),
            candidates=(1, 2),
            objective=RuntimeTarget(target_s=5.0),
        )
        assert cheapest_on_time(view, 0.9) == wanted
