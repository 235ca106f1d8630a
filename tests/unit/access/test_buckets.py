"""How often each may call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.access.buckets import Buckets


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    """With the seconds until the next."""
    buckets = Buckets(rate_per_s=10.0, burst=3.0)
    assert [buckets.wait_s("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.wait_s("a", 0.0) == pytest.approx(0.1)
    assert buckets.wait_s("a", 0.05) == pytest.approx(0.05)
    assert buckets.wait_s("a", 0.101) == 0.0


def test_one_caller_does_not_use_up_what_another_may() -> None:
    """A bucket each."""
    buckets = Buckets(rate_per_s=1.0, burst=1.0)
    assert buckets.wait_s("flood", 0.0) == 0.0
    assert buckets.wait_s("flood", 0.0) > 0.0
    assert buckets.wait_s("job", 0.0) == 0.0


def test_a_rate_of_nothing_limits_nothing() -> None:
    """That is how it is switched off."""
    buckets = Buckets(rate_per_s=0.0, burst=0.0)
    assert not any(buckets.wait_s("a", 0.0) for _ in range(1000))


def test_memory_is_bounded_whoever_calls() -> None:
    """The one that called longest ago is forgotten."""
    buckets = Buckets(rate_per_s=1.0, burst=1.0, most_callers=10)
    for number in range(1000):
        buckets.wait_s(str(number), 0.0)
    assert len(buckets) == 10


@given(st.lists(st.floats(min_value=0.0, max_value=0.5), max_size=200))
def test_over_any_time_no_more_than_the_burst_and_the_rate_come_through(pauses: list[float]) -> None:
    """Whatever the pattern of calls."""
    buckets, now_s, let_in = Buckets(rate_per_s=5.0, burst=4.0), 0.0, 0
    for pause in pauses:
        now_s += pause
        let_in += buckets.wait_s("a", now_s) == 0.0
    assert let_in <= 4.0 + 5.0 * now_s + 1e-6
