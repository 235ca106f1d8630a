"""Predicted durations as distributions, for every candidate parallelism at once.

The logarithm of a superstep's duration follows Student's t, with as many degrees of freedom as the noise is worth
points: with few observations the tails are heavy and the intervals wide, which is the truth. The rest of a run is
the sum of its supersteps; their noise averages out, the error of the expectation does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from adaptor.domain.plan import Interval
from adaptor.models.arrays import Counts, Flags, Floats

INTERVAL_LEVEL = 0.8
"""Level of every interval that is shown: one in ten above, one in ten below, as the papers on scale-out report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Distributions of superstep durations; every array has shape (n,), NaN marks unknown.

    Attributes:
        parallelisms: The candidates.
        expected_log_s: Log of the most probable seconds of one superstep.
        spread_of_expectation: Standard deviation of `expected_log_s`, shared by all supersteps of a run.
        noise: Standard deviation of log durations between supersteps.
        degrees_of_freedom: Of Student's t, above zero.
        outside_observed_range: Whether a candidate lies outside what was measured.
    """

    parallelisms: Counts
    expected_log_s: Floats
    spread_of_expectation: Floats
    noise: float
    degrees_of_freedom: float
    outside_observed_range: Flags

    @property
    def known(self) -> Flags:
        """Which candidates anything is known of, shape (n,)."""
        return np.isfinite(self.expected_log_s)

    @property
    def expected_s(self) -> Floats:
        """Most probable seconds of one superstep, shape (n,)."""
        expected: Floats = np.exp(self.expected_log_s)
        return expected

    def rest_s(self, supersteps: int) -> tuple[Floats, Floats, Floats]:
        """Low, expected and high seconds of `supersteps` supersteps at `INTERVAL_LEVEL`, each of shape (n,)."""
        expected = self.expected_s * supersteps
        factor = np.exp(quantile(INTERVAL_LEVEL, self.degrees_of_freedom) * self._spread(supersteps))
        return expected / factor, expected, expected * factor

    def superstep_interval(self, index: int) -> Interval | None:
        """Seconds of one superstep at candidate `index`, or ``None`` where nothing is known."""
        if not self.known[index]:
            return None
        low, expected, high = self.rest_s(1)
        return Interval(
            low=float(low[index]),
            expected=float(expected[index]),
            high=float(high[index]),
            level=INTERVAL_LEVEL,
        )

    def chance_within(self, superstep_s: Floats, spread: Floats) -> Floats:
        """Probability that supersteps take at most so long in the mean, shape (n,); NaN where unknown.

        Args:
            superstep_s: Shape (n,); zero or less means certainly not.
            spread: Standard deviation of the log of that mean, shape (n,).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = np.log(np.maximum(superstep_s, 0.0)) - self.expected_log_s
        probabilities: Floats = stdtr(self.degrees_of_freedom, slack / spread)
        return probabilities

    def _spread(self, supersteps: int) -> Floats:
        spread: Floats = np.sqrt(self.spread_of_expectation**2 + self.noise**2 / supersteps)
        return spread


@dataclass(frozen=True, slots=True, kw_only=True)
class JointPrediction:
    """Superstep durations at several parallelisms with how they hang together.

    Attributes:
        prediction: Each for itself, shape (n,).
        covariance: Of the expectations, shape (n, n); the squares of `spread_of_expectation` are its diagonal.
    """

    prediction: Prediction
    covariance: Floats


def quantile(level: float, degrees_of_freedom: float) -> float:
    """Half the width, in spreads, of the interval around the middle of Student's t that holds a share `level`."""
    return float(stdtrit(degrees_of_freedom, 0.5 + level / 2))
