"""What came of the simulated days, as a report."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

import numpy as np

from adaptor.experiments.arbitrate.arbiters import ARBITERS
from adaptor.experiments.arbitrate.campaign import BOUNDS, Choices, Outcome, Progress, at_load, played
from adaptor.experiments.plots import Cell, DataTable, Plot, Series, Shape
from adaptor.experiments.report import Figure, Report

QUESTION = (
    "Many runs with targets share clusters whose capacity rises and falls: how many weighted targets does adaptor "
    "meet, beside simpler ways to share, and beside what nobody could exceed?"
)

OTHERS = tuple(name for name in ARBITERS if name != "adaptor")
"""Who adaptor is compared with."""

DAY_HOURS = 24
"""Hours in which runs come."""


def experiment_simulated(choices: Choices, *, progress: Progress, cores: int | None = None) -> Report:
    """Play all days and put the figures together.

    Args:
        choices: What is played.
        progress: Told of every day.
        cores: Processes to use; all cores if not given.
    """
    outcomes = played(choices, progress=progress, cores=cores)
    figures = [figure for load in choices.loads for figure in _figures(at_load(outcomes, load), load)]
    return Report(
        title=f"{choices.runs} runs a day on {choices.clusters} clusters, {choices.seeds} seeds at each load",
        question=QUESTION,
        figures=[*figures, *_invariants(outcomes)],
        seeds={"first": choices.first, "last": choices.first + choices.seeds - 1},
        details={"choices": {"runs": choices.runs, "clusters": choices.clusters, "loads": list(choices.loads)}},
        tables=[_table(outcomes, choices.loads)],
        plots=[_met_plot(outcomes, choices.loads), _cost_plot(outcomes, choices.loads), *_use_plots(outcomes, choices)],
    )


def share_met(outcomes: Sequence[Outcome], name: str) -> float:
    """Weights of targets met over all weights."""
    return sum(one.results[name].weight_met for one in outcomes) / sum(one.weight for one in outcomes)


def share_whole(outcomes: Sequence[Outcome], name: str) -> float:
    """The same without targets that were met in part."""
    return sum(one.results[name].weight_whole for one in outcomes) / sum(one.weight for one in outcomes)


def cost(outcomes: Sequence[Outcome], name: str) -> float:
    """Slot-seconds spent over those of the cheapest way to be on time."""
    return sum(one.results[name].slot_s for one in outcomes) / sum(one.cheapest_slot_s for one in outcomes)


def _ratio(share: float, bound: float) -> float | None:
    return share / bound if bound else None


def _percent(load: float) -> str:
    return f"{round(100 * load):03d}"


def _figures(outcomes: Sequence[Outcome], load: float) -> list[Figure]:
    ours = share_met(outcomes, "adaptor")
    bound = share_met(outcomes, "planner's bound")
    best = max(OTHERS, key=lambda name: share_met(outcomes, name))
    beaten = sum(ours > share_met(outcomes, name) for name in OTHERS)
    runs = sum(one.runs for one in outcomes)
    at = _percent(load)
    return [
        Figure(
            name=f"arbitrate_targets_met_{at}",
            value=ours,
            unit="share of weight",
            baseline=share_met(outcomes, best),
            baseline_name=best,
        ),
        Figure(
            name=f"arbitrate_of_bound_{at}",
            value=_ratio(ours, bound),
            unit="share of the planner's bound",
            baseline=_ratio(share_met(outcomes, best), bound),
            baseline_name=best,
        ),
        Figure(
            name=f"arbitrate_of_whole_{at}",
            value=_ratio(ours, share_whole(outcomes, "planner's bound")),
            unit="share of the planner's bound without targets met in part",
        ),
        Figure(
            name=f"arbitrate_of_clairvoyant_{at}",
            value=_ratio(ours, share_met(outcomes, "clairvoyant bound")),
            unit="share of the clairvoyant bound",
        ),
        Figure(name=f"arbitrate_baselines_beaten_{at}", value=beaten, unit="of 3"),
        Figure(
            name=f"arbitrate_cost_{at}",
            value=cost(outcomes, "adaptor"),
            unit="of the cheapest slot-seconds",
            baseline=cost(outcomes, best),
            baseline_name=best,
        ),
        Figure(
            name=f"arbitrate_changes_{at}",
            value=sum(one.results["adaptor"].changes for one in outcomes) / runs,
            unit="changes a run",
            baseline=sum(one.results[best].changes for one in outcomes) / runs,
            baseline_name=best,
        ),
    ]


def _invariants(outcomes: Sequence[Outcome]) -> list[Figure]:
    ours = [one.results["adaptor"] for one in outcomes]
    faults = sum((one.faults for one in ours), Counter())
    starved = sum(one.waited_s > one.waits_allowed_s for one in ours)
    growths = [_growth_mb(one.rss_mb) for one in outcomes if len(one.rss_mb) > DAY_HOURS]
    return [
        Figure(name="arbitrate_steps_checked", value=sum(one.steps for one in ours), unit="steps"),
        Figure(name="arbitrate_faults", value=sum(faults.values()), unit="faults"),
        Figure(name="arbitrate_starved", value=starved, unit="days"),
        Figure(name="arbitrate_longest_wait", value=max(one.waited_s for one in ours) / 3600, unit="h"),
        Figure(
            name="arbitrate_memory_growth", value=statistics.median(growths) if growths else None, unit="MB in 24 h"
        ),
    ]


def _growth_mb(rss_mb: Sequence[float]) -> float:
    """Memory in the last hours of the day over that in the first ones, when everything was loaded."""
    return statistics.median(rss_mb[DAY_HOURS - 3 : DAY_HOURS]) - statistics.median(rss_mb[1:4])


def _names() -> list[str]:
    return [*ARBITERS, *BOUNDS]


def _table(outcomes: Sequence[Outcome], loads: Sequence[float]) -> DataTable:
    rows: list[list[Cell]] = []
    for load in loads:
        here = at_load(outcomes, load)
        for name in _names():
            seeds = _by_seed(here, name)
            results = [one.results[name] for one in here]
            waited_h = max(one.waited_s for one in results) / 3600
            faults = sum(sum(one.faults.values()) for one in results)
            last: list[Cell] = [None, None, None] if name in BOUNDS else [_changes(here, name), waited_h, faults]
            met: list[Cell] = [share_met(here, name), share_whole(here, name), min(seeds), max(seeds)]
            rows.append([load, name, *met, cost(here, name), *last])
    return DataTable(
        name="arbiters",
        title="Targets met and cost",
        columns=[
            "offered load",
            "arbiter",
            "weighted targets met",
            "of these, as a whole",
            "worst seed",
            "best seed",
            "slot-seconds over the cheapest",
            "changes a run",
            "longest wait, h",
            "faults",
        ],
        rows=rows,
        note="A bound counts a target that is met in part in part; no schedule exceeds the clairvoyant one.",
    )


def _changes(outcomes: Sequence[Outcome], name: str) -> float:
    return sum(one.results[name].changes for one in outcomes) / sum(one.runs for one in outcomes)


def _by_seed(outcomes: Sequence[Outcome], name: str) -> list[float]:
    seeds = sorted({one.day.seed for one in outcomes})
    return [share_met([one for one in outcomes if one.day.seed == seed], name) for seed in seeds]


def _met_plot(outcomes: Sequence[Outcome], loads: Sequence[float]) -> Plot:
    series = []
    for name in _names():
        by_load = [_by_seed(at_load(outcomes, load), name) for load in loads]
        series.append(
            Series(
                name=name,
                x=list(loads),
                y=[statistics.fmean(seeds) for seeds in by_load],
                low=[] if name in BOUNDS else [min(seeds) for seeds in by_load],
                high=[] if name in BOUNDS else [max(seeds) for seeds in by_load],
                baseline=name in BOUNDS,
            )
        )
    return Plot(
        name="met",
        title="Weighted targets met",
        x_label="offered load over capacity",
        y_label="share of all weights",
        series=series,
        note="Bands reach from the worst seed to the best.",
    )


def _cost_plot(outcomes: Sequence[Outcome], loads: Sequence[float]) -> Plot:
    series = [
        Series(
            name=name,
            x=[cost(at_load(outcomes, load), name) for load in loads],
            y=[share_met(at_load(outcomes, load), name) for load in loads],
            labels=[f"load {load:g}" for load in loads],
            shape=Shape.POINTS,
            baseline=name in BOUNDS,
        )
        for name in _names()
    ]
    return Plot(
        name="cost",
        title="Targets met against cost",
        x_label="slot-seconds over those of the cheapest way to be on time",
        y_label="share of all weights",
        series=series,
    )


def _use_plots(outcomes: Sequence[Outcome], choices: Choices) -> list[Plot]:
    """Capacity and slots held over one day of one cluster, at each load."""
    plots = []
    for load in choices.loads:
        one = next(one for one in at_load(outcomes, load) if one.day.seed == choices.first and not one.day.cluster)
        held = {name: np.array(one.results[name].in_use)[: DAY_HOURS + 1] for name in ARBITERS}
        hours = list(range(len(held["adaptor"])))
        series = [Series(name="capacity", x=hours, y=held["adaptor"][:, 0].tolist(), shape=Shape.STEPS, baseline=True)]
        series += [
            Series(name=name, x=list(range(len(use))), y=use[:, 1].tolist(), shape=Shape.STEPS)
            for name, use in held.items()
        ]
        plots.append(
            Plot(
                name=f"slots-{_percent(load)}",
                title=f"Slots held on one cluster, offered load {load:g}",
                x_label="hour of the day",
                y_label="slots",
                series=series,
            )
        )
    return plots
