"""Figures and plots of the experiment: each cell of the table beside Ellis, and how often the goals are missed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adaptor.experiments.plots import DataTable, Plot, Series, Shape
from adaptor.experiments.report import Figure
from adaptor.experiments.traces.battery import BY_MEDIANS, ORACLE
from adaptor.experiments.traces.interval import LEVEL, with_interval
from adaptor.experiments.traces.summary import Row

OWN, RIVAL = "adaptor", "ellis"

BESIDE = (("late_percent", "violations", "%"), ("overrun_s", "overrun", "s"), ("executor_s", "executor_s", "s"))
"""Columns that become figures, what they are called there, and their units."""


def figures(rows: Sequence[Row], recurring: Sequence[Row]) -> list[Figure]:
    """Figures of every cell that both adaptor and Ellis ran, and their sums."""
    cells = _cells(rows)
    found = _summed(cells)
    for (job, target), cell in cells.items():
        name = f"traces_{_plain(job)}_{_plain(target)}"
        found += [
            Figure(
                name=f"{name}_{what}",
                value=cell[OWN][column],
                unit=unit,
                baseline=cell[RIVAL][column],
                baseline_name=RIVAL,
            )
            for column, what, unit in BESIDE
        ]
        found.append(Figure(name=f"{name}_above_oracle", value=cell[OWN]["above_oracle_percent"], unit="%"))
    return found + _learnt(recurring)


def _cells(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, Row]]:
    cells: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        cells.setdefault((row["job"], row["target"]), {})[row["policy"]] = row
    return {key: cell for key, cell in cells.items() if OWN in cell and RIVAL in cell}


def _summed(cells: dict[tuple[str, str], dict[str, Row]]) -> list[Figure]:
    """In how many cells a goal is missed, and the worst distance to the oracle."""
    every = list(cells.values())
    differing = [cell for cell in every if cell[RIVAL]["late_percent"] > cell[ORACLE]["late_percent"]]
    distances = [cell[OWN]["above_oracle_in_time_percent"] for cell in every]
    measured = [one for one in distances if one is not None]
    return [
        _count("traces_cells_later_than_ellis", [_more(cell, "late_percent") for cell in every]),
        _count("traces_cells_dearer_than_ellis", [_more(cell, "executor_s") for cell in every]),
        _count("traces_cells_not_fewer_violations", [not _less(cell, "late_percent") for cell in differing]),
        Figure(name="traces_worst_above_oracle", value=max(measured, default=None), unit="%"),
    ]


def _count(name: str, flags: Sequence[bool]) -> Figure:
    return Figure(name=name, value=sum(flags), unit=f"of {len(flags)} cells")


def _more(cell: dict[str, Row], column: str) -> bool:
    return bool(cell[OWN][column] > cell[RIVAL][column])


def _less(cell: dict[str, Row], column: str) -> bool:
    return bool(cell[OWN][column] < cell[RIVAL][column])


def _learnt(recurring: Sequence[Row]) -> list[Figure]:
    """The last of the recurring runs, beside Ellis at the same number."""
    found = []
    for job in dict.fromkeys(row["job"] for row in recurring):
        mine, theirs = (
            [row for row in recurring if row["job"] == job and row["policy"] == policy] for policy in (OWN, RIVAL)
        )
        if mine and theirs:
            name = f"traces_{_plain(job)}_run_{mine[-1]['run']}"
            found += [
                Figure(
                    name=f"{name}_{what}",
                    value=mine[-1][column],
                    unit=unit,
                    baseline=theirs[-1][column],
                    baseline_name=RIVAL,
                )
                for column, what, unit in BESIDE
                if what != "overrun"
            ]
    return found


def plots(rows: Sequence[Row], recurring: Sequence[Row]) -> list[Plot]:
    """Violations over cost for each cell, and both over recurring runs."""
    found = [
        Plot(
            name=f"late_{_plain(job)}_{_plain(target)}",
            title=f"{job}, target {target}: late runs against what they cost",
            x_label="executor-seconds of a run",
            y_label="late runs, %",
            series=[_point(row) for row in rows if (row["job"], row["target"]) == (job, target)],
            front=True,
        )
        for job, target in dict.fromkeys((row["job"], row["target"]) for row in rows)
    ]
    for job in dict.fromkeys(row["job"] for row in recurring):
        for column, label in (("late_percent", "late runs, %"), ("executor_s", "executor-seconds of a run")):
            series = _over_runs([row for row in recurring if row["job"] == job], column)
            title = f"{job}: a job that recurs and learns"
            name = f"recurring_{_plain(job)}_{column}"
            found.append(Plot(name=name, title=title, x_label="run", y_label=label, series=series))
    return found


def _point(row: Row) -> Series:
    return Series(
        name=row["policy"],
        x=[row["executor_s"]],
        y=[row["late_percent"]],
        low=[row["late_percent_low"]],
        high=[row["late_percent_high"]],
        shape=Shape.POINTS,
        baseline=row["policy"] in (ORACLE, BY_MEDIANS),
    )


def _over_runs(rows: Sequence[Row], column: str) -> list[Series]:
    found = []
    for policy in dict.fromkeys(row["policy"] for row in rows):
        mine = [row for row in rows if row["policy"] == policy]
        found.append(
            Series(
                name=policy,
                x=[row["run"] for row in mine],
                y=[row[column] for row in mine],
                low=[row[f"{column}_low"] for row in mine],
                high=[row[f"{column}_high"] for row in mine],
            )
        )
    return found


def tables(rows: Sequence[Row], recurring: Sequence[Row], sizes: Sequence[Row]) -> list[DataTable]:
    """Every cell, the recurring runs, and what the files hold; the plain rows stand in the report's details."""
    ends = f"in brackets: interval of the mean at {LEVEL:.0%}"
    shown = [_shown(row, ("job", "target", "policy"), (*LATE, "executor_s", "rescales")) for row in rows]
    learnt = [_shown(row, ("job", "policy", "run"), (*LATE, "executor_s")) for row in recurring]
    found = [
        table_of("cells", shown, title="Every policy on the same draws", note=f"late is CVC, overrun is CVS; {ends}"),
        table_of("recurring", learnt, title="A job that recurs and learns", note=ends),
        table_of("scale_outs", sizes, title="What the files hold", note="nothing is learnt from single runs"),
    ]
    return [table for table in found if table.rows]


LATE = ("late_percent", "overrun_s")


def _shown(row: Row, keys: Sequence[str], measured: Sequence[str]) -> Row:
    """A row as people read it."""
    return {
        **{key: row[key] for key in keys},
        **{name: with_interval(row, name) for name in measured},
        "above_oracle_percent": row["above_oracle_percent"],
    }


def table_of(name: str, rows: Sequence[Row], *, title: str, note: str = "") -> DataTable:
    """Rows of the same keys as a table."""
    columns = list(rows[0]) if rows else []
    return DataTable(name=name, columns=columns, rows=[list(row.values()) for row in rows], title=title, note=note)


def _plain(text: str) -> str:
    """A text as part of the name of a figure."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
