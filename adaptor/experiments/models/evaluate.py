"""Every protocol by name, and how its outcome becomes a report and files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adaptor.errors import InvalidValueError
from adaptor.experiments.models.context_report import extrapolate, leave_out
from adaptor.experiments.models.learning_curve import learning_curve
from adaptor.experiments.models.outcome import Outcome, Progress, Request
from adaptor.experiments.models.poisoning import poisoning
from adaptor.experiments.models.random_split import random_split
from adaptor.experiments.models.supersteps import supersteps
from adaptor.experiments.report import Report

Protocol = Callable[[Request, Progress], Outcome]

PROTOCOLS: Mapping[str, tuple[str, Protocol]] = MappingProxyType(
    {
        "leave-one-context-out": ("c3o", leave_out),
        "leave-one-machine-type-out": ("c3o", leave_out),
        "leave-one-data-size-out": ("c3o", leave_out),
        "extrapolate-scale-out": ("c3o", extrapolate),
        "random-split": ("c3o", random_split),
        "poisoning": ("c3o", poisoning),
        "learning-curve": ("bell", learning_curve),
        "supersteps": ("ellis", supersteps),
    }
)
"""Shape of the files and function, by name."""

FORMATS = tuple(dict.fromkeys(form for form, _ in PROTOCOLS.values()))


def evaluated(request: Request, progress: Progress) -> Outcome:
    """The outcome of a protocol.

    Raises:
        InvalidValueError: If the protocol does not read files of that shape, or the folder does not hold them.
    """
    form, run = PROTOCOLS[request.protocol]
    if request.format != form:
        raise InvalidValueError("format", f"{request.protocol} reads files of the shape {form}, not {request.format}")
    return run(request, progress)


def report_of(request: Request, outcome: Outcome) -> Report:
    """The figures with everything that was found."""
    return Report(
        title=f"{request.protocol} over {request.folder}",
        figures=outcome.figures,
        seeds={"seed": request.seed},
        details={"protocol": request.protocol, "format": request.format, "tables": outcome.tables},
    )


def write_report(request: Request, outcome: Outcome, folder: Path) -> list[Path]:
    """Tables as CSV and Markdown, and plots, in a folder that is made if need be.

    Returns:
        What was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows in outcome.tables.items():
        if rows:
            written += [_csv(folder / f"{name}.csv", rows), _markdown(folder / f"{name}.md", rows)]
    if outcome.scores is not None:
        from adaptor.experiments.models.plots import plots

        written += plots(outcome.scores, folder)
    (folder / "report.json").write_text(report_of(request, outcome).as_json())
    return [*written, folder / "report.json"]


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _csv(file: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with file.open("w", newline="") as text:
        writer = csv.DictWriter(text, _columns(rows))
        writer.writeheader()
        writer.writerows(rows)
    return file


def _markdown(file: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    file.write_text(markdown(rows))
    return file


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of Markdown."""
    columns = _columns(rows)
    lines = [columns, ["---"] * len(columns), *([_cell(row.get(name)) for name in columns] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
