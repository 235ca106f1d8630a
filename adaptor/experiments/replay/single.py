"""One curve from a poor start, as fast as a capped cost allows: every policy at every cost of a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptor.experiments.plots import Cell, DataTable, Plot, Series, Shape
from adaptor.experiments.replay.battery import Case, Job
from adaptor.experiments.replay.cases import Replayed, Setup, Wanted
from adaptor.experiments.replay.knowledge import Setting
from adaptor.experiments.report import Figure
from adaptor.experiments.simulated.curves import Curve
from adaptor.planner.policies import DEFAULT_POLICY, POLICIES

COSTS_S = (0.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds of a change that are compared: from a rescale in place to new machines."""


def jobs_of(curve: Curve, log: Sequence[Curve], setup: Setup, costs_s: Sequence[float], seed: int) -> list[Job]:
    """Adaptor in all settings, with the given start and a free one; everybody else with nothing known and a peer."""
    setups = tuple(replace(setup, adaptation_cost_s=cost_s) for cost_s in costs_s)
    free = tuple(replace(one, free_start=True) for one in setups)
    jobs = []
    for setting in Setting:
        everybody = setting in (Setting.COLD, Setting.PEER)
        jobs.append(
            Job(
                curve=curve,
                log=tuple(log),
                setting=setting,
                setups=(*setups, *free) if setting is Setting.PEER else setups,
                wanted=(Wanted.BUDGET,),
                policies=tuple(POLICIES) if everybody else (DEFAULT_POLICY,),
                seed=seed,
            )
        )
    return jobs


def figures_of(cases: Sequence[Case]) -> list[Figure]:
    """Change of the runtime against staying, without a cost of changes; the oracle of the same start beside it."""
    figures = []
    for case in cases:
        if case.setup.adaptation_cost_s > 0 or case.replayed.policy != DEFAULT_POLICY:
            continue
        start = "_free_start" if case.setup.free_start else ""
        best = case.replayed.best
        figures.append(
            Figure(
                name=f"replay_{case.setting.value}{start}_runtime_change",
                value=runtime_change(case.replayed),
                unit="%",
                baseline=None if best is None else 100 * (best.runtime_s / case.replayed.static_s - 1),
                baseline_name="best schedule under the same cap",
            )
        )
    return figures


def runtime_change(one: Replayed) -> float:
    """Of the runtime against staying at the start, per cent."""
    return _per_cent(one.played.runtime_s / one.static_s)


def cost_change(one: Replayed) -> float:
    """Of the slot-seconds against staying at the start, per cent."""
    return _per_cent(one.played.slot_s / one.static_slot_s)


def table_of(cases: Sequence[Case]) -> DataTable:
    """A row for each policy, setting, start and cost of a change, the best schedules among them."""
    rows: list[list[Cell]] = []
    seen = set()
    for case in cases:
        one, setup, best = case.replayed, case.setup, case.replayed.best
        key = (setup.adaptation_cost_s, setup.free_start)
        if best is not None and key not in seen:
            seen.add(key)
            runtime, cost = _per_cent(best.runtime_s / one.static_s), _per_cent(best.slot_s / one.static_slot_s)
            changes = sum(a != b for a, b in zip(best.parallelisms, best.parallelisms[1:], strict=False))
            rows.append(["best schedule", "", setup.free_start, setup.adaptation_cost_s, runtime, cost, changes])
        rows.append(
            [
                one.policy,
                case.setting.value,
                setup.free_start,
                setup.adaptation_cost_s,
                runtime_change(one),
                cost_change(one),
                one.played.rescales,
            ]
        )
    return DataTable(
        name="policies",
        columns=["policy", "known", "free start", "change, s", "runtime, %", "slot-seconds, %", "changes"],
        rows=rows,
    )


def plots_of(cases: Sequence[Case], slots_per_node: int) -> list[Plot]:
    """Nodes over supersteps in each setting, and cost against time, changes being free."""
    free = [case for case in cases if case.setup.adaptation_cost_s == 0 and not case.setup.free_start]
    own = [case for case in free if case.replayed.policy == DEFAULT_POLICY]
    steps = [
        Series(
            name=case.setting.value,
            x=list(range(1, len(case.replayed.played.steps) + 1)),
            y=[step.parallelism / slots_per_node for step in case.replayed.played.steps],
            shape=Shape.STEPS,
        )
        for case in own
    ]
    if own and own[0].replayed.best:
        best = own[0].replayed.best.parallelisms
        y = [one / slots_per_node for one in best]
        steps.append(Series(name="best schedule", x=list(range(1, len(y) + 1)), y=y, shape=Shape.STEPS, baseline=True))
    points = [
        Series(
            name=f"{case.replayed.policy}, {case.setting.value}",
            x=[case.replayed.played.runtime_s],
            y=[case.replayed.played.slot_s],
            shape=Shape.POINTS,
        )
        for case in free
        if case.setting is Setting.COLD or case.replayed.policy == DEFAULT_POLICY
    ]
    return [
        Plot(name="nodes", title="Nodes over supersteps", x_label="superstep", y_label="nodes", series=steps),
        Plot(
            name="cost",
            title="Cost against time",
            x_label="runtime, s",
            y_label="slot-seconds",
            series=points,
            front=True,
            y_from_zero=False,
            note="The cap allows a tenth more slot-seconds than staying at the start.",
        ),
    ]


def _per_cent(ratio: float) -> float:
    """The change that a ratio means, without what sums in binary leave behind."""
    return round(100 * (ratio - 1), 9)
