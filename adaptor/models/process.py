"""A Gaussian process over contexts and parallelism, fitted to what was measured of one program [Rasmussen06].

The sizes and lengths of the covariance are the most probable ones: marginal likelihood times a prior (ch. 5.4.1), so
that with very few observations they stay at what is usual and with many they are learnt. What observations say of
one that is left out, and of a whole context that is, follows in closed form (ch. 5.4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from adaptor.models.arrays import Counts, Floats
from adaptor.models.covariance import Covariance, Distances

MOST_STEPS = 50
"""Steps of the search for sizes and lengths: beyond these errors no longer changed in trials on public data."""

IMPOSSIBLE = 1e10
"""Stands for a covariance that is singular or beyond all numbers, so that the search turns back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What the rest says of points that were left out together, b of them.

    Attributes:
        places: Indices of the points, shape (b,).
        mean: Shape (b,).
        covariance: Noise of measuring included, shape (b, b).
    """

    places: Counts
    mean: Floats
    covariance: Floats


def fitted(
    usual: Covariance, between: Distances, values: Floats, noise: Floats, *, start: Covariance | None = None
) -> Covariance:
    """The most probable sizes and lengths.

    Args:
        usual: What is believed beforehand.
        between: The points among themselves, shape (N, N).
        values: Log seconds less their expectation, shape (N,).
        noise: Variance of measuring each, shape (N,).
        start: Where the search begins, if not at what is believed beforehand.
    """

    def objective(logs: Floats) -> tuple[float, Floats]:
        return _log_posterior(usual, logs, between, values, noise)

    first = (start or usual).logs
    found = minimize(objective, first, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS})
    return Covariance(logs=np.asarray(found.x, dtype=np.float64), properties=usual.properties)


def _log_posterior(
    usual: Covariance, logs: Floats, between: Distances, values: Floats, noise: Floats
) -> tuple[float, Floats]:
    """Negative log of likelihood times prior, and its slopes [Rasmussen06, eq. 5.8 and 5.9]."""
    # A step of the search may go so far that sizes overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        total, slopes = Covariance(logs=logs, properties=usual.properties).with_slopes(between)
    if not np.isfinite(total).all():
        return IMPOSSIBLE, np.zeros_like(logs)
    try:
        factor = cho_factor(total + np.diag(noise), lower=True)
    except np.linalg.LinAlgError:
        return IMPOSSIBLE, np.zeros_like(logs)
    inverse = cho_solve(factor, np.eye(len(values)))
    weights = inverse @ values
    away = (logs - usual.logs) / usual.doubts
    cost = 0.5 * values @ weights + np.log(np.diag(factor[0])).sum() + 0.5 * away @ away
    towards = inverse - np.outer(weights, weights)
    slope = np.array([0.5 * np.vdot(towards, one) for one in slopes]) + away / usual.doubts
    return float(cost), slope


def left_out(total: Floats, values: Floats, groups: Counts) -> list[LeftOut]:
    """What the others say of each group of points [Rasmussen06, eq. 5.12, for blocks].

    Args:
        total: Covariance with noise, shape (N, N).
        values: Shape (N,).
        groups: Which group each point belongs to, shape (N,).
    """
    inverse = cho_solve(cho_factor(total, lower=True), np.eye(len(values)))
    weights = inverse @ values
    found = []
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        covariance = np.linalg.inv(inverse[np.ix_(places, places)])
        found.append(LeftOut(places=places, mean=values[places] - covariance @ weights[places], covariance=covariance))
    return found
