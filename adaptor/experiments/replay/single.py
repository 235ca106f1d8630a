"""One curve from a poor start, as fast as a capped cost allows: every policy at every cost of a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from adaptor.experiments.plots import Cell, DataTable, Plot, Series, Shape
from adaptor.experiments.replay.battery import Case, Job
from adaptor.experiments.replay.cases import LEAST, MOST, TUNED, Replayed, Setup, Wanted
from adaptor.experiments.replay.knowledge import Setting
from adaptor.experiments.report import Figure
from adaptor.experiments.simulated.curves import Curve
from adaptor.experiments.simulated.schedules import Schedule
from adaptor.planner.policies import DEFAULT_POLICY, POLICIES

COSTS_S = (0.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds of a change that are compared: from a rescale in place to new machines."""


PEERS = 8
"""Peers that are drawn, each with runs at other scale-outs and another factor: what one of them tells is luck."""


def jobs_of(curve: Curve, log: Sequence[Curve], setup: Setup, costs_s: Sequence[float], seed: int) -> list[Job]:
    """Adaptor in all settings, with the given start and a free one; everybody else with nothing known and a peer."""
    setups = tuple(replace(setup, adaptation_cost_s=cost_s) for cost_s in costs_s)
    free = tuple(replace(one, free_start=True) for one in setups)
    jobs = []
    for setting in Setting:
        for draw in range(PEERS if setting in (Setting.PEER, Setting.MISLED) else 1):
            everybody = draw == 0 and setting in (Setting.COLD, Setting.PEER)
            jobs.append(
                Job(
                    curve=curve,
                    log=tuple(log),
                    settings=(setting,),
                    setups=(*setups, *free) if setting is Setting.PEER else setups,
                    wanted=(Wanted.BUDGET,),
                    policies=tuple(POLICIES) if everybody else (DEFAULT_POLICY,),
                    seed=seed + draw,
                )
            )
    return jobs


def figures_of(cases: Sequence[Case]) -> list[Figure]:
    """Mean change of the runtime against staying, without a cost of changes; the best schedule beside it."""
    found: defaultdict[tuple[Setting, bool], list[Replayed]] = defaultdict(list)
    for case in cases:
        if case.setup.adaptation_cost_s == 0 and case.replayed.policy == DEFAULT_POLICY:
            found[case.setting, case.setup.free_start].append(case.replayed)
    figures = []
    for (setting, free_start), runs in found.items():
        best = runs[0].best
        figures.append(
            Figure(
                name=f"replay_{setting.value}{'_free_start' if free_start else ''}_runtime_change",
                value=mean([runtime_change(one) for one in runs]),
                unit="%",
                baseline=None if best is None else 100 * (best.runtime_s / runs[0].static_s - 1),
                baseline_name="best schedule under the same cap",
            )
        )
    return [*figures, *_misled(figures)]


def _misled(figures: Sequence[Figure]) -> list[Figure]:
    """What it costs to be misled, in points of the runtime of staying."""
    values = {one.name: one.value for one in figures}
    misled, cold = (values.get(f"replay_{one.value}_runtime_change") for one in (Setting.MISLED, Setting.COLD))
    if misled is None or cold is None:
        return []
    return [Figure(name="replay_misled_above_cold", value=misled - cold, unit="points")]


def runtime_change(one: Replayed) -> float:
    """Of the runtime against staying at the start, per cent."""
    return _per_cent(one.played.runtime_s / one.static_s)


def cost_change(one: Replayed) -> float:
    """Of the slot-seconds against staying at the start, per cent."""
    return _per_cent(one.played.slot_s / one.static_slot_s)


def table_of(cases: Sequence[Case]) -> DataTable:
    """A row for each policy, setting, start and cost of a change, the best schedules among them."""
    found: defaultdict[_Row, list[Replayed]] = defaultdict(list)
    best: dict[_Row, Schedule] = {}
    for case in cases:
        one, setup = case.replayed, case.setup
        known = "" if one.policy in (LEAST, MOST, TUNED) else case.setting.value
        place = (setup.free_start, setup.adaptation_cost_s)
        found[(one.policy, known, *place)].append(one)
        if one.best is not None:
            best[("best schedule", "", *place)] = one.best
    static = cases[0].replayed
    rows: list[list[Cell]] = [
        [
            *key,
            _per_cent(one.runtime_s / static.static_s),
            "",
            _per_cent(one.slot_s / static.static_slot_s),
            _changes(one),
        ]
        for key, one in best.items()
    ]
    rows += [[*key, *_of_runs(runs)] for key, runs in found.items()]
    rows.sort(key=lambda row: (bool(row[2]), float(row[3] or 0.0), _ORDER.get(str(row[1]), 0)))
    return DataTable(
        name="policies",
        columns=["policy", "known", "free start", "change, s", "runtime, %", "range", "slot-seconds, %", "changes"],
        rows=rows,
        note=f"means over {PEERS} peers that are drawn where one is known or misleads, with their range",
    )


_Row = tuple[str, str, bool, float]

_ORDER = {one.value: number for number, one in enumerate(Setting, start=1)}


def _of_runs(runs: Sequence[Replayed]) -> list[Cell]:
    runtimes = [runtime_change(one) for one in runs]
    spread = f"{min(runtimes):.1f} .. {max(runtimes):.1f}" if max(runtimes) > min(runtimes) else ""
    return [
        mean(runtimes),
        spread,
        mean([cost_change(one) for one in runs]),
        mean([float(one.played.rescales) for one in runs]),
    ]


def _changes(schedule: Schedule) -> int:
    return sum(a != b for a, b in zip(schedule.parallelisms, schedule.parallelisms[1:], strict=False))


def plots_of(cases: Sequence[Case], slots_per_node: int) -> list[Plot]:
    """Nodes over supersteps in each setting, and cost against time, changes being free."""
    first = {case.setting: case.draw for case in reversed(cases)}
    free = [
        case
        for case in cases
        if case.setup.adaptation_cost_s == 0 and not case.setup.free_start and case.draw == first[case.setting]
    ]
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
