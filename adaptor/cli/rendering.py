"""How runs and plans look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table

from adaptor.domain.duration import format_duration
from adaptor.domain.observation import Observation
from adaptor.domain.plan import Evidence, Interval, Plan
from adaptor.service.answers import objective_text
from adaptor.store.history import Recorded, RunSummary


def runs_table(runs: Iterable[RunSummary]) -> Table:
    """Runs, a line each."""
    table = Table("run", "program", "state", "started", "time", "supersteps", "parallelism", "objective")
    for run in runs:
        table.add_row(
            run.spec.run_id,
            run.spec.context.program,
            run.state.value,
            datetime.fromtimestamp(run.started_at_s).strftime("%Y-%m-%d %H:%M:%S"),
            format_duration(run.updated_at_s - run.started_at_s),
            f"{run.supersteps}",
            f"{run.parallelism}",
            objective_text(run.spec.objective),
        )
    return table


def supersteps_table(story: Sequence[Recorded]) -> Table:
    """Supersteps of a run with the plan each was run on."""
    plans = {recorded.plan.superstep: recorded.plan for recorded in story if recorded.plan}
    table = Table("superstep", "planned", "requested", "observed", "time", "predicted", "CPU", "reason of the plan")
    for recorded in story:
        if recorded.observation:
            table.add_row(*_superstep_row(recorded.observation, plans.get(recorded.observation.superstep)))
    return table


def _superstep_row(one: Observation, plan: Plan | None) -> tuple[str, ...]:
    return (
        f"{one.superstep}" + (f" (try {one.attempt})" if one.attempt > 1 else ""),
        f"{one.planned_parallelism}",
        f"{one.requested_parallelism}",
        "unknown" if one.observed_parallelism is None else f"{one.observed_parallelism}",
        format_duration(one.duration_s) + (" failed" if one.failed else " cold" if one.cold else ""),
        interval_text(plan.predicted_s if plan else None),
        "" if one.flink.cpu_utilisation is None else f"{one.flink.cpu_utilisation:.2f}",
        plan.reason.text if plan else "",
    )


def interval_text(interval: Interval | None) -> str:
    """A predicted duration with its range; ``unknown`` where there is none."""
    if interval is None:
        return "unknown"
    return f"{format_duration(interval.low)} .. {format_duration(interval.high)}"


def plan_in_words(plan: Plan) -> list[RenderableType]:
    """A plan with its reason, evidence and alternatives."""
    evidence = plan.evidence
    change = (
        f"stay at {plan.parallelism}"
        if plan.stays
        else f"change from {plan.previous_parallelism} to {plan.parallelism}"
    )
    lines = [
        f"Superstep {plan.superstep}: {change}, because {plan.reason.text}.",
        f"Policy {plan.policy}, model {evidence.model}; it knew {evidence.own_observations} supersteps of this run, "
        f"{evidence.earlier_observations} of earlier runs and {evidence.shared_observations} of peers, "
        f"at {evidence.distinct_parallelisms} parallelisms.",
        f"{_supersteps_left(evidence)} after {format_duration(evidence.elapsed_s)}; "
        f"{evidence.slots} slots exist or can be had; a rescale is taken to cost "
        f"{format_duration(evidence.adaptation_cost_s)}.",
    ]
    return [*lines, _alternatives_table(plan)] if plan.alternatives else [*lines]


def _supersteps_left(evidence: Evidence) -> str:
    low, high = evidence.supersteps_left_low, evidence.supersteps_left_high
    if evidence.supersteps_basis == "limit" or low is None or high is None:
        return f"{evidence.supersteps_left} supersteps were left"
    why = "this run's convergence" if evidence.supersteps_basis == "convergence" else "earlier runs"
    return f"about {evidence.supersteps_left} supersteps ({low} .. {high}, by {why}) were left"


def _alternatives_table(plan: Plan) -> Table:
    level = next((one.finish_s.level for one in plan.alternatives if one.finish_s), None)
    share = "" if level is None else f" ({100 * level:.0f} %)"
    table = Table("parallelism", f"superstep{share}", f"finish{share}", "slot-seconds left", "on time", "verdict")
    for one in plan.alternatives:
        table.add_row(
            f"{one.parallelism}" + (" *" if one.outside_observed_range else ""),
            interval_text(one.superstep_s),
            interval_text(one.finish_s),
            "" if one.cost_slot_s is None else f"{one.cost_slot_s:.0f}",
            "" if one.on_time_probability is None else f"{100 * one.on_time_probability:.0f} %",
            one.verdict,
        )
    table.caption = "* outside the range that was measured" if _extrapolates(plan) else None
    return table


def _extrapolates(plan: Plan) -> bool:
    return any(one.outside_observed_range for one in plan.alternatives)
