"""The efficiency target, the rule of 2016, and standing still."""

from __future__ import annotations

import pytest

from adaptor.domain.objective import EfficiencyTarget
from adaptor.domain.plan import ReasonCode
from adaptor.errors import InvalidValueError
from adaptor.planner.policies import POLICIES, policy_named
from adaptor.planner.policies.own import choose
from adaptor.planner.policy import Choice
from adaptor.testing.values import a_view, measured

SCALES = (*measured(1, 10.0, 10.0), *measured(2, 5.5, 5.5), *measured(4, 3.6, 3.6))
"""Parallel efficiency 1, 0.91 and 0.69."""


def efficient(limit: float, **fields: object) -> Choice:
    """What adaptor's own policy does for an efficiency target, a change costing next to nothing."""
    defaults = {"objective": EfficiencyTarget(min_efficiency=limit), "adaptation_cost_s": 0.1}
    return choose(a_view(*SCALES, **{**defaults, **fields}))


@pytest.mark.parametrize(("limit", "parallelism"), [(0.5, 4), (0.65, 4), (0.75, 3), (0.85, 2), (0.97, 1)])
def test_the_fastest_that_is_efficient_enough_is_taken(limit: float, parallelism: int) -> None:
    """Against the narrowest candidate, which is always efficient."""
    choice = efficient(limit)
    assert (choice.parallelism, choice.reason.code) == (parallelism, ReasonCode.FASTEST_EFFICIENT)


def test_a_change_must_finish_earlier_than_staying() -> None:
    """60 s for a rescale are more than four subtasks save."""
    assert efficient(0.5, adaptation_cost_s=80.0).parallelism == 1


def test_a_parallelism_below_the_limit_is_left_even_at_a_cost() -> None:
    """Efficiency is the condition, speed only the wish."""
    assert efficient(0.85, current_parallelism=4, adaptation_cost_s=80.0).parallelism == 2


def test_a_failing_parallelism_is_not_taken_however_efficient() -> None:
    """The next fastest is."""
    assert efficient(0.5, failing=frozenset({4})).parallelism == 3


def test_without_anything_known_the_run_stays() -> None:
    """And says why."""
    objective = EfficiencyTarget(min_efficiency=0.5)
    unknown = choose(a_view(objective=objective, current_parallelism=2))
    assert (unknown.parallelism, unknown.reason.code) == (2, ReasonCode.NOTHING_KNOWN)


@pytest.mark.parametrize(
    ("utilisation", "current", "parallelism"),
    [(0.70, 4, 4), (0.35, 4, 2), (0.63, 10, 9), (1.0, 4, 5), (0.69, 4, 3), (0.05, 4, 1), (1.0, 32, 32), (0.0, 4, 1)],
)
def test_the_rule_of_2016_is_floor_of_u_over_070_times_p(utilisation: float, current: int, parallelism: int) -> None:
    """Cut to 1..32 here."""
    view = a_view(current_parallelism=current, cpu_utilisation=utilisation, candidates=(1, 32))
    choice = POLICIES["utilisation-0.70"].choose(view)
    assert (choice.parallelism, choice.reason.code) == (parallelism, ReasonCode.UTILISATION_RULE)


@pytest.mark.parametrize("wanted", range(1, 33))
def test_the_rule_is_exact_where_the_fraction_is(wanted: int) -> None:
    """0.70 k / P asks for k and not, by a binary fraction, for k - 1."""
    view = a_view(current_parallelism=32, cpu_utilisation=0.70 * wanted / 32, candidates=(1, 32))
    assert POLICIES["utilisation-0.70"].choose(view).parallelism == wanted


def test_the_rule_stays_where_utilisation_is_unknown() -> None:
    """Unknown is not zero."""
    choice = POLICIES["utilisation-0.70"].choose(a_view(current_parallelism=3))
    assert (choice.parallelism, choice.reason.code) == (3, ReasonCode.UTILISATION_UNKNOWN)


def test_the_static_policy_never_changes_anything() -> None:
    """Whatever is known."""
    for current in (1, 2, 4):
        choice = POLICIES["static"].choose(a_view(*SCALES, current_parallelism=current))
        assert (choice.parallelism, choice.reason.code) == (current, ReasonCode.STATIC)


def test_an_unknown_policy_is_refused_with_those_that_are_known() -> None:
    """The user need not look them up."""
    with pytest.raises(InvalidValueError, match=r"^policy: 'fast' is not one of .*static"):
        policy_named("fast")
