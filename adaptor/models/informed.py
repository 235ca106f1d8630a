"""The update of a prior by measurements of the execution context itself: earlier runs, and this run's supersteps.

Each hypothesis of `adaptor.models.hypotheses` is a normal distribution of curves and is updated exactly, as such
[Rasmussen06, ch. 2]. From the first superstep on each counts as much as it foretold what this run measured
[Hoeting99], by a density with heavy tails [Shah14]: misleading data lose their weight at once where they missed, and
helpful data keep it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from adaptor.domain.informed_prior import InformedPrior
from adaptor.models.arrays import Counts, Flags, Floats
from adaptor.models.gaussian import Joint, conditioned, log_density
from adaptor.models.hypotheses import ALTERNATIVE_CHANCE, Held, Hypothesis, hypotheses
from adaptor.models.noise import SpreadPrior
from adaptor.models.points import Points
from adaptor.models.prediction import JointPrediction, Prediction

CONTRADICTION_DOF = 5.0
"""Most degrees of freedom of the density that hypotheses are judged by; a usual choice for robust regression."""

NEGLIGIBLE = 1e-4
"""Weight below which a hypothesis changes no digit that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InformedModel:
    """A prior with everything that was measured of the execution context.

    Attributes:
        prior: What other contexts said.
        own: This run's supersteps.
        earlier: Earlier runs of the context on this machine.
        peers: Runs of the context that peers shared.
        noise: Spread between supersteps, with what these measured of it.
        held: Hypotheses about how far the prior holds.
        weights: How much each of them counts; they sum to one.
    """

    prior: InformedPrior
    own: Points
    earlier: Points
    peers: Points
    noise: SpreadPrior
    held: tuple[Held, ...]
    weights: Mapping[Hypothesis, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, prior: InformedPrior, *, own: Points, earlier: Points, peers: Points) -> InformedModel:
        """The prior, updated."""
        groups = (own, earlier, peers)
        noise = SpreadPrior(spread=prior.noise, weight=prior.noise_weight).updated(
            sum(one.squares for one in groups), sum(one.free for one in groups)
        )
        held = hypotheses(prior, earlier=len(earlier.parallelisms) > 0, peers=len(peers.parallelisms) > 0)
        model = cls(prior=prior, own=own, earlier=earlier, peers=peers, noise=noise, held=held)
        return replace(model, weights=model._weights())

    def believing_everything(self) -> InformedModel:
        """The same without doubt in the first hypothesis; tells what doubt is worth."""
        return replace(self, weights={one.kind: float(i == 0) for i, one in enumerate(self.held)})

    @property
    def measured(self) -> Floats:
        """Parallelisms measured in this context, by anybody, ascending."""
        measured: Floats = np.unique(np.concatenate([one.parallelisms for one in (self.own, self.earlier, self.peers)]))
        return measured

    @property
    def shared_weight(self) -> float:
        """How much of the prediction rests on hypotheses that peers' measurements are part of, from 0 to 1."""
        peers = len(self.peers.parallelisms) > 0
        return sum(self.weights[one.kind] for one in self.held if one.shared or (one.peers and peers))

    def predict(self, parallelisms: Counts) -> Prediction:
        """Durations of one superstep of this run.

        Args:
            parallelisms: Shape (n,), each at least 1.

        Returns:
            Distributions for each, shape (n,); all unknown as long as neither prior nor measurement knows a level.
        """
        mean, variance = self.expectation(parallelisms.astype(np.float64))
        return self._prediction(parallelisms, mean, variance * self._stretch**2)

    def joint(self, parallelisms: Counts) -> JointPrediction:
        """The same with the covariance of what is expected at each; arguments as of `predict`."""
        mean, covariance = self._joint_posterior(parallelisms.astype(np.float64))
        covariance *= self._stretch**2
        return JointPrediction(
            prediction=self._prediction(parallelisms, mean, np.diag(covariance)), covariance=covariance
        )

    def _prediction(self, parallelisms: Counts, mean: Floats, variance: Floats) -> Prediction:
        known = self.prior.level_known or len(self.measured) > 0
        return Prediction(
            parallelisms=parallelisms,
            expected_log_s=mean if known else np.full(len(mean), np.nan),
            spread_of_expectation=np.sqrt(variance),
            noise=self.noise.spread,
            degrees_of_freedom=self.prior.degrees_of_freedom[self._step],
            outside_observed_range=self._outside(parallelisms),
        )

    @property
    def _step(self) -> int:
        """Which calibration holds after so many measured parallelisms."""
        return min(len(self.measured), len(self.prior.stretch) - 1)

    @property
    def _stretch(self) -> float:
        return self.prior.stretch[self._step]

    def _outside(self, wanted: Counts) -> Flags:
        learnt = [self.prior.least_measured, self.prior.most_measured] if self.prior.sources else []
        range_ = [*learnt, *self.measured.tolist()]
        if not range_:
            return np.ones(len(wanted), dtype=np.bool_)
        outside: Flags = (wanted < min(range_)) | (wanted > max(range_))
        return outside

    def expectation(self, wanted: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of expected log seconds by all hypotheses together, not calibrated, each of shape (n,)."""
        mean, square = np.zeros(len(wanted)), np.zeros(len(wanted))
        for one in self.held:
            weight = self.weights[one.kind]
            if weight > NEGLIGIBLE:
                part_mean, part_variance = self._given_all(one, wanted)
                mean += weight * part_mean
                square += weight * (part_variance + part_mean**2)
        total = sum(weight for weight in self.weights.values() if weight > NEGLIGIBLE)
        mean /= total
        return mean, np.maximum(square / total - mean**2, 0.0)

    def _joint_posterior(self, wanted: Floats) -> tuple[Floats, Floats]:
        """Mean, shape (n,), and covariance, shape (n, n), of the mixture of all hypotheses."""
        mean, square, total = np.zeros(len(wanted)), np.zeros((len(wanted), len(wanted))), 0.0
        for one in self.held:
            weight = self.weights[one.kind]
            if weight > NEGLIGIBLE:
                part_mean, part_covariance = self._jointly_given_all(one, wanted)
                mean += weight * part_mean
                square += weight * (part_covariance + np.outer(part_mean, part_mean))
                total += weight
        mean /= total
        return mean, square / total - np.outer(mean, mean)

    def _jointly_given_all(self, one: Held, wanted: Floats) -> tuple[Floats, Floats]:
        points, own, logs, noise = self._measured_by(one)
        at = np.concatenate([points, wanted])
        this_run = np.concatenate([own, np.ones(len(wanted), dtype=np.bool_)])
        measured = np.isin(at, points)
        covariance = one.curve.covariance(at, this_run, at, this_run)
        covariance += _single(one, at, at) * np.outer(measured, measured)
        covariance[: len(points), : len(points)] += np.diag(noise)
        return conditioned(one.curve.mean(at), covariance, logs, slice(0, len(points)), slice(len(points), len(at)))

    def _given_all(self, one: Held, wanted: Floats) -> tuple[Floats, Floats]:
        points, own, logs, noise = self._measured_by(one)
        this_run = np.ones(len(wanted), dtype=np.bool_)
        return Joint(
            measured_mean=one.curve.mean(points),
            measured_covariance=one.curve.covariance(points, own, points, own)
            + _single(one, points, points)
            + np.diag(noise),
            mean=one.curve.mean(wanted),
            variance=one.curve.variance(wanted) + one.single**2 * np.isin(wanted, points),
            across=one.curve.covariance(wanted, this_run, points, own) + _single(one, wanted, points),
        ).given(logs)

    def _measured_by(self, one: Held) -> tuple[Floats, Flags, Floats, Floats]:
        """Parallelisms, whether this run's, log means and noise variances of what counts, others' first."""
        groups = [*([self.earlier] if one.earlier else []), *([self.peers] if one.peers else []), self.own]
        points = np.concatenate([group.parallelisms for group in groups])
        own = np.arange(len(points)) >= len(points) - len(self.own.parallelisms)
        logs = np.concatenate([group.log_means for group in groups])
        return points, own, logs, self.noise.spread**2 / np.concatenate([group.counts for group in groups])

    def _weights(self) -> dict[Hypothesis, float]:
        held = self.held
        if not len(self.own.parallelisms):
            return {one.kind: float(i == 0) for i, one in enumerate(held)}
        chances = np.full(len(held), ALTERNATIVE_CHANCE)
        chances[0] = 1.0 - chances[1:].sum()
        logs = np.log(chances) + [self._log_evidence(one) for one in held]
        weights = np.exp(logs - logs.max())
        return {one.kind: float(w) for one, w in zip(held, weights / weights.sum(), strict=True)}

    def _log_evidence(self, one: Held) -> float:
        """How well a hypothesis foretold this run's supersteps, what others measured being known."""
        points, own, logs, noise = self._measured_by(one)
        covariance = one.curve.covariance(points, own, points, own) + _single(one, points, points) + np.diag(noise)
        first = int((~own).sum())
        mean, spread = conditioned(
            one.curve.mean(points), covariance, logs[:first], slice(0, first), slice(first, len(points))
        )
        stretch = self.prior.stretch[0] if one.kind is Hypothesis.EVERYTHING else 1.0
        return log_density(logs[first:] - mean, spread * stretch**2, self._surprise_dof)

    @property
    def _surprise_dof(self) -> float:
        """Tails as heavy as errors were seen to have, or heavier."""
        return min(CONTRADICTION_DOF, self.prior.degrees_of_freedom[0])


def _single(one: Held, left: Floats, right: Floats) -> Floats:
    """Covariance of what parallelisms have of their own, where both are the same, shape (n, m)."""
    single: Floats = one.single**2 * (left[:, np.newaxis] == right[np.newaxis])
    return single
