"""What is known of a run after some of its events: a frozen value that each event turns into the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from adaptor.domain.capacity import Capacity
from adaptor.domain.events import (
    BarrierReached,
    Event,
    RescaleFailed,
    RescaleOutcomeUnknown,
    RescaleSucceeded,
    RunFinished,
    RunStarted,
)
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.domain.plan import Plan
from adaptor.domain.run import PlanningSettings, RunSpec, RunState

ADAPTATION_COSTS_KEPT = 50
"""Measured adaptation costs that a plan rests on: enough for a median, few enough to follow a cluster that changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run after some of its events.

    Attributes:
        spec: What its owner said.
        planning: Settings that its plans depend on.
        state: Where it is in its life.
        started_at_s: Seconds since the epoch.
        last_heard_at_s: Time of the newest report.
        supersteps_done: Number of the newest superstep that ended well, or was missed.
        failed_attempts: Failed tries of the superstep after that.
        parallelism: What the newest superstep ran with; the start parallelism before the first.
        busy_s: Seconds of all reported supersteps and failed tries.
        own: Durations of this run's supersteps.
        earlier: Durations of earlier runs of the same execution context.
        capacity: Slots when last seen.
        adaptation_costs_s: Measured ones, newest last.
        cpu_utilisation: Of the newest superstep; ``None`` if unknown.
        plan: The newest plan; ``None`` before the first.
    """

    spec: RunSpec
    planning: PlanningSettings
    state: RunState
    started_at_s: float
    last_heard_at_s: float
    supersteps_done: int
    failed_attempts: int
    parallelism: int
    busy_s: float
    own: tuple[ObservedDuration, ...]
    earlier: tuple[ObservedDuration, ...]
    capacity: Capacity
    adaptation_costs_s: tuple[float, ...]
    cpu_utilisation: float | None
    plan: Plan | None

    @classmethod
    def started(cls, event: RunStarted) -> RunRecord:
        """A run after its first event."""
        return cls(
            spec=event.spec,
            planning=event.planning,
            state=RunState.RUNNING,
            started_at_s=event.at_s,
            last_heard_at_s=event.at_s,
            supersteps_done=0,
            failed_attempts=0,
            parallelism=event.spec.start_parallelism,
            busy_s=0.0,
            own=(),
            earlier=event.earlier,
            capacity=event.capacity,
            adaptation_costs_s=event.adaptation_costs_s,
            cpu_utilisation=None,
            plan=None,
        )

    @property
    def next_superstep(self) -> int:
        """Number of the superstep to be run next."""
        return self.supersteps_done + 1

    @property
    def next_attempt(self) -> int:
        """Which try of it that will be, from 1."""
        return self.failed_attempts + 1

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the run to the newest report."""
        return self.last_heard_at_s - self.started_at_s

    @property
    def granted_slots(self) -> int:
        """Slots the newest plan asks for; none once the run has ended."""
        return self.plan.parallelism if self.plan and self.state is RunState.RUNNING else 0

    def cold(self, parallelism: int) -> bool:
        """Whether a superstep at this parallelism, reported next, carries the weight of start-up."""
        return self.supersteps_done == 0 or parallelism > self.parallelism

    def after(self, event: Event) -> RunRecord:
        """The run after one more event."""
        match event:
            case RunStarted():
                return RunRecord.started(event)
            case BarrierReached():
                return self._after_barrier(event)
            case RescaleSucceeded():
                costs = (*self.adaptation_costs_s, event.duration_s)[-ADAPTATION_COSTS_KEPT:]
                return replace(self, capacity=event.capacity, adaptation_costs_s=costs)
            case RescaleFailed():
                return replace(self, capacity=event.capacity)
            case RescaleOutcomeUnknown():
                return self
            case RunFinished():
                return replace(self, state=event.state)

    def _after_barrier(self, event: BarrierReached) -> RunRecord:
        report = event.report
        parallelism = event.flink.observed_parallelism or report.requested_parallelism
        known = replace(
            self,
            state=RunState.RUNNING,
            last_heard_at_s=event.at_s,
            capacity=event.capacity,
            busy_s=self.busy_s + report.duration_s,
        )
        if report.failed:
            return replace(known, failed_attempts=report.attempt)
        observed = ObservedDuration(
            parallelism=parallelism,
            duration_s=report.duration_s,
            cold=self.cold(parallelism),
            origin=Origin.THIS_RUN,
        )
        return replace(
            known,
            supersteps_done=report.superstep,
            failed_attempts=0,
            parallelism=parallelism,
            own=(*self.own, observed),
            cpu_utilisation=event.flink.cpu_utilisation,
        )

    def planned(self, plan: Plan) -> RunRecord:
        """The run with its newest plan."""
        return replace(self, plan=plan)


def record_after(events: Iterable[Event], plan: Plan | None) -> RunRecord:
    """The run after all of its events; nothing is decided again.

    Args:
        events: In order, the first one `RunStarted`.
        plan: The newest recorded plan.

    Raises:
        ValueError: If the first event is not the start.
    """
    record: RunRecord | None = None
    for event in events:
        if record is None:
            if not isinstance(event, RunStarted):
                raise ValueError(f"a run's first event must be its start, got {type(event).__name__}")
            record = RunRecord.started(event)
        else:
            record = record.after(event)
    if record is None:
        raise ValueError("a run must have at least one event")
    return record.planned(plan) if plan else record
