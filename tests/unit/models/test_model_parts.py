"""The parts that models are made of, each by its law."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptor.models.bell import bell_log_s, local_s
from adaptor.models.calibration import Held, Usual, calibrated
from adaptor.models.covariance import Covariance, Distances, Inputs
from adaptor.models.gaussian import Joint, log_density
from adaptor.models.lone_curve import predicted
from adaptor.models.noise import SUPERSTEP_NOISE
from adaptor.models.process import fitted, left_out
from adaptor.models.rest_of_run import Rest, RunsSoFar, rest_of_run
from adaptor.models.scale_out_laws import amdahl, law_s, universal


def points(seed: int, count: int = 10) -> Inputs:
    """Random points with three properties and two categories."""
    rng = np.random.default_rng(seed)
    return Inputs(
        log_parallelism=rng.choice(np.log([1.0, 2.0, 4.0]), count),
        natural=rng.normal(size=(count, 3)),
        scaled=rng.normal(size=(count, 3)),
        categories=rng.integers(0, 2, (count, 2)),
        crowding=rng.normal(size=count),
        context=rng.integers(0, 4, count),
        contributor=rng.integers(0, 2, count),
        data=np.array([1.0, 0.0, 0.0]),
    )


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_covariance_has_no_negative_direction(seed: int) -> None:
    """Whatever the points and sizes."""
    inputs = points(seed)
    start = Covariance.initial(3)
    logs = start.logs + np.random.default_rng(seed).normal(size=len(start.logs))
    total = Covariance(logs=logs, properties=3).of(Distances.of(inputs, inputs))
    assert np.linalg.eigvalsh(total).min() > -1e-8
    assert total == pytest.approx(total.T)


def test_slopes_of_the_covariance_are_those_of_small_steps() -> None:
    """The search depends on them."""
    inputs, covariance = points(1), Covariance.initial(3)
    between = Distances.of(inputs, inputs)
    total, slopes = covariance.with_slopes(between)
    assert total == pytest.approx(covariance.of(between))
    for place, slope in enumerate(slopes):
        step = np.zeros(len(covariance.logs))
        step[place] = 1e-5
        up = Covariance(logs=covariance.logs + step, properties=3).of(between)
        down = Covariance(logs=covariance.logs - step, properties=3).of(between)
        assert slope == pytest.approx((up - down) / 2e-5, abs=1e-6)


def test_a_search_that_steps_beyond_all_numbers_does_not_fail() -> None:
    """Sizes that overflow are impossible, not an error; from sizes that are possible it still finds better ones."""
    inputs, usual = points(1, count=30), Covariance.initial(3)
    between, values = Distances.of(inputs, inputs), np.random.default_rng(1).normal(size=30)
    noise = np.full(30, 0.01)
    beyond = Covariance(logs=np.full(len(usual.logs), 800.0), properties=3)
    assert np.isfinite(fitted(usual, between, values, noise, start=beyond).logs).all()
    found = fitted(usual, between, 1e6 * values, noise)
    assert np.isfinite(found.of(between)).all()
    assert found.logs.max() > usual.logs.max()


def test_what_the_others_say_is_what_conditioning_on_them_says() -> None:
    """The closed form, against doing it."""
    rng = np.random.default_rng(2)
    half = rng.normal(size=(6, 6))
    total, values = half @ half.T + np.eye(6), rng.normal(size=6)
    groups = np.array([0, 0, 1, 1, 2, 2])
    for one in left_out(total, values, groups):
        rest = np.setdiff1d(np.arange(6), one.places)
        mean = total[np.ix_(one.places, rest)] @ np.linalg.solve(total[np.ix_(rest, rest)], values[rest])
        assert one.mean == pytest.approx(mean)


def test_measuring_makes_surer_and_never_less_sure() -> None:
    """Variances of what is conditioned on something do not grow."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(5, 5))
    total = half @ half.T
    joint = Joint(
        mean=np.zeros(3),
        variance=np.diag(total)[:3],
        across=total[:3, 3:],
        measured_mean=np.zeros(2),
        measured_covariance=total[3:, 3:],
    )
    _, variance = joint.given(np.array([1.0, -1.0]))
    assert (variance <= np.diag(total)[:3] + 1e-9).all()


