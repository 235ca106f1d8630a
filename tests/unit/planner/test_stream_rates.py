"""True rates and what follows from them through the graph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.stream import StreamTarget
from adaptor.planner.stream_rates import MOST_GROWTH, demands, needed_parallelism, true_rate
from adaptor.testing.streams import a_load, a_vertex


def test_a_true_rate_leaves_waiting_out() -> None:
    """100 records/s at half the time are 200 records/s of work, by each of two subtasks 100."""
    assert true_rate(a_vertex("v", inputs=("s",), parallelism=2)) == pytest.approx(100.0)


@pytest.mark.parametrize("busy", [None, 0.0])
def test_a_vertex_that_was_not_measured_has_no_true_rate(busy: float | None) -> None:
    """Unknown is not zero, and neither leads to a parallelism."""
    vertex = a_vertex("v", inputs=("s",), busy=busy)
    assert true_rate(vertex) is None
    assert needed_parallelism(demands(a_load(a_vertex("s"), vertex), StreamTarget())["v"], utilisation=0.7) is None


def test_a_wanted_rate_reaches_every_vertex_in_proportion() -> None:
    """Sources that emit 100 must emit 400: a filter's consumer that reads 25 must read 100."""
    load = a_load(
        a_vertex("s"),
        a_vertex("filter", inputs=("s",), out_records_per_s=25.0),
        a_vertex("sink", inputs=("filter",), in_records_per_s=25.0, out_records_per_s=0.0),
    )
    found = demands(load, StreamTarget(rate_records_per_s=400.0))
    assert [found[name].target_records_per_s for name in ("s", "filter", "sink")] == pytest.approx([400, 400, 100])


def test_a_join_grows_by_what_each_input_writes() -> None:
    """One source is held back half of the time, the other never: three quarters of the input stay as they are."""
    load = a_load(
        a_vertex("held", out_records_per_s=100.0, backpressured=0.5),
        a_vertex("free", out_records_per_s=300.0),
        a_vertex("join", inputs=("held", "free"), in_records_per_s=400.0),
    )
    assert demands(load, StreamTarget())["join"].target_records_per_s == pytest.approx(400 * (0.25 * 2 + 0.75 * 1))


def test_a_source_that_is_held_back_all_the_time_says_nothing_so_its_growth_is_bounded() -> None:
    """The next look at the wider parallelism tells the rest."""
    load = a_load(a_vertex("s", backpressured=1.0), a_vertex("v", inputs=("s",), busy=1.0))
    assert demands(load, StreamTarget())["v"].target_records_per_s == pytest.approx(100 * MOST_GROWTH)


def test_waiting_records_are_worked_off_within_the_time_to_catch_up() -> None:
    """6,000 wait, 1,000 of them are tolerated: within 50 s that is 100 records/s more."""
    load = a_load(a_vertex("s", pending_records=6000.0), a_vertex("v", inputs=("s",)))
    target = StreamTarget(catch_up_s=50.0, max_lag_s=10.0)
    assert demands(load, target)["v"].target_records_per_s == pytest.approx(200.0)


@given(
    rate=st.floats(1, 1e6), busy=st.floats(0.01, 1), parallelism=st.integers(1, 64), utilisation=st.floats(0.1, 0.95)
)
def test_the_parallelism_needed_is_the_least_that_keeps_within_the_utilisation(
    rate: float, busy: float, parallelism: int, utilisation: float
) -> None:
    """One fewer would be above it: the step needs no second one."""
    vertex = a_vertex("v", inputs=("s",), in_records_per_s=rate, busy=busy, parallelism=parallelism)
    load = a_load(a_vertex("s", out_records_per_s=rate), vertex)
    demand = demands(load, StreamTarget(utilisation=utilisation))["v"]
    needed = needed_parallelism(demand, utilisation=utilisation)
    assert needed is not None
    work = busy * parallelism
    assert work / needed <= utilisation * (1 + 1e-6)
    assert needed == 1 or work / (needed - 1) > utilisation * (1 - 1e-6)
