"""Reports are written as JSON and as a page that needs nothing but itself."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from adaptor.experiments.html_report.drawing import svg_of, write_picture
from adaptor.experiments.html_report.page import page_of, write_report
from adaptor.experiments.html_report.scheme import DARK, LIGHT, STAND_INS
from adaptor.experiments.plots import DataTable, Plot, Series, Shape
from adaptor.experiments.report import Figure, Report

pytest.importorskip("matplotlib")

STEPS = Plot(
    name="steps",
    title="Parallelism <over> supersteps",
    x_label="superstep",
    y_label="parallelism",
    series=[
        Series(name="adaptor", x=[1, 2, 3], y=[1, 2, 2], shape=Shape.STEPS),
        Series(name="static", x=[1, 2, 3], y=[1, 1, 1], shape=Shape.STEPS, baseline=True),
    ],
)
COST = Plot(
    name="cost",
    title="Cost against time",
    x_label="runtime, s",
    y_label="slot-seconds",
    front=True,
    series=[
        Series(name="static", x=[91, 60], y=[91, 120], labels=["one", "two"], shape=Shape.POINTS),
        Series(name="adaptor", x=[63.0], y=[100.0], low=[95.0], high=[110.0], shape=Shape.POINTS),
    ],
)
BARS = Plot(
    name="bars",
    title="Violations",
    x_label="policy",
    y_label="share",
    x_names=["adaptor", "other"],
    series=[Series(name=name, x=[0, 1], y=[0.1, math.nan], shape=Shape.BARS) for name in ("CVC", "CVS")],
)
BAND = Plot(
    name="band",
    title="Regret",
    x_label="users",
    y_label="regret, %",
    y_log=True,
    series=[Series(name="with", x=range(1, 100), y=range(1, 100), low=range(1, 100), high=range(2, 101))],
)
REPORT = Report(
    title="A <trial> & more",
    question="Does it hold?",
    figures=[
        Figure(name="overhead_median", value=0.5, unit="%", baseline=1.0, baseline_name="nothing"),
        Figure(name="overhead_sum", value=2.0, unit="%"),
        Figure(name="unmeasured", value=None, unit="s"),
    ],
    seeds={"seed": 7},
    plots=[STEPS, COST, BARS, BAND],
    tables=[DataTable(name="policies", columns=["policy", "rescales"], rows=[["a<b", 12345], ["static", None]])],
)


class Page(HTMLParser):
    """The tags, identifiers and references of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "path", "use", "rect", "line"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "xlink:href", "src"):
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(page_of(REPORT))


def test_the_page_asks_nobody_for_anything(page: Page) -> None:
    """No script, no frame, and every reference leads to the page itself."""
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert page.references
    assert all(reference.startswith("#") for reference in page.references)
    assert "@import" not in page_of(REPORT)
    assert not re.search(r"url\((?!#)", page_of(REPORT))


def test_every_reference_of_the_page_has_one_aim(page: Page) -> None:
    """Pictures of one page do not share identifiers."""
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert page.open == []


def test_the_page_says_what_was_asked_measured_and_how(page: Page) -> None:
    """Question, figures with baselines and goals, tables, seeds, versions; markup in texts stays text."""
    for text in ("A <trial> & more", "Does it hold?", "1 (nothing)", "-50.0 %", "at most 1", "not met", "not measured"):
        assert text in page.text
    for text in ("a<b", "12,345", "seed 7", "numpy", "Parallelism <over> supersteps", "cores"):
        assert text in page.text
    assert page.tags.count("svg") == len(REPORT.plots)


def test_every_colour_of_a_plot_follows_the_scheme() -> None:
    """No stand-in is left, and no colour is fixed."""
    for plot in REPORT.plots:
        svg = svg_of(plot)
        assert not any(stand_in in svg for stand_in in STAND_INS.values())
        assert "var(--ink)" in svg
        assert re.findall(r"#[0-9a-f]{6}\b", svg) == []


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_series_stand_out_in_both_schemes(scheme: dict[str, str]) -> None:
    """A contrast of 4.5 to what they are drawn on."""
    for name in set(scheme) - {"grid", "surface", "page"}:
        low, high = sorted((_luminance(scheme[name]), _luminance(scheme["surface"])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_a_picture_stands_alone(tmp_path: Path) -> None:
    """Well-formed, with both schemes inside, and the same for the same plot."""
    write_picture(COST, tmp_path / "new" / "cost.svg")
    text = (tmp_path / "new" / "cost.svg").read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in text
    write_picture(COST, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text


def test_a_report_is_written_as_data_as_a_page_and_as_pictures(tmp_path: Path) -> None:
    """The JSON holds every series and table."""
    files = write_report(REPORT, tmp_path / "new", name="trial")
    pictures = [f"trial-{name}.svg" for name in ("steps", "cost", "bars", "band")]
    assert [file.name for file in files] == ["trial.json", "trial.html", *pictures]
    assert {file.name for file in (tmp_path / "new").iterdir()} == {file.name for file in files}
    document = json.loads(files[0].read_text())
    assert document["question"] == REPORT.question
    assert document["plots"][1]["series"][0]["y"] == [91, 120]
    assert document["plots"][2]["series"][0]["y"] == [0.1, None]
    assert document["tables"][0]["rows"] == [["a<b", 12345], ["static", None]]
    assert files[1].read_text() == page_of(REPORT)
