"""Figures, table and plots of the played days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adaptor.domain.stream_job import slots_of_job
from adaptor.experiments.day.autoscaler import DEFAULT_UTILISATION
from adaptor.experiments.day.experiment import UTILISATION, WORKERS_PER_CORE, Day, DayChoices, Played
from adaptor.experiments.day.tally import (
    Decision,
    backpressured_s,
    decisions,
    records_taken,
    rescales,
    slot_seconds,
)
from adaptor.experiments.day.ways import Kind
from adaptor.experiments.plots import Cell, DataTable, Plot, Series, Shape
from adaptor.experiments.report import Figure, Report

QUESTION = (
    "A stream's load follows a day: who serves it with fewest slot-seconds and without holding it back, and how soon "
    "and how well is a change of load answered?"
)

COLUMNS = (
    "way",
    "held back, s",
    "records taken, %",
    "slot-seconds",
    "rescales",
    "processed again",
    "surge answered after, s",
    "widths off at decisions, mean",
)

STEP_S = 2.0
"""Between two points of the drawn load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a way came to.

    Attributes:
        day: The day.
        held_back_s: Seconds for which the sources were held back.
        taken: Records that came through, as a share of those that arrived.
        slot_seconds: Slots taken, over time.
        surge_s: Seconds from the surge to the first wider wish; ``None`` if there was none.
        surge_off: Widths by which that wish missed what the surge needs; ``None`` likewise.
        off: Widths by which each decision missed what the load of its moment needs.
    """

    day: Day
    held_back_s: float
    taken: float
    slot_seconds: float
    surge_s: float | None
    surge_off: int | None
    off: Sequence[int]


def outcome_of(day: Day, played: Played) -> Outcome:
    """What a day came to."""
    made = decisions(day.looks)
    answer = _answer(made, played)
    first_s, last_s = day.looks[0].at_s, day.looks[-1].at_s
    return Outcome(
        day=day,
        held_back_s=backpressured_s(day.looks),
        taken=records_taken(day.looks) / _arrived(played, first_s, last_s),
        slot_seconds=slot_seconds(day.looks),
        surge_s=None if answer is None else answer.at_s - played.load.surge_began_s,
        surge_off=None if answer is None else abs(answer.parallelism - _needed(played, answer.at_s)),
        off=[abs(one.parallelism - _needed(played, one.at_s)) for one in made],
    )


def report_of(choices: DayChoices, played: Played) -> Report:
    """The report of all days."""
    outcomes = [outcome_of(day, played) for day in played.days]
    return Report(
        title=f"adaptor experiment stream: a day in {choices.day_s} s",
        question=QUESTION,
        figures=figures_of(outcomes),
        details={
            "day_s": choices.day_s,
            "slots": played.slots,
            "worker_cores": 1 / WORKERS_PER_CORE,
            "worker_records_per_s": played.worker_records_per_s,
            "noon_records_per_s": played.load.noon_records_per_s,
            "decisions": {
                one.day.way.name: [[each.at_s, each.before, each.parallelism] for each in decisions(one.day.looks)]
                for one in outcomes
            },
        },
        tables=[table_of(outcomes)],
        plots=[width_plot(played), cost_plot(outcomes)],
    )


def figures_of(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Adaptor's numbers beside those of the Autoscaler's best utilisation."""
    own = next(one for one in outcomes if one.day.way.kind is Kind.ADAPTOR)
    rivals = [one for one in outcomes if one.day.way.kind is Kind.AUTOSCALER]
    best = best_rival(rivals, own)
    beside = f"{best.day.way.name}, the best" if best else ""
    default = next((one for one in rivals if one.day.way.utilisation == DEFAULT_UTILISATION), None)
    figures = [
        _figure("held_back", own.held_back_s, "s", best.held_back_s if best else None, beside),
        _figure("slot_seconds", own.slot_seconds, "slot-seconds", best.slot_seconds if best else None, beside),
        _figure("records_taken", 100 * own.taken, "%", 100 * best.taken if best else None, beside),
        _figure("reprocessed", own.day.reprocessed, "records", best.day.reprocessed if best else None, beside),
        _figure("rescales", rescales(own.day.looks), "rescales", rescales(best.day.looks) if best else None, beside),
        _figure("surge_answered", own.surge_s, "s", best.surge_s if best else None, beside),
        _figure("surge_widths_off", own.surge_off, "slots", best.surge_off if best else None, beside),
        _figure("decision_widths_off_max", max(own.off, default=None), "slots", None, ""),
    ]
    if best:
        figures += [
            _figure("slot_seconds_ratio", own.slot_seconds / best.slot_seconds, "ratio", 1.0, beside),
            _figure("held_back_more", own.held_back_s - best.held_back_s, "s", 0.0, beside),
        ]
    if default:
        figures += [
            _figure("held_back_default", own.held_back_s, "s", default.held_back_s, "the Autoscaler's default"),
            _figure(
                "slot_seconds_default",
                own.slot_seconds,
                "slot-seconds",
                default.slot_seconds,
                "the Autoscaler's default",
            ),
        ]
    return figures


