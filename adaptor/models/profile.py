"""How the work of a run changes from superstep to superstep: constant, shrinking, growing, periodic, or as others did.

Two parts, both of log seconds. A **trend** that goes on beyond what was seen: none, a power of the superstep's number,
an exponential of it, or a period; each is a linear model with a conjugate prior, and they are averaged by how likely
they make what was measured [Hoeting99], [Gelman13, ch. 14]. And what **single supersteps** of earlier runs have of
their own, such as a phase of another kind of work: the mean of what several runs show, shrunk by how far runs differ
[Gelman13, ch. 5]. Supersteps are compared within stretches of one run at one parallelism alone, so neither the level of
a run nor its parallelism is taken for work. Cold supersteps say nothing of work; start-up is a matter of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.models.arrays import Counts, Floats
from adaptor.models.noise import RUN_LEVEL, SUPERSTEP_NOISE
from adaptor.models.prediction import Prediction

FEWEST = 3
"""Warm supersteps from which on a change can be seen: two of one stretch differ by noise anyhow."""

MOST = 300
"""Most supersteps of each origin that are looked at, the newest: bounds the work at a barrier to some tenths of a
millisecond."""

CONSTANT_CHANCE = 0.9
"""How likely work is constant beforehand: most iterative programs touch all their data in each superstep."""

PERIODS = (2, 3, 4, 5, 6)
"""Periods that are tried, in supersteps: phases of one algorithm's round, of which more than six are not known."""

COEFFICIENT = 10.0
"""Standard deviation of coefficients beforehand, in units of noise: 0.5 at the usual noise of 5 %, the exponent with
which work falls that halves when the superstep's number is multiplied by four."""

REACH = 2.0
"""How far a trend is followed, as a multiple of the last superstep seen: as far again as it was seen, then no more."""

