"""One execution context alone: a curve through its own points over scale-out, with nothing else known.

Log seconds over log scale-out are a straight line or Amdahl's law [Amdahl67] with some share that does not divide;
around either, the truth wanders as a Brownian path does, since clusters of different sizes divide work differently,
and measuring adds noise. How likely each law, wander and noise are follows from the points themselves, and the
answers of all are averaged accordingly [Hoeting99]. A Brownian path makes the answer between two points the line
between them where noise is small, and a smoother one where it is not [Rasmussen06, appendix B].
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from adaptor.models.arrays import Floats

SLOPE, SLOPE_SPREAD = -0.7, 0.3
"""Of log seconds over log scale-out: between no gain and perfect division, nearer to the latter."""

FIXED_SHARES = (0.02, 0.05, 0.1, 0.2)
"""Shares of the time at the middle scale-out that do not divide; 2 to 20 % as in [Venkataraman16]'s jobs."""

AMDAHL_SPREAD = 0.1
"""Of the slope around Amdahl's law."""

AMDAHL_CHANCE = 0.4
"""How likely Amdahl's law is beforehand, all its shares together."""

WANDERS = (0.1, 0.2)
"""Standard deviations of the path after one unit of log scale-out, a factor of e."""

NOISES = (0.003, 0.01, 0.03)
"""Standard deviations of log seconds between runs: quiet clusters show 0.3 to 1 %, shared ones more. Greater ones
cannot be told from wander by single runs, and would smooth away what is true."""

REACH = 3.0
"""Logs of scale-out over which a path forgets: beyond any range that is measured, so that it wanders freely."""

LEVEL_SPREAD = 5.0
"""Of log seconds at the middle: nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneCurves:
    """Answers for R curves.

    Attributes:
        log_s: Expected log seconds, shape (R,).
        spread: Standard deviation of a single run's log seconds, shape (R,).
    """

    log_s: Floats
    spread: Floats


def predicted(scale_outs: Floats, log_s: Floats, wanted: Floats) -> LoneCurves:
    """One answer for each of R sets of n points.

    Args:
        scale_outs: Shape (R, n).
        log_s: Shape (R, n).
        wanted: Scale-out that is asked for, shape (R,).
    """
    middle = np.exp(np.log(scale_outs).mean(axis=1, keepdims=True))
    at, to = scale_outs / middle, wanted[:, np.newaxis] / middle
    found = [
        _given_law(
            np.log(at),
            log_s - _law(at, share),
            np.log(to),
            wander=wander,
            noise=noise,
            law=(share, _law(to, share)),
        )
        for wander, noise in product(WANDERS, NOISES)
        for share in (None, *FIXED_SHARES)
    ]
    means, variances, logs = (np.array([one[i] for one in found]) for i in range(3))
    weights = np.exp(logs - logs.max(axis=0))
    weights /= weights.sum(axis=0)
    mean = (weights * means).sum(axis=0)
    square = (weights * (variances + means**2)).sum(axis=0)
    return LoneCurves(log_s=mean, spread=np.sqrt(np.maximum(square - mean**2, 1e-12)))


def _law(at: Floats, share: float | None) -> Floats:
    """Log seconds by the law, over scale-outs relative to the middle."""
    if share is None:
        return SLOPE * np.log(at)
    law: Floats = np.log(share + (1 - share) / at)
    return law


def _given_law(
    u: Floats, off: Floats, to: Floats, *, wander: float, noise: float, law: tuple[float | None, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and log weight of one law with one wander and noise, each of shape (R,)."""
    share, expected = law
    slope_spread = SLOPE_SPREAD if share is None else AMDAHL_SPREAD
    chance = 1 - AMDAHL_CHANCE if share is None else AMDAHL_CHANCE / len(FIXED_SHARES)
    level = off.mean(axis=1, keepdims=True)

    def covariance(left: Floats, right: Floats) -> Floats:
        apart = np.abs(left[:, :, np.newaxis] - right[:, np.newaxis, :])
        line = slope_spread**2 * left[:, :, np.newaxis] * right[:, np.newaxis, :]
        total: Floats = LEVEL_SPREAD**2 + line + wander**2 * REACH * np.exp(-apart / REACH)
        return total

    factor = np.linalg.cholesky(covariance(u, u) + noise**2 * np.eye(u.shape[1]))
    residual = np.linalg.solve(factor, (off - level)[:, :, np.newaxis])[:, :, 0]
    gain = np.linalg.solve(factor, covariance(u, to))[:, :, 0]
    mean = (gain * residual).sum(axis=1) + (level + expected)[:, 0]
    variance = covariance(to, to)[:, 0, 0] - (gain**2).sum(axis=1) + noise**2
    log_volume = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return mean, variance, np.log(chance) - 0.5 * (residual**2).sum(axis=1) - log_volume