def best_rival(rivals: Sequence[Outcome], own: Outcome) -> Outcome | None:
    """The cheapest rival that is held back no longer than adaptor; where none is, the one held back least."""
    as_good = [one for one in rivals if one.held_back_s <= own.held_back_s]
    if as_good:
        return min(as_good, key=lambda one: one.slot_seconds)
    return min(rivals, key=lambda one: one.held_back_s, default=None)


def _figure(name: str, value: float | None, unit: str, baseline: float | None, baseline_name: str) -> Figure:
    return Figure(
        name=f"stream_{name}",
        value=None if value is None else float(value),
        unit=unit,
        baseline=None if baseline is None else float(baseline),
        baseline_name=baseline_name if baseline is not None else "",
    )


def table_of(outcomes: Sequence[Outcome]) -> DataTable:
    """All ways side by side."""
    return DataTable(
        name="ways",
        title="The same day under every way of looking after it",
        columns=COLUMNS,
        rows=[_row(one) for one in outcomes],
        note=(
            "A source that is held back emits later what it could not; records taken are those of the day itself. "
            f"Widths are compared with what the load of the moment needs at {UTILISATION:.0%} utilisation."
        ),
    )


def _row(one: Outcome) -> list[Cell]:
    return [
        one.day.way.name,
        one.held_back_s,
        100 * one.taken,
        one.slot_seconds,
        rescales(one.day.looks),
        one.day.reprocessed,
        one.surge_s,
        sum(one.off) / len(one.off) if one.off else None,
    ]


def width_plot(played: Played) -> Plot:
    """Slots over the day, beside what the load needs."""
    day_s = played.load.day_s
    times = [STEP_S * step for step in range(int(day_s / STEP_S) + 1)]
    return Plot(
        name="slots",
        title="Slots over the day",
        x_label="seconds of the day",
        y_label="slots",
        series=[
            Series(
                name="needed",
                x=times,
                y=[_needed(played, at_s) for at_s in times],
                shape=Shape.STEPS,
                baseline=True,
            ),
            *(
                Series(
                    name=day.way.name,
                    x=[look.at_s for look in day.looks],
                    y=[slots_of_job(look.job) for look in day.looks],
                    shape=Shape.STEPS,
                )
                for day in played.days
                if day.way.kind is Kind.ADAPTOR or day.way.utilisation == DEFAULT_UTILISATION
                if day.way.kind is not Kind.STATIC
            ),
        ],
    )


def cost_plot(outcomes: Sequence[Outcome]) -> Plot:
    """Every way by how long it held the stream back and what it cost."""
    return Plot(
        name="cost",
        title="Time held back against slot-seconds",
        note="Further left is cheaper, further down is less held back.",
        x_label="slot-seconds",
        y_label="held back, s",
        front=True,
        series=[
            Series(
                name=one.day.way.name,
                x=[one.slot_seconds],
                y=[one.held_back_s],
                shape=Shape.POINTS,
                baseline=one.day.way.kind is Kind.STATIC,
            )
            for one in outcomes
        ],
    )


def _needed(played: Played, at_s: float) -> int:
    needed = played.load.needed(at_s, worker_records_per_s=played.worker_records_per_s, utilisation=UTILISATION)
    return min(needed, played.slots)


def _answer(made: Sequence[Decision], played: Played) -> Decision | None:
    """The first wider wish after the surge began."""
    began_s = played.load.surge_began_s
    return next((one for one in made if one.at_s >= began_s and one.parallelism > one.before), None)


def _arrived(played: Played, first_s: float, last_s: float) -> float:
    """Records that arrived between two moments of the day."""
    steps = max(1, round(last_s - first_s))
    width_s = (last_s - first_s) / steps
    return sum(played.load.records_per_s(first_s + (step + 0.5) * width_s) for step in range(steps)) * width_s
