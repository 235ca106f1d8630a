"""What a plot or table of a report may hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.errors import InvalidValueError
from adaptor.experiments.plots import DataTable, Plot, Series, pareto_front

POINTS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": [1, 2], "y": [1]},
        {"x": [1], "y": [1], "low": [0]},
        {"x": [1], "y": [1], "low": [0, 0], "high": [2, 2]},
        {"x": [1], "y": [1], "labels": ["a", "b"]},
    ],
)
def test_a_series_whose_parts_do_not_fit_is_refused(wrong: dict[str, list[float]]) -> None:
    """Otherwise a drawing would fail far from where the mistake was made."""
    with pytest.raises(InvalidValueError):
        Series(name="wrong", **wrong)


def test_a_row_that_does_not_fit_its_columns_is_refused() -> None:
    """The message names the table."""
    with pytest.raises(InvalidValueError, match="policies"):
        DataTable(name="policies", columns=["policy", "regret, %"], rows=[["adaptor"]])


@pytest.mark.parametrize("name", ["", "Cost", "a b", "../a", 'a"b'])
def test_names_that_cannot_stand_in_a_file_name_or_a_page_are_refused(name: str) -> None:
    """Of plots and of tables."""
    with pytest.raises(InvalidValueError):
        Plot(name=name, title="", x_label="", y_label="", series=[])
    with pytest.raises(InvalidValueError):
        DataTable(name=name, columns=[], rows=[])


@given(POINTS)
def test_no_point_beats_one_of_the_front_on_both_axes(points: list[tuple[float, float]]) -> None:
    """And every other point is beaten by one of the front, or equal to it."""
    front = pareto_front(points)
    for x, y in front:
        assert not any(a <= x and b <= y and (a, b) != (x, y) for a, b in points)
    for x, y in points:
        assert any(a <= x and b <= y for a, b in front)


def test_what_was_not_measured_is_no_point_of_the_front() -> None:
    """NaN compares with nothing."""
    assert pareto_front([(math.nan, 1.0), (1.0, 2.0), (0.5, math.nan), (math.inf, 0.0)]) == [(1.0, 2.0)]
