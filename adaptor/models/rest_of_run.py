"""How long the rest of a run takes, from other runs of the program and from the supersteps this one has done.

The profile over supersteps is not given a form: work may stay, shrink, grow or come in phases. Other runs show what
is left after so many supersteps, at their scale-outs; over log scale-out that is a straight line around which the truth
bends smoothly, as a Gaussian process does [Rasmussen06, ch. 2]. A run that was slower so far than others at its
scale-out may stay so: by how much is a slope that is learnt from the other runs too, and shrunk towards none where they
do not show it. Sizes of all parts are averaged over by how likely they make what was measured [Hoeting99].
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from adaptor.models.arrays import Floats
from adaptor.models.lone_curve import LEVEL_SPREAD

SLOPE, SLOPE_SPREAD = -0.4, 0.4
"""Of log seconds over log scale-out; flatter than that of single curves, as iterative jobs are small for a cluster."""

BENDS = (0.05, 0.2, 0.6, 1.2)
"""Standard deviations of what bends the line; the last is a run that no longer fits into memory."""

LENGTHS = (0.15, 0.05, 0.5)
"""Logs of scale-out within which the bend stays alike, the usual one first; one worker in twenty for cliffs."""

CARRIES = (0.05, 0.5, 1.0)
"""Standard deviations of the slope by which being slower so far carries over to the rest; one is wholly."""

NOISES = (0.03, 0.08, 0.2, 0.4)
"""Standard deviations of log seconds between runs; public traces show 3 to 40 %."""


LARGEST_VARIANCE = 1.0
"""Variance of log seconds that `Rest.seconds` is corrected for; with more, a mean is a matter of its tails alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsSoFar:
    """R runs after the same number of supersteps; every array has shape (R,).

    Attributes:
        scale_out: Workers.
        done_s: Seconds of the supersteps done; zero before the first.
        rest_s: Seconds of the others.
    """

    scale_out: Floats
    done_s: Floats
    rest_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is expected of the rest.

    Attributes:
        log_s: Log seconds.
        spread: Their standard deviation.
    """

    log_s: float
    spread: float

    @property
    def seconds(self) -> float:
        """The answer whose relative error is zero in the mean: one over the mean of one over the seconds.

        Where a run may or may not stay within memory, the middle of both is too long for most runs by far.
        """
        return float(np.exp(self.log_s - min(self.spread**2, LARGEST_VARIANCE) / 2))


def rest_of_run(runs: RunsSoFar, *, scale_out: float, done_s: float, wanted: float) -> Rest:
    """The rest of one run.

    Args:
        runs: Other runs of the program, at least one.
        scale_out: At which the run did its supersteps so far.
        done_s: Seconds they took; zero before the first.
        wanted: Scale-out of the rest.
    """
    u = np.log(np.append(runs.scale_out, scale_out))
    to = np.log(wanted)
    apart = _apart(u, np.log(np.append(runs.done_s, done_s))) if done_s > 0 else np.zeros(len(u))
    values = np.log(runs.rest_s) - SLOPE * u[:-1]
    level = float(np.median(values))
    carries = CARRIES if done_s > 0 else (0.0,)
    found = [
        _given(u[:-1], apart[:-1], values - level, (to, apart[-1]), (bend, length, carry, noise))
        for bend, length, carry, noise in product(BENDS, LENGTHS, carries, NOISES)
    ]
    means, variances, logs = (np.array([one[i] for one in found]) for i in range(3))
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    mean = float(weights @ means)
    variance = float(weights @ (variances + means**2)) - mean**2
    return Rest(log_s=mean + level + SLOPE * float(to), spread=float(np.sqrt(max(variance, 1e-12))))


def _apart(u: Floats, logs: Floats) -> Floats:
    """How much slower each run was so far than the others at like scale-outs, shape (R + 1,)."""
    level = logs - SLOPE * u
    alike = np.exp(-0.5 * ((u[:, np.newaxis] - u[np.newaxis, :]) / LENGTHS[0]) ** 2) + ANYWHERE
    alike[:, -1] = 0.0
    np.fill_diagonal(alike, 0.0)
    if len(u) == 2:  # noqa: PLR2004 - one other run, which then has nobody to be compared with
        return np.array([0.0, float(level[1] - level[0])])
    apart: Floats = level - alike @ level / alike.sum(axis=1)
    return apart


ANYWHERE = 0.02
"""Weight of runs at quite other scale-outs, for where there are no nearer ones."""


def _given(
    u: Floats, apart: Floats, values: Floats, target: tuple[float, float], sizes: tuple[float, float, float, float]
) -> tuple[float, float, float]:
    """Mean, variance and log weight with parts of these sizes."""
    bend, length, carry, noise = sizes
    middle = u.mean()
    at, x = np.append(u, target[0]) - middle, np.append(apart, target[1])
    distance = (at[:, np.newaxis] - at[np.newaxis, :]) / length
    total = LEVEL_SPREAD**2 + SLOPE_SPREAD**2 * np.outer(at, at) + bend**2 * np.exp(-0.5 * distance**2)
    total = total + carry**2 * np.outer(x, x) + noise**2 * np.eye(len(at))
    factor = np.linalg.cholesky(total[:-1, :-1])
    residual = np.linalg.solve(factor, values)
    gain = np.linalg.solve(factor, total[:-1, -1])
    log_weight = -0.5 * residual @ residual - np.log(np.diag(factor)).sum()
    return float(gain @ residual), float(total[-1, -1] - gain @ gain), float(log_weight)
