"""Rules of others, each in a module of its own that nothing lists."""

from __future__ import annotations

import pytest

from adaptor.domain.objective import CostBudget, RuntimeTarget
from adaptor.domain.plan import ReasonCode
from adaptor.planner.policies import POLICIES
from adaptor.planner.policy import Choice
from adaptor.testing.values import a_view, measured

SCALES = (*measured(1, 10.0, 10.0), *measured(2, 5.5, 5.5), *measured(4, 3.6, 3.6))


def chosen(policy: str, **fields: object) -> Choice:
    """What a rule does for a run with ten supersteps left, at 1 unless said otherwise."""
    return POLICIES[policy].choose(a_view(*SCALES, **fields))


@pytest.mark.parametrize(
    ("target_s", "current", "parallelism"),
    [(100.0, 1, 1), (90.0, 1, 2), (90.0, 2, 1 + 1), (40.0, 2, 4), (200.0, 4, 1), (115.0, 1, 1)],
)
def test_ellis_acts_outside_its_band_and_takes_the_smallest_below_nine_tenths(
    target_s: float, current: int, parallelism: int
) -> None:
    """100 s at 1, 55 s at 2, 36 s at 4; from 0.85 to 1.05 of what is left nothing changes."""
    choice = chosen("ellis", objective=RuntimeTarget(target_s=target_s), current_parallelism=current)
    assert choice.parallelism == parallelism


def test_ellis_and_jockey_know_runtime_targets_alone() -> None:
    """Under any other objective they leave the run as it is."""
    for policy in ("ellis", "jockey"):
        choice = chosen(policy, objective=CostBudget(budget_slot_s=100.0), current_parallelism=2)
        assert (choice.parallelism, choice.reason.code) == (2, ReasonCode.STATIC)


def test_jockey_moves_a_fifth_of_the_way() -> None:
    """From 10 towards 1 or 2 it comes to 8 in one step."""
    choice = chosen(
        "jockey",
        objective=RuntimeTarget(target_s=1000.0),
        current_parallelism=10,
        elapsed_s=1.0,
        candidates=(1, 10),
    )
    assert choice.parallelism == 8


def test_the_initial_choice_is_made_once() -> None:
    """Before the first superstep the smallest in time; afterwards nothing."""
    target = RuntimeTarget(target_s=60.0)
    assert chosen("initial-choice", objective=target, adaptation_cost_s=0.0).parallelism == 2
    assert chosen("initial-choice", objective=target, elapsed_s=10.0).parallelism == 1


@pytest.mark.parametrize(
    ("policy", "utilisation", "parallelism"),
    [
        ("utilisation-squared", 0.7, 8),
        ("utilisation-squared", 1.0, 16),
        ("threshold-ladder", 0.95, 16),
        ("threshold-ladder", 0.85, 12),
        ("threshold-ladder", 0.7, 8),
        ("threshold-ladder", 0.5, 6),
        ("threshold-ladder", 0.1, 4),
    ],
)
def test_rules_of_utilisation_multiply(policy: str, utilisation: float, parallelism: int) -> None:
    """From 8, in bounds that do not matter."""
    choice = chosen(policy, cpu_utilisation=utilisation, current_parallelism=8, candidates=(1, 32))
    assert choice.parallelism == parallelism
