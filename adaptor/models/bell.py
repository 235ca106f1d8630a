"""Bell: a parametric law or a local one, whichever predicts left-out scale-outs better [Thamsen16b].

The parametric law is Ernest's; the local one is a straight line through the nearest measured scale-outs.
"""

from __future__ import annotations

import numpy as np

from adaptor.models.arrays import Floats
from adaptor.models.ernest import ErnestLaw

SHORTEST_S = 1e-6
"""Least seconds of a prediction: a straight line may go below zero."""

FEWEST_FOR_CHOICE = 3
"""Distinct scale-outs from which on one can be left out to compare."""


def bell_log_s(scale_outs: Floats, seconds: Floats, wanted: Floats) -> Floats:
    """Log seconds by whichever of both laws predicts each scale-out better from the others.

    Args:
        scale_outs: Shape (n,), not necessarily distinct.
        seconds: Shape (n,).
        wanted: Shape (m,).

    Returns:
        Shape (m,).
    """
    distinct, groups = np.unique(scale_outs, return_inverse=True)
    means = np.bincount(groups, weights=seconds) / np.bincount(groups)
    if len(distinct) == 1:
        return np.full(len(wanted), float(np.log(means[0])))
    law = parametric_s if _parametric_is_better(distinct, means) else local_s
    log_s: Floats = np.log(np.maximum(law(distinct, means, wanted), SHORTEST_S))
    return log_s


def parametric_s(scale_outs: Floats, seconds: Floats, wanted: Floats) -> Floats:
    """Ernest's law through distinct points of shape (n,), at (m,)."""
    law = ErnestLaw.fit(scale_outs, seconds, np.ones(len(seconds)))
    seconds_there: Floats = law.durations_s(wanted)
    return seconds_there


def local_s(scale_outs: Floats, seconds: Floats, wanted: Floats) -> Floats:
    """Straight lines between neighbours, continued at both ends, through distinct points of shape (n,), at (m,)."""
    right = np.clip(np.searchsorted(scale_outs, wanted), 1, len(scale_outs) - 1)
    rise = (seconds[right] - seconds[right - 1]) / (scale_outs[right] - scale_outs[right - 1])
    line: Floats = seconds[right - 1] + rise * (wanted - scale_outs[right - 1])
    return line


def _parametric_is_better(scale_outs: Floats, seconds: Floats) -> bool:
    if len(scale_outs) < FEWEST_FOR_CHOICE:
        return True
    errors = np.zeros(2)
    for held in range(len(scale_outs)):
        rest = np.arange(len(scale_outs)) != held
        wanted = scale_outs[[held]]
        for i, law in enumerate((parametric_s, local_s)):
            errors[i] += abs(law(scale_outs[rest], seconds[rest], wanted)[0] / seconds[held] - 1)
    return bool(errors[0] <= errors[1])
