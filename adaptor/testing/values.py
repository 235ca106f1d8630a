"""Values with everything filled in, so that a test says only what it is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from adaptor.control.run_controller import Handled, RunController
from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.events import BarrierReached, Event, RunStarted
from adaptor.domain.objective import Bounds, Objective, RuntimeTarget
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.domain.plan import Plan
from adaptor.domain.run import PlanningSettings, RunSpec
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport
from adaptor.models.runtime import RuntimeModel
from adaptor.planner.outlook import Outlook, outlook
from adaptor.planner.situation import AdaptationCost, Situation, compared_parallelisms

RUN_ID = "run-1"
FLINK_URL = "http://flink:8081"
BEGAN_S = 1_000_000.0
PLANNING = PlanningSettings(initial_adaptation_cost_s=4.0)


def a_spec(run_id: str = RUN_ID, *, objective: Objective | None = None, most: int = 4, **fields: Any) -> RunSpec:
    """A run that starts at 1 and has 20 supersteps, unless said otherwise."""
    defaults: dict[str, Any] = {
        "context": ExecutionContext(program="kmeans"),
        "objective": objective or RuntimeTarget(target_s=100.0),
        "policy": "adaptor",
        "bounds": Bounds(max_parallelism=most),
        "start_parallelism": 1,
        "max_supersteps": 20,
        "flink_url": FLINK_URL,
    }
    return RunSpec(run_id=run_id, **{**defaults, **fields})


def slots(existing: int, obtainable: int | None = None) -> Capacity:
    """Slots there are, and could be."""
    return Capacity(existing_slots=existing, obtainable_slots=existing if obtainable is None else obtainable)


def started(spec: RunSpec | None = None, **fields: Any) -> RunStarted:
    """A run that begins with four slots to be had and nothing known."""
    defaults: dict[str, Any] = {
        "spec": spec or a_spec(),
        "earlier": (),
        "capacity": slots(1, 4),
        "planning": PLANNING,
        "adaptation_costs_s": (),
        "at_s": BEGAN_S,
    }
    return RunStarted(**{**defaults, **fields})


def a_report(superstep: int, duration_s: float = 10.0, *, at: int = 1, **fields: Any) -> SuperstepReport:
    """A superstep that ended well."""
    return SuperstepReport(superstep=superstep, requested_parallelism=at, duration_s=duration_s, **fields)


def barrier(report: SuperstepReport, *, at_s: float, flink: FlinkStatistics | None = None, **fields: Any) -> Event:
    """The end of a superstep, with four slots to be had and Flink silent."""
    defaults: dict[str, Any] = {"capacity": slots(report.requested_parallelism, 4)}
    return BarrierReached(report=report, flink=flink or FlinkStatistics(), at_s=at_s, **{**defaults, **fields})


def measured(
    parallelism: int, *durations_s: float, cold: bool = False, earlier: bool = False
) -> tuple[ObservedDuration, ...]:
    """Durations at one parallelism."""
    origin = Origin.EARLIER_RUN if earlier else Origin.THIS_RUN
    return tuple(
        ObservedDuration(parallelism=parallelism, duration_s=one, cold=cold, origin=origin) for one in durations_s
    )


def after(*events: Event) -> Handled:
    """What the core makes of a run's events, the last one's effects included."""
    handled, controller = None, RunController()
    for event in events:
        handled = controller.handle(handled.record if handled else None, event)
    if handled is None:
        raise ValueError("a run has at least one event")
    return handled


def plan_after(*events: Event) -> Plan:
    """The newest plan of a run with these events."""
    plan = after(*events).record.plan
    if plan is None:
        raise ValueError("no plan was made")
    return plan


def a_view(*observations: ObservedDuration, candidates: tuple[int, int] = (1, 4), **fields: Any) -> Outlook:
    """The outlook of a run in mid-life at parallelism 1, given what was measured."""
    model = RuntimeModel.fit(observations)
    given = {"current_parallelism": 1, "supersteps_left": 10, "adaptation_cost_s": 4.0} | fields
    adaptation_cost_s = given.pop("adaptation_cost_s")
    bounds = Bounds(min_parallelism=candidates[0], max_parallelism=candidates[1])
    always = {given["current_parallelism"], *model.measured_parallelisms}
    defaults: dict[str, Any] = {
        "objective": RuntimeTarget(target_s=100.0),
        "elapsed_s": 0.0,
        "spent_slot_s": 0.0,
        "gap_s": 0.0,
        "adaptation": AdaptationCost(expected_s=adaptation_cost_s, high_s=adaptation_cost_s),
        "joint": model.joint(compared_parallelisms(bounds, candidates[1], always=always)),
        "work": np.ones(given["supersteps_left"]),
        "work_spread": 0.0,
        "slots_per_task_manager": 1,
        "measured": model.measured_parallelisms,
        "failing": frozenset(),
        "cpu_utilisation": None,
    }
    return outlook(Situation(**{**defaults, **given}))
