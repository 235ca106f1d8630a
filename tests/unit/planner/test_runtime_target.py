"""A runtime target is met at least cost, and where it cannot be, what comes nearest is done."""

from __future__ import annotations

import pytest

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.plan import ReasonCode
from adaptor.planner.policies import adaptor_policy
from adaptor.planner.policy import Choice
from adaptor.testing.values import a_view, measured

SCALES = (*measured(1, 10.0, 10.1, 9.9), *measured(2, 5.5, 5.6), *measured(4, 3.2, 3.3))
"""10, 5.5 and 3.2 s: the more subtasks, the faster and the dearer."""

FLAT = (*measured(1, 10.0, 10.1, 9.9), *measured(2, 10.0, 10.1))
"""Does not scale."""

CLIFF = (*measured(1, 40.0, 41.0), *measured(2, 10.0, 10.1), *measured(4, 9.0))
"""Does not fit memory at 1: two cost half of what one does."""


def chosen(*observations: ObservedDuration, target_s: float = 100.0, **fields: object) -> Choice:
    """What adaptor's own policy does."""
    return adaptor_policy(a_view(*observations, objective=RuntimeTarget(target_s=target_s), **fields))


@pytest.mark.parametrize(
    ("target_s", "parallelism", "code"),
    [
        (1000.0, 1, ReasonCode.CHEAPEST_ON_TIME),
        (120.0, 1, ReasonCode.CHEAPEST_ON_TIME),
        (80.0, 2, ReasonCode.CHEAPEST_ON_TIME),
        (45.0, 4, ReasonCode.CHEAPEST_ON_TIME),
        (20.0, 4, ReasonCode.FASTEST_AVAILABLE),
    ],
)
def test_the_cheapest_parallelism_on_time_is_taken(target_s: float, parallelism: int, code: ReasonCode) -> None:
    """Ten supersteps are left and the run stands at 1; only a target out of reach takes the fastest instead."""
    choice = chosen(*SCALES, target_s=target_s)
    assert (choice.parallelism, choice.reason.code) == (parallelism, code)


def test_staying_is_a_choice_with_a_reason() -> None:
    """It is weighed like any other, and its reason says what it costs."""
    choice = chosen(*SCALES, target_s=120.0)
    assert choice.parallelism == 1
    assert "1 is the cheapest that finishes within 120 s" in choice.reason.text


def test_the_cheapest_need_not_be_the_narrowest() -> None:
    """Where one subtask is more than twice as slow as two, two cost less."""
    assert chosen(*CLIFF, target_s=1000.0).parallelism == 2


@pytest.mark.parametrize(("adaptation_cost_s", "parallelism"), [(1.0, 1), (40.0, 2)])
def test_a_change_must_pay_for_its_own_cost(adaptation_cost_s: float, parallelism: int) -> None:
    """From 2 to 1 saves 10 slot-seconds over the rest; a change that costs more is not made."""
    fields = {"current_parallelism": 2, "target_s": 1000.0, "adaptation_cost_s": adaptation_cost_s}
    assert chosen(*SCALES, **fields).parallelism == parallelism


@pytest.mark.parametrize("elapsed_s", [0.0, 5.0, 10.0, 15.0, 20.0])
def test_a_run_that_was_changed_once_stays_there(elapsed_s: float) -> None:
    """The cost of changing back keeps a run near the limit from swinging to and fro."""
    there = chosen(*SCALES, target_s=95.0, elapsed_s=elapsed_s).parallelism
    again = chosen(*SCALES, target_s=95.0, elapsed_s=elapsed_s, current_parallelism=there).parallelism
    assert again == there


def test_seconds_that_are_past_and_gaps_between_supersteps_count_against_the_target() -> None:
    """They are lost at any parallelism."""
    assert chosen(*SCALES, target_s=120.0).parallelism == 1
    assert chosen(*SCALES, target_s=120.0, elapsed_s=40.0).parallelism == 2
    assert chosen(*SCALES, target_s=120.0, gap_s=4.0).parallelism == 2


def test_a_hopeless_target_takes_the_fastest_and_no_slots_beyond() -> None:
    """Slots that bring nothing that could be told from noise go to somebody else."""
    choice = chosen(*FLAT, target_s=20.0, current_parallelism=2)
    assert (choice.parallelism, choice.reason.code) == (1, ReasonCode.NO_GAIN_FROM_MORE)
    assert "20 s are out of reach" in choice.reason.text


def test_a_job_that_does_not_scale_returns_to_the_narrowest_and_stays() -> None:
    """Tried wider, found the same, back again, whatever the target."""
    for target_s in (20.0, 90.0, 150.0):
        assert chosen(*FLAT, target_s=target_s, current_parallelism=2).parallelism == 1
        assert chosen(*FLAT, target_s=target_s, current_parallelism=1).parallelism == 1


def test_an_uncertain_target_takes_the_likeliest() -> None:
    """None reaches 90 %, so the best chance is taken, and its size is said."""
    choice = chosen(*SCALES, target_s=37.0)
    assert choice.parallelism == 4
    assert "no parallelism meets 37 s with 90 %" in choice.reason.text


def test_what_was_not_measured_is_avoided_once_no_tries_are_left() -> None:
    """With tries left 4 may be chosen from the law alone; without, only what was measured or lies between."""
    points = (*measured(1, 10.0, 10.1), *measured(2, 5.5, 5.6))
    assert chosen(*points, target_s=20.0, explorations_left=1).parallelism > 2
    assert chosen(*points, target_s=20.0, explorations_left=0).parallelism == 2


def test_a_parallelism_at_which_supersteps_fail_is_not_chosen() -> None:
    """Even where the law promises most for it."""
    assert chosen(*SCALES, target_s=20.0, failing=frozenset({4})).parallelism == 3
    assert chosen(*SCALES, target_s=1000.0, failing=frozenset({1})).parallelism == 2


def test_where_everything_fails_the_prediction_decides() -> None:
    """A plan must be made all the same."""
    assert chosen(*SCALES, target_s=1000.0, failing=frozenset({1, 2, 3, 4})).parallelism == 1


def test_with_nothing_known_the_run_stays_and_measures() -> None:
    """There is nothing to decide on."""
    choice = chosen(current_parallelism=3)
    assert (choice.parallelism, choice.reason.code) == (3, ReasonCode.NOTHING_KNOWN)


@pytest.mark.parametrize(("current", "parallelism"), [(9, 4), (1, 2)])
def test_a_parallelism_that_may_no_longer_be_used_becomes_the_nearest_that_may(current: int, parallelism: int) -> None:
    """Slots can go away under a run."""
    assert chosen(current_parallelism=current, candidates=(2, 4)).parallelism == parallelism
