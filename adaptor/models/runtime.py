"""The model behind a plan: superstep durations over parallelism, from this run's supersteps and whatever was known.

One model serves a program that peers know well and one that nobody ever ran: a prior of curves, updated by what was
measured of the execution context itself (`adaptor.models.informed`). Where no prior was learnt, it is the law that any
program might follow (`adaptor.models.nothing_known`), and the intervals are as wide as that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.models.arrays import Counts, Floats
from adaptor.models.informed import InformedModel
from adaptor.models.nothing_known import nothing_known
from adaptor.models.points import grouped
from adaptor.models.prediction import JointPrediction, Prediction
from adaptor.models.profile import WorkProfile
from adaptor.models.start_up import measured_start_ups_s

NAME = "any law+own"
"""Where nothing was learnt from other execution contexts."""

INFORMED_NAME = "prior+own"
"""With a prior learnt from other execution contexts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeModel:
    """A fitted model; fitting again returns a new one.

    Attributes:
        informed: The prior with what was measured of this execution context.
        name: Which model predicts.
        profile: How the work changes from superstep to superstep; ``None`` if it does not.
    """

    informed: InformedModel
    name: str
    profile: WorkProfile | None = None

    @classmethod
    def fit(cls, observations: Sequence[ObservedDuration], *, prior: InformedPrior | None = None) -> RuntimeModel:
        """The model of these observations.

        Args:
            observations: Of one execution context; those of this run and of others are told apart by `origin`.
            prior: What other execution contexts say of this one, if anything.

        Returns:
            A model; with no observation and no prior, one that knows nothing.
        """
        profile = WorkProfile.of(observations)
        levelled = profile.levelled(observations) if profile else observations
        informed = _informed(levelled, prior or nothing_known())
        return cls(informed=informed, name=INFORMED_NAME if prior else NAME, profile=profile)

    @property
    def weights(self) -> dict[str, float]:
        """How much each hypothesis of what earlier measurements are worth counts."""
        return {kind.value: weight for kind, weight in self.informed.weights.items()}

    @property
    def measured_parallelisms(self) -> frozenset[int]:
        """Parallelisms of which there is at least one observation."""
        return frozenset(int(one) for one in self.informed.measured)

    def predict(self, parallelisms: Counts) -> Prediction:
        """Durations of the superstep that comes next.

        Args:
            parallelisms: Shape (n,), each at least 1.

        Returns:
            Distributions for each, shape (n,); unknown ones are NaN.
        """
        prediction = self.informed.predict(parallelisms)
        return self.profile.applied(prediction) if self.profile else prediction

    def joint(self, parallelisms: Counts) -> JointPrediction:
        """The same with how they hang together: what a superstep at one of them would teach of the others.

        Args:
            parallelisms: Shape (n,), each at least 1.
        """
        joint = self.informed.joint(parallelisms)
        return replace(joint, prediction=self.profile.applied(joint.prediction)) if self.profile else joint

    def work_ahead(self, first: int, supersteps: int) -> tuple[Floats, float]:
        """How the work of the coming supersteps compares with that of the next one.

        Args:
            first: Number of the superstep that comes next, from 1.
            supersteps: How many to look ahead, at least 1.

        Returns:
            Factor of each one's duration on what `predict` says of a superstep, shape (supersteps,), and the standard
            deviation of the log of their mean.
        """
        return self.profile.ahead(first, supersteps) if self.profile else (np.ones(supersteps), 0.0)


def _informed(observations: Sequence[ObservedDuration], prior: InformedPrior) -> InformedModel:
    """The prior, updated by each origin's observations apart; start-up is learnt from all of them."""
    by_origin = {origin: [one for one in observations if one.origin is origin] for origin in Origin}
    start_ups = {origin: measured_start_ups_s(found) for origin, found in by_origin.items()}
    own, earlier, peers = (
        grouped(
            by_origin[origin],
            known_start_ups_s=[one for other in Origin if other is not origin for one in start_ups[other]],
        )
        for origin in (Origin.THIS_RUN, Origin.EARLIER_RUN, Origin.PEER)
    )
    return InformedModel.fit(prior, own=own, earlier=earlier, peers=peers)
