"""A budget is kept with the confidence asked for, and within it the run is as fast as can be."""

from __future__ import annotations

import pytest

from adaptor.domain.objective import CostBudget
from adaptor.domain.plan import ReasonCode
from adaptor.planner.policies.own import choose
from adaptor.planner.policy import Choice
from adaptor.testing.values import a_view, measured

SCALES = (*measured(1, 10.0, 10.1, 9.9), *measured(2, 5.5, 5.6), *measured(4, 3.2, 3.3))
"""Ten supersteps cost 100 slot-seconds at 1, 111 at 2 and 130 at 4."""


def chosen(budget: float, **fields: object) -> Choice:
    """What adaptor does with ten supersteps left at 1, a change costing one second."""
    return choose(a_view(*SCALES, **{"adaptation_cost_s": 1.0} | fields, objective=CostBudget(budget_slot_s=budget)))


@pytest.mark.parametrize(("budget", "parallelism"), [(105.0, 1), (1000.0, 4)])
def test_the_fastest_within_the_budget_is_taken(budget: float, parallelism: int) -> None:
    """100 slot-seconds allow nothing but 1; with plenty the fastest is taken."""
    choice = chosen(budget)
    assert (choice.parallelism, choice.reason.code) == (parallelism, ReasonCode.FASTEST_WITHIN_BUDGET)


def test_a_budget_between_two_parallelisms_is_spent_on_both() -> None:
    """Some supersteps at one, the rest at the other: more than 1 alone would need, less than 4."""
    choice = chosen(122.0)
    assert choice.ahead is not None
    assert {choice.parallelism, int(choice.ahead.then[choice.parallelism - 1])} <= {2, 3}
    assert choice.reason.code is ReasonCode.FASTEST_WITHIN_BUDGET


def test_what_was_spent_counts() -> None:
    """The budget is the run's, not the rest's."""
    assert chosen(1000.0, spent_slot_s=895.0).parallelism == 1


def test_a_budget_that_cannot_be_kept_takes_the_cheapest() -> None:
    """And says how likely it is kept."""
    choice = chosen(50.0, current_parallelism=4)
    assert (choice.parallelism, choice.reason.code) == (1, ReasonCode.CHEAPEST_AVAILABLE)
    assert "no parallelism keeps 50 slot-seconds with 90 %" in choice.reason.text


def test_slots_of_whole_task_managers_are_paid_for() -> None:
    """With four slots to a TaskManager 1 costs what 4 does, so the fastest of them is no dearer."""
    assert chosen(140.0, slots_per_task_manager=4, current_parallelism=4).parallelism == 4
