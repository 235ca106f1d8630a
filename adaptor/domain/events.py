"""What happened to a run, in the order in which it happened. Events are recorded before they are acted on.

A plan depends on nothing but the events of its run: whatever else was looked up (earlier observations, slots,
measured adaptation costs, the time) is part of the event that it was looked up for. That is what makes a replay
from the record exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.capacity import Capacity
from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.run import PlanningSettings, RunLength, RunSpec, RunState
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run began.

    Attributes:
        spec: What its owner said.
        earlier: Observations of the same execution context, of this machine's earlier runs and of peers.
        capacity: Slots at that moment.
        planning: Settings that its plans depend on.
        adaptation_costs_s: Seconds that earlier rescales on this cluster took, newest last.
        at_s: Seconds since the epoch.
        prior: What other execution contexts say about this one; ``None`` if nothing.
        earlier_lengths: How long earlier runs of the same execution context were, newest last.
    """

    spec: RunSpec
    earlier: tuple[ObservedDuration, ...]
    capacity: Capacity
    planning: PlanningSettings
    adaptation_costs_s: tuple[float, ...]
    at_s: float
    prior: InformedPrior | None = None
    earlier_lengths: tuple[RunLength, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierReached:
    """A superstep ended.

    Attributes:
        report: What the driver said.
        flink: What Flink said.
        capacity: Slots at that moment.
        at_s: Seconds since the epoch.
    """

    report: SuperstepReport
    flink: FlinkStatistics
    capacity: Capacity
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RescaleSucceeded:
    """The slots of a plan are there, and no surplus is left.

    Attributes:
        superstep: The superstep that the plan was for.
        parallelism: What was asked for.
        capacity: Slots afterwards.
        duration_s: Seconds from the request until the cluster had changed.
        at_s: Seconds since the epoch.
    """

    superstep: int
    parallelism: int
    capacity: Capacity
    duration_s: float
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RescaleFailed:
    """The slots of a plan did not come, or the surplus did not go.

    Attributes:
        superstep: The superstep that the plan was for.
        parallelism: What was asked for.
        capacity: Slots afterwards.
        problem: What went wrong, in words.
        at_s: Seconds since the epoch.
    """

    superstep: int
    parallelism: int
    capacity: Capacity
    problem: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RescaleOutcomeUnknown:
    """adaptor ended between asking for a rescale and hearing of its outcome.

    Attributes:
        superstep: The superstep that the plan was for.
        parallelism: What was asked for.
        at_s: Seconds since the epoch.
    """

    superstep: int
    parallelism: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The job said that it is over, or nothing was heard of it for too long.

    Attributes:
        state: How it ended.
        at_s: Seconds since the epoch.
    """

    state: RunState
    at_s: float


Event = RunStarted | BarrierReached | RescaleSucceeded | RescaleFailed | RescaleOutcomeUnknown | RunFinished
