"""The few ways in which a superstep is thought to end, in place of a whole distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from adaptor.models.arrays import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """Ways in which a superstep may end: the middles of as many parts of its distribution.

    Attributes:
        quantiles: From 0 to 1.
        chances: How likely each part is.
        width: Standard deviation inside of the parts, in those of the whole, which the middles leave out.
    """

    quantiles: Floats
    chances: Floats
    width: float

    @classmethod
    def between(cls, *ends: float) -> Endings:
        """Parts with these ends, from 0 to 1."""
        edges = np.array(ends)
        quantiles, chances = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        between = float(chances @ ndtri(quantiles) ** 2)
        return cls(quantiles=quantiles, chances=chances, width=float(np.sqrt(1.0 - between)))


FIRST = Endings.between(0.0, 0.1, 0.3, 0.7, 0.9, 1.0)
SECOND = Endings.between(0.0, 0.2, 0.8, 1.0)
"""Finer towards the tails, as it is the tails that risk is about; more parts change no decision that was looked at."""
