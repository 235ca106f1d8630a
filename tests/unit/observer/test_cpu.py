"""CPU use from counters: tables of readings in, utilisation and baseline out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.observer.cpu import CpuReading, cpu_utilisation, next_baseline


def reading(taken_at_s: float, cpu_s: float, slots: int = 1) -> CpuReading:
    return CpuReading(taken_at_s=taken_at_s, cpu_ns=round(cpu_s * 1e9), slots=slots)


@pytest.mark.parametrize(
    ("before", "after", "utilisation"),
    [
        pytest.param({}, {"a": reading(10, 5)}, None, id="first observation"),
        pytest.param({"a": reading(0, 5)}, {"a": reading(10, 13)}, 0.8, id="one TaskManager"),
        pytest.param(
            {"a": reading(0, 5), "b": reading(0, 1)},
            {"a": reading(10, 13), "b": reading(10, 3)},
            0.5,
            id="two TaskManagers, one nearly idle",
        ),
        pytest.param({"a": reading(0, 0, 4)}, {"a": reading(10, 20, 4)}, 0.5, id="four slots"),
        pytest.param(
            {"a": reading(0, 5)}, {"a": reading(10, 13), "new": reading(10, 99)}, 0.8, id="one came in between"
        ),
        pytest.param({"a": reading(0, 5), "gone": reading(0, 9)}, {"a": reading(10, 13)}, 0.8, id="one went"),
        pytest.param({"a": reading(0, 5)}, {"a": reading(10, 2)}, None, id="restarted under the same name"),
        pytest.param({"old": reading(0, 5)}, {"new": reading(10, 9)}, None, id="restarted under another name"),
        pytest.param({"a": reading(0, 5)}, {"a": reading(10, 5)}, None, id="not fetched anew"),
        pytest.param(
            {"a": reading(0, 5), "b": reading(0, 5)},
            {"a": reading(10, 13), "b": reading(10, 5)},
            0.8,
            id="one of two not fetched anew",
        ),
        pytest.param({"a": reading(10, 5)}, {"a": reading(10, 6)}, None, id="no time in between"),
        pytest.param({"a": reading(0, 5)}, {}, None, id="no TaskManager left"),
    ],
)
def test_utilisation(before: dict[str, CpuReading], after: dict[str, CpuReading], utilisation: float | None) -> None:
    """Only TaskManagers known at both ends, and whose counter moved on, are counted."""
    assert cpu_utilisation(before, after) == pytest.approx(utilisation)


def test_a_stale_counter_keeps_the_time_it_was_first_seen() -> None:
    """Otherwise two supersteps' CPU time would be divided by the wall-clock time of one."""
    first, stale, fresh = {"a": reading(0, 5)}, {"a": reading(10, 5)}, {"a": reading(20, 15)}
    baseline = next_baseline(first, stale)
    assert baseline == first
    assert cpu_utilisation(baseline, fresh) == pytest.approx(0.5)


def test_restarted_and_new_task_managers_start_anew_and_gone_ones_are_forgotten() -> None:
    before = {"restarted": reading(0, 5), "gone": reading(0, 5)}
    after = {"restarted": reading(10, 1), "new": reading(10, 1)}
    assert next_baseline(before, after) == after


@given(
    st.lists(
        st.tuples(st.floats(0.1, 100), st.floats(0, 1), st.integers(1, 8)),
        min_size=1,
        max_size=5,
    )
)
def test_utilisation_lies_between_the_least_and_the_most_of_the_task_managers(
    spans: list[tuple[float, float, int]],
) -> None:
    """It is a mean weighted by slots and time."""
    before = {str(index): reading(0, 1, slots) for index, (_, _, slots) in enumerate(spans)}
    after = {
        str(index): reading(elapsed_s, 1 + 0.01 + share * elapsed_s * slots, slots)
        for index, (elapsed_s, share, slots) in enumerate(spans)
    }
    each = [cpu_utilisation({name: before[name]}, {name: after[name]}) or 0 for name in before]
    together = cpu_utilisation(before, after)
    assert together is not None
    assert min(each) - 1e-9 <= together <= max(each) + 1e-9
