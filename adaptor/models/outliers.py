"""How far to believe what was measured: single observations, and whole contributors.

Observations are judged within their group and by what the rest says of it (`adaptor.models.beliefs`). What a
contributor measured alone is compared with what all others say of it: where the two are further apart than the rest
usually is, the difference counts as noise of measuring. So nothing is thrown away: if others confirm it later, it
counts again. The usual distance is measured by medians, which bear up to half of all points being wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from adaptor.models.arrays import Counts, Floats
from adaptor.models.beliefs import Group, Sources, judgement
from adaptor.models.groups import NORMAL_MAD, Summary
from adaptor.models.noise import SUPERSTEP_NOISE
from adaptor.models.process import left_out
from adaptor.models.training import TrainingSet

TOLERATED_OF_CONTRIBUTOR = 3.0
"""Usual distances at which half of what a contributor measured may lie."""

TOLERATED = 8.0
"""Usual distances from which on a whole group is not believed. Far beyond what noise does, because memory cliffs lie
off too, are true, and predict the worst errors."""

MOST_DOUBTED = 5
"""Contributors that are newly doubted at a time: each takes a look at everything; later rounds find more."""

LEAST_SPREAD = 0.15
"""Least standard deviation of what the rest says, where observations of a group are judged by it: by so much curves of
like contexts differ beforehand. The group itself then has the say, unless it is torn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far contributors are believed; arrays have shape (contributors,).

    Attributes:
        weights: From 0 to 1.
        doubts: Variance to add to everything each of them measured.
    """

    weights: Floats
    doubts: Floats

    @classmethod
    def whole(cls, contributors: int) -> Trust:
        """In everybody."""
        return cls(weights=np.ones(contributors), doubts=np.zeros(contributors))

    def less(self, other: Trust) -> Trust:
        """The lesser of both, for each contributor."""
        return Trust(weights=np.minimum(self.weights, other.weights), doubts=np.maximum(self.doubts, other.doubts))


def trust_in_contributors(total: Floats, values: Floats, contributors: Counts, *, before: Trust) -> Trust:
    """How far each contributor agrees with the others in what he measured alone.

    The one who is farthest off is doubted first, and the others are then compared without him: else one liar makes
    those look wrong whom he is compared with.

    Args:
        total: Covariance with noise, shape (N, N).
        values: Log seconds less their expectation, shape (N,).
        contributors: Who measured each point, shape (N,); the number of contributors stands for several together.
        before: Whom there is reason to doubt already.
    """
    trust = before
    for _ in range(min(MOST_DOUBTED, len(np.unique(contributors)) - 1)):
        doubted = total + np.diag(np.append(trust.doubts, 0.0)[contributors])
        worst = _farthest_off(doubted, values, contributors, trust)
        if worst is None:
            break
        trust = trust.less(worst)
    return trust


def _farthest_off(total: Floats, values: Floats, contributors: Counts, trust: Trust) -> Trust | None:
    """Doubt about whoever is farthest off the others and was not doubted before, or ``None``."""
    usual, known = _usual(alone(total, values)), len(trust.weights)
    found = None
    farthest = TOLERATED_OF_CONTRIBUTOR
    for one in left_out(total, values, contributors):
        code = int(contributors[one.places[0]])
        off = np.abs(values[one.places] - one.mean)
        distance = float(np.median(off / np.sqrt(np.diag(one.covariance)))) / usual
        if code < known and trust.doubts[code] == 0.0 and distance > farthest:
            farthest, found = distance, Trust.whole(known)
            found.weights[code] = (TOLERATED_OF_CONTRIBUTOR / distance) ** 2
            found.doubts[code] = float(np.median(off**2)) * len(off)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What all others say of each point; arrays have shape (N,).

    Attributes:
        errors: What the point lies off that.
        spreads: Standard deviation of that, noise of measuring the point included.
    """

    errors: Floats
    spreads: Floats


def alone(total: Floats, values: Floats) -> Alone:
    """What each point lies off what all others say, and the spread of that [Rasmussen06, eq. 5.12]."""
    inverse = cho_solve(cho_factor(total, lower=True), np.eye(len(values)))
    own = np.diag(inverse)
    return Alone(errors=(inverse @ values) / own, spreads=np.sqrt(1.0 / own))


def noise_of_outliers(total: Floats, values: Floats) -> Floats:
    """Variance to add to each point because the others contradict it, shape (N,); arguments as of `alone`."""
    points = alone(total, values)
    extra: Floats = np.where(np.abs(points.errors) > TOLERATED * _usual(points) * points.spreads, points.errors**2, 0.0)
    return extra


def _usual(points: Alone) -> float:
    """How far points usually lie off, in spreads; at least one."""
    return max(1.0, NORMAL_MAD * float(np.median(np.abs(points.errors / points.spreads))))


def judged(training: TrainingSet, points: Alone, *, noise: Floats, sources: Sources) -> tuple[Floats, Floats]:
    """Probability that each observation is right, shape (M,), and doubt about each group, shape (groups,).

    Args:
        training: Observations in groups.
        points: What all other groups say of each.
        noise: Variance of measuring each group, shape (groups,).
        sources: How often observations were wrong.
    """
    observed = training.observed
    spreads = np.maximum(_usual(points) * np.sqrt(np.maximum(points.spreads**2 - noise, 0.0)), LEAST_SPREAD)
    within = max(usual_noise(training), SUPERSTEP_NOISE.spread)
    wrong = sources.by_contributor[observed.contributor]
    expected = training.log_s - points.errors
    beliefs, doubts = np.empty(len(observed.log_s)), np.empty(len(training))
    for place, part in enumerate(observed.parts):
        group = Group(
            log_s=observed.log_s[part],
            votes=observed.votes[part],
            expected=float(expected[place]),
            spread=float(spreads[place]),
            noise=within,
            scatter=float(np.std(observed.log_s[part])),
        )
        found = judgement(group, wrong[part])
        beliefs[part], doubts[place] = found.beliefs, found.doubt
    return beliefs, doubts


def usual_noise(training: TrainingSet) -> float:
    """Standard deviation within the middle group, so that groups with wrong observations do not raise it."""
    summary = Summary.of(training.observed, training.observed.votes)
    several = summary.free > 0
    free = float(summary.free.sum())
    usual = float(np.median(summary.scatter[several])) if several.any() else 0.0
    return SUPERSTEP_NOISE.updated(free * usual**2, free).spread
