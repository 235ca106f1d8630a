"""A prior's curves between the parallelisms at which they are written down, and the law any program might follow."""

from __future__ import annotations

from functools import cache

import numpy as np

from adaptor.domain.informed_prior import InformedPrior, PriorCurve
from adaptor.models.arrays import Flags, Floats

ANY_SLOPE, ANY_SLOPE_SPREAD = -0.7, 0.3
"""Slope of log seconds over log parallelism of any program, and its spread: perfect division is -1, no gain is 0, and
most published curves of Spark and Flink jobs [Thamsen16b] [Will21] lie between -0.4 and -1."""

ANY_BEND, ANY_BEND_LENGTH = 0.25, 1.0
"""Standard deviation of what bends that line smoothly, and over which distance in log parallelism it does: where the
cores, the memory or the network end, curves turn within a factor of three, and may then rise."""

ANY_ROUGHNESS = 0.05
"""Standard deviation of log seconds around any smooth law: half of the error that [Venkataraman16] reports."""

ANY_DIRECTIONS = 10
"""Directions that a law of any program is written down in; what the eleventh carries is below a hundredth."""


MOST_DIRECTIONS = 8
"""Directions that a curve is written down in; what is left goes into the roughness."""


class LeveledCurve:
    """A curve with what is not known of its level.

    Args:
        parallelisms: Where the curve is written down, ascending.
        curve: What is written there.
        level_spread: Standard deviation of the log level of everything measured in this context.
        run_level: Standard deviation of the log by which this run differs from earlier ones.
    """

    def __init__(
        self, parallelisms: tuple[int, ...], curve: PriorCurve, *, level_spread: float, run_level: float
    ) -> None:
        self._grid = np.log(np.array(parallelisms, dtype=np.float64))
        self._curve = curve
        self._rows = np.array([curve.log_s, *curve.directions])
        self._kept: tuple[tuple[Floats, Floats], ...] = ()
        self._level_spread, self._run_level = level_spread, run_level

    def mean(self, at: Floats) -> Floats:
        """Log seconds at each parallelism, shape as given."""
        mean: Floats = self._read(at)[0]
        return mean

    def variance(self, at: Floats) -> Floats:
        """Of the log seconds of this run at each parallelism, shape as given."""
        fixed = self._curve.roughness**2 + self._level_spread**2 + self._run_level**2
        variance: Floats = (self._directions(at) ** 2).sum(axis=0) + fixed
        return variance

    def covariance(self, left: Floats, left_own: Flags, right: Floats, right_own: Flags) -> Floats:
        """Between log seconds at parallelisms of shape (n,) and (m,), shape (n, m).

        Args:
            left: Parallelisms.
            left_own: Which of them belong to this run and so share its level.
            right: Parallelisms.
            right_own: As above.
        """
        smooth: Floats = self._directions(left).T @ self._directions(right)
        same = (left[:, np.newaxis] == right[np.newaxis]) * self._curve.roughness**2
        run = np.outer(left_own, right_own) * self._run_level**2
        covariance: Floats = smooth + same + run + self._level_spread**2
        return covariance

    def _directions(self, at: Floats) -> Floats:
        return self._read(at)[1:]

    def _read(self, at: Floats) -> Floats:
        """Mean and directions at parallelisms of shape (n,), straight between those written down, shape (1 + d, n)."""
        # The same array is asked for its mean, its variance and its covariances.
        for known, read in self._kept:
            if known is at:
                return read
        self._kept = ((at, self._interpolated(at)), *self._kept[:1])
        return self._kept[0][1]

    def _interpolated(self, at: Floats) -> Floats:
        if len(self._grid) == 1:
            return np.repeat(self._rows, len(at), axis=1)
        wanted = np.clip(np.log(at), self._grid[0], self._grid[-1])
        right = np.clip(np.searchsorted(self._grid, wanted), 1, len(self._grid) - 1)
        share = (wanted - self._grid[right - 1]) / (self._grid[right] - self._grid[right - 1])
        read: Floats = self._rows[:, right - 1] * (1 - share) + self._rows[:, right] * share
        return read


def main_directions(covariance: Floats) -> tuple[tuple[tuple[float, ...], ...], float]:
    """The main directions of a covariance, and the standard deviation of what they leave [Rasmussen06, ch. 8]."""
    values, vectors = np.linalg.eigh(covariance)
    largest = np.argsort(values)[::-1][:MOST_DIRECTIONS]
    kept = vectors[:, largest] * np.sqrt(np.maximum(values[largest], 0.0))
    left = np.maximum(np.diag(covariance) - (kept**2).sum(axis=1), 0.0)
    return tuple(tuple(one) for one in kept.T.tolist()), float(np.sqrt(left.mean()))


def any_curve(prior: InformedPrior) -> PriorCurve:
    """The law that any program might follow, through the middle of what the prior rests on."""
    grid = np.log(np.array(prior.parallelisms, dtype=np.float64))
    middle = float(np.log(prior.least_measured * prior.most_measured) / 2)
    level = float(np.interp(middle, grid, prior.curves[0].log_s)) if prior.level_known else 0.0
    return PriorCurve(
        log_s=tuple((level + ANY_SLOPE * (grid - middle)).tolist()),
        directions=any_directions(prior.parallelisms, middle, ANY_SLOPE_SPREAD),
        roughness=ANY_ROUGHNESS,
        level_known=False,
        shared=False,
    )


@cache
def any_directions(parallelisms: tuple[int, ...], middle: float, slope_spread: float) -> tuple[tuple[float, ...], ...]:
    """In which directions a program's law may lie off a straight line: its slope, and smooth bends.

    Args:
        parallelisms: Where the law is written down.
        middle: Log parallelism around which the line turns.
        slope_spread: Standard deviation of its slope.
    """
    grid = np.log(np.array(parallelisms, dtype=np.float64))
    apart = (grid[:, np.newaxis] - grid) / ANY_BEND_LENGTH
    values, vectors = np.linalg.eigh(ANY_BEND**2 * np.exp(-0.5 * apart**2))
    bends = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1][:, :ANY_DIRECTIONS]
    return (tuple((slope_spread * (grid - middle)).tolist()), *(tuple(one) for one in bends.T.tolist()))
