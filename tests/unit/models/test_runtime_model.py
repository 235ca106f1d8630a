"""What the model says of a superstep's duration, and how sure it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.models.prediction import Prediction
from adaptor.models.runtime import RuntimeModel
from adaptor.testing.values import measured

CANDIDATES = np.arange(1, 9, dtype=np.int64)
OBSERVATION = st.builds(
    ObservedDuration,
    parallelism=st.integers(1, 8),
    duration_s=st.floats(min_value=0.01, max_value=1000.0),
    cold=st.booleans(),
    origin=st.sampled_from(Origin),
)
OBSERVATIONS = st.lists(OBSERVATION, min_size=1, max_size=12)
DEMO = (*measured(1, 15.6, 16.1, 15.8), *measured(2, 11.6, 11.5), *measured(4, 17.7))
"""K-Means on two cores: more subtasks than cores cost time."""


def predicted(*observations: ObservedDuration) -> Prediction:
    """Of 1 to 8 subtasks."""
    return RuntimeModel.fit(observations).predict(CANDIDATES)


def test_nothing_is_known_without_observations() -> None:
    """Unknown is a word of its own, not a number."""
    prediction = predicted()
    assert not prediction.known.any()
    assert prediction.superstep_interval(0) is None


def test_with_one_parallelism_the_others_follow_the_law_of_any_program() -> None:
    """They are marked as outside of what was measured, and twice as uncertain with each doubling or more."""
    prediction = predicted(*measured(2, 10.0, 10.1, 9.9))
    assert prediction.known.all()
    assert prediction.outside_observed_range.tolist() == [True, False, *[True] * 6]
    assert prediction.expected_s[0] > prediction.expected_s[1] > prediction.expected_s[3] > prediction.expected_s[7]
    spread = prediction.spread_of_expectation
    assert 5 * spread[1] < spread[3] < spread[7]


def test_with_two_parallelisms_all_are_known() -> None:
    """And those outside what was measured are marked."""
    prediction = predicted(*measured(2, 10.0), *measured(4, 6.0))
    assert prediction.known.all()
    assert prediction.outside_observed_range.tolist() == [True, False, False, False, True, True, True, True]


def test_a_u_shape_is_followed_at_the_points_and_keeps_its_bottom() -> None:
    """The law alone cannot follow 15.6, 11.6 and 17.7 s; what was measured there corrects it."""
    prediction = predicted(*DEMO)
    assert prediction.expected_s[[0, 1, 3]] == pytest.approx([15.8, 11.6, 17.7], rel=0.04)
    assert int(CANDIDATES[np.argmin(prediction.expected_s)]) == 2


def test_one_law_is_continued_beyond_what_was_measured() -> None:
    """10 s that divide perfectly, which few programs do: half of the way towards them is believed."""
    prediction = predicted(*measured(1, 10.0), *measured(2, 5.0), *measured(4, 2.5))
    assert prediction.expected_s[7] == pytest.approx(1.25, rel=0.1)


def test_cold_observations_count_only_where_there_are_no_warm_ones() -> None:
    """Start-up is paid once, not in every superstep; alone, a cold one is all there is, and says less."""
    warm_at_1 = (*measured(1, 20.0, cold=True), *measured(1, 10.0, 10.0))
    assert predicted(*warm_at_1).expected_s[0] == pytest.approx(10.0)
    cold, warm = predicted(*measured(1, 20.0, cold=True)), predicted(*measured(1, 20.0))
    assert 15.0 < cold.expected_s[0] < 20.0
    assert cold.spread_of_expectation[0] > warm.spread_of_expectation[0]


def test_start_up_that_was_measured_at_one_parallelism_is_taken_off_at_another() -> None:
    """Cold supersteps took twice as long at 1, so a cold one at 4 is thought to have done so too, in part."""
    at_1 = (*measured(1, 20.0, cold=True), *measured(1, 10.0, 10.0))
    known, unknown = predicted(*at_1, *measured(4, 8.0, cold=True)), predicted(*measured(4, 8.0, cold=True))
    assert 3.5 <= known.expected_s[3] < unknown.expected_s[3]


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_earlier_runs_are_moved_to_the_level_of_this_run(factor: float) -> None:
    """Their shape over parallelism is kept, their level is this run's as soon as it has some supersteps."""
    earlier = (*measured(1, 10.0, 10.1, 9.9, earlier=True), *measured(4, 4.0, 4.1, earlier=True))
    prediction = predicted(*earlier, *measured(1, *[10.0 * factor] * 4))
    assert prediction.expected_s[3] == pytest.approx(4.0 * factor, rel=0.05)


def test_a_cold_start_does_not_make_the_whole_run_look_slow() -> None:
    """A first superstep is compared with earlier runs' first supersteps, not with their warm ones."""
    cold = measured(1, 20.0, 20.5, cold=True, earlier=True)
    warm = (*measured(1, 10.0, 10.1, earlier=True), *measured(4, 4.0, earlier=True))
    prediction = predicted(*cold, *warm, *measured(1, 20.0, cold=True))
    assert prediction.expected_s[[0, 3]] == pytest.approx([10.0, 4.0], rel=0.1)


def test_a_cold_start_that_cannot_be_compared_leaves_the_level_open() -> None:
    """With warm earlier supersteps alone the level lies between theirs and this one's, and the intervals stay wide."""
    warm = (*measured(1, 10.0, 10.1, earlier=True), *measured(4, 4.0, earlier=True))
    known, unknown = predicted(*warm, *measured(1, 10.0)), predicted(*warm, *measured(1, 20.0, cold=True))
    assert 10.0 < unknown.expected_s[0] < 15.0
    assert unknown.spread_of_expectation[0] > known.spread_of_expectation[0]


