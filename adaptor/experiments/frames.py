"""Reports as pandas data frames, for notebooks.

    from adaptor.experiments import frames

    replay = frames.read("report/replay.json")
    replay.figures                                  # a row for each figure: value, unit, baseline, goal, met
    replay.series.query("plot == 'cost'")           # a row for each point of each series
    replay.tables["variants"]                       # the tables of the page
    frames.compared("before.json", "after.json")    # figures side by side

`of` takes a `Report` that an experiment has just returned. pandas comes with Flink's Python package
(`pip install 'adaptor[flink]'`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from adaptor.experiments.compare import comparison
from adaptor.experiments.document import Document, document_of, read_document, read_documents
from adaptor.experiments.report import Report

FIGURE_COLUMNS = ("value", "unit", "baseline", "baseline_name", "goal", "better", "met")
SERIES_COLUMNS = ("plot", "series", "x", "y", "low", "high", "label")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """A report as data frames.

    Attributes:
        document: All of its JSON.
        figures: By name; the columns are those of the JSON.
        series: A row for each point, with its plot and series; an interval or label it has not is missing.
        tables: By name.
    """

    document: Document
    figures: pd.DataFrame
    series: pd.DataFrame
    tables: dict[str, pd.DataFrame]


def read(path: str | Path) -> Measured:
    """The report in a file.

    Raises:
        InvalidValueError: If it is none.
    """
    return measured(read_document(Path(path)))


def of(report: Report) -> Measured:
    """A report that is at hand."""
    return measured(document_of(report))


def compared(before: str | Path, after: str | Path) -> pd.DataFrame:
    """The figures of two reports side by side, by name.

    Raises:
        InvalidValueError: If a file is no report.
    """
    differences = comparison(*read_documents(Path(before), Path(after))).tables[0]
    return _table(differences.as_json()).set_index("figure")


def measured(document: Document) -> Measured:
    """A document as data frames."""
    rows = [{"name": name, **{key: one.get(key) for key in FIGURE_COLUMNS}} for name, one in document.figures.items()]
    return Measured(
        document=document,
        figures=pd.DataFrame(rows, columns=["name", *FIGURE_COLUMNS]).set_index("name"),
        series=_series(document),
        tables={name: _table(table) for name, table in document.tables.items()},
    )


def _series(document: Document) -> pd.DataFrame:
    rows = [
        (plot, series["name"], x, series["y"][place], *(_at(series[key], place) for key in ("low", "high", "labels")))
        for plot, series in document.series
        for place, x in enumerate(series["x"])
    ]
    return pd.DataFrame(rows, columns=list(SERIES_COLUMNS))


def _at(values: list[Any], place: int) -> Any:
    return values[place] if values else None


def _table(table: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(table["rows"], columns=table["columns"])
