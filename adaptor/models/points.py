"""Observations of one execution context, grouped by parallelism."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.domain.observation import ObservedDuration
from adaptor.models.arrays import Floats
from adaptor.models.start_up import warm_log_durations


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Observations grouped by parallelism; every array has shape (distinct parallelisms,).

    Attributes:
        parallelisms: Ascending.
        log_means: Mean log seconds of a warm superstep.
        counts: How many warm observations each is worth; less than one where all were cold.
        squares: Sum of squared deviations of warm observations from their means.
        free: Degrees of freedom of that sum.
    """

    parallelisms: Floats
    log_means: Floats
    counts: Floats
    squares: float
    free: float


def grouped(observations: Sequence[ObservedDuration], *, known_start_ups_s: Sequence[float] = ()) -> Points:
    """Mean log duration and weight at each parallelism.

    Args:
        observations: Of one execution context and one origin, n of them.
        known_start_ups_s: Seconds of start-up that were measured elsewhere.

    Returns:
        The groups.
    """
    at = np.array([one.parallelism for one in observations], dtype=np.float64)
    logs, weights = warm_log_durations(observations, known_start_ups_s=known_start_ups_s)
    parallelisms, groups = np.unique(at, return_inverse=True)
    counts: Floats = np.bincount(groups, weights=weights, minlength=len(parallelisms)).astype(np.float64)
    means = np.bincount(groups, weights=weights * logs, minlength=len(parallelisms)) / counts
    warm = weights == 1.0
    deviations = (logs - means[groups])[warm]
    return Points(
        parallelisms=parallelisms,
        log_means=means,
        counts=counts,
        squares=float(deviations @ deviations),
        free=float(warm.sum()) - len(np.unique(at[warm])),
    )


def no_points() -> Points:
    """Nothing measured."""
    empty = np.empty(0)
    return Points(parallelisms=empty, log_means=empty, counts=empty, squares=0.0, free=0.0)
