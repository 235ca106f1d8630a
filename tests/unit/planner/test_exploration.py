"""Where only one parallelism was measured, another is tried on purpose, within bounds and at a bounded risk."""

from __future__ import annotations

import pytest

from adaptor.domain.objective import EfficiencyTarget, RuntimeTarget
from adaptor.domain.plan import ReasonCode
from adaptor.planner.policies import adaptor_policy
from adaptor.planner.policy import Choice
from adaptor.testing.values import a_view, measured


def tried(at: int, *, target_s: float, **fields: object) -> Choice:
    """With ten supersteps of 10 s left at one parallelism and nothing else known."""
    defaults = {"objective": RuntimeTarget(target_s=target_s), "current_parallelism": at, "candidates": (1, 8)}
    return adaptor_policy(a_view(*measured(at, 10.0, 10.0), **{**defaults, **fields}))


@pytest.mark.parametrize(("target_s", "parallelism"), [(60.0, 2), (45.0, 3), (30.0, 4), (20.0, 7), (5.0, 2)])
def test_the_least_wider_that_could_meet_the_target_is_tried(target_s: float, parallelism: int) -> None:
    """At best the work divides perfectly; if not even that would do, twice as many show whether it scales at all."""
    choice = tried(1, target_s=target_s)
    assert (choice.parallelism, choice.reason.code) == (parallelism, ReasonCode.EXPLORE_WIDER)


@pytest.mark.parametrize(("target_s", "parallelism"), [(110.0, 8), (200.0, 1), (150.0, 2), (140.0, 3)])
def test_narrower_is_tried_only_if_its_worst_leaves_the_target_in_reach(target_s: float, parallelism: int) -> None:
    """At worst one superstep takes 8/p times as long, then the run goes back and pays for both changes."""
    choice = tried(8, target_s=target_s)
    assert choice.parallelism == parallelism
    assert choice.reason.code is (ReasonCode.CHEAPEST_ON_TIME if parallelism == 8 else ReasonCode.EXPLORE_NARROWER)


def test_the_risk_of_a_try_counts_the_cost_of_both_changes() -> None:
    """Where changing is dear a try is not worth its risk."""
    assert tried(8, target_s=200.0, adaptation_cost_s=60.0).parallelism == 8


@pytest.mark.parametrize("bounds", [(1, 2), (1, 4)])
def test_a_try_stays_within_the_bounds(bounds: tuple[int, int]) -> None:
    """However much wider would be needed."""
    assert tried(1, target_s=12.0, candidates=bounds).parallelism <= bounds[1]
    assert tried(bounds[1], target_s=1000.0, candidates=(bounds[1], 8)).parallelism == bounds[1]


@pytest.mark.parametrize("fields", [{"explorations_left": 0}, {"supersteps_left": 1}])
def test_nothing_is_tried_where_no_try_is_left_or_nothing_could_be_learnt(fields: dict[str, int]) -> None:
    """A try in the last superstep teaches nothing to this run."""
    assert tried(2, target_s=1000.0, **fields).parallelism == 2
    assert tried(2, target_s=1.0, **fields).parallelism == 2


def test_a_parallelism_at_which_supersteps_fail_is_not_tried_again() -> None:
    """The next one is tried instead."""
    assert tried(1, target_s=60.0, failing=frozenset({2})).parallelism == 3
    assert tried(2, target_s=1000.0, failing=frozenset({1})).parallelism == 2


def test_where_nothing_wider_can_be_had_and_the_target_is_missed_half_is_tried() -> None:
    """More subtasks than cores can slow a program down; but a target that is probably met is not put at risk."""
    choice = tried(8, target_s=50.0)
    assert (choice.parallelism, choice.reason.code) == (4, ReasonCode.EXPLORE_NARROWER)
    assert tried(8, target_s=102.0).parallelism == 8


@pytest.mark.parametrize(("target_s", "parallelism"), [(200.0, 1), (60.0, 8)])
def test_tries_start_from_what_was_measured_not_from_where_the_run_stands(target_s: float, parallelism: int) -> None:
    """Earlier runs measured 4 alone and this one stands at 1, of which nothing is known."""
    choice = adaptor_policy(
        a_view(*measured(4, 10.0, 10.0, earlier=True), objective=RuntimeTarget(target_s=target_s), candidates=(1, 8))
    )
    assert choice.parallelism == parallelism
    assert choice.verdicts[4] == "the only one measured so far"


@pytest.mark.parametrize(("at", "parallelism"), [(8, 4), (1, 2), (2, 1)])
def test_an_efficiency_target_tries_half_and_where_there_is_none_twice(at: int, parallelism: int) -> None:
    """It needs to know how well the slots are used."""
    choice = tried(at, target_s=1.0, objective=EfficiencyTarget(min_efficiency=0.5))
    assert choice.parallelism == parallelism


def test_a_reason_says_how_many_tries_are_left() -> None:
    """The user sees that it will end."""
    assert tried(1, target_s=60.0).reason.text.endswith("2 more tries allowed after this one")
    assert tried(1, target_s=60.0, explorations_left=2).reason.text.endswith("1 more try allowed after this one")
