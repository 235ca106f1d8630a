"""What is known of a run after some of its events: a frozen value that each event turns into the next one."""

from __future__ import annotations

import math
import statistics
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
from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.domain.plan import Plan
from adaptor.domain.run import Mechanism, PlanningSettings, RunLength, RunSpec, RunState
from adaptor.domain.statistics import SuperstepReport
from adaptor.planner.situation import AdaptationCost

ADAPTATION_COSTS_KEPT = 50
"""Measured adaptation costs that a plan rests on: enough for a median, few enough to follow a cluster that changes."""

GAPS_KEPT = 50
"""Measured gaps between supersteps that a plan rests on; as above."""

FAILURES_THAT_CONDEMN = 2
"""Failed tries at a parallelism, none having ended well, until it is avoided: one may be the machine's fault."""

FIGURES_KEPT = 10
"""Figures of convergence that a plan rests on, the newest: as many as a line is drawn through."""

LONGEST_HOLD = 64
"""Most supersteps without asking for slots that did not come before: a tenth of a long run (hundreds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run after some of its events.

    Attributes:
        spec: What its owner said.
        planning: Settings that its plans depend on.
        state: Where it is in its life.
        started_at_s: Seconds since the epoch.
        last_heard_at_s: Time of the newest report.
        spent_slot_s: Slot-seconds from the start to then; slots that others may not use count, whole TaskManagers.
        supersteps_done: Number of the newest superstep that ended well, or was missed.
        failed_attempts: Failed tries of the superstep after that.
        failures: Parallelism of each failed try where none has ended well, at most `FAILURES_THAT_CONDEMN` of each.
        parallelism: What the newest superstep ran with; the start parallelism before the first.
        gaps_s: Seconds between supersteps that the driver spent otherwise, newest last; changes are not among them.
        changed_s: Seconds that changes took since the newest report.
        own: Durations of this run's supersteps.
        earlier: Durations of earlier runs of the same execution context, here and at peers.
        prior: What other execution contexts say about this one; ``None`` if nothing.
        capacity: Slots when last seen.
        failed_rescales: How often in a row slots were asked for and did not come.
        held_until: First superstep whose plan may count again on slots that do not exist.
        adaptation_costs_s: Measured ones, newest last.
        cpu_utilisation: Of the newest superstep; ``None`` if unknown.
        earlier_lengths: How long earlier runs of the same execution context were.
        convergence: Newest supersteps with the figures that the job compares with its tolerance, ascending.
        plan: The newest plan; ``None`` before the first.
    """

    spec: RunSpec
    planning: PlanningSettings
    state: RunState
    started_at_s: float
    last_heard_at_s: float
    spent_slot_s: float
    supersteps_done: int
    failed_attempts: int
    failures: tuple[int, ...]
    parallelism: int
    gaps_s: tuple[float, ...]
    changed_s: float
    own: tuple[ObservedDuration, ...]
    earlier: tuple[ObservedDuration, ...]
    prior: InformedPrior | None
    capacity: Capacity
    failed_rescales: int
    held_until: int
    adaptation_costs_s: tuple[float, ...]
    cpu_utilisation: float | None
    earlier_lengths: tuple[RunLength, ...]
    convergence: tuple[tuple[int, float], ...]
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
            spent_slot_s=0.0,
            supersteps_done=event.spec.supersteps_before,
            failed_attempts=0,
            failures=(),
            parallelism=event.spec.start_parallelism,
            gaps_s=(),
            changed_s=0.0,
            own=(),
            earlier=event.earlier,
            prior=event.prior,
            capacity=event.capacity,
            failed_rescales=0,
            held_until=0,
            adaptation_costs_s=event.adaptation_costs_s,
            cpu_utilisation=None,
            earlier_lengths=event.earlier_lengths,
            convergence=(),
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
        """Seconds from the start of the run to the newest report; none if the clock was set back since."""
        return max(0.0, self.last_heard_at_s - self.started_at_s)

    @property
    def gap_s(self) -> float:
        """Seconds that the driver spends between two supersteps; the median, as one outage does not recur."""
        return statistics.median_low(self.gaps_s) if self.gaps_s else 0.0

    @property
    def slots(self) -> int:
        """Slots that the next plan may count on: after a failed rescale, for a while, only those that exist."""
        return self.capacity.existing_slots if self.next_superstep < self.held_until else self.capacity.most_slots

    @property
    def failing(self) -> frozenset[int]:
        """Parallelisms at which supersteps of this run fail."""
        return frozenset(one for one in self.failures if self.failures.count(one) >= FAILURES_THAT_CONDEMN)

    @property
    def granted_slots(self) -> int:
        """Slots the newest plan asks for; none once the run has ended."""
        return self.plan.parallelism if self.plan and self.state is RunState.RUNNING else 0

    @property
    def adaptation(self) -> AdaptationCost:
        """What a change costs: what was measured on this cluster, the setting as long as nothing was.

        The median is expected, as one slow TaskManager must not forbid rescaling; risk is judged by the quantile that
        the objective's confidence asks for.
        """
        measured = sorted(self.adaptation_costs_s)
        if not measured:
            usual = self.planning.initial_adaptation_cost_s
            return AdaptationCost(expected_s=usual, high_s=usual)
        confidence = getattr(self.spec.objective, "confidence", 0.5)
        high = measured[min(len(measured) - 1, math.floor(confidence * len(measured)))]
        expected = statistics.median(measured)
        return AdaptationCost(expected_s=expected, high_s=max(expected, high))

    def cold(self, parallelism: int) -> bool:
        """Whether a superstep at this parallelism, reported next, carries start-up, of the run or of TaskManagers.

        Of a job that goes on through its supersteps those that it was started or rescaled in are never reported.
        """
        if self.spec.mechanism is not Mechanism.DRIVER_LOOP:
            return False
        return self.supersteps_done == 0 or parallelism > max(self.parallelism, self.capacity.existing_slots)

    def after(self, event: Event) -> RunRecord:
        """The run after one more event."""
        match event:
            case RunStarted():
                return RunRecord.started(event)
            case BarrierReached():
                return self._after_barrier(event)
            case RescaleSucceeded():
                return self._after_rescale(event)
            case RescaleFailed():
                return self._after_failed_rescale(event)
            case RescaleOutcomeUnknown():
                return self
            case RunFinished():
                return replace(self, state=event.state)

    def _after_rescale(self, event: RescaleSucceeded) -> RunRecord:
        costs = (*self.adaptation_costs_s, event.duration_s)[-ADAPTATION_COSTS_KEPT:]
        changed_s = self.changed_s + event.duration_s
        after = replace(self, capacity=event.capacity, adaptation_costs_s=costs, changed_s=changed_s)
        return replace(after, failed_rescales=0) if event.superstep >= self.held_until else after

    def _after_failed_rescale(self, event: RescaleFailed) -> RunRecord:
        """Slots that do not come are asked for again after a while that doubles each time."""
        after = replace(self, capacity=event.capacity)
        if event.capacity.existing_slots >= event.parallelism:
            return after
        hold = min(2 ** (self.failed_rescales + 1), LONGEST_HOLD)
        return replace(after, failed_rescales=self.failed_rescales + 1, held_until=event.superstep + 1 + hold)

    def _after_barrier(self, event: BarrierReached) -> RunRecord:
        report = event.report
        parallelism = event.flink.observed_parallelism or report.requested_parallelism
        known = replace(
            self,
            state=RunState.RUNNING,
            last_heard_at_s=event.at_s,
            spent_slot_s=self.spent_slot_s + self._slot_s_until(event.at_s, parallelism),
            capacity=event.capacity,
            gaps_s=(*self.gaps_s, self._gap_before(event))[-GAPS_KEPT:],
            changed_s=0.0,
        )
        if report.failed:
            return replace(
                known,
                supersteps_done=report.superstep - 1,
                failed_attempts=report.attempt,
                failures=self._failures_with(parallelism),
            )
        observed = ObservedDuration(
            parallelism=parallelism,
            duration_s=report.duration_s,
            cold=self.cold(parallelism),
            origin=Origin.THIS_RUN,
            superstep=report.superstep,
        )
        return replace(
            known,
            supersteps_done=report.superstep,
            failed_attempts=0,
            failures=tuple(one for one in self.failures if one != parallelism),
            parallelism=parallelism,
            own=(*self.own, observed),
            cpu_utilisation=event.flink.cpu_utilisation,
            convergence=self._convergence_with(report),
        )

    def _convergence_with(self, report: SuperstepReport) -> tuple[tuple[int, float], ...]:
        if report.convergence is None:
            return self.convergence
        return (*self.convergence, (report.superstep, report.convergence))[-FIGURES_KEPT:]

    def _slot_s_until(self, at_s: float, parallelism: int) -> float:
        """Slot-seconds since the last report at this parallelism; none if the clock was set back."""
        per = self.capacity.slots_per_task_manager
        return max(0.0, at_s - self.last_heard_at_s) * math.ceil(parallelism / per) * per

    def _gap_before(self, event: BarrierReached) -> float:
        """Seconds of each superstep since the last report that were spent outside; missed ones count as equal."""
        supersteps = 1 + event.report.missed_supersteps
        since_s = event.at_s - self.last_heard_at_s - self.changed_s
        return max(0.0, since_s / supersteps - event.report.duration_s)

    def _failures_with(self, parallelism: int) -> tuple[int, ...]:
        ended_well = any(one.parallelism == parallelism for one in self.own)
        if ended_well or self.failures.count(parallelism) >= FAILURES_THAT_CONDEMN:
            return self.failures
        return (*self.failures, parallelism)

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
