"""Parts of the documentation that are made and not written: between two marks in a Markdown file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from adaptor.access.permissions import permissions_table
from adaptor.app.settings import settings_table
from adaptor.errors import InvalidValueError
from adaptor.metrics.catalogue import metrics_table


def update_settings(path: Path) -> None:
    """Rewrite the table of settings in a file."""
    path.write_text(replaced(path.read_text(), "settings", settings_table()))


def update_permissions(path: Path) -> None:
    """Rewrite the table of who may call what in a file."""
    path.write_text(replaced(path.read_text(), "permissions", permissions_table()))


def update_metrics(path: Path) -> None:
    """Rewrite the table of metrics in a file."""
    path.write_text(replaced(path.read_text(), "metrics", metrics_table()))


def update_figures(path: Path, reports: Sequence[Path]) -> None:
    """Rewrite the tables of figures in a file from the JSON that commands printed: those with a goal, by command."""
    parts = [_figures_of(_read(report)) for report in reports]
    machine = _read(reports[-1])["machine"]
    measured = f"Measured on {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB.\n"
    path.write_text(replaced(path.read_text(), "figures", "\n".join([*parts, measured])))


def _figures_of(document: dict[str, Any]) -> str:
    """The command and a table of its figures; folders in the command by their last name."""
    command = " ".join(
        PurePath(word).name if word.startswith(("/", ".")) else word for word in document["command"].split()
    )
    rows = [_figure_row(one) for one in document["figures"] if one["goal"] is not None]
    head = ["| figure | measured | baseline of the same run | goal |", "| --- | --- | --- | --- |"]
    return "\n".join([f"`{command}`", "", *head, *rows, ""])


def _read(report: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(report.read_text())
    return document


def replaced(text: str, name: str, block: str) -> str:
    """A text with what stands between the marks of this name replaced.

    Raises:
        InvalidValueError: If the marks are missing.
    """
    begin, end = f"<!-- {name}: made by `adaptor docs` -->\n", f"<!-- end of {name} -->"
    head, found, rest = text.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found or not found_end:
        raise InvalidValueError("documentation", f"the marks of {name} are missing")
    return f"{head}{begin}{block}{end}{tail}"


def _figure_row(figure: dict[str, object]) -> str:
    baseline = "" if figure["baseline"] is None else f"{_digits(figure['baseline'])} ({figure['baseline_name']})"
    goal = "" if figure["goal"] is None else f"{_digits(figure['goal'])}, {'met' if figure['met'] else 'not met'}"
    return f"| `{figure['name']}` | {_digits(figure['value'])} {figure['unit']} | {baseline} | {goal} |"


def _digits(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, (int, float)) else "unknown"
