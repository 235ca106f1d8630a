"""What a cold superstep says about warm ones.

The first superstep of a run, or after widening, carries start-up: new TaskManagers come while it runs, code is not
compiled yet, caches are empty. Where warm supersteps of the same parallelism exist it says nothing that they do not
say better. Where none exists it is all there is: its duration is then divided by a start-up factor, learnt where
both kinds were measured, and counts for less, as the factor varies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from adaptor.domain.observation import ObservedDuration
from adaptor.models.arrays import Floats
from adaptor.models.noise import SUPERSTEP_NOISE, SpreadPrior

START_UP_LOG = 0.15
"""Log of the start-up factor before it was measured: on the embedded cluster cold supersteps took up to 1.35 times as
long as warm ones where a TaskManager was started meanwhile, and 1.0 times where all were running already."""

START_UP = SpreadPrior(spread=0.15, weight=1.0)
"""Spread of the start-up factor: covers both ends of what was seen. Worth one measured factor."""

COLD_WEIGHT = SUPERSTEP_NOISE.spread**2 / (SUPERSTEP_NOISE.spread**2 + START_UP.spread**2)
"""How many warm observations a cold one is worth, by the ratio of their variances."""


def warm_log_durations(
    observations: Sequence[ObservedDuration], logs: Floats, *, known_start_ups: Sequence[float] = ()
) -> tuple[Floats, Floats]:
    """What each observation says about a warm superstep, and how much it counts.

    Args:
        observations: Of one execution context, n of them.
        logs: Shape (n,), their log durations, levelled between runs.
        known_start_ups: Logs of start-up factors that were measured in other runs of the context.

    Returns:
        Log durations without start-up, and weights from 0 to 1, each of shape (n,).
    """
    cold = np.array([one.cold for one in observations], dtype=np.bool_)
    warm_at = {one.parallelism for one in observations if not one.cold}
    superseded = np.array([one.cold and one.parallelism in warm_at for one in observations], dtype=np.bool_)
    weights = np.where(cold, COLD_WEIGHT, 1.0)
    weights[superseded] = 0.0
    start_up = start_up_log([*measured_start_ups(observations, logs), *known_start_ups])
    return np.where(cold, logs - start_up, logs), weights


def measured_start_ups(observations: Sequence[ObservedDuration], logs: Floats) -> list[float]:
    """Logs of the start-up factors seen where one parallelism was measured both cold and warm.

    Args:
        observations: Of one execution context, n of them.
        logs: Shape (n,), their log durations.
    """
    warm: defaultdict[int, list[float]] = defaultdict(list)
    cold: defaultdict[int, list[float]] = defaultdict(list)
    for one, log in zip(observations, logs, strict=True):
        (cold if one.cold else warm)[one.parallelism].append(float(log))
    return [log - float(np.mean(warm[p])) for p, found in cold.items() if p in warm for log in found]


def start_up_log(factors: Sequence[float]) -> float:
    """The mean of measured start-up factors, all as logarithms, the prior counting as one of them."""
    return (START_UP_LOG * START_UP.weight + sum(factors)) / (START_UP.weight + len(factors))
