"""What a plot or a table of a report says, as values: drawn elsewhere, and kept in the report's JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from adaptor.errors import InvalidValueError

Cell = str | int | float | bool | None
"""What a table may hold; ``None`` is shown as nothing."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""Names become parts of file names and of identifiers in a page."""


class Shape(str, Enum):
    """How a series is drawn."""

    LINE = "line"
    POINTS = "points"
    STEPS = "steps"
    BARS = "bars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points with one name.

    Attributes:
        name: Shown in the legend.
        x: Positions, in the unit of the plot's `x_label`.
        y: Values, in the unit of the plot's `y_label`; NaN is left out.
        low: Lower ends of an interval around `y`; empty without one.
        high: Upper ends.
        labels: A text beside each point; empty without them.
        shape: How it is drawn.
        baseline: Whether this is what others are compared with: drawn dashed and without colour.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    labels: Sequence[str] = ()
    shape: Shape = Shape.LINE
    baseline: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise InvalidValueError(f"series {self.name!r}", f"has {len(self.x)} x and {len(self.y)} y")
        if len(self.low) != len(self.high):
            raise InvalidValueError(f"series {self.name!r}", "has an interval with one end only")
        for what, values in (("low", self.low), ("labels", self.labels)):
            if values and len(values) != len(self.x):
                raise InvalidValueError(f"series {self.name!r}", f"has {len(values)} {what} for {len(self.x)} points")

    def as_json(self) -> dict[str, Any]:
        """For the JSON of a report."""
        return {
            "name": self.name,
            "shape": self.shape.value,
            "baseline": self.baseline,
            "x": [float(value) for value in self.x],
            "y": [float(value) for value in self.y],
            "low": [float(value) for value in self.low],
            "high": [float(value) for value in self.high],
            "labels": list(self.labels),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Series on one pair of axes.

    Attributes:
        name: Stable; small letters, digits, ``_`` and ``-``.
        title: For people.
        x_label: With the unit.
        y_label: With the unit.
        series: What is drawn, in the order of the legend.
        note: What to see in it.
        front: Whether to draw the Pareto front of all points: less is better on both axes.
        x_names: Names of the positions 0, 1, 2, ... on the x axis; empty for an axis of numbers.
        x_log: Whether the x axis is logarithmic.
        y_log: Whether the y axis is logarithmic.
        y_from_zero: Whether the y axis begins at 0; nothing changes on a logarithmic one.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    note: str = ""
    front: bool = False
    x_names: Sequence[str] = ()
    x_log: bool = False
    y_log: bool = False
    y_from_zero: bool = True

    def __post_init__(self) -> None:
        _require_name(self.name)

    def as_json(self) -> dict[str, Any]:
        """For the JSON of a report."""
        return {
            "name": self.name,
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "note": self.note,
            "x_names": list(self.x_names),
            "series": [one.as_json() for one in self.series],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """Rows under named columns.

    Attributes:
        name: Stable; small letters, digits, ``_`` and ``-``.
        columns: Headings, with units.
        rows: As many cells each as there are columns.
        title: For people; empty if the name says it.
        note: What to see in it.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _require_name(self.name)
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InvalidValueError(f"table {self.name!r}", f"has {len(row)} cells for {len(self.columns)} columns")

    def as_json(self) -> dict[str, Any]:
        """For the JSON of a report."""
        return {
            "name": self.name,
            "title": self.title,
            "note": self.note,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
        }


def pareto_front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other one beats on both axes, from left to right; less is better. Infinities are no points."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if math.isfinite(x) and math.isfinite(y) and (not front or y < front[-1][1]):
            front.append((x, y))
    return front


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidValueError("name", f"{name!r} must hold small letters, digits, _ and - only")
