"""A runtime target is met at least cost, and where it cannot be, what comes nearest is done."""

from __future__ import annotations

import pytest

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.plan import ReasonCode
from adaptor.planner.policies.own import choose
from adaptor.planner.policy import Choice
from adaptor.testing.values import a_view, measured

SCALES = (*measured(1, 10.0, 10.1, 9.9), *measured(2, 5.5, 5.6), *measured(4, 3.2, 3.3))
"""10, 5.5 and 3.2 s: the more subtasks, the faster and the dearer."""

FLAT = (*measured(1, 10.0, 10.1, 9.9), *measured(2, 10.0, 10.1), *measured(4, 9.9, 10.1))
"""Does not scale."""

CLIFF = (*measured(1, 40.0, 41.0), *measured(2, 10.0, 10.1), *measured(4, 9.0))
"""Does not fit memory at 1: two cost half of what one does."""


def chosen(*observations: ObservedDuration, target_s: float = 100.0, **fields: object) -> Choice:
    """What adaptor's own policy does."""
    return choose(a_view(*observations, objective=RuntimeTarget(target_s=target_s), **fields))


@pytest.mark.parametrize(
    ("target_s", "parallelism", "then", "code"),
    [
        (1000.0, 1, 1, ReasonCode.CHEAPEST_ON_TIME),
        (120.0, 1, 1, ReasonCode.CHEAPEST_ON_TIME),
        (66.0, 2, 2, ReasonCode.CHEAPEST_ON_TIME),
        (40.0, 4, 4, ReasonCode.CHEAPEST_ON_TIME),
        (20.0, 4, 4, ReasonCode.FASTEST_AVAILABLE),
    ],
)
def test_the_cheapest_schedule_on_time_is_begun(target_s: float, parallelism: int, then: int, code: ReasonCode) -> None:
    """Ten supersteps are left and the run stands at 1: where time allows, some are run there before it is widened."""
    choice = chosen(*SCALES, target_s=target_s)
    assert choice.ahead is not None
    assert (choice.parallelism, choice.reason.code) == (parallelism, code)
    assert choice.ahead.then[parallelism - 1] == then


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
    assert chosen(*SCALES, target_s=120.0, elapsed_s=55.0).parallelism == 2
    assert chosen(*SCALES, target_s=120.0, gap_s=5.4).parallelism == 2


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


def test_a_try_is_worth_what_it_teaches_and_not_made_near_the_end() -> None:
    """4 alone is known; with many supersteps left another is tried, with one left nothing could use it."""
    one = measured(4, 10.0, 10.1, 9.9)
    early = chosen(*one, target_s=1000.0, supersteps_left=40, current_parallelism=4)
    late = chosen(*one, target_s=12.0, supersteps_left=1, current_parallelism=4)
    assert early.parallelism < 4
    assert early.reason.code is ReasonCode.EXPLORE_NARROWER
    assert late.parallelism == 4


def test_a_try_that_could_miss_the_target_is_not_made() -> None:
    """Narrower might be cheaper, but a superstep there might take four times as long."""
    choice = chosen(*measured(4, 10.0, 10.1, 9.9), target_s=105.0, current_parallelism=4)
    assert choice.parallelism == 4


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


def test_narrowing_goes_by_halves_of_what_was_measured() -> None:
    """Sixteen were measured and one would be the cheapest in time, but data that fit into 16 need not fit into one."""
    wide = measured(16, 1.0, 1.0, 1.0)
    fields = {"target_s": 1000.0, "current_parallelism": 16, "candidates": (1, 16), "supersteps_left": 100}
    first = chosen(*wide, **fields)
    assert first.parallelism == 8
    assert "not tried at once" in first.verdicts[1]
    second = chosen(*wide, *measured(8, 1.1, 1.1), **fields | {"current_parallelism": 8})
    assert second.parallelism == 4


def test_what_others_ran_is_no_step_too_far() -> None:
    """Measured by earlier runs at 1 and 16, so 1 may come next."""
    known = (*measured(16, 1.0, 1.0, earlier=True), *measured(1, 1.2, 1.2, earlier=True))
    fields = {"target_s": 1000.0, "current_parallelism": 16, "candidates": (1, 16), "supersteps_left": 100}
    assert chosen(*known, **fields).parallelism == 1
