"""Figures, tables and plots of local runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from adaptor.experiments.local_runs.outcome import (
    LocalRun,
    Question,
    best_static,
    runtime_s,
    slot_seconds,
    spread,
)
from adaptor.experiments.local_runs.variants import Aim, Variant
from adaptor.experiments.plots import Cell, DataTable, Plot, Series, Shape
from adaptor.experiments.report import Figure, Report


def report_of(question: Question, runs: Sequence[LocalRun], *, seed: int, duration_s: float) -> Report:
    """The report of all runs."""
    prefix = f"local_{question.program.name}"
    return Report(
        title=f"adaptor experiment local: {question.program.name} on a real Flink",
        question=question.text,
        figures=[*figures_of(question, runs), Figure(name=f"{prefix}_duration", value=duration_s, unit="s")],
        seeds={"seed": seed},
        details={
            "job": question.program.name,
            "size": question.size,
            "repeats": question.repeats,
            "target_s": question.target_s,
            "runs": [run.as_json() for run in runs],
        },
        tables=[variants_data(runs, target_s=question.target_s)],
        plots=[*(parallelism_plot(runs, aim) for aim in Aim), cost_plot(runs), superstep_plot(runs)],
    )


def figures_of(question: Question, runs: Sequence[LocalRun]) -> list[Figure]:
    """Adaptor's value of each objective beside the best static one's."""
    prefix = f"local_{question.program.name}"
    fast, thrifty = (next(run.variant for run in runs if run.variant.aim is aim) for aim in (Aim.FASTEST, Aim.TARGET))
    on_time = [run.story.elapsed_s <= question.target_s for run in runs if run.variant == thrifty]
    cheapest = best_static(runs, slot_seconds, within_s=question.target_s)
    return [
        *_beside(f"{prefix}_fastest_runtime", "s", (runs, fast, runtime_s), best_static(runs, runtime_s)),
        *_beside(f"{prefix}_target_slot_seconds", "slot-seconds", (runs, thrifty, slot_seconds), cheapest),
        Figure(name=f"{prefix}_target_met", value=sum(on_time) / len(on_time), unit="share of runs"),
        Figure(
            name=f"{prefix}_results_agreeing",
            value=sum(run.check["agree"] for run in runs) / len(runs),
            unit="share of runs",
        ),
        Figure(name=f"{prefix}_supersteps", value=float(question.supersteps), unit="supersteps"),
    ]


def _beside(
    name: str,
    unit: str,
    measured: tuple[Sequence[LocalRun], Variant, Callable[[LocalRun], float]],
    best: Variant | None,
) -> list[Figure]:
    """A median beside that of the best static variant, and what one is of the other."""
    runs, variant, number = measured
    value = spread(runs, variant, number).median
    least = None if best is None else spread(runs, best, number).median
    baseline = "" if best is None else f"{best.name}, the best"
    return [
        Figure(name=name, value=value, unit=unit, baseline=least, baseline_name=baseline),
        Figure(name=f"{name}_ratio", value=None if least is None else value / least, unit="ratio"),
    ]


# --- tables --------------------------------------------------------------------------------------------------

COLUMNS = (
    "variant",
    "runtime, s: median (range)",
    "slot-seconds: median (range)",
    "ended on time",
    "rescales, median",
    "parallelism in repeat 1",
)


def variants_data(runs: Sequence[LocalRun], *, target_s: float) -> DataTable:
    """All variants side by side."""
    return DataTable(
        name="variants",
        title="Adaptor and every static parallelism",
        columns=COLUMNS,
        rows=[_variant_row(variant, runs, target_s=target_s) for variant in variants_of(runs)],
        note=f"On time is within {target_s:.1f} s, which only the variant with that target is told.",
    )


def variants_of(runs: Sequence[LocalRun]) -> list[Variant]:
    """Adaptor's variants, then the static ones by parallelism."""
    return sorted({run.variant for run in runs}, key=lambda one: (one.aim is None, one.start))


def _variant_row(variant: Variant, runs: Sequence[LocalRun], *, target_s: float) -> list[Cell]:
    mine = [run for run in runs if run.variant == variant]
    return [
        variant.name,
        spread(runs, variant, runtime_s).text,
        spread(runs, variant, slot_seconds).text,
        f"{sum(run.story.elapsed_s <= target_s for run in mine)} of {len(mine)}",
        median(run.story.rescales for run in mine),
        mine[0].parallelisms_text,
    ]


# --- plots ---------------------------------------------------------------------------------------------------


def parallelism_plot(runs: Sequence[LocalRun], aim: Aim) -> Plot:
    """What adaptor chose in each superstep of each run with an aim."""
    mine = [run for run in runs if run.variant.aim is aim]
    return Plot(
        name=f"parallelism-{aim.value}",
        title=f"Parallelism over supersteps: {mine[0].variant.name}",
        x_label="superstep",
        y_label="parallelism",
        series=[
            Series(
                name=f"repeat {run.repeat}",
                x=range(1, len(run.parallelisms) + 1),
                y=run.parallelisms,
                shape=Shape.STEPS,
            )
            for run in mine
        ],
    )


def cost_plot(runs: Sequence[LocalRun]) -> Plot:
    """Every run by what it took and what it cost."""
    return Plot(
        name="cost",
        title="Cost against time",
        note="Every run; further left is faster, further down is cheaper.",
        x_label="runtime, s",
        y_label="slot-seconds",
        front=True,
        y_from_zero=False,
        series=[
            Series(
                name=variant.name,
                x=spread(runs, variant, runtime_s).values,
                y=spread(runs, variant, slot_seconds).values,
                shape=Shape.POINTS,
            )
            for variant in variants_of(runs)
        ],
    )


def superstep_plot(runs: Sequence[LocalRun]) -> Plot:
    """How long each superstep took at each static parallelism: the curve that adaptor has to learn."""
    return Plot(
        name="supersteps",
        title="Time of a superstep at each static parallelism",
        note="Medians over the repeats; the band is their range.",
        x_label="superstep",
        y_label="superstep, s",
        series=[_static_series(variant, runs) for variant in variants_of(runs) if variant.aim is None],
    )


def _static_series(variant: Variant, runs: Sequence[LocalRun]) -> Series:
    durations = [run.durations_s for run in runs if run.variant == variant]
    by_superstep = list(zip(*durations, strict=False))
    several = len(durations) > 1
    return Series(
        name=variant.name,
        x=range(1, len(by_superstep) + 1),
        y=[median(values) for values in by_superstep],
        low=[min(values) for values in by_superstep] if several else (),
        high=[max(values) for values in by_superstep] if several else (),
    )
