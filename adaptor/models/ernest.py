"""Ernest's law of scale-out: a fixed part, a part that divides, a tree aggregation, and a cost per worker.

``T(p) = a + b / p + c log p + d p`` with all coefficients zero or more [Venkataraman16]. The fit minimises
relative errors, because a second matters more on a superstep of five seconds than on one of five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from adaptor.models.arrays import Floats

ROUNDING = 1e-9
"""Relative difference that is no difference: a hundred thousand times what double precision rounds away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErnestLaw:
    """A fitted law.

    Attributes:
        coefficients: Seconds of the fixed, divided, logarithmic and linear part, each zero or more.
    """

    coefficients: tuple[float, float, float, float]

    @classmethod
    def fit(cls, parallelisms: Floats, durations_s: Floats, weights: Floats) -> ErnestLaw:
        """The law that is nearest to the points, by relative error.

        With two points four coefficients cannot be told apart; the fixed and the divided part are tried alone
        first then, and the others only where those cannot follow the points (a time that grows).

        A law by which one subtask alone would be faster than its share of many is refused, and the fit made without
        the logarithm: that part alone says that one subtask takes no time at all.

        Args:
            parallelisms: Shape (n,), distinct, n >= 2.
            durations_s: Shape (n,), seconds, above zero.
            weights: Shape (n,), how much each point counts, above zero.

        Returns:
            The fitted law.
        """
        rows = features(parallelisms) * (np.sqrt(weights) / durations_s)[:, np.newaxis]
        wanted = np.sqrt(weights)
        if len(parallelisms) == 2:  # noqa: PLR2004 - see the docstring
            simple, misfit = nnls(rows[:, :2], wanted)
            if misfit < ROUNDING * np.linalg.norm(wanted):
                return cls._of(simple[0], simple[1], 0.0, 0.0)
        law = cls._of(*nnls(rows, wanted)[0])
        share_s = (law.durations_s(parallelisms) / parallelisms).max()
        if law.durations_s(np.ones(1))[0] < share_s * (1 - ROUNDING):
            fixed, divided, linear = nnls(rows[:, [0, 1, 3]], wanted)[0]
            return cls._of(fixed, divided, 0.0, linear)
        return law

    @classmethod
    def _of(cls, fixed: float, divided: float, logarithmic: float, linear: float) -> ErnestLaw:
        return cls(coefficients=(float(fixed), float(divided), float(logarithmic), float(linear)))

    def durations_s(self, parallelisms: Floats) -> Floats:
        """Seconds at each parallelism, shape as given."""
        durations: Floats = features(parallelisms) @ np.asarray(self.coefficients)
        return durations


def features(parallelisms: Floats) -> Floats:
    """Ernest's four features of each parallelism, shape (n, 4), from shape (n,)."""
    return np.column_stack((np.ones_like(parallelisms), 1.0 / parallelisms, np.log(parallelisms), parallelisms))
