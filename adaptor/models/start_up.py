"""What a cold superstep says about warm ones.

The first superstep of a run, or after widening, carries start-up: new TaskManagers come while it runs, code is not
compiled yet, connections are made. That takes seconds, however long the superstep is: of a short one it is most, of a
long one next to nothing. Where warm supersteps of the same parallelism exist a cold one says nothing that they do not
say better. Where none exists it is all there is: start-up, learnt where both kinds were measured, is taken off, and
what is left counts for less, as start-up varies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from adaptor.domain.observation import ObservedDuration
from adaptor.models.arrays import Flags, Floats
from adaptor.models.noise import SUPERSTEP_NOISE

START_UP_S, START_UP_SPREAD_S = 2.5, 2.5
"""Seconds of start-up before any was measured, and their standard deviation. On the embedded cluster cold supersteps of
15.6 s took up to 5.5 s longer where a TaskManager was started meanwhile, and no longer where all were running."""

MOST_OF_IT = 0.5
"""Largest share of a cold superstep that is taken for start-up: it worked, too."""


def without_start_up(durations_s: ArrayLike, cold: Flags, *, start_up_s: float = START_UP_S) -> tuple[Floats, Floats]:
    """Log seconds of warm supersteps by those that were measured, and how many warm ones each is worth.

    Args:
        durations_s: Shape (n,).
        cold: Which of them carry start-up, shape (n,).
        start_up_s: Seconds of it.

    Returns:
        Logs, and weights from 0 to 1, each of shape (n,).
    """
    measured = np.asarray(durations_s, dtype=np.float64)
    warm = np.maximum(measured - start_up_s, (1 - MOST_OF_IT) * measured)
    spread = np.minimum(START_UP_SPREAD_S / warm, -np.log(MOST_OF_IT))
    weights = SUPERSTEP_NOISE.spread**2 / (SUPERSTEP_NOISE.spread**2 + spread**2)
    return np.log(np.where(cold, warm, measured)), np.where(cold, weights, 1.0)


def warm_log_durations(
    observations: Sequence[ObservedDuration], *, known_start_ups_s: Sequence[float] = ()
) -> tuple[Floats, Floats]:
    """What each observation says about a warm superstep, and how much it counts.

    Args:
        observations: Of one execution context, n of them.
        known_start_ups_s: Start-up that was measured in other runs of the context, seconds.

    Returns:
        Log seconds without start-up, and weights from 0 to 1, each of shape (n,).
    """
    cold = np.array([one.cold for one in observations], dtype=np.bool_)
    warm_at = {one.parallelism for one in observations if not one.cold}
    superseded = np.array([one.cold and one.parallelism in warm_at for one in observations], dtype=np.bool_)
    start_up_s = usual_start_up_s([*measured_start_ups_s(observations), *known_start_ups_s])
    logs, weights = without_start_up([one.duration_s for one in observations], cold, start_up_s=start_up_s)
    return logs, np.where(superseded, 0.0, weights)


def measured_start_ups_s(observations: Sequence[ObservedDuration]) -> list[float]:
    """Seconds of start-up seen where one parallelism was measured both cold and warm; below zero where it was faster.

    Args:
        observations: Of one run, or of runs that do not differ in their level.
    """
    warm: defaultdict[int, list[float]] = defaultdict(list)
    cold: defaultdict[int, list[float]] = defaultdict(list)
    for one in observations:
        (cold if one.cold else warm)[one.parallelism].append(one.duration_s)
    return [seconds - float(np.mean(warm[p])) for p, found in cold.items() if p in warm for seconds in found]


def usual_start_up_s(measured_s: Sequence[float]) -> float:
    """The mean of measured start-up, the prior counting as one of them; never below zero."""
    return max(0.0, (START_UP_S + sum(measured_s)) / (1 + len(measured_s)))
