"""How many supersteps are left is known, bounded or foretold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adaptor.domain.run import RunLength
from adaptor.models.supersteps_left import Basis, SuperstepsLeft, supersteps_left


def left(**fields: Any) -> SuperstepsLeft:
    """After 10 of at most 100 supersteps, with nothing else known."""
    given: dict[str, Any] = {"done": 10, "limit": 100, "tolerance": None, "convergence": (), "similar": ()}
    return supersteps_left(**{**given, **fields})


def falling(end: int, *, done: int = 10, noise: float = 0.0, seed: int = 0) -> tuple[tuple[int, float], ...]:
    """Figures that fall geometrically from 1 to the tolerance of 0.001 at superstep `end`."""
    rng = np.random.default_rng(seed)
    return tuple((k, float(0.001 ** (k / end) * np.exp(noise * rng.normal()))) for k in range(1, done + 1))


def test_without_anything_else_the_limit_is_counted_on() -> None:
    """And there is no doubt about it."""
    found = left()
    assert (found.expected, found.log_spread, found.range, found.basis) == (90, 0.0, (90, 90), Basis.LIMIT)


@pytest.mark.parametrize("end", [14, 20, 40, 80])
def test_geometric_convergence_is_followed_to_the_tolerance(end: int) -> None:
    """Wherever it ends, in the job's own unit of the figure."""
    figures = falling(end)
    found = left(tolerance=0.001, convergence=figures)
    scaled = left(tolerance=0.7, convergence=[(k, 700 * figure) for k, figure in figures])
    assert found.basis is Basis.CONVERGENCE
    assert found.expected == pytest.approx(end - 10, rel=0.25, abs=1)
    assert found.range[0] <= end - 10 <= found.range[1]
    assert scaled.expected == found.expected


def test_slow_convergence_ends_at_the_limit() -> None:
    """What lies beyond is not counted."""
    found = left(tolerance=0.001, convergence=falling(1000))
    assert found.expected == pytest.approx(90, abs=3)
    assert found.range[1] == 90


def test_the_range_holds_what_it_claims() -> None:
    """Eight in ten, or somewhat more, of runs whose figures scatter."""
    inside = 0
    rng = np.random.default_rng(3)
    for seed in range(200):
        end = int(rng.integers(12, 80))
        low, high = left(tolerance=0.001, convergence=falling(end, noise=0.3, seed=seed)).range
        inside += low <= end - 10 <= high
    assert 0.7 <= inside / 200 <= 0.97


def test_runs_of_the_same_context_say_when_it_ends() -> None:
    """The more of them agree, the surer; those that were cut off earlier than this one say nothing."""
    once = left(similar=[RunLength(supersteps=30, limit=100)])
    often = left(similar=[RunLength(supersteps=30, limit=100)] * 9)
    assert once.basis is often.basis is Basis.SIMILAR_RUNS
    assert often.expected == pytest.approx(25, abs=6)
    assert often.log_spread < once.log_spread
    assert left(similar=[RunLength(supersteps=20, limit=20)]).basis is Basis.LIMIT


def test_runs_that_reached_the_same_limit_make_it_certain() -> None:
    """A job without a tolerance runs as often as it is told."""
    found = left(similar=[RunLength(supersteps=100, limit=100)] * 3)
    assert (found.expected, found.range) == (90, (90, 90))


def test_a_run_that_outlived_all_others_counts_on_its_limit() -> None:
    """They say nothing any more."""
    found = left(done=90, similar=[RunLength(supersteps=5, limit=100)] * 3)
    assert found.range[1] == 10
    assert found.expected >= 9


def test_convergence_and_similar_runs_together_are_surer_than_either() -> None:
    """Where they agree."""
    similar = [RunLength(supersteps=40, limit=100)] * 4
    figures = falling(40, done=4)
    both = left(done=4, tolerance=0.001, convergence=figures, similar=similar)
    assert both.log_spread < left(done=4, tolerance=0.001, convergence=figures).log_spread
    assert both.expected == pytest.approx(36, rel=0.15)


@pytest.mark.parametrize("tolerance", [None, 0.0, 0.5])
def test_figures_without_a_tolerance_they_fall_to_say_nothing(tolerance: float | None) -> None:
    """None was told, it is zero, or it was passed without an end."""
    figures = [(8, 0.4), (9, 0.3), (10, 0.2)]
    assert left(tolerance=tolerance, convergence=figures).basis is Basis.LIMIT


def test_a_long_limit_costs_no_more() -> None:
    """Ends are compared on a grid."""
    found = left(limit=100_000, tolerance=0.001, convergence=falling(40))
    assert len(found.numbers) <= 1001
    assert found.expected == pytest.approx(30, rel=0.3)
