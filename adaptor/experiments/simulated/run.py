"""Plays one run: the production controller decides at each barrier, a world says how long supersteps take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.events import BarrierReached, RescaleSucceeded, RunStarted
from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.plan import Plan, ReasonCode
from adaptor.domain.run import PlanningSettings, RunSpec
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport

PLANNING = PlanningSettings(initial_adaptation_cost_s=4.0)
"""As the service's own defaults."""


class World(Protocol):
    """What a run meets."""

    def duration_s(self, superstep: int, parallelism: int) -> float:
        """Seconds that a superstep takes."""
        ...

    def utilisation(self, parallelism: int) -> float | None:
        """CPU time over wall-clock time and slots, 0 to 1; ``None`` if unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the controller is told besides the run itself.

    Attributes:
        earlier: Observations of the same execution context.
        prior: What other contexts say.
        adaptation_costs_s: What earlier changes cost on this cluster, seconds.
    """

    earlier: tuple[ObservedDuration, ...] = ()
    prior: InformedPrior | None = None
    adaptation_costs_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One superstep as it was run.

    Attributes:
        parallelism: What it ran with.
        duration_s: Seconds it took.
        adaptation_s: Seconds of a change before it.
        reason: Why it ran there; ``None`` where the start was given.
    """

    parallelism: int
    duration_s: float
    adaptation_s: float
    reason: ReasonCode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run that was played to its end.

    Attributes:
        steps: All supersteps.
        plans: The plan of each.
        slots_per_task_manager: Slots that come and go together.
    """

    steps: tuple[Step, ...]
    plans: tuple[Plan, ...]
    slots_per_task_manager: int

    @property
    def runtime_s(self) -> float:
        """Seconds from start to end."""
        return sum(one.duration_s + one.adaptation_s for one in self.steps)

    @property
    def slot_s(self) -> float:
        """Slot-seconds of whole TaskManagers; a change is paid for with the slots it leads to."""
        per = self.slots_per_task_manager
        return sum((one.duration_s + one.adaptation_s) * (-(-one.parallelism // per) * per) for one in self.steps)

    @property
    def rescales(self) -> int:
        """Changes of parallelism after the first superstep."""
        return sum(a.parallelism != b.parallelism for a, b in zip(self.steps, self.steps[1:], strict=False))


def play(
    spec: RunSpec,
    world: World,
    *,
    capacity: Capacity,
    adaptation_cost_s: float,
    known: Known,
    free_start: bool,
    planning: PlanningSettings = PLANNING,
) -> Played:
    """Run all supersteps.

    Args:
        spec: The run.
        world: Says how long each superstep takes.
        capacity: Slots, all through the run.
        adaptation_cost_s: Seconds that a change takes.
        known: What the controller is told.
        free_start: Whether the first superstep runs as planned; else it runs with the start parallelism.
        planning: Settings of the service.
    """
    controller, now_s = RunController(), 0.0
    started = RunStarted(
        spec=spec,
        earlier=known.earlier,
        capacity=capacity,
        planning=planning,
        adaptation_costs_s=known.adaptation_costs_s,
        at_s=now_s,
        prior=known.prior,
    )
    record = controller.handle(None, started).record
    steps: list[Step] = []
    plans: list[Plan] = []
    for superstep in range(1, spec.max_supersteps + 1):
        plan = _plan_of(record)
        given = superstep == 1 and not free_start
        parallelism = spec.start_parallelism if given else plan.parallelism
        change_s = adaptation_cost_s if steps and parallelism != steps[-1].parallelism else 0.0
        if change_s:
            record = controller.handle(record, _rescaled(superstep, parallelism, capacity, change_s, now_s)).record
        duration_s = world.duration_s(superstep, parallelism)
        now_s += change_s + duration_s
        steps.append(
            Step(
                parallelism=parallelism,
                duration_s=duration_s,
                adaptation_s=change_s,
                reason=None if given else plan.reason.code,
            )
        )
        plans.append(plan)
        ended = _barrier(superstep, parallelism, duration_s, capacity, world, now_s)
        record = controller.handle(record, ended).record
    return Played(steps=tuple(steps), plans=tuple(plans), slots_per_task_manager=capacity.slots_per_task_manager)


def _plan_of(record: RunRecord) -> Plan:
    if record.plan is None:
        raise ValueError("a run that began has a plan")
    return record.plan


def _rescaled(superstep: int, parallelism: int, capacity: Capacity, change_s: float, now_s: float) -> RescaleSucceeded:
    return RescaleSucceeded(
        superstep=superstep, parallelism=parallelism, capacity=capacity, duration_s=change_s, at_s=now_s + change_s
    )


def _barrier(
    superstep: int, parallelism: int, duration_s: float, capacity: Capacity, world: World, now_s: float
) -> BarrierReached:
    return BarrierReached(
        report=SuperstepReport(superstep=superstep, requested_parallelism=parallelism, duration_s=duration_s),
        flink=FlinkStatistics(observed_parallelism=parallelism, cpu_utilisation=world.utilisation(parallelism)),
        capacity=capacity,
        at_s=now_s,
    )
