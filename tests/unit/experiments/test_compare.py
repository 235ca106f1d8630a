"""Two reports side by side, and reports as data frames."""

from __future__ import annotations

import math

import pytest

from adaptor.experiments import frames
from adaptor.experiments.compare import comparison
from adaptor.experiments.document import Document, document_of
from adaptor.experiments.plots import DataTable, Plot, Series
from adaptor.experiments.report import Figure, Report


def document(name: str, values: dict[str, float | None], **conditions: object) -> Document:
    figures = [
        {"name": key, "value": value, "unit": "s", "better": "higher" if key == "met" else "lower"}
        for key, value in values.items()
    ]
    return Document(name=name, content={"figures": figures, **conditions})


def rows(before: Document, after: Document) -> dict[str, tuple[object, ...]]:
    """Difference, per cent and verdict by figure."""
    return {str(row[0]): tuple(row[4:]) for row in comparison(before, after).tables[0].rows}


def test_a_figure_is_better_in_the_direction_that_its_goal_says() -> None:
    """Less time is better, and so are more targets met."""
    before = document("a.json", {"time": 10.0, "met": 0.5, "cost": 4.0, "same": 1.0})
    after = document("b.json", {"time": 9.0, "met": 0.25, "cost": 5.0, "same": 1.0})
    assert rows(before, after) == {
        "time": (-1.0, -10.0, "better"),
        "met": (-0.25, -50.0, "worse"),
        "cost": (1.0, 25.0, "worse"),
        "same": (0.0, 0.0, "the same"),
    }


def test_what_only_one_report_holds_is_told_without_a_difference() -> None:
    """As is what was not measured; from 0 there is no difference in per cent."""
    before = document("a.json", {"old": 1.0, "unmeasured": None, "zero": 0.0})
    after = document("b.json", {"unmeasured": 2.0, "zero": 1.0, "new": 3.0})
    found = rows(before, after)
    assert list(found) == ["old", "unmeasured", "zero", "new"]
    assert found["old"] == found["unmeasured"] == found["new"] == (None, None, "")
    assert found["zero"] == (1.0, None, "worse")
    figures = {figure.name: figure for figure in comparison(before, after).figures}
    assert (figures["old"].value, figures["old"].baseline, figures["old"].baseline_name) == (None, 1.0, "a.json")


def test_figures_of_other_units_are_not_subtracted() -> None:
    """Seconds are no milliseconds."""
    before, after = document("a.json", {"time": 1.0}), document("b.json", {"time": 1000.0})
    after.content["figures"][0]["unit"] = "ms"
    assert rows(before, after)["time"] == (None, None, "")


def test_what_changed_around_the_figures_is_named_part_by_part() -> None:
    """And nothing else."""
    before = document("a.json", {}, command="x --seed 1", versions={"numpy": "1", "scipy": "1"}, seeds={"seed": 1})
    after = document("b.json", {}, command="x --seed 2", versions={"numpy": "2", "scipy": "1"}, seeds={"seed": 2})
    assert comparison(before, after).tables[1].rows == [
        ["command", "x --seed 1", "x --seed 2"],
        ["seeds: seed", "1", "2"],
        ["versions: numpy", "1", "2"],
    ]


REPORT = Report(
    title="trial",
    figures=[Figure(name="overhead_median", value=0.5, unit="%"), Figure(name="unmeasured", value=None, unit="s")],
    plots=[
        Plot(
            name="cost",
            title="",
            x_label="",
            y_label="",
            series=[
                Series(name="static", x=[1, 2], y=[3.0, math.nan], labels=["one", "two"]),
                Series(name="adaptor", x=[1], y=[2], low=[1], high=[3]),
            ],
        )
    ],
    tables=[DataTable(name="policies", columns=["policy", "regret, %"], rows=[["adaptor", 3.1], ["static", None]])],
)


def test_figures_series_and_tables_of_a_report_are_data_frames() -> None:
    """What was not measured is missing, and so is an interval or label that a series has not."""
    found = frames.of(REPORT)
    assert found.figures.loc["overhead_median", "value"] == 0.5
    assert found.figures.loc["overhead_median", "met"]
    assert math.isnan(found.figures.loc["unmeasured", "value"])
    assert found.series["series"].tolist() == ["static", "static", "adaptor"]
    assert found.series["y"].fillna(-1).tolist() == [3.0, -1.0, 2.0]
    assert found.series["label"].tolist()[:2] == ["one", "two"]
    assert found.series.loc[2, ["low", "high"]].tolist() == [1, 3]
    assert found.series[["low", "high"]].isna().sum().tolist() == [2, 2]
    assert found.tables["policies"]["regret, %"].fillna(-1).tolist() == [3.1, -1.0]


def test_a_report_without_plots_has_an_empty_frame_of_series() -> None:
    """With the same columns."""
    found = frames.measured(document("a.json", {"time": 1.0}))
    assert list(found.series.columns) == list(frames.SERIES_COLUMNS)
    assert found.series.empty and found.tables == {}


def test_what_a_report_holds_survives_its_json() -> None:
    """Names, values and units."""
    assert document_of(REPORT).figures["overhead_median"]["goal"] == pytest.approx(1.0)
