"""One run of a drawn job under a policy: the production controller decides at each barrier, failed tries included."""

from __future__ import annotations

from dataclasses import dataclass, field

from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.events import BarrierReached, Event, RescaleSucceeded, RunStarted
from adaptor.domain.objective import Bounds, RuntimeTarget
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.domain.plan import Plan
from adaptor.domain.run import PlanningSettings, RunSpec
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport
from adaptor.experiments.simulated.run import Known, Played, Step
from adaptor.experiments.traces.draw import Draw
from adaptor.experiments.traces.offered import OfferedController


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be run.

    Attributes:
        program: Name of the job.
        policy: Who decides.
        target_s: Seconds to finish within.
        start: Scale-out that the user would use; the policy may begin elsewhere.
        adaptation_cost_s: Seconds of a change of scale-out.
        known: What the controller is told.
    """

    program: str
    policy: str
    target_s: float
    start: int
    adaptation_cost_s: float
    known: Known


def played(task: Task, draw: Draw) -> Played:
    """The run from its first superstep to its last; a step is a try, whether or not it ended well."""
    run = _Run(task, draw)
    for superstep in range(1, len(draw.superstep_s) + 1):
        run.superstep(superstep)
    return Played(steps=tuple(run.steps), plans=tuple(run.plans), slots_per_task_manager=1)


def observed(run: Played, *, origin: Origin = Origin.EARLIER_RUN) -> tuple[ObservedDuration, ...]:
    """What a run that had no failing tries leaves to later ones."""
    before, found = 0, []
    for superstep, step in enumerate(run.steps, start=1):
        found.append(
            ObservedDuration(
                parallelism=step.parallelism,
                duration_s=step.duration_s,
                cold=superstep == 1 or step.parallelism > before,
                origin=origin,
                superstep=superstep,
            )
        )
        before = step.parallelism
    return tuple(found)


@dataclass(slots=True)
class _Run:
    task: Task
    draw: Draw
    steps: list[Step] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    now_s: float = 0.0
    controller: OfferedController = field(init=False)
    record: RunRecord = field(init=False)

    def __post_init__(self) -> None:
        self.controller = OfferedController(self.draw.sizes.tolist())
        started = RunStarted(
            spec=_spec(self.task, self.draw),
            earlier=self.task.known.earlier,
            capacity=self._capacity,
            planning=PlanningSettings(initial_adaptation_cost_s=self.task.adaptation_cost_s),
            adaptation_costs_s=self.task.known.adaptation_costs_s,
            at_s=0.0,
            prior=self.task.known.prior,
        )
        self.record = self.controller.handle(None, started).record

    @property
    def _capacity(self) -> Capacity:
        most = int(self.draw.sizes[-1])
        return Capacity(existing_slots=most, obtainable_slots=most)

    def superstep(self, superstep: int) -> None:
        """All tries of one superstep."""
        size = self._planned(superstep)
        failed_s, attempt = self.draw.failed_s(superstep, size), 1
        if failed_s > 0:
            self._tried(superstep, size, failed_s, attempt=1, failed=True)
            size, attempt = self._planned(superstep), 2
        self._tried(superstep, size, self.draw.duration_s(superstep, size), attempt=attempt, failed=False)

    def _planned(self, superstep: int) -> int:
        """The parallelism of the newest plan, with its change made."""
        plan = self.record.plan
        if plan is None:
            raise ValueError("a run that began has a plan")
        self.plans.append(plan)
        if self.steps and plan.parallelism != self.steps[-1].parallelism:
            self.now_s += self.task.adaptation_cost_s
            self._handle(
                RescaleSucceeded(
                    superstep=superstep,
                    parallelism=plan.parallelism,
                    capacity=self._capacity,
                    duration_s=self.task.adaptation_cost_s,
                    at_s=self.now_s,
                )
            )
        return plan.parallelism

    def _tried(self, superstep: int, size: int, seconds: float, *, attempt: int, failed: bool) -> None:
        changed = bool(self.steps) and size != self.steps[-1].parallelism
        self.now_s += seconds
        self.steps.append(
            Step(
                parallelism=size,
                duration_s=seconds,
                adaptation_s=self.task.adaptation_cost_s if changed else 0.0,
                reason=self.plans[-1].reason.code,
            )
        )
        report = SuperstepReport(
            superstep=superstep, attempt=attempt, requested_parallelism=size, duration_s=seconds, failed=failed
        )
        flink = FlinkStatistics(observed_parallelism=size)
        self._handle(BarrierReached(report=report, flink=flink, capacity=self._capacity, at_s=self.now_s))

    def _handle(self, event: Event) -> None:
        self.record = self.controller.handle(self.record, event).record


def _spec(task: Task, draw: Draw) -> RunSpec:
    return RunSpec(
        run_id="traced",
        context=ExecutionContext(program=task.program),
        objective=RuntimeTarget(target_s=task.target_s),
        policy=task.policy,
        bounds=Bounds(min_parallelism=int(draw.sizes[0]), max_parallelism=int(draw.sizes[-1])),
        start_parallelism=task.start,
        max_supersteps=len(draw.superstep_s),
    )
