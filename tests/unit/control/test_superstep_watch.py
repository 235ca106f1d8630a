"""Readings of a gauge or an accumulator become barriers with durations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.control.superstep_watch import SuperstepWatch, counted, ended, statistics_of_job
from adaptor.domain.stream_job import StreamJob
from adaptor.domain.stream_supersteps import SourceKind, SuperstepProgress, SuperstepSource
from adaptor.testing.streams import a_stream_job

NAMED = {SourceKind.LOG: ""}


def progress(kind: SourceKind) -> SuperstepProgress:
    """Of a source of a kind that has said nothing yet."""
    return SuperstepProgress(run_id="r", source=SuperstepSource(kind=kind, name=NAMED.get(kind, "superstep")))


@pytest.mark.parametrize(
    ("kind", "readings", "done"),
    [
        (SourceKind.GAUGE, [3, 4, 7], [3, 4, 7]),
        # After a restart the operator says nothing, then where its checkpoint was, and goes through one again.
        (SourceKind.GAUGE, [7, 0, 6, 7, 8], [7, 7, 7, 7, 8]),
        (SourceKind.ACCUMULATOR, [3, 7, 0, 1, 2], [3, 7, 7, 8, 9]),
        # A stale answer of before the restart is no new superstep.
        (SourceKind.COUNTER, [7, 7, 1], [7, 7, 8]),
        # The first line of a log may be of another try of the job.
        (SourceKind.LOG, [20, 1, 2], [20, 1, 2]),
    ],
)
def test_supersteps_are_counted_through_restarts(kind, readings, done):
    """What begins again at zero is added to what was done before, what the job keeps is taken as it is."""
    now, seen = progress(kind), []
    for reading in readings:
        now = counted(now, reading)
        seen.append(now.done)
    assert seen == done


def looked(watch: SuperstepWatch, *looks: tuple[float, int], job: StreamJob):
    """The watch after looks at times and positions, and the barriers among them."""
    barriers = []
    for at_s, position in looks:
        watch, barrier = ended(watch, job, position=position, now_s=at_s)
        if barrier:
            barriers.append((barrier.done, barrier.supersteps, round(barrier.duration_s, 6)))
    return watch, barriers


def test_the_first_move_is_a_mark_and_the_next_a_barrier():
    """The superstep in which one began to look is not whole."""
    watch = SuperstepWatch(span_s=1.0)
    _, barriers = looked(
        watch,
        (0.0, 5),
        (1.0, 5),
        (4.0, 6),
        (9.0, 6),
        (14.0, 7),
        job=a_stream_job(at_s=10.0, records_in=100, busy_s=1.0),
    )
    assert barriers == [(7, 1, 10.0)]


def test_supersteps_shorter_than_a_look_are_told_by_their_mean():
    """Several in one look, and none before the span is over."""
    watch = SuperstepWatch(span_s=5.0)
    _, barriers = looked(
        watch,
        (0.0, 5),
        (1.0, 7),
        (3.0, 9),
        (6.0, 12),
        (8.0, 13),
        job=a_stream_job(at_s=10.0, records_in=100, busy_s=1.0),
    )
    assert barriers == [(12, 5, 1.0)]


def test_the_superstep_of_a_restart_is_no_barrier():
    """Another execution graph begins a new mark; so does a job that is not running in full."""
    watch = SuperstepWatch(span_s=1.0)
    job = a_stream_job(at_s=10.0, records_in=100, busy_s=1.0)
    watch, before = looked(watch, (0.0, 5), (2.0, 6), (4.0, 7), job=job)
    watch, after = looked(watch, (9.0, 8), (12.0, 9), (15.0, 10), job=replace(job, created_s=job.created_s + 8))
    assert (before, after) == ([(7, 1, 2.0)], [(10, 1, 3.0)])


def test_a_number_that_falls_begins_anew():
    """As an operator's that has seen no record since its restart."""
    watch = SuperstepWatch(span_s=1.0)
    _, barriers = looked(
        watch, (0.0, 5), (2.0, 6), (4.0, 0), (6.0, 6), (9.0, 7), job=a_stream_job(at_s=10.0, records_in=100, busy_s=1.0)
    )
    assert barriers == [(7, 1, 3.0)]


def test_statistics_of_a_superstep_are_differences_and_means():
    """Counters span the life of an execution graph; unknown ones stay unknown."""
    watch, first = SuperstepWatch(span_s=1.0), a_stream_job(at_s=10.0, records_in=100, busy_s=1.0)
    later = replace(first, vertices=tuple(_grown(one) for one in first.vertices))
    watch, _ = ended(watch, first, position=1, now_s=0.0)
    watch, _ = ended(watch, first, position=2, now_s=2.0)
    _, barrier = ended(watch, later, position=6, now_s=10.0)
    worker = barrier.flink.vertices[-1]
    assert (worker.records_in, worker.busy_s, barrier.flink.duration_s) == (100, 1.0, 2.0)


def _grown(vertex):
    counters = vertex.counters
    return replace(
        vertex,
        counters=replace(counters, records_in=(counters.records_in or 0) + 400, busy_s=(counters.busy_s or 0.0) + 4.0),
    )


def test_a_whole_job_is_told_by_its_counters():
    """As if they had begun at zero with it."""
    job = a_stream_job(at_s=10.0, records_in=100, busy_s=1.0)
    found = statistics_of_job(job, duration_s=9.0)
    assert found.duration_s == 9.0
    assert found.vertices[-1].records_in == job.vertices[-1].counters.records_in
