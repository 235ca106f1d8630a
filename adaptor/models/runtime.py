"""The model behind a plan: superstep durations over parallelism, from this run's supersteps and earlier runs'.

``log T(p) = log law(p) + d_p + noise``. The law is Ernest's. `d_p` is how far the truth at p lies off the law:
where p was measured it is learnt, shrunk towards zero as [Gelman13, ch. 5] shrinks group means, and elsewhere it
is the spread of the law's errors. So a measured parallelism is predicted by what was measured, an unmeasured one
by the law, and the intervals come from the residuals of both. Observations of earlier runs are first moved by one
common factor to the level of this run; how far that factor is still uncertain widens every interval.

At one parallelism alone no law can be fitted; the model then says that the others are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.models.arrays import Counts, Floats
from adaptor.models.ernest import ErnestLaw
from adaptor.models.informed import InformedModel
from adaptor.models.noise import LAW_DISCREPANCY, RUN_LEVEL, SUPERSTEP_NOISE, SpreadPrior
from adaptor.models.points import Points, grouped
from adaptor.models.prediction import Prediction
from adaptor.models.start_up import measured_start_ups

NAME = "ernest+local"

INFORMED_NAME = "prior+own"
"""With a prior learnt from other execution contexts, see `adaptor.models.informed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeModel:
    """A fitted model; fitting again returns a new one.

    Attributes:
        points: What it was fitted to.
        law: Ernest's law, or ``None`` with fewer than two distinct parallelisms.
        noise: Spread between supersteps.
        discrepancy: Spread of the truth around the law.
        level_spread: Standard deviation of what is not known of this run's level, as a logarithm.
        informed: The prior of other contexts with this run's measurements, which then predicts alone; or ``None``.
    """

    points: Points
    law: ErnestLaw | None
    noise: SpreadPrior
    discrepancy: SpreadPrior
    level_spread: float = 0.0
    informed: InformedModel | None = None

    @classmethod
    def fit(cls, observations: Sequence[ObservedDuration], *, prior: InformedPrior | None = None) -> RuntimeModel:
        """The model of these observations.

        Args:
            observations: Of one execution context; those of this run and of others are told apart by `origin`.
            prior: What other execution contexts say of this one, if anything.

        Returns:
            A model; with no observation and no prior, one that knows nothing.
        """
        if prior is not None:
            model = cls._of_points(_grouped(observations, level=0.0))
            return replace(model, informed=_informed(observations, prior))
        own = [one for one in observations if one.origin is Origin.THIS_RUN]
        others = [one for one in observations if one.origin is not Origin.THIS_RUN]
        if not others:
            return cls._of_points(_grouped(own, level=0.0))
        level, level_spread = _level_of_run(own, others)
        model = cls._of_points(_grouped(observations, level=level))
        return replace(model, level_spread=level_spread)

    @classmethod
    def _of_points(cls, points: Points) -> RuntimeModel:
        groups = len(points.parallelisms)
        noise = SUPERSTEP_NOISE.updated(points.squares, points.free)
        if groups < 2:  # noqa: PLR2004 - one point fits any law
            return cls(points=points, law=None, noise=noise, discrepancy=LAW_DISCREPANCY)
        law = ErnestLaw.fit(points.parallelisms, np.exp(points.log_means), points.counts)
        misfit = points.log_means - np.log(law.durations_s(points.parallelisms))
        free = max(0, groups - sum(part > 0 for part in law.coefficients))
        discrepancy = LAW_DISCREPANCY.updated(float(misfit @ misfit) if free else 0.0, free)
        return cls(points=points, law=law, noise=noise, discrepancy=discrepancy)

    @property
    def name(self) -> str:
        """Which model predicts."""
        return INFORMED_NAME if self.informed else NAME

    @property
    def weights(self) -> dict[str, float]:
        """How much each hypothesis of what earlier measurements are worth counts; empty without a prior."""
        return {kind.value: weight for kind, weight in self.informed.weights.items()} if self.informed else {}

    @property
    def measured_parallelisms(self) -> frozenset[int]:
        """Parallelisms of which there is at least one observation."""
        return frozenset(int(one) for one in self.points.parallelisms)

    def predict(self, parallelisms: Counts) -> Prediction:
        """Durations of one superstep.

        Args:
            parallelisms: Shape (n,), each at least 1.

        Returns:
            Distributions for each, shape (n,); unknown ones are NaN.
        """
        if self.informed:
            return self.informed.predict(parallelisms)
        wanted = parallelisms.astype(np.float64)
        law_logs = np.log(self.law.durations_s(wanted)) if self.law else np.full(len(wanted), np.nan)
        outside = _doublings_outside(wanted, self.points.parallelisms)
        # Every doubling beyond the measured range adds the law's whole spread once more.
        variances = (self.discrepancy.spread * (1.0 + outside)) ** 2
        expected, variances = self._with_measured(wanted, law_logs, variances)
        return Prediction(
            parallelisms=parallelisms,
            expected_log_s=expected,
            spread_of_expectation=np.sqrt(variances + self.level_spread**2),
            noise=self.noise.spread,
            degrees_of_freedom=self.noise.weight,
            outside_observed_range=outside > 0,
        )

    def _with_measured(self, wanted: Floats, logs: Floats, variances: Floats) -> tuple[Floats, Floats]:
        """Law and measurement combined where there is a measurement; both arrays of shape (n,)."""
        noise, discrepancy = self.noise.spread**2, self.discrepancy.spread**2
        groups = zip(self.points.parallelisms, self.points.counts, self.points.log_means, strict=True)
        for parallelism, count, measured in groups:
            here = wanted == parallelism
            weight = count * discrepancy / (count * discrepancy + noise) if self.law else 1.0
            logs[here] = measured if weight == 1.0 else weight * measured + (1 - weight) * logs[here]
            variances[here] = noise / count * weight
        return logs, variances


def _informed(observations: Sequence[ObservedDuration], prior: InformedPrior) -> InformedModel:
    """The prior, updated by each origin's observations apart; start-up is learnt from all of them."""
    by_origin = {origin: [one for one in observations if one.origin is origin] for origin in Origin}
    logs = {origin: np.log([one.duration_s for one in found]) for origin, found in by_origin.items()}
    factors = {origin: measured_start_ups(found, logs[origin]) for origin, found in by_origin.items()}
    own, earlier, peers = (
        grouped(
            by_origin[origin],
            logs[origin],
            known_start_ups=[one for other in Origin if other is not origin for one in factors[other]],
        )
        for origin in (Origin.THIS_RUN, Origin.EARLIER_RUN, Origin.PEER)
    )
    return InformedModel.fit(prior, own=own, earlier=earlier, peers=peers)


def _grouped(observations: Sequence[ObservedDuration], *, level: float) -> Points:
    """Mean log duration and weight at each parallelism, others' durations multiplied by ``exp(level)``."""
    logs = np.log([one.duration_s for one in observations])
    logs[[one.origin is not Origin.THIS_RUN for one in observations]] += level
    return grouped(observations, logs)


def _level_of_run(own: Sequence[ObservedDuration], others: Sequence[ObservedDuration]) -> tuple[float, float]:
    """Log of the factor by which this run is slower than earlier ones, shrunk towards none, and its spread.

    Like is compared with like: warm supersteps with warm ones, and as long as this run has none, cold with cold.
    The posterior of a group's level under a normal prior [Gelman13, ch. 5].
    """
    cold = all(one.cold for one in own)
    reference = RuntimeModel.fit(
        [replace(one, origin=Origin.THIS_RUN, cold=False) for one in others if one.cold == cold]
    )
    usable = [one for one in own if one.cold == cold]
    logs = np.log([one.duration_s for one in usable])
    expected = reference.predict(np.array([one.parallelism for one in usable], dtype=np.int64)).expected_log_s
    ratios = (logs - expected)[np.isfinite(expected)]
    if not len(ratios):
        return 0.0, RUN_LEVEL.spread
    noise, between = reference.noise.spread**2, len(ratios) * RUN_LEVEL.spread**2
    shrinkage = between / (between + noise)
    return float(np.median(ratios)) * shrinkage, float(np.sqrt(shrinkage * noise / len(ratios)))


def _doublings_outside(wanted: Floats, measured: Floats) -> Floats:
    """How many doublings each parallelism lies beyond the measured range, shape (n,); zero inside."""
    if not len(measured):
        return np.zeros(len(wanted))
    above = np.log2(wanted / measured.max())
    below = np.log2(measured.min() / wanted)
    doublings: Floats = np.maximum(0.0, np.maximum(above, below))
    return doublings
