"""One report of figures, rendered for people and for programs.

Every command that measures builds a `Report`. Its JSON always holds the command, seeds, versions, the machine and
``figures``; each figure has a stable name, a unit, the baseline of the same run where there is one, and the goal
that `goals.toml` sets for it.
"""

from __future__ import annotations

import math
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
import psutil
from rich.markup import escape
from rich.table import Table

from adaptor.experiments.plots import Cell, DataTable, Plot

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_VERSIONS_OF = ("adaptor", "apache-flink", "grpcio", "numpy", "scipy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        name: Stable, so that runs can be compared.
        value: The number; ``None`` if it could not be measured.
        unit: Of value, baseline and goal.
        baseline: The same number of what it is compared with, from the same run.
        baseline_name: What that is.
    """

    name: str
    value: float | None
    unit: str
    baseline: float | None = None
    baseline_name: str = ""

    @property
    def goal(self) -> float | None:
        """What it should reach, if a goal is set."""
        goal: float | None = _goals().get(self.name, {}).get("goal")
        return goal

    @property
    def better(self) -> str:
        """Whether ``lower`` or ``higher`` is better."""
        return str(_goals().get(self.name, {}).get("better", "lower"))

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; ``None`` without a goal or a value."""
        if self.goal is None or self.value is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        """The figure with its goal."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline": self.baseline,
            "baseline_name": self.baseline_name,
            "goal": self.goal,
            "better": self.better,
            "met": self.met,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Figures with what is needed to measure them again.

    Attributes:
        title: One line for people.
        figures: What was measured.
        seeds: Of everything random, by name.
        details: What else the command has to say; becomes part of the JSON.
        question: What the experiment is to answer; empty for a benchmark.
        plots: Series to be drawn; part of the JSON.
        tables: Shown beside the figures; part of the JSON.
    """

    title: str
    figures: Sequence[Figure]
    seeds: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    question: str = ""
    plots: Sequence[Plot] = ()
    tables: Sequence[DataTable] = ()

    def as_json(self) -> str:
        """One JSON object."""
        document = {
            "title": self.title,
            **({"question": self.question} if self.question else {}),
            "command": command_line(),
            "seeds": dict(self.seeds),
            "versions": versions(),
            "machine": machine(),
            **self.details,
            "figures": [figure.as_json() for figure in self.figures],
            **({"tables": [table.as_json() for table in self.tables]} if self.tables else {}),
            **({"plots": [plot.as_json() for plot in self.plots]} if self.plots else {}),
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()

    def as_table(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title, title_justify="left")
        for column in ("figure", "value", "unit", "baseline", "goal", "met"):
            table.add_column(column, justify="right" if column in ("value", "baseline", "goal") else "left")
        for figure in self.figures:
            baseline = "" if figure.baseline is None else f"{digits(figure.baseline)} ({figure.baseline_name})"
            table.add_row(
                figure.name,
                digits(figure.value),
                figure.unit,
                baseline,
                "" if figure.goal is None else digits(figure.goal),
                {None: "", True: "yes", False: "no"}[figure.met],
            )
        return table


def versions() -> dict[str, str]:
    """Of Python and of the packages that figures depend on; a package that is not there is left out."""
    found = {"python": platform.python_version()}
    for name in _VERSIONS_OF:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Cores this process may use and memory of the machine in bytes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cores": cores, "memory_bytes": psutil.virtual_memory().total, "system": platform.system()}


def terminal_table(data: DataTable) -> Table:
    """A table for a terminal."""
    table = Table(
        title=data.title or data.name, title_justify="left", caption=data.note or None, caption_justify="left"
    )
    for place, column in enumerate(data.columns):
        numbers = any(isinstance(row[place], float) for row in data.rows)
        table.add_column(column, justify="right" if numbers else "left")
    for row in data.rows:
        table.add_row(*(escape(cell_text(cell)) for cell in row))
    return table


def cell_text(cell: Cell) -> str:
    """A cell for people: yes and no, numbers to four digits, nothing for ``None``."""
    if cell is None or isinstance(cell, bool):
        return {None: "", True: "yes", False: "no"}[cell]
    return f"{cell:,}" if isinstance(cell, int) else digits(cell) if isinstance(cell, float) else cell


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def figures_with_goals() -> dict[str, Any]:
    """Goal and direction of every figure that has one, by name."""
    return dict(_goals())


@cache
def _goals() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "goals.toml").read_text())


def command_line() -> str:
    """What was typed to get here, as a shell takes it; the same where the program was started as a module.

    Of paths from the root only the last part is told: reports are shown to others, folders are nobody's business.
    """
    program = Path(sys.argv[0]).name
    return shlex.join(["adaptor" if program == "__main__.py" else program, *map(_without_folders, sys.argv[1:])])


def _without_folders(argument: str) -> str:
    option, equals, value = argument.rpartition("=")
    if not Path(value).is_absolute():
        return argument
    path = Path(value)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else Path("DIR", path.name)
    return f"{option}{equals}{shown}"


def digits(value: float | None) -> str:
    """A number for people, to four digits; nothing for ``None``."""
    return "" if value is None else f"{value:.4g}"
