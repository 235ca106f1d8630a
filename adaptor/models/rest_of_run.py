"""How long the rest of a run takes, from other runs of the program and from the supersteps this one has done.

The profile over supersteps is not given a form: work may stay, shrink, grow or come in phases. Other runs show what
is left after so many supersteps, at their scale-outs; over log scale-out that is a straight line around which the truth
bends smoothly, as a Gaussian process does [Rasmussen06, ch. 2], or **falls off a cliff** somewhere between two of them:
below it the data no longer fit into memory. A run that was slower so far than others at its scale-out may stay so: by
how much is a slope that is learnt from the other runs too; it says less of other scale-outs the further away they are.
Sizes of all parts, and places of a cliff, are averaged over by how likely they make what was measured [Hoeting99];
beforehand each size is the less likely the further it is from none [Simpson17]. The answer is a mixture, and may have
two peaks: with a cliff somewhere between two scale-outs, what lies between them is on one of its sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtr

from adaptor.models.arrays import Floats
from adaptor.models.lone_curve import LEVEL_SPREAD

SLOPE, SLOPE_SPREAD = -0.4, 0.4
"""Of log seconds over log scale-out; flatter than that of single curves, as iterative jobs are small for a cluster."""

BENDS = (0.05, 0.2, 0.6, 1.2)
"""Standard deviations of what bends the line; the last is a run that gradually no longer fits into memory."""

LENGTHS = (0.15, 0.05, 0.5)
"""Logs of scale-out within which the bend stays alike, the usual one first; one worker in twenty for what is steep."""

CARRIES = (0.05, 0.5, 1.0)
"""Standard deviations of the slope by which being slower so far carries over to the rest; one is wholly."""

NOISES = (0.03, 0.08, 0.2, 0.4)
"""Standard deviations of log seconds between runs; public traces show 3 to 40 %."""

RATE = 3.0
"""Of the exponential distribution of bends and carries beforehand: one in twenty is beyond one, a factor of e."""

CLIFF_CHANCE = 0.1
"""How likely a cliff is beforehand among scale-outs that were seen: one program in ten runs short of memory."""

CLIFF, CLIFF_SPREAD = 1.0, 1.0
"""Log of the factor by which the rest is longer below a cliff: 1 to 7 within one standard deviation."""

CLIFF_BENDS = (0.05, 0.2)
"""Bends beside a cliff, over the longest length: what is steep is then the cliff."""

BISECTIONS = 50
"""Halvings by which a quantile is found: to a millionth of a millionth of the range."""


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
    """What is expected of the rest: a mixture of normal distributions of log seconds; arrays of shape (F,).

    Attributes:
        means: Of each.
        spreads: Standard deviation of each, noise between runs included.
        weights: How likely each is; they sum to one.
    """

    means: Floats
    spreads: Floats
    weights: Floats

    @property
    def seconds(self) -> float:
        """The answer of the least expected relative error: the median after weighing every duration by one over it.

        Where a run may or may not stay within memory, the middle of both would be wrong either way, and by most if it
        does: so of two sides that are about as likely the shorter one is told.
        """
        logs = np.log(np.maximum(self.weights, np.finfo(float).tiny)) - self.means + self.spreads**2 / 2
        weights = np.exp(logs - logs.max())
        return float(np.exp(_quantile(0.5, self.means - self.spreads**2, self.spreads, weights / weights.sum())))

    def interval_s(self, level: float) -> tuple[float, float]:
        """Seconds between which the truth lies with this probability, as much of the rest on either side."""
        low, high = (_quantile((1 + side * level) / 2, self.means, self.spreads, self.weights) for side in (-1, 1))
        return float(np.exp(low)), float(np.exp(high))


def _quantile(share: float, means: Floats, spreads: Floats, weights: Floats) -> float:
    """Where a mixture of normal distributions reaches a share."""
    low, high = float((means - 10 * spreads).min()), float((means + 10 * spreads).max())
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = float(weights @ ndtr((middle - means) / spreads)) < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laws:
    """F laws of different sizes; arrays of shape (F,).

    Attributes:
        bend: Standard deviation of what bends the line.
        length: Log of scale-out within which it stays alike.
        carry: Standard deviation of the slope by which being slower so far carries over.
        noise: Standard deviation between runs.
        cliff: Log of the scale-out below which the rest is longer; minus infinity without a cliff.
        log_chance: How likely each is beforehand.
    """

    bend: Floats
    length: Floats
    carry: Floats
    noise: Floats
    cliff: Floats
    log_chance: Floats

    @classmethod
    def all(cls, carries: tuple[float, ...], cliffs: list[tuple[float, float]]) -> _Laws:
        """Every combination; `cliffs` are places with what share of all cliffs each stands for."""
        smooth = list(product(BENDS, LENGTHS, carries, NOISES, [(-np.inf, 1.0 - CLIFF_CHANCE * bool(cliffs))]))
        steep = list(product(CLIFF_BENDS, LENGTHS[-1:], carries, NOISES, [(at, CLIFF_CHANCE * p) for at, p in cliffs]))
        steeps = max(1, len(steep) // max(1, len(cliffs)))
        found = [(*sizes, at, p / len(smooth)) for *sizes, (at, p) in smooth]
        found += [(*sizes, at, p / steeps) for *sizes, (at, p) in steep]
        bend, length, carry, noise, cliff, chance = np.array(found).T
        log_chance = np.log(chance) - RATE * (bend + carry)
        return cls(bend=bend, length=length, carry=carry, noise=noise, cliff=cliff, log_chance=log_chance)


def rest_of_run(runs: RunsSoFar, *, scale_out: float, done_s: float, wanted: float) -> Rest:
    """The rest of one run.

    Args:
        runs: Other runs of the program, at least one.
        scale_out: At which the run did its supersteps so far.
        done_s: Seconds they took; zero before the first.
        wanted: Scale-out of the rest.
    """
    u = np.log(np.append(runs.scale_out, scale_out))
    to = float(np.log(wanted))
    apart = _apart(u, np.log(np.append(runs.done_s, done_s))) if done_s > 0 else np.zeros(len(u))
    values = np.log(runs.rest_s) - SLOPE * u[:-1]
    level = float(np.median(values))
    laws = _Laws.all(CARRIES if done_s > 0 else (0.0,), _cliffs(u[:-1], to))
    means, variances, logs = _given(laws, np.append(u[:-1], to), apart, values - level, away=float(u[-1]) - to)
    weights = np.exp(logs - logs.max())
    return Rest(
        means=means + level + SLOPE * to,
        spreads=np.sqrt(np.maximum(variances, 1e-12)),
        weights=weights / weights.sum(),
    )


def _cliffs(u: Floats, to: float) -> list[tuple[float, float]]:
    """Logs of scale-outs between any two that were seen, or the one that is asked for; and their share of the range.

    A cliff beyond everything that was seen is not thought of: nothing would say how high it is.
    """
    places = np.unique(np.append(u, np.clip(to, u.min(), u.max())))
    gaps = np.diff(places)
    return list(zip(((places[1:] + places[:-1]) / 2).tolist(), (gaps / gaps.sum()).tolist(), strict=True))


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


def _given(laws: _Laws, u: Floats, apart: Floats, values: Floats, *, away: float) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and log weight of each law, each of shape (F,).

    Args:
        laws: F of them.
        u: Logs of scale-outs, the wanted one last, shape (R + 1,).
        apart: How much slower each run was so far, the asked one last, shape (R + 1,).
        values: Log seconds of the rest of R runs, the line taken off, shape (R,).
        away: Log scale-out at which the asked run was so far less the wanted one.
    """
    at = u - u[:-1].mean()
    distance = (at[:, np.newaxis] - at[np.newaxis, :])[np.newaxis]
    below = (u[np.newaxis, :] < laws.cliff[:, np.newaxis]).astype(np.float64)
    bend, length, carry, noise = (
        one[:, np.newaxis, np.newaxis] for one in (laws.bend, laws.length, laws.carry, laws.noise)
    )
    alike = np.ones(len(u))
    alike[-1] = np.exp(-0.5 * (away / LENGTHS[0]) ** 2)
    carried = np.outer(apart * alike, apart * alike)
    carried[-1, -1] = apart[-1] ** 2
    total = LEVEL_SPREAD**2 + SLOPE_SPREAD**2 * np.outer(at, at) + bend**2 * np.exp(-0.5 * (distance / length) ** 2)
    total = total + carry**2 * carried + noise**2 * np.eye(len(u))
    total += CLIFF_SPREAD**2 * below[:, :, np.newaxis] * below[:, np.newaxis, :]
    factor = np.linalg.cholesky(total[:, :-1, :-1])
    both = np.linalg.solve(factor, np.stack([values - CLIFF * below[:, :-1], total[:, :-1, -1]], axis=2))
    residual, gain = both[:, :, 0], both[:, :, 1]
    log_volume = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    mean = (gain * residual).sum(axis=1) + CLIFF * below[:, -1]
    variance = total[:, -1, -1] - (gain**2).sum(axis=1)
    return mean, variance, laws.log_chance - 0.5 * (residual**2).sum(axis=1) - log_volume
