"""How many supersteps are left: known, bounded by the run's limit, or foretold, as a distribution.

Two things foretell where a run ends. **Runs of the same execution context** that ended before their limit ended after
about as many supersteps. And **this run's convergence**: where a job reports the figure that it compares with its
tolerance, that figure falls about geometrically, so its logarithm is a straight line; for every number of supersteps
the line through the tolerance there says how well it agrees with what was reported (a linear model with a conjugate
prior [Gelman13, ch. 14]). Both are multiplied, and whatever lies beyond the limit counts as the limit. Without either
the limit is what is counted on, as a job that runs so many supersteps and no fewer has no tolerance to report.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.domain.run import RunLength
from adaptor.models.arrays import Floats
from adaptor.models.noise import SpreadPrior

FEWEST_FIGURES = 3
"""Reported figures from which on a line is drawn: two always lie on one."""

NEWEST_FIGURES = 10
"""Figures that a line is drawn through, the newest: far from its end a run may converge at another rate."""

NOISE = SpreadPrior(spread=0.3, weight=2.0)
"""Standard deviation of the log of a figure around the line: a third, believed as far as two figures."""

FALL = 10.0
"""Standard deviation of the log by which a figure falls in a whole run: a factor of 22,000."""

LENGTHS = SpreadPrior(spread=0.2, weight=3.0)
"""Standard deviation of the log of the number of supersteps between runs of one context, beforehand: a fifth."""

BEYOND = 4
"""Limits that are thought of as where a run might converge: what lies beyond the first is cut off there."""

MOST_ENDS = 1000
"""Ends that are compared; beyond, so many evenly over logarithms, finer than anything that is known of them."""

LEVEL = 0.8
"""Share of the ends that the shown range holds, as of all intervals that a plan shows."""


class Basis(enum.Enum):
    """What a number of supersteps rests on."""

    LIMIT = "limit"
    SIMILAR_RUNS = "similar_runs"
    CONVERGENCE = "convergence"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepsLeft:
    """A distribution of the supersteps left, the next one included.

    Attributes:
        numbers: Possible numbers, ascending from 1 on, shape (n,).
        chances: Of each; they sum to one, shape (n,).
        basis: What it rests on.
    """

    numbers: Floats
    chances: Floats
    basis: Basis

    @property
    def expected(self) -> int:
        """The mean, in whole supersteps; at least 1."""
        return max(1, round(float(self.chances @ self.numbers)))

    @property
    def log_spread(self) -> float:
        """Standard deviation of the log of the number; zero where it is known."""
        logs = np.log(self.numbers)
        return float(np.sqrt(max(0.0, self.chances @ logs**2 - (self.chances @ logs) ** 2)))

    @property
    def range(self) -> tuple[int, int]:
        """Numbers between which `LEVEL` of the chances lie."""
        total = np.cumsum(self.chances)
        low, high = np.searchsorted(total, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        last = len(self.numbers) - 1
        return int(self.numbers[min(low, last)]), int(self.numbers[min(high, last)])


def supersteps_left(
    *,
    done: int,
    limit: int,
    tolerance: float | None,
    convergence: Sequence[tuple[int, float]],
    similar: Sequence[RunLength],
) -> SuperstepsLeft:
    """The supersteps left of a run.

    Args:
        done: How many were run.
        limit: How many are run at most, more than `done`.
        tolerance: Figure at which the job ends by itself; ``None`` if it was not told.
        convergence: Supersteps with the figures that the job reported after them, ascending.
        similar: How long runs of the same execution context were that came to their end.
    """
    figures = _falling(convergence, tolerance)
    lengths = [one for one in similar if one.supersteps < one.limit or one.limit >= limit]
    if not len(figures) and not lengths:
        return SuperstepsLeft(numbers=np.array([float(limit - done)]), chances=np.ones(1), basis=Basis.LIMIT)
    ends = _ends(done + 1, BEYOND * limit)
    chances = _of_similar(ends, lengths, limit, open_end=len(figures) > 0)
    if len(figures):
        logs = _log_likelihood(ends, figures, float(np.log(tolerance or 1.0)))
        chances = chances * np.exp(logs - logs.max())
    within = ends < limit
    numbers = np.append(ends[within], float(limit)) - float(done)
    chances = np.append(chances[within], chances[~within].sum())
    basis = Basis.CONVERGENCE if len(figures) else Basis.SIMILAR_RUNS
    if not chances.sum() > 0:  # Every similar run was shorter than this one is already.
        return SuperstepsLeft(numbers=numbers[-1:], chances=np.ones(1), basis=Basis.LIMIT)
    return SuperstepsLeft(numbers=numbers, chances=chances / chances.sum(), basis=basis)


def _falling(convergence: Sequence[tuple[int, float]], tolerance: float | None) -> Floats:
    """Supersteps and figures that say something of the end, shape (m, 2); none if they do not, or are too few."""
    newest = convergence[-NEWEST_FIGURES:]
    useful = tolerance is not None and tolerance > 0 and all(figure > tolerance for _, figure in newest)
    return np.array(newest if useful and len(newest) >= FEWEST_FIGURES else []).reshape(-1, 2)


def _ends(first: int, last: int) -> Floats:
    """Numbers of the last superstep that are compared, ascending."""
    if last - first < MOST_ENDS:
        return np.arange(first, last + 1, dtype=np.float64)
    ends: Floats = np.unique(np.geomspace(first, last, MOST_ENDS).round())
    return ends


def _of_similar(ends: Floats, lengths: Sequence[RunLength], limit: int, *, open_end: bool) -> Floats:
    """Chance of each end by runs of the same context, with one more run that may end anywhere, shape of `ends`.

    That one ends at its limit unless it reports how it converges; then every doubling is as likely as the next.
    """
    # Every end stands for the stretch of the line up to the next one.
    widths = np.diff(ends, append=ends[-1] + 1)
    at_limit = (ends >= limit) * widths / (widths[ends >= limit].sum())
    open_part = widths / ends
    chances = open_part / open_part.sum() if open_end else at_limit
    known = np.log([one.supersteps for one in lengths if one.supersteps < one.limit and one.supersteps > 0])
    chances = chances + sum(one.supersteps >= one.limit for one in lengths) * at_limit
    if len(known):
        spread = LENGTHS.updated(float(((known - known.mean()) ** 2).sum()), len(known) - 1.0).spread
        off = (np.log(ends)[:, np.newaxis] - known) / spread
        chances = chances + (np.exp(-0.5 * off**2) / (spread * np.sqrt(2 * np.pi))).sum(axis=1) * widths / ends
    total: Floats = chances
    return total


def _log_likelihood(ends: Floats, figures: Floats, log_tolerance: float) -> Floats:
    """How well lines through the tolerance at each end agree with the figures, in logs, shape of `ends`."""
    share_left = (ends[:, np.newaxis] - figures[:, 0]) / ends[:, np.newaxis]
    above = np.log(figures[:, 1]) - log_tolerance
    scale = (FALL / NOISE.spread) ** 2
    inflation = 1 + scale * (share_left**2).sum(axis=1)
    squares = above @ above - scale * (share_left @ above) ** 2 / inflation
    free = NOISE.weight + len(figures)
    logs: Floats = -0.5 * np.log(inflation) - free / 2 * np.log(NOISE.weight * NOISE.spread**2 + np.maximum(squares, 0))
    return logs
