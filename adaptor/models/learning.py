"""What is learnt of a program's observations, by turns: how points vary together, and how far to believe each.

Sizes and lengths of the covariance say what is unlikely, and what is believed says which sizes and lengths are the most
probable; after two or three turns both hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from adaptor.models.arrays import Counts, Flags, Floats
from adaptor.models.beliefs import TURNS, Sources
from adaptor.models.covariance import Covariance, Distances, Inputs
from adaptor.models.outliers import Trust, alone, judged, noise_of_outliers, trust_in_contributors
from adaptor.models.process import fitted
from adaptor.models.training import TrainingSet

MOST_FOR_SEARCH = 300
"""Points from which sizes and lengths are learnt; the search takes time by the third power of them, 2 s at 300."""

ROUNDS = 3
"""How often outliers are looked for and the rest is fitted again."""

SETTLED = 0.02
"""Largest relative change of a variance that needs no further round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a model is made of; parts are left out to see what they are worth.

    Attributes:
        trees: Boosted trees beside the process.
        cliffs: Where the data stop fitting into memory.
        beliefs: Doubt about single observations and groups.
        trust: Doubt about contributors.
    """

    trees: bool = True
    cliffs: bool = True
    beliefs: bool = True
    trust: bool = True


WHOLE = Parts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What was learnt of N groups.

    Attributes:
        covariance: Sizes and lengths.
        training: With observations as far as they are believed.
        noise: Variance of measuring each, doubt about it included, shape (N,).
        weights: From 0 to 1, how far each contributor agrees with the others.
    """

    covariance: Covariance
    training: TrainingSet
    noise: Floats
    weights: Floats


def learnt(usual: Covariance, inputs: Inputs, training: TrainingSet, expected: Floats, parts: Parts) -> Learnt:
    """Sizes and lengths, beliefs in observations, and trust in contributors, by turns.

    Args:
        usual: Sizes and lengths that are believed beforehand.
        inputs: N groups of observations as points.
        training: The observations.
        expected: Log seconds by the laws that are believed beforehand, shape (N,).
        parts: What the model is made of.
    """
    between, covariance = Distances.of(inputs, inputs), usual
    sample = _sample(training.place)
    part = inputs.taken(sample)
    near = Distances.of(part, part)
    # Before anything is learnt, so that a liar's offset is not taken for what contributors usually differ by.
    known = _Known.all_of(training).judged(usual.of(between), expected, parts)
    noise = known.noise
    for _ in range(ROUNDS):
        values = known.training.log_s - expected
        covariance = fitted(usual, near, values[sample], noise[sample], start=covariance)
        total = covariance.of(between)
        known = known.judged(total, expected, parts)
        found = known.noise
        if parts.beliefs:
            found = found + noise_of_outliers(total + np.diag(found), known.training.log_s - expected)
        settled = np.allclose(found, noise, rtol=SETTLED)
        noise = found
        if settled:
            break
    weights = np.minimum(known.trust.weights, 1.0 - known.sources.by_contributor)
    return Learnt(covariance=covariance, training=known.training, noise=noise, weights=weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Observations as far as they are believed.

    Attributes:
        training: The observations.
        sources: How often those of each contributor were wrong.
        trust: How far each agrees with the others in what he measured alone.
    """

    training: TrainingSet
    sources: Sources
    trust: Trust

    @classmethod
    def all_of(cls, training: TrainingSet) -> _Known:
        """Everything is believed."""
        names = len(training.contributors)
        return cls(training=training, sources=Sources.unknown(names), trust=Trust.whole(names))

    @property
    def noise(self) -> Floats:
        """Variance of measuring each group, shape (N,); nobody is doubted for what several measured together."""
        noise: Floats = self.training.variance + np.append(self.trust.doubts, 0.0)[self.training.contributor]
        return noise

    def judged(self, total: Floats, expected: Floats, parts: Parts) -> _Known:
        """The same, judged anew.

        Args:
            total: Covariance of the groups without noise, shape (N, N).
            expected: Log seconds by the laws that are believed beforehand, shape (N,).
            parts: What the model is made of.
        """
        known = self
        if parts.trust:
            noisy, values = total + np.diag(self.training.variance), self.training.log_s - expected
            trust = trust_in_contributors(noisy, values, self.training.contributor, before=self.trust)
            known = replace(known, trust=trust)
        return known._each(total, expected) if parts.beliefs else known

    def _each(self, total: Floats, expected: Floats) -> _Known:
        """Single observations judged anew."""
        training, sources, observed = self.training, self.sources, self.training.observed
        points = alone(total + np.diag(self.noise), training.log_s - expected)
        for _ in range(TURNS):
            beliefs, doubts = judged(training, points, noise=self.noise, sources=sources)
            sources = Sources.learnt(
                beliefs, observed.votes, observed.contributor, contributors=len(training.contributors)
            ).at_least(1.0 - self.trust.weights)
        return replace(self, training=training.believing(beliefs, doubts), sources=sources)


def _sample(place: Counts) -> Flags:
    """Points of whole contexts, evenly chosen, at most about `MOST_FOR_SEARCH`."""
    contexts, counts = np.unique(place, return_counts=True)
    step = max(1, int(np.ceil(counts.sum() / MOST_FOR_SEARCH)))
    chosen: Flags = np.isin(place, contexts[::step])
    return chosen
