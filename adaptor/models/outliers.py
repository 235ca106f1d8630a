"""How far to believe what was measured: single observations, and whole contributors.

What the rest says of a point, or of everything a contributor measured, is compared with what was reported. Where the
two are further apart than the rest usually is, the difference counts as noise of measuring, so that the point loses
its weight but nothing is thrown away: if others confirm it later, it counts again. The usual distance is measured by
medians, which bear up to half of all points being wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far contributors are believed; arrays have shape (contributors,).

    Attributes:
        weights: From 0 to 1.
        doubts: Variance to add to everything each of them measured.
    """

    weights: Floats
    doubts: Floats

    @classmethod
    def whole(cls, contributors: int) -> Trust:
        """In everybody."""
        return cls(weights=np.ones(contributors), doubts=np.zeros(contributors))

    def less(self, other: Trust) -> Trust:
        """The lesser of both, for each contributor."""
        return Trust(weights=np.minimum(self.weights, other.weights), doubts=np.maximum(self.doubts, other.doubts))


def trust_in_contributors(total: Floats, values: Floats, contributors: Counts) -> Trust:
    """How far each contributor agrees with the others.

    Args:
        total: Covariance with noise, shape (N, N).
        values: Log seconds less their expectation, shape (N,).
        contributors: Who measured each point, shape (N,).
    """
    trust = Trust.whole(int(contributors.max()) + 1)
    if len(trust.weights) == 1:
        return trust
    errors, spreads = _alone(total, values)
    usual = max(1.0, NORMAL_MAD * float(np.median(np.abs(errors / spreads))))
    for one in left_out(total, values, contributors):
        off = np.abs(values[one.places] - one.mean)
        distance = float(np.median(off / np.sqrt(np.diag(one.covariance)))) / usual
        if distance > TOLERATED_OF_CONTRIBUTOR:
            code = contributors[one.places[0]]
            trust.weights[code] = (TOLERATED_OF_CONTRIBUTOR / distance) ** 2
            trust.doubts[code] = float(np.median(off**2)) * len(off)
    return trust


def _alone(total: Floats, values: Floats) -> tuple[Floats, Floats]:
    """What each point lies off what all others say, and the spread of that [Rasmussen06, eq. 5.12]; shape (N,)."""
    inverse = cho_solve(cho_factor(total, lower=True), np.eye(len(values)))
    own = np.diag(inverse)
    return (inverse @ values) / own, np.sqrt(1.0 / own)
