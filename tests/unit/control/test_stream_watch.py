"""Loads are differences of counters, and the counters tell the time themselves."""

from __future__ import annotations

import pytest

from adaptor.control.stream_watch import Watch, load_between, looked
from adaptor.domain.stream_job import StreamJob
from adaptor.testing.streams import a_stream_job


def job(at_s: float, *, records: int, busy_s: float, idle_s: float, **fields: object) -> StreamJob:
    """A look at a worker that read so many records."""
    fields = {"records_out": 0, "backpressured_s": 0.0, **fields}
    return a_stream_job(at_s=at_s, records_in=records, busy_s=busy_s, idle_s=idle_s, **fields)


def test_the_time_between_two_looks_is_that_of_the_counters_not_of_the_clock() -> None:
    """Answers were fetched 10 s apart and are read 13 s apart: 10 s count."""
    earlier, later = job(20, records=0, busy_s=5, idle_s=5), job(33, records=500, busy_s=10, idle_s=10)
    load = load_between(earlier, later, pending={}, least_s=5.0)
    assert load is not None
    worker = load.vertices[1]
    assert (load.span_s, worker.in_records_per_s, worker.busy) == pytest.approx((10.0, 50.0, 0.5))


def test_stale_answers_are_no_load() -> None:
    """The same counters again say nothing, and neither do two that are too near."""
    earlier = job(20, records=0, busy_s=5, idle_s=5)
    assert load_between(earlier, job(30, records=0, busy_s=5, idle_s=5), pending={}, least_s=5.0) is None
    assert load_between(earlier, job(30, records=9, busy_s=6, idle_s=6), pending={}, least_s=5.0) is None


def test_a_source_of_the_old_kind_has_no_time_at_work_and_is_told_by_the_others_time() -> None:
    """Its busy time is unknown; its records and its time held back are not."""
    earlier, later = job(20, records=100, busy_s=5, idle_s=5), job(30, records=600, busy_s=10, idle_s=10)
    load = load_between(earlier, later, pending={"source": 7.0}, least_s=5.0)
    assert load is not None
    source = load.vertices[0]
    assert source.busy is None
    assert source.out_records_per_s == pytest.approx(50.0)
    assert (source.backpressured, source.pending_records) == (0.0, 7.0)


def test_what_came_before_a_restart_is_forgotten() -> None:
    """Another execution graph begins its counters at zero, which is no negative rate."""
    watch = Watch(settled_s=5.0, span_s=5.0)
    for one in (job(20, records=0, busy_s=5, idle_s=5), job(30, records=500, busy_s=10, idle_s=10)):
        watch = looked(watch, one, pending={})
    assert len(watch.loads) == 1
    watch = looked(watch, job(46, records=10, busy_s=1, idle_s=5, created_s=40), pending={})
    assert watch.loads == ()


@pytest.mark.parametrize("fields", [{"created_s": 17.0}, {"running": 0}])
def test_a_job_that_has_just_begun_or_does_not_run_in_full_is_not_measured(fields: dict[str, float]) -> None:
    """Neither as a base nor as a load."""
    watch = looked(Watch(settled_s=5.0, span_s=5.0), job(20, records=0, busy_s=1, idle_s=1, **fields), pending={})
    assert watch.base is None


def test_counters_that_were_unknown_at_first_are_no_base_for_ever() -> None:
    """Flink's first answers after a quiet time are empty."""
    watch = Watch(settled_s=5.0, span_s=5.0)
    unknown = a_stream_job(at_s=20.0)
    for one in (unknown, job(21, records=0, busy_s=5, idle_s=5), job(31, records=500, busy_s=10, idle_s=10)):
        watch = looked(watch, one, pending={})
    assert len(watch.loads) == 1