def test_intervals_widen_with_the_distance_to_what_was_measured() -> None:
    """Each doubling beyond the range adds to the spread; inside it, measured points are the surest."""
    spread = predicted(*measured(2, 10.0, 10.2), *measured(4, 6.0, 6.1)).spread_of_expectation
    assert spread[1] < spread[2] < spread[4] < spread[7]
    assert spread[0] > spread[2]


def test_intervals_narrow_with_every_superstep_that_agrees() -> None:
    """Noise is measured, and the expectation becomes surer."""
    widths = []
    for count in (1, 3, 10):
        interval = predicted(*measured(1, *[10.0, 10.1, 9.9, 10.0, 10.05, 9.95, 10.0, 10.1, 9.9, 10.0][:count]))
        shown = interval.superstep_interval(0)
        assert shown is not None
        widths.append(shown.high - shown.low)
    assert widths == sorted(widths, reverse=True)


def test_noisy_supersteps_give_wide_intervals() -> None:
    """Residuals decide: 30 % of scatter is believed from a few points on."""
    calm = predicted(*measured(1, 10.0, 10.1, 9.9, 10.0)).superstep_interval(0)
    wild = predicted(*measured(1, 7.0, 13.0, 8.0, 12.0)).superstep_interval(0)
    assert calm is not None
    assert wild is not None
    assert wild.high - wild.low > 3 * (calm.high - calm.low)


def test_noise_averages_out_over_the_rest_of_a_run_but_the_error_of_the_law_does_not() -> None:
    """The relative width of a long rest shrinks to that of the expectation, not to nothing."""
    prediction = predicted(*measured(1, 10.0, 10.5), *measured(4, 5.0, 5.2))
    (one_low, one, one_high), (low, expected, high) = prediction.rest_s(1), prediction.rest_s(100)
    assert ((high - low) / expected < (one_high - one_low) / one).all()
    assert ((high - low) / expected > 0).all()


@given(OBSERVATIONS)
def test_seven_times_longer_durations_give_seven_times_longer_predictions(one: list[ObservedDuration]) -> None:
    """Of warm supersteps; start-up is in seconds, however long the supersteps are."""
    warm = [replace(p, cold=False) for p in one]
    before, after = predicted(*warm), predicted(*(replace(p, duration_s=7 * p.duration_s) for p in warm))
    assert after.expected_s == pytest.approx(7 * before.expected_s, rel=1e-2, nan_ok=True)


@given(OBSERVATIONS, st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_matter(one: list[ObservedDuration], random: object) -> None:
    """What was measured counts, not when."""
    shuffled = list(one)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    before, after = predicted(*one), predicted(*shuffled)
    assert after.expected_log_s == pytest.approx(before.expected_log_s, rel=1e-6, abs=1e-6, nan_ok=True)


@given(OBSERVATIONS)
def test_the_same_observations_give_the_same_prediction_to_the_last_bit(one: list[ObservedDuration]) -> None:
    """A replay depends on it."""
    before, after = predicted(*one), predicted(*one)
    assert before.expected_log_s.tobytes() == after.expected_log_s.tobytes()
    assert before.spread_of_expectation.tobytes() == after.spread_of_expectation.tobytes()


@given(OBSERVATIONS)
def test_an_interval_holds_its_expectation_and_is_finite(one: list[ObservedDuration]) -> None:
    """Whatever was measured, each known candidate gets an interval that JSON can hold."""
    prediction = predicted(*one)
    for index in np.flatnonzero(prediction.known):
        interval = prediction.superstep_interval(int(index))
        assert interval is not None
        assert 0 < interval.low <= interval.expected <= interval.high < float("inf")


@given(OBSERVATIONS, st.integers(1, 1000))
def test_a_larger_budget_is_never_less_likely_to_suffice(one: list[ObservedDuration], supersteps: int) -> None:
    """Probabilities rise from 0 at nothing to 1 at for ever."""
    prediction = predicted(*one)
    known = prediction.known
    chances = [
        prediction.chance_within(np.full(8, budget / supersteps), prediction.spread_of_expectation + 0.01)[known]
        for budget in (-1.0, 0.0, 1.0, 1e9)
    ]
    assert (np.diff(np.stack(chances), axis=0) >= 0).all()
    assert (chances[0] == 0).all()


@given(OBSERVATIONS)
def test_the_joint_prediction_is_that_of_each_with_a_proper_covariance(one: list[ObservedDuration]) -> None:
    """The same means and spreads, symmetric, and no direction has a variance below zero."""
    model = RuntimeModel.fit(one)
    alone, joint = model.predict(CANDIDATES), model.joint(CANDIDATES)
    assert joint.prediction.expected_log_s == pytest.approx(alone.expected_log_s, abs=1e-6)
    assert joint.prediction.spread_of_expectation == pytest.approx(alone.spread_of_expectation, abs=1e-3)
    assert joint.covariance == pytest.approx(joint.covariance.T, abs=1e-9)
    assert np.linalg.eigvalsh(joint.covariance).min() > -1e-6


@pytest.mark.parametrize(
    ("duration_s", "least", "most"), [(1.0, 0.45, 0.55), (10.0, 7.0, 8.0), (1000.0, 990.0, 1000.0)]
)
def test_start_up_takes_seconds_however_long_the_superstep(duration_s: float, least: float, most: float) -> None:
    """Most of a short one, at most half, and next to nothing of a long one."""
    prediction = predicted(*measured(1, duration_s, cold=True))
    assert least <= prediction.expected_s[0] <= most