NEGLIGIBLE = 0.01
"""Largest change of log seconds that is no change: one per cent is below the noise of any cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """N warm supersteps; every array has shape (N,).

    Attributes:
        superstep: Number in its run.
        stretch: Which stretch of one run at one parallelism it belongs to, from 0.
        log_s: Log seconds less their mean over the stretch.
        others: Whether another run than this one did it.
    """

    superstep: Counts
    stretch: Counts
    log_s: Floats
    others: Floats

    @property
    def free(self) -> int:
        """Supersteps less stretches."""
        return len(self.superstep) - int(self.stretch[-1]) - 1

    def centred(self, values: Floats) -> Floats:
        """Values less their mean over each stretch, shape (N,) or (N, m)."""
        starts = np.flatnonzero(np.diff(self.stretch, prepend=-1))
        counts = np.diff(starts, append=len(self.stretch))
        means = (np.add.reduceat(values, starts).T / counts).T
        centred: Floats = values - means[self.stretch]
        return centred


@dataclass(frozen=True, kw_only=True)
class WorkProfile:
    """Log work of any superstep, relative to what is usual for the program.

    Attributes:
        next_superstep: Number of the superstep that comes next.
        seen: Numbers of the first and the last warm superstep of any run.
        weights: How much each of F linear models of the trend counts, shape (F,).
        coefficients: Of each of them for its columns, shape (F, W).
        covariances: Of these, shape (F, W, W).
        single: What supersteps 0, 1, ... have of their own, shape (K,).
        single_variance: Of that, shape (K,); later ones have `unseen_variance`.
        unseen_variance: Of what a superstep has of its own that no other run did.
        usual: Log work that counts as usual.
    """

    next_superstep: int
    seen: tuple[int, int]
    weights: Floats
    coefficients: Floats
    covariances: Floats
    single: Floats
    single_variance: Floats
    unseen_variance: float
    usual: float = 0.0

    @classmethod
    def of(cls, observations: Sequence[ObservedDuration]) -> WorkProfile | None:
        """What supersteps of one execution context show, or ``None`` for constant work.

        Args:
            observations: Those of each run in the order in which they were measured.
        """
        own = [one.superstep for one in observations if one.superstep and one.origin is Origin.THIS_RUN]
        seen = _seen(observations)
        if seen is None:
            return None
        range_ = int(seen.superstep.min()), int(seen.superstep.max())
        columns = seen.centred(_columns(seen.superstep, range_))
        weights, coefficients, covariances = _trends(columns, seen)
        left = seen.centred(seen.log_s - columns @ _averaged(weights, coefficients))
        single, variance, unseen = _singles(seen, left)
        profile = cls(
            next_superstep=max(own, default=0) + 1,
            seen=range_,
            weights=weights,
            coefficients=coefficients,
            covariances=covariances,
            single=single,
            single_variance=variance,
            unseen_variance=unseen,
        )
        logs = profile.logs(np.append(seen.superstep, profile.next_superstep))
        if float(np.ptp(logs)) < NEGLIGIBLE:
            return None
        return replace(profile, usual=float(np.median(logs[:-1])))

    def logs(self, supersteps: Counts) -> Floats:
        """Log work of supersteps, shape as given."""
        trend = _columns(supersteps, self.seen) @ _averaged(self.weights, self.coefficients)
        # A superstep before all that were seen has the work of the first of them.
        place = np.maximum(supersteps, self.seen[0])
        known = place < len(self.single)
        single = np.where(known, self.single[np.where(known, place, 0)], 0.0)
        logs: Floats = trend + single - self.usual
        return logs

    @cached_property
    def next_log(self) -> float:
        """Log work of the superstep that comes next."""
        return float(self.logs(np.array([self.next_superstep]))[0])

    def levelled(self, observations: Sequence[ObservedDuration]) -> list[ObservedDuration]:
        """Observations as if each superstep had had the usual work; cold ones as they are."""
        logs = self.logs(np.array([one.superstep or 0 for one in observations], dtype=np.int64))
        factors = np.exp(-logs).tolist()
        return [
            one if one.cold or not one.superstep else replace(one, duration_s=one.duration_s * factor)
            for one, factor in zip(observations, factors, strict=True)
        ]

    def applied(self, prediction: Prediction) -> Prediction:
        """A prediction of a usual superstep, turned into that of the one that comes next."""
        return replace(prediction, expected_log_s=prediction.expected_log_s + self.next_log)

    def ahead(self, first: int, supersteps: int) -> tuple[Floats, float]:
        """As `adaptor.models.runtime.RuntimeModel.work_ahead`."""
        coming = np.arange(first, first + supersteps)
        factors = np.exp(self.logs(coming) - self.next_log)
        shares = factors / factors.sum()
        # By how much the log of the mean moves with each coefficient: a mean over supersteps, less the next one.
        next_ = np.array([self.next_superstep])
        lever = (shares @ _columns(coming, self.seen) - _columns(next_, self.seen)[0])[MODELS] * USED
        moved = (self.coefficients * lever).sum(axis=1)
        trend = self.weights @ (np.einsum("fi,fij,fj->f", lever, self.covariances, lever) + moved**2)
        known = coming < len(self.single_variance)
        own = np.where(known, self.single_variance[np.where(known, coming, 0)], self.unseen_variance)
        variance = float(trend - (self.weights @ moved) ** 2 + shares**2 @ own)
        return factors, float(np.sqrt(max(variance, 0.0)))


def _seen(observations: Sequence[ObservedDuration]) -> _Seen | None:
    """Warm supersteps with a number, or ``None`` where they are too few to show anything."""
    usable = [one for one in observations if one.superstep and not one.cold]
    runs = [[one for one in usable if one.origin is origin] for origin in (Origin.THIS_RUN, *OTHERS)]
    kept = [one for run in runs for one in run[-MOST:]]
    if len(kept) < FEWEST:
        return None
    superstep = np.array([one.superstep for one in kept], dtype=np.int64)
    begins = (np.diff(superstep) <= 0) | (np.diff([one.parallelism for one in kept]) != 0)
    own = len(runs[0][-MOST:])
    for place in np.cumsum([len(run[-MOST:]) for run in runs[:-1]]):
        begins[place - 1 : place] = place > 0
    seen = _Seen(
        superstep=superstep,
        stretch=np.concatenate(([0], np.cumsum(begins))),
        log_s=np.log([one.duration_s for one in kept]),
        others=(np.arange(len(kept)) >= own).astype(np.float64),
    )
    return replace(seen, log_s=seen.centred(seen.log_s)) if seen.free >= FEWEST - 1 else None


OTHERS = (Origin.EARLIER_RUN, Origin.PEER)


def _phases() -> tuple[Counts, Counts, list[list[int]]]:
    """Period and place of each column of a phase, and which columns each period has."""
    pairs = [(period, place) for period in PERIODS for place in range(1, period)]
    chosen = [[2 + i for i, (period, _) in enumerate(pairs) if period == one] for one in PERIODS]
    return np.array([one for one, _ in pairs]), np.array([one for _, one in pairs]), chosen


PERIOD, PLACE, PHASES = _phases()


def _models() -> tuple[Counts, Floats]:
    """Columns of each linear model, padded, and which of them it really has; shape (F, W)."""
    chosen = [[], [0], [1], [0, 1], *PHASES]
    width = max(len(one) for one in chosen)
    padded = [one + [0] * (width - len(one)) for one in chosen]
    used = [[1.0] * len(one) + [0.0] * (width - len(one)) for one in chosen]
    return np.array(padded, dtype=np.int64), np.array(used)


MODELS, USED = _models()
"""None, a power, an exponential, both, and each period."""


def _columns(superstep: Counts, seen: tuple[int, int]) -> Floats:
    """What trends are made of, shape (n, m): log of the number, the number itself, and places in each period."""
    followed = np.clip(superstep, seen[0], REACH * seen[1])[:, np.newaxis]
    phases = superstep[:, np.newaxis] % PERIOD == PLACE
    return np.hstack([np.log(followed), followed / seen[1], phases])


def _averaged(weights: Floats, coefficients: Floats) -> Floats:
    """One coefficient for each column, shape (m,), from those of all models."""
    shares = weights[:, np.newaxis] * coefficients * USED
    return np.bincount(MODELS.ravel(), weights=shares.ravel(), minlength=2 + len(PERIOD)).astype(np.float64)


def _trends(columns: Floats, seen: _Seen) -> tuple[Floats, Floats, Floats]:
    """Weight, coefficients and their covariance of each linear model; shapes (F,), (F, W) and (F, W, W)."""
    products, total = columns.T @ columns, float(seen.log_s @ seen.log_s)
    towards = (columns.T @ seen.log_s)[MODELS] * USED
    both = USED[:, :, np.newaxis] * USED[:, np.newaxis, :]
    precision = products[MODELS[:, :, np.newaxis], MODELS[:, np.newaxis, :]] * both
    precision += np.eye(MODELS.shape[1]) / COEFFICIENT**2
    covariance = np.linalg.inv(precision) * both
    coefficients = np.einsum("fij,fj->fi", covariance, towards)
    belief, weight = SUPERSTEP_NOISE.weight * SUPERSTEP_NOISE.spread**2, SUPERSTEP_NOISE.weight + seen.free
    left = belief + np.maximum(0.0, total - (coefficients * towards).sum(axis=1))
    volume = np.linalg.slogdet(precision * COEFFICIENT**2)[1]
    logs = np.log(CHANCES) - 0.5 * volume - 0.5 * weight * np.log(left)
    weights = np.exp(logs - logs.max())
    return weights / weights.sum(), coefficients, covariance * (left / weight)[:, np.newaxis, np.newaxis]


CHANCES = np.array([CONSTANT_CHANCE, *[(1.0 - CONSTANT_CHANCE) / (len(MODELS) - 1)] * (len(MODELS) - 1)])
"""Of each linear model beforehand."""

SWEEPS = 5
"""Turns in which levels of stretches and what supersteps have of their own are told apart: enough for two digits."""


def _singles(seen: _Seen, left: Floats) -> tuple[Floats, Floats, float]:
    """What each superstep has of its own in other runs, its variance, and that of supersteps that none of them did."""
    length = int(seen.superstep.max()) + 1
    counts = np.bincount(seen.superstep, weights=seen.others, minlength=length)
    if not counts.any():
        return np.zeros(1), np.zeros(1), 0.0
    own: Floats = np.zeros(length)
    values = left
    for _ in range(SWEEPS):
        own = np.bincount(seen.superstep, weights=seen.others * values, minlength=length) / np.maximum(counts, 1.0)
        values = seen.centred(left - own[seen.superstep]) + own[seen.superstep]
    off = seen.others * (values - own[seen.superstep])
    kinds = int((counts > 0).sum())
    free = max(0.0, float(counts.sum()) - kinds - len(np.unique(seen.stretch[seen.others > 0])) + 1)
    noise = RUN_LEVEL.updated(float(off @ off) if free else 0.0, free).spread ** 2
    between = max(0.0, (float(counts @ own**2) - kinds * noise) / float(counts.sum()))
    shrinkage = counts * between / (counts * between + noise)
    return shrinkage * own, between * (1.0 - shrinkage), between