def test_what_was_expected_is_likelier_than_a_surprise() -> None:
    """And of nothing measured nothing is said."""
    spread = np.eye(2)
    assert log_density(np.zeros(2), spread, 5.0) > log_density(np.full(2, 5.0), spread, 5.0)
    assert log_density(np.empty(0), np.empty((0, 0)), 5.0) == 0.0


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_intervals_are_stretched_by_what_errors_need(factor: float) -> None:
    """Errors that are twice the spread need twice the width."""
    rng = np.random.default_rng(4)
    held = [
        Held.of(
            parallelism=np.array([1.0, 2.0, 4.0, 8.0]),
            log_s=np.zeros(4),
            error=factor * rng.normal(size=4) * 0.1,
            covariance=0.01 * np.eye(4),
            noise=np.full(4, 1e-8),
        )
        for _ in range(60)
    ]
    usual = Usual(noise=SUPERSTEP_NOISE, run_level=0.0)
    assert calibrated(held, usual).stretch[0] == pytest.approx(factor, rel=0.2)


def test_bell_takes_the_law_that_fits() -> None:
    """A law of Ernest's is continued, a step is followed by lines."""
    scale_outs = np.array([1.0, 2.0, 4.0, 8.0])
    perfect = bell_log_s(scale_outs, 80.0 / scale_outs, np.array([16.0]))
    assert np.exp(perfect) == pytest.approx([5.0], rel=0.01)
    assert local_s(scale_outs, np.array([4.0, 3.0, 2.0, 1.0]), np.array([3.0])) == pytest.approx([2.5])


def test_laws_of_scale_out_are_recovered_from_points_on_them() -> None:
    """Amdahl's with a tenth that does not divide; the universal one with coherency that makes time rise again."""
    at, wanted = np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([32.0])
    assert law_s(amdahl, at, 10.0 + 90.0 / at, wanted) == pytest.approx([10.0 + 90.0 / 32])
    seconds = (100.0 + 5.0 * (at - 1) + 0.5 * at * (at - 1)) / at
    assert law_s(universal, at, seconds, wanted) == pytest.approx([(100.0 + 5.0 * 31 + 0.5 * 32 * 31) / 32], rel=1e-6)


def test_a_lone_curve_goes_through_quiet_points_and_is_less_sure_between() -> None:
    """Two curves at once."""
    at = np.array([[4.0, 8.0, 16.0, 32.0]] * 2)
    seconds = 400.0 / at
    answer = predicted(at, np.log(seconds), np.array([8.0, 22.0]))
    assert np.exp(answer.log_s) == pytest.approx([50.0, 400.0 / 22.0], rel=0.03)
    assert answer.spread[0] < answer.spread[1]


def test_the_rest_of_a_run_follows_like_runs_and_its_own_pace() -> None:
    """A run that was slower so far is expected to stay so where others did."""
    pace = np.array([0.8, 0.9, 1.0, 1.1, 1.2, 1.0])
    runs = RunsSoFar(scale_out=np.full(6, 4.0), done_s=10 * pace, rest_s=100 * pace)
    slow = rest_of_run(runs, scale_out=4.0, done_s=12.0, wanted=4.0)
    usual = rest_of_run(runs, scale_out=4.0, done_s=0.0, wanted=4.0)
    assert usual.seconds == pytest.approx(100.0, rel=0.1)
    assert slow.seconds == pytest.approx(120.0, rel=0.1)
    assert np.ptp(np.log(slow.interval_s(0.8))) < np.ptp(np.log(usual.interval_s(0.8)))


def test_the_answer_for_a_rest_has_the_least_relative_error() -> None:
    """Of any other number the mean relative error is larger; intervals hold what they claim."""
    rest = Rest(means=np.array([3.0, 5.0]), spreads=np.array([0.3, 0.4]), weights=np.array([0.4, 0.6]))
    rng = np.random.default_rng(5)
    first = rng.random(100_000) < rest.weights[0]
    seconds = np.exp(np.where(first, rng.normal(3.0, 0.3, len(first)), rng.normal(5.0, 0.4, len(first))))

    def error(answer: float) -> float:
        return float(np.mean(np.abs(answer / seconds - 1)))

    assert all(error(rest.seconds) < error(rest.seconds * factor) for factor in (0.7, 0.9, 1.1, 1.4, 7.0))
    low_s, high_s = rest.interval_s(0.8)
    assert np.mean((low_s <= seconds) & (seconds <= high_s)) == pytest.approx(0.8, abs=0.01)


def test_the_rest_at_a_scale_out_beside_a_cliff_is_on_one_of_its_sides() -> None:
    """And not half-way between runs that fit into memory and runs that do not."""
    scale_out = np.array([15.0, 20.0, 23.0, 27.0, 28.0, 31.0, 36.0])
    rest_s = np.array([1600.0, 900.0, 1000.0, 180.0, 190.0, 200.0, 140.0])
    runs = RunsSoFar(scale_out=scale_out, done_s=np.zeros(7), rest_s=rest_s)
    found = rest_of_run(runs, scale_out=24.0, done_s=0.0, wanted=24.0).seconds
    assert 120 < found < 300
