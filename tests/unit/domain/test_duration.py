"""Durations are read and written as people do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.duration import format_duration, parse_duration_s
from adaptor.errors import InvalidValueError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("2m30s", 150),
        ("1h 30m", 5400),
        ("90 s", 90),
        (" 1D ", 86400),
        ("0s", 0),
    ],
)
def test_a_duration_has_a_unit_behind_each_number(text: str, seconds: float) -> None:
    """Units are ms, s, m, h and d, in either case."""
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "s", "-3s", "1m30", "5 0s", "1e5s", "1,5h", "ten seconds", "9" * 400 + "s"])
def test_anything_else_is_refused_with_the_field_named(text: str) -> None:
    """A bare number hides its unit, so it is refused too."""
    with pytest.raises(InvalidValueError, match=r"^target: "):
        parse_duration_s(text, field="target")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.85, "850ms"),
        (0.9996, "1.0s"),
        (12.34, "12.3s"),
        (59.96, "1m00s"),
        (125, "2m05s"),
        (3599.6, "1h00m"),
        (3720, "1h02m"),
        (-2, "-2.0s"),
    ],
)
def test_a_duration_is_written_with_about_three_digits(seconds: float, text: str) -> None:
    """No text ever says sixty seconds, or a thousand milliseconds."""
    assert format_duration(seconds) == text


@given(st.floats(min_value=0.001, max_value=1e7))
def test_what_is_written_can_be_read_again(seconds: float) -> None:
    """Writing loses no more than the digits that it leaves out."""
    assert math.isclose(parse_duration_s(format_duration(seconds)), seconds, rel_tol=0.51, abs_tol=0.001)
