"""Two reports side by side: how far each figure moved, and what was not the same when they were measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adaptor.experiments.document import Document
from adaptor.experiments.plots import Cell, DataTable
from adaptor.experiments.report import Figure, Report

CONDITIONS = ("command", "seeds", "versions", "machine")
"""What a report says of how it was measured."""

VERDICTS = {True: "better", False: "worse", None: ""}


def comparison(before: Document, after: Document) -> Report:
    """The figures of a report beside those of an earlier one.

    Args:
        before: The earlier one, whose values stand as baselines.
        after: The later one.

    Returns:
        All figures that either has, with a table of their differences and one of what changed around them.
    """
    names = [*before.figures, *(name for name in after.figures if name not in before.figures)]
    return Report(
        title=f"{before.name} and {after.name} compared",
        question=f"What is different in {after.name}, and what was when it was measured?",
        figures=[_figure(before, after, name) for name in names],
        tables=[_differences(before, after, names), _changes(before, after)],
    )


def _figure(before: Document, after: Document, name: str) -> Figure:
    old, new = before.figures.get(name, {}), after.figures.get(name, {})
    return Figure(
        name=name,
        value=new.get("value"),
        unit=new.get("unit", old.get("unit", "")),
        baseline=old.get("value"),
        baseline_name=before.name,
    )


def _differences(before: Document, after: Document, names: list[str]) -> DataTable:
    return DataTable(
        name="differences",
        title="Figures side by side",
        columns=("figure", "unit", f"A: {before.name}", f"B: {after.name}", "difference", "difference, %", "B is"),
        rows=[_difference(before.figures.get(name, {}), after.figures.get(name, {}), name) for name in names],
    )


def _difference(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> list[Cell]:
    before, after = old.get("value"), new.get("value")
    unit = new.get("unit", old.get("unit", ""))
    if before is None or after is None or unit != old.get("unit", unit):
        return [name, unit, before, after, None, None, ""]
    moved = after - before
    lower_is_better = new.get("better", "lower") == "lower"
    verdict = "the same" if not moved else VERDICTS[(moved < 0) == lower_is_better]
    return [name, unit, before, after, float(moved), 100 * moved / abs(before) if before else None, verdict]


def _changes(before: Document, after: Document) -> DataTable:
    return DataTable(
        name="changes",
        title="What was not the same",
        columns=("of", f"A: {before.name}", f"B: {after.name}"),
        rows=[
            [what, old, new]
            for condition in CONDITIONS
            for what, old, new in _changed(condition, before.content.get(condition), after.content.get(condition))
        ],
        note="Nothing else of command, seeds, versions and machine changed.",
    )


def _changed(name: str, old: object, new: object) -> Iterator[tuple[str, str, str]]:
    """What differs, parts of mappings one by one."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _changed(f"{name}: {key}", old.get(key), new.get(key))
    elif old != new:
        yield name, _text(old), _text(new)


def _text(value: object) -> str:
    return "" if value is None else str(value)
