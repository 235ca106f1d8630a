"""What a protocol found, as Markdown for the documentation: made from the JSON that the command printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adaptor.app.documentation import replaced
from adaptor.experiments.models.evaluate import markdown

Row = Mapping[str, Any]

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "leave-one-context-out": "One context is left out",
        "leave-one-machine-type-out": "One machine type is left out",
        "leave-one-data-size-out": "One size of the data is left out",
        "extrapolate-scale-out": "The larger half of the scale-outs from the smaller",
        "random-split": "Random splits of all runs",
        "learning-curve": "One job alone, by number of measured scale-outs",
        "supersteps": "The rest of a run, after so many supersteps",
        "poisoning": "Wrong shared data: error relative to that of the whole model on clean data",
    }
)
"""Of each protocol, in the order in which they are shown."""


def update_models(path: Path, reports: Sequence[Path]) -> None:
    """Rewrite the tables of runtime models in a file from the JSON of ``adaptor models evaluate``.

    What is not among the reports goes: tables of different states of the code do not stand side by side.
    """
    documents = sorted(map(_read, reports), key=lambda one: list(TITLES).index(one["protocol"]))
    path.write_text(replaced(path.read_text(), "models", "\n" + "\n".join(section(one) for one in documents)))


def about_models(report: Path) -> bool:
    """Whether a report is one of ``adaptor models evaluate``."""
    return "protocol" in _read(report)


def _read(report: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(report.read_text())
    return document


def section(document: Mapping[str, Any]) -> str:
    """Markdown of one protocol.

    Args:
        document: The JSON of ``adaptor models evaluate``.
    """
    protocol, tables = document["protocol"], document["tables"]
    parts = [
        f"### {TITLES[protocol]}\n",
        f"`{_command(document['command'])}`\n",
        *TABLES.get(protocol, _contexts)(tables),
    ]
    return "\n".join(parts)


def _command(command: str) -> str:
    """What was typed, the folder left out and what makes no difference to the tables."""
    options = command.split()[command.split().index("evaluate") + 1 :]
    kept: list[str] = []
    skipped = ""
    for option in options:
        if option.startswith("--"):
            skipped = option if option in UNTOLD else ""
        if not skipped and (option.startswith("--") or kept):
            kept.append(option)
    return f"adaptor models evaluate DIR {' '.join(kept)}"


UNTOLD = ("--json", "--processes", "--report")


def _contexts(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    """Errors over all jobs, where that differs without the least scale-out, coverage, and the worst contexts."""
    overall = [row for row in tables["errors"] if row["job"] == "all"]
    errors = [{name: value for name, value in row.items() if name != "job" and "median" not in name} for row in overall]
    parts = [
        "Mean relative error in %, over all scale-outs and without the least one:\n",
        markdown(errors),
        *_coverage([r for r in tables["coverage"] if r["k"] is None]),
    ]
    if tables.get("worst"):
        worst = [
            {"job": row["job"], "adaptor": _percent(row["error"]), "gbm-log": _percent(row["gbm-log"])}
            for row in tables["worst"]
        ]
        parts += ["The worst contexts where least is given, error in %:\n", markdown(worst)]
    return parts


def _random_split(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    rows = [{name: value for name, value in row.items() if name != "job"} for row in _all(tables["errors"])]
    return [
        "Mean relative error in %, and adaptor's less it on the same splits:\n",
        markdown(rows),
        *_coverage(tables["coverage"]),
    ]


def _learning_curve(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    shares = [
        {"n": row["n"], "level": row["level"], "share": row["share"], "standard_error": row["standard_error"]}
        for row in tables["coverage"]
        if row["level"] in (0.8, 0.9) and row["n"] in (3, 8, 15)
    ]
    again = [
        {name: row[name] for name in ("n", "adaptor", "best anchor", "difference", "standard error")}
        for row in tables["given runs asked for again"]
    ]
    return [
        "Mean relative error in %, of runs that were not given:\n",
        markdown(tables["errors"]),
        "The same where the run asked for may be one of those given:\n",
        markdown(again),
        *_coverage(shares),
    ]


def _supersteps(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    """Errors by job and number of supersteps done, methods side by side, at the run's own scale-out and at others."""
    found: dict[tuple[str, int, str], dict[str, Any]] = {}
    for row in tables["errors"]:
        line = found.setdefault((row["job"], row["s"], row["at"]), {"job": row["job"], "s": row["s"], "at": row["at"]})
        line[row["method"]] = _cell(row)
    order = sorted(found, key=lambda key: (key[2] != "own scale-out", key[0], key[1]))
    floors = ", ".join(f"{row['job']} {row['floor']:.1f}" for row in tables["floor"])
    return [
        "Mean relative error in %, behind each other method adaptor's less it with its standard error:\n",
        markdown([found[key] for key in order]),
        f"Whole runs at one scale-out differ from their median by, in %: {floors}.\n",
        *_coverage(tables["coverage"]),
    ]


def _cell(row: Row) -> str:
    if row["method"] == "adaptor":
        return f"{row['mean error']:.1f}"
    return f"{row['mean error']:.1f} ({row['difference']:+.1f} ± {row['standard error']:.1f})"


def _poisoning(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for row in tables["poisoning"]:
        line = found.setdefault((row["way"], row["share"]), {"way": row["way"], "share": f"{row['share']:.0%}"})
        line[f"{row['method']}, k={row['k']}"] = row["relative"]
    return [markdown(list(found.values()))]


def _coverage(rows: Sequence[Row]) -> list[str]:
    kept = [{name: value for name, value in row.items() if name not in ("k", "method")} for row in rows]
    return ["Share of true durations inside the intervals:\n", markdown(kept)] if kept else []


def _all(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["job"] == "all"]


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)


TABLES: Mapping[str, Callable[[Mapping[str, Sequence[Row]]], list[str]]] = MappingProxyType(
    {
        "random-split": _random_split,
        "learning-curve": _learning_curve,
        "supersteps": _supersteps,
        "poisoning": _poisoning,
    }
)
"""What is shown of protocols that are not about contexts."""
