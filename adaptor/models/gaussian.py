"""Normal distributions over log durations, conditioned on what was measured [Rasmussen06, ch. 2]."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from adaptor.models.arrays import Floats

JITTER = 1e-10
"""Variance added to every measured point so that equal ones can be told apart: a millionth of one per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """What is believed of n unknown logs, of which only the variances matter, and of m that get measured.

    Attributes:
        mean: Shape (n,).
        variance: Shape (n,).
        across: Covariance of the unknown with the measured, shape (n, m).
        measured_mean: Shape (m,).
        measured_covariance: Shape (m, m), noise of measuring included.
    """

    mean: Floats
    variance: Floats
    across: Floats
    measured_mean: Floats
    measured_covariance: Floats

    def given(self, measured: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the unknown once the others were measured, each of shape (n,).

        Args:
            measured: Shape (m,).
        """
        if not len(measured):
            return self.mean, self.variance
        factor = cho_factor(self.measured_covariance + JITTER * np.eye(len(measured)), lower=True, check_finite=False)
        mean = self.mean + self.across @ cho_solve(factor, measured - self.measured_mean, check_finite=False)
        variance = self.variance - np.einsum(
            "nm,nm->n", self.across, cho_solve(factor, self.across.T, check_finite=False).T
        )
        return mean, np.maximum(variance, 0.0)


def log_density(deviation: Floats, covariance: Floats, degrees_of_freedom: float) -> float:
    """Log density of a multivariate t at a deviation from its centre [Shah14, eq. 2].

    Args:
        deviation: Shape (m,); nothing is certain to be seen where m is zero.
        covariance: Shape (m, m).
        degrees_of_freedom: Above two, so that the covariance exists.
    """
    count, dof = len(deviation), degrees_of_freedom
    if not count:
        return 0.0
    factor = cho_factor(covariance + JITTER * np.eye(count), lower=True, check_finite=False)
    square = float(deviation @ cho_solve(factor, deviation))
    log_volume = float(np.log(np.diag(factor[0])).sum())
    return (
        math.lgamma((dof + count) / 2)
        - math.lgamma(dof / 2)
        - count / 2 * math.log(math.pi * (dof - 2))
        - log_volume
        - (dof + count) / 2 * math.log1p(square / (dof - 2))
    )


def conditioned(mean: Floats, covariance: Floats, known: Floats, at: slice, rest: slice) -> tuple[Floats, Floats]:
    """Mean and covariance of `rest` once the values at `at` are known, of one joint normal distribution.

    Args:
        mean: Shape (n,).
        covariance: Shape (n, n).
        known: The values at `at`.
        at: Which places are known.
        rest: Which are asked for.
    """
    if not len(known):
        return mean[rest], covariance[rest, rest]
    factor = cho_factor(covariance[at, at] + JITTER * np.eye(len(known)), lower=True, check_finite=False)
    gain = cho_solve(factor, covariance[at, rest]).T
    return mean[rest] + gain @ (known - mean[at]), covariance[rest, rest] - gain @ covariance[at, rest]
