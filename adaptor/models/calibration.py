"""How wide intervals must be to hold what they claim: learnt from contexts that were left out.

Each context of the training part is predicted from the others, with 0, 1, 2, ... of its own parallelisms given; how
often the truth lay inside says by which factor the spread has to be stretched, and which Student's t its tails
follow. This is cross-conformal calibration [Vovk15] of standardised residuals, with contexts as what is exchangeable:
a new context is one more of them. A quantile of n contexts is taken at (n + 1) / n of its level, as conformal
prediction does, so that few contexts give wide intervals. Nothing is promised for contexts unlike all others, or
outside of the parallelisms that were measured; there the spread of the process widens by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtrit

from adaptor.models.arrays import Floats
from adaptor.models.gaussian import conditioned

LEVELS = (0.5, 0.8, 0.9)
"""Levels that intervals are fitted to; their shares of the tails are matched by one Student's t."""

TAILS = (3.0, 4.0, 6.0, 10.0, 30.0)
"""Degrees of freedom that are tried."""

MOST_GIVEN = 3
"""Parallelisms of its own up to which a context is calibrated; later ones change little."""

SUBSETS = 6
"""Choices of given parallelisms that are tried for each context and number."""

USUAL_STRETCH, USUAL_TAIL = 1.0, 5.0
"""What holds where there are too few contexts to learn from: what the process itself says, which before it has learnt
is wide, with heavy tails."""

USUAL_WEIGHT = 1.0
"""Contexts that the usual stretch is worth."""

WIDEST = 10.0
"""Largest stretch: beyond it there is no prediction left to stretch."""

NARROWEST = 0.2
"""Least stretch that is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A context that was left out, with b of its points.

    Attributes:
        error: Log seconds less what the others said, shape (b,).
        covariance: What the others said of it, noise left out, shape (b, b).
        noise: Variances of measuring, shape (b,).
    """

    error: Floats
    covariance: Floats
    noise: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Stretch of the spread and degrees of freedom after 0, 1, 2, ... parallelisms."""

    stretch: tuple[float, ...]
    degrees_of_freedom: tuple[float, ...]


def calibrated(held: Sequence[Held]) -> Calibration:
    """What makes intervals hold over these contexts."""
    found = [_fitted(_residuals(held, given)) for given in range(MOST_GIVEN + 1)]
    return Calibration(
        stretch=tuple(stretch for stretch, _ in found), degrees_of_freedom=tuple(tail for _, tail in found)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Residuals:
    """Errors with variances of expectation and noise, shapes (n,), from so many contexts."""

    squares: Floats
    variances: Floats
    noise: Floats
    contexts: int


def _residuals(held: Sequence[Held], given: int) -> _Residuals:
    squares, variances, noise, contexts = [], [], [], 0
    for one in held:
        choices = list(combinations(range(len(one.error)), given)) if len(one.error) > given else []
        contexts += bool(choices)
        for chosen in choices[:: max(1, len(choices) // SUBSETS)][:SUBSETS]:
            rest = np.setdiff1d(np.arange(len(one.error)), chosen)
            order = np.concatenate((np.array(chosen, dtype=np.int64), rest))
            total = (one.covariance + np.diag(one.noise))[np.ix_(order, order)]
            mean, spread = conditioned(
                np.zeros(len(order)), total, one.error[list(chosen)], slice(0, given), slice(given, len(order))
            )
            squares.append((one.error[rest] - mean) ** 2)
            variances.append(np.maximum(np.diag(spread) - one.noise[rest], 1e-12))
            noise.append(one.noise[rest])
    if not squares:
        return _Residuals(squares=np.empty(0), variances=np.empty(0), noise=np.empty(0), contexts=0)
    return _Residuals(
        squares=np.concatenate(squares),
        variances=np.concatenate(variances),
        noise=np.concatenate(noise),
        contexts=contexts,
    )


def _fitted(residuals: _Residuals) -> tuple[float, float]:
    """Stretch and degrees of freedom, shrunk towards the usual ones where contexts are few."""
    if residuals.contexts < len(LEVELS):
        return USUAL_STRETCH, USUAL_TAIL
    candidates = []
    for tail in TAILS:
        logs = np.log([_needed(residuals, level, tail) for level in LEVELS])
        candidates.append((float(np.ptp(logs)), float(logs[1:].mean()), tail))
    _, log_stretch, tail = min(candidates)
    share = residuals.contexts / (residuals.contexts + USUAL_WEIGHT)
    return float(np.exp(share * log_stretch + (1 - share) * np.log(USUAL_STRETCH))), tail


def _needed(residuals: _Residuals, level: float, tail: float) -> float:
    """The stretch by which an interval of this level would have held."""
    reach = float(stdtrit(tail, 0.5 + level / 2)) ** 2
    needed = np.sqrt(np.maximum(residuals.squares / reach - residuals.noise, 0.0) / residuals.variances)
    corrected = min(1.0, level * (residuals.contexts + 1) / residuals.contexts)
    return min(max(NARROWEST, float(np.quantile(needed, corrected))), WIDEST)
