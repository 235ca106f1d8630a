"""Measured pairs of conditions and duration: what models learn from, and what peers may one day read."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from adaptor.domain.checks import require_measurable
from adaptor.domain.context import ExecutionContext
from adaptor.domain.statistics import FlinkStatistics
from adaptor.errors import InvalidValueError


class Origin(enum.Enum):
    """Who measured an observation, seen from the run that uses it."""

    THIS_RUN = "this_run"
    EARLIER_RUN = "earlier_run"
    PEER = "peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedDuration:
    """The part of an observation that a model of superstep durations needs.

    Attributes:
        parallelism: Subtasks the superstep ran with.
        duration_s: Wall-clock seconds of the superstep.
        cold: Whether start-up weighs on it: first superstep of a run, or first after widening.
        origin: Who measured it.
        superstep: Number in its run, from 1; ``None`` if unknown.
    """

    parallelism: int
    duration_s: float
    cold: bool = False
    origin: Origin = Origin.THIS_RUN
    superstep: int | None = None

    def __post_init__(self) -> None:
        if self.parallelism < 1:
            raise InvalidValueError("parallelism", f"must be at least 1, got {self.parallelism}")
        if self.superstep is not None and self.superstep < 1:
            raise InvalidValueError("superstep", f"must be at least 1, got {self.superstep}")
        require_measurable("duration_s", self.duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One superstep of one run, with everything that was measured of it.

    Attributes:
        observation_id: ``run_id/superstep/attempt``; the same for every repetition of the same report.
        run_id: The run it belongs to.
        superstep: Number, from 1.
        attempt: Try of this superstep, from 1.
        context: What the duration depends on besides parallelism.
        planned_parallelism: What adaptor's plan for this superstep said.
        requested_parallelism: What the driver submitted the job with.
        observed_parallelism: What Flink really used; ``None`` if Flink did not say.
        duration_s: Wall-clock seconds by the driver's clock.
        cold: Whether start-up weighs on the duration.
        failed: Whether the superstep failed; then it trains no model.
        shareable: Whether it may leave this machine.
        flink: What Flink's REST API said.
    """

    observation_id: str
    run_id: str
    superstep: int
    attempt: int
    context: ExecutionContext
    planned_parallelism: int
    requested_parallelism: int
    observed_parallelism: int | None
    duration_s: float
    cold: bool
    failed: bool
    shareable: bool
    flink: FlinkStatistics

    @property
    def parallelism(self) -> int:
        """Subtasks the superstep ran with: observed where Flink said so, else requested."""
        return self.observed_parallelism or self.requested_parallelism

    def observed_duration(self, origin: Origin) -> ObservedDuration:
        """What a model needs of this observation, marked with who measured it."""
        return ObservedDuration(
            parallelism=self.parallelism,
            duration_s=self.duration_s,
            cold=self.cold,
            origin=origin,
            superstep=self.superstep,
        )
