"""Work that changes from superstep to superstep is told from noise, and followed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.models.runtime import RuntimeModel

NOISE = 0.02

WORK: dict[str, Callable[[int], float]] = {
    "shrinking": lambda s: 30.0 / s,
    "growing": lambda s: 5.0 + 5.0 * s,
    "periodic": lambda s: 10.0 if s % 3 else 25.0,
    "phases": lambda s: 10.0 if s < 15 else 40.0,
}


def a_run(
    work: Callable[[int], float],
    supersteps: int,
    *,
    parallelism: int = 4,
    origin: Origin = Origin.THIS_RUN,
    level: float = 1.0,
    seed: int = 0,
) -> list[ObservedDuration]:
    """A run with little noise; its first superstep is cold and takes twice as long."""
    rng = np.random.default_rng(seed)
    return [
        ObservedDuration(
            parallelism=parallelism,
            duration_s=float(level * work(s) * (2.0 if s == 1 else 1.0) * np.exp(NOISE * rng.normal())),
            cold=s == 1,
            origin=origin,
            superstep=s,
        )
        for s in range(1, supersteps + 1)
    ]


def earlier_runs(work: Callable[[int], float], *, runs: int = 3, supersteps: int = 30) -> list[ObservedDuration]:
    """Runs that differ in level and parallelism."""
    return [
        one
        for i in range(runs)
        for one in a_run(
            work,
            supersteps,
            parallelism=2 if i % 2 else 4,
            origin=Origin.EARLIER_RUN,
            level=0.8 + 0.2 * i,
            seed=i + 1,
        )
    ]


def rest(observations: list[ObservedDuration], done: int, total: int) -> tuple[float, float]:
    """Seconds of the next superstep and of the rest, at parallelism 4."""
    model = RuntimeModel.fit(observations)
    factors, _ = model.work_ahead(done + 1, total - done)
    next_s = float(model.predict(np.array([4])).expected_s[0])
    return next_s, next_s * float(factors.sum())


@given(st.integers(0, 200), st.integers(1, 30), st.integers(1, 50))
def test_constant_work_stays_constant(seed: int, done: int, ahead: int) -> None:
    """Noise is not taken for a trend: factors are all near one."""
    factors, spread = RuntimeModel.fit(a_run(lambda _: 10.0, done, seed=seed)).work_ahead(done + 1, ahead)
    assert factors.shape == (ahead,)
    assert factors.mean() == pytest.approx(1.0, abs=0.1)
    assert 0.0 <= spread < 0.2


@pytest.mark.parametrize("kind", ["shrinking", "growing", "periodic"])
def test_a_change_of_work_is_seen_by_the_run_itself(kind: str) -> None:
    """After ten supersteps the next one is foretold, and as many again within a fifth."""
    work = WORK[kind]
    next_s, rest_s = rest(a_run(work, 10), 10, 20)
    assert next_s == pytest.approx(work(11), rel=0.1)
    assert rest_s == pytest.approx(sum(work(s) for s in range(11, 21)), rel=0.2)


@pytest.mark.parametrize("kind", WORK)
def test_earlier_runs_show_what_is_to_come(kind: str) -> None:
    """At other levels and parallelisms; after five supersteps the rest is foretold within a tenth."""
    work = WORK[kind]
    next_s, rest_s = rest([*a_run(work, 5), *earlier_runs(work)], 5, 30)
    assert next_s == pytest.approx(work(6), rel=0.1)
    assert rest_s == pytest.approx(sum(work(s) for s in range(6, 31)), rel=0.1)


def test_a_trend_is_followed_as_far_again_as_it_was_seen_and_then_no_more() -> None:
    """Beyond twice the supersteps that were seen, factors stay."""
    factors, _ = RuntimeModel.fit(a_run(WORK["shrinking"], 10)).work_ahead(11, 90)
    assert factors[0] == pytest.approx(1.0)
    assert factors[10] < 0.75 * factors[0]
    assert factors[10:] == pytest.approx(factors[-1])


def test_the_farther_ahead_the_less_sure() -> None:
    """A trend that was seen for a short time says little of a long rest, and nothing new of the next superstep."""
    model = RuntimeModel.fit(a_run(WORK["shrinking"], 8))
    spreads = [model.work_ahead(9, ahead)[1] for ahead in (1, 3, 8)]
    assert spreads == sorted(spreads)
    assert spreads[0] < 1e-6 < spreads[-1]


def test_a_change_of_parallelism_is_not_taken_for_a_change_of_work() -> None:
    """Ten seconds at 4, five at 8, eight times each: work is constant."""
    observations = [
        ObservedDuration(parallelism=p, duration_s=40.0 / p, superstep=s, origin=Origin.THIS_RUN)
        for s, p in enumerate([4] * 8 + [8] * 8, start=1)
    ]
    factors, spread = RuntimeModel.fit(observations).work_ahead(17, 10)
    assert factors == pytest.approx(1.0)
    assert spread == pytest.approx(0.0, abs=0.01)


def test_supersteps_without_a_number_say_nothing_of_work() -> None:
    """As rows of earlier versions."""
    observations = [ObservedDuration(parallelism=4, duration_s=30.0 / s) for s in range(1, 10)]
    factors, spread = RuntimeModel.fit(observations).work_ahead(10, 5)
    assert factors.tolist() == [1.0] * 5
    assert spread == 0.0
