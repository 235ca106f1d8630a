"""How far to believe each single observation of a group that should agree.

Of every group (one execution context at one parallelism) the truth is unknown; each observation is either right, up to
noise, or wrong by any factor. The others of its group and what the rest says of the group decide between the two, and
how often observations were wrong so far, by everybody and by whoever measured this one, is learnt along with it: a
mixture, averaged over every possible truth [Hogg10, sec. 3]. A group may also simply be noisy, all of it, as clusters
are that are short of memory; then nothing in it is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from adaptor.models.arrays import Counts, Floats
from adaptor.models.groups import weighted_median

WRONG = 0.02
"""Share of observations that are wrong before anything was measured: one in fifty supersteps is disturbed or
misreported; it is learnt from what comes."""

WRONG_WEIGHT = 20.0
"""Observations that this belief is worth: a handful of groups overrule it."""

CONTRIBUTOR_WEIGHT = 5.0
"""Observations of a contributor from which on his own share of wrong ones counts for more than everybody's."""

WRONG_SPREAD = 2.0
"""Standard deviation of log seconds of a wrong observation around the truth: a factor of seven either way; between
seconds and milliseconds lie three and a half of them."""

NOISY_CHANCE = 0.1
"""How likely a group is noisy as a whole beforehand."""

TAIL = 4.0
"""Degrees of freedom of what the rest says of a group: memory cliffs lie far off, and are true."""

TURNS = 3
"""How often shares of wrong observations and beliefs are learnt from each other: they settle in two or three."""

EDGE = 1e-6
"""Nearest that a belief comes to nothing."""

WIDTHS, STEPS = 4.0, 13
"""Spreads on both sides of a possible truth over which is averaged, and in how many steps."""

FAR_WIDTHS, FAR_STEPS = 12.0, 49
"""The same around what the rest says, with its heavy tails."""

MOST_CENTRES = 15
"""Possible truths among the observations of a group: with more, every so many-th of them in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """How often observations were wrong; shares lie between 0 and 1.

    Attributes:
        wrong: Share of everybody's.
        by_contributor: Share of each contributor's, shape (contributors,).
    """

    wrong: float
    by_contributor: Floats

    @classmethod
    def unknown(cls, contributors: int) -> Sources:
        """Before anything was measured."""
        return cls(wrong=WRONG, by_contributor=np.full(contributors, WRONG))

    @classmethod
    def learnt(cls, beliefs: Floats, votes: Floats, contributor: Counts, *, contributors: int) -> Sources:
        """From beliefs in observations.

        Args:
            beliefs: From 0 to 1, shape (M,).
            votes: How much each observation counts, shape (M,).
            contributor: Who measured it, shape (M,).
            contributors: How many there are.
        """
        doubted = votes * (1 - beliefs)
        wrong = (WRONG * WRONG_WEIGHT + doubted.sum()) / (WRONG_WEIGHT + votes.sum())
        of_each = np.bincount(contributor, weights=doubted, minlength=contributors)
        counts = np.bincount(contributor, weights=votes, minlength=contributors)
        by_contributor = (wrong * CONTRIBUTOR_WEIGHT + of_each) / (CONTRIBUTOR_WEIGHT + counts)
        return cls(wrong=float(wrong), by_contributor=by_contributor)

    def at_least(self, doubts: Floats) -> Sources:
        """The same with no contributor's share below his entry of `doubts`, shape (contributors,)."""
        return replace(self, by_contributor=np.maximum(self.by_contributor, doubts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """n observations of one truth, and what the rest says of it.

    Attributes:
        log_s: Shape (n,).
        votes: How much each counts, from 0 to 1, shape (n,).
        expected: What the rest says.
        spread: How sure the rest is, a standard deviation.
        noise: Usual standard deviation between observations.
        scatter: This group's own, at least `noise`.
    """

    log_s: Floats
    votes: Floats
    expected: float
    spread: float
    noise: float
    scatter: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What to make of a group.

    Attributes:
        beliefs: Probability that each observation is right, shape (n,).
        doubt: Mean squared distance of the truth from the median of what is believed, less what noise alone makes of
            it; zero unless the observations can be read in different ways, or none of them is right.
    """

    beliefs: Floats
    doubt: float


def judgement(group: Group, wrong: Floats) -> Judgement:
    """What to make of a group.

    Args:
        group: The observations.
        wrong: Share of wrong ones among those of whoever measured each, shape (n,).
    """
    truths, widths = _truths(group)
    tail = -0.5 * (TAIL + 1) * np.log1p(((truths - group.expected) / group.spread) ** 2 / TAIL)
    chances = np.clip(wrong, EDGE, 1 - EDGE)
    off = (truths[:, np.newaxis] - group.log_s[np.newaxis, :]) ** 2
    logs, right = [], []
    for chance, scatter in _scatters(group):
        good = np.log1p(-chances) - 0.5 * off / scatter**2 - np.log(scatter)
        wide = scatter**2 + WRONG_SPREAD**2
        bad = np.log(chances) - 0.5 * off / wide - 0.5 * np.log(wide)
        either = np.logaddexp(good, bad)
        logs.append(np.log(chance) + tail + np.log(widths) + either @ group.votes)
        right.append(np.exp(good - either))
    weights = np.exp(np.concatenate(logs) - max(float(one.max()) for one in logs))
    weights /= weights.sum()
    beliefs = np.clip(weights @ np.concatenate(right), EDGE, 1.0)
    away = np.tile(truths, len(right)) - weighted_median(group.log_s, group.votes * beliefs)
    return Judgement(beliefs=beliefs, doubt=max(0.0, float(weights @ away**2) - group.noise**2))


def _scatters(group: Group) -> Iterator[tuple[float, float]]:
    """How likely which standard deviation is beforehand."""
    if group.scatter <= group.noise:
        yield 1.0, group.noise
        return
    yield 1.0 - NOISY_CHANCE, group.noise
    yield NOISY_CHANCE, group.scatter


def _truths(group: Group) -> tuple[Floats, Floats]:
    """Where the truth may lie, and how much of the line each of these stands for."""
    centres = np.sort(group.log_s)
    centres = centres[:: -(-len(centres) // MOST_CENTRES)]
    near = centres[:, np.newaxis] + np.linspace(-WIDTHS, WIDTHS, STEPS) * group.noise
    far = group.expected + np.linspace(-FAR_WIDTHS, FAR_WIDTHS, FAR_STEPS) * group.spread
    truths = np.unique(np.concatenate((near.ravel(), far)))
    return truths, np.maximum(np.gradient(truths), 1e-12)
