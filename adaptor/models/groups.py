"""Observations in groups that should agree, and what each group says once its observations are believed in part.

A group is one execution context at one parallelism, apart for each contributor: contributors differ by machines and
clocks. Where so many peers measured the same that a middle among them means something, they are one group, in which
each of them has the same vote however much he measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from adaptor.models.arrays import Counts, Floats

NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

MEDIAN_COST = float(np.pi / 2)
"""Variance of the median over that of the mean, for normal noise and many points."""

FEWEST_FOR_MEDIAN = 3
"""Observations, and peers, from which on their median is taken: with two it is their mean."""

GROUP_WEIGHT = 4.0
"""Observations that the common noise is worth against that of one group: as many as groups usually hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """M observations in groups; every array has shape (M,), those of a group stand together.

    Attributes:
        group: Which group each belongs to, ascending.
        log_s: Log seconds of a warm superstep.
        contributor: Code of who measured.
        votes: How much each counts, from 0 to 1.
        free: Whether its scatter says something of the noise between supersteps, 1 or 0.
    """

    group: Counts
    log_s: Floats
    contributor: Counts
    votes: Floats
    free: Floats

    @property
    def parts(self) -> list[slice]:
        """Where the observations of each group are."""
        starts = np.searchsorted(self.group, np.arange(int(self.group[-1]) + 2)).tolist()
        return [slice(first, last) for first, last in pairwise(starts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What groups say; every array has shape (groups,).

    Attributes:
        log_s: Median log seconds.
        worth: Observations of a mean that it is as good as.
        squares: Sum of squared deviations, by the median absolute one.
        free: Degrees of freedom of that sum.
    """

    log_s: Floats
    worth: Floats
    squares: Floats
    free: Floats

    @classmethod
    def of(cls, observed: Observed, weights: Floats) -> Summary:
        """Of groups whose observations count by weights from 0 to 1, shape (M,)."""
        found = [_summary(observed.log_s[one], weights[one], observed.free[one]) for one in observed.parts]
        log_s, worth, squares, free = (np.array([one[i] for one in found]) for i in range(4))
        return cls(log_s=log_s, worth=worth, squares=squares, free=free)

    @property
    def scatter(self) -> Floats:
        """Standard deviation within each group; zero where it has too few observations to show one."""
        scatter: Floats = np.sqrt(self.squares / np.maximum(self.free, 1e-9))
        return scatter

    def variance(self, noise: float) -> Floats:
        """Of `log_s`: from the group's own scatter, shrunk towards the common noise [Gelman13, ch. 3]."""
        own = (GROUP_WEIGHT * noise**2 + self.squares) / (GROUP_WEIGHT + self.free)
        variance: Floats = own / self.worth
        return variance


def _summary(logs: Floats, weights: Floats, free: Floats) -> tuple[float, float, float, float]:
    middle = weighted_median(logs, weights)
    count = float(weights.sum())
    several = count > FEWEST_FOR_MEDIAN - 0.5
    spread = NORMAL_MAD * weighted_median(np.abs(logs - middle), weights)
    degrees = max(0.0, float(weights @ free) - 1.0) if several else 0.0
    return middle, count / (MEDIAN_COST if several else 1.0), degrees * spread**2, degrees


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value with as much weight below as above, between two values in proportion; the usual one for equal weights.

    Args:
        values: Shape (n,), at least one.
        weights: Shape (n,), above zero.
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(0.5 * weights.sum(), below, values[order]))


def equal_votes(contributors: Sequence[str]) -> Floats:
    """Weights by which nobody counts for more than the middle contributor, shape (n,)."""
    counts: Mapping[str, int] = _counted(contributors)
    usual = float(np.median(list(counts.values())))
    return np.array([min(1.0, usual / counts[one]) for one in contributors])


def _counted(names: Sequence[str]) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    return counts
