"""How far to believe what was measured: single observations, and whole contributors.

What the rest says of a point, or of everything a contributor measured, is compared with what was reported. Where the
two are further apart than the rest usually is, the difference counts as noise of measuring, so that the point loses
its weight but nothing is thrown away: if others confirm it later, it counts again. The usual distance is measured by
medians, which bear up to half of all points being wrong.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from adaptor.models.arrays import Counts, Floats
from adaptor.models.process import left_out
from adaptor.models.training import NORMAL_MAD

TOLERATED = 8.0
"""Usual distances from which on a point is not believed. Far beyond what noise does, because memory cliffs lie off
too, are true, and predict the worst errors."""

TOLERATED_OF_CONTRIBUTOR = 3.0
"""Usual distances at which half of what a contributor measured may lie."""


def noise_of_outliers(total: Floats, values: Floats) -> Floats:
    """Variance to add to each point because the others contradict it, shape (N,).

    Args:
        total: Covariance with noise, shape (N, N).
        values: Log seconds less their expectation, shape (N,).
    """
    errors, spreads = _alone(total, values)
    usual = max(1.0, NORMAL_MAD * float(np.median(np.abs(errors / spreads))))
    extra: Floats = np.where(np.abs(errors) > TOLERATED * usual * spreads, errors**2, 0.0)
    return extra


def weights_of_contributors(total: Floats, values: Floats, contributors: Counts) -> Floats:
    """From 0 to 1, how far each contributor agrees with the others, shape (contributors,).

    Args:
        total: Covariance with noise, shape (N, N).
        values: Log seconds less their expectation, shape (N,).
        contributors: Who measured each point, shape (N,).
    """
    count = int(contributors.max()) + 1
    if count == 1:
        return np.ones(1)
    errors, spreads = _alone(total, values)
    usual = max(1.0, NORMAL_MAD * float(np.median(np.abs(errors / spreads))))
    weights = np.ones(count)
    for one in left_out(total, values, contributors):
        distance = np.abs(values[one.places] - one.mean) / np.sqrt(np.diag(one.covariance))
        off = float(np.median(distance)) / (usual * TOLERATED_OF_CONTRIBUTOR)
        weights[contributors[one.places[0]]] = min(1.0, off**-2) if off > 0 else 1.0
    return weights


def _alone(total: Floats, values: Floats) -> tuple[Floats, Floats]:
    """What each point lies off what all others say, and the spread of that [Rasmussen06, eq. 5.12]; shape (N,)."""
    inverse = cho_solve(cho_factor(total, lower=True), np.eye(len(values)))
    own = np.diag(inverse)
    return (inverse @ values) / own, np.sqrt(1.0 / own)
