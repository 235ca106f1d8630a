"""What was seen of an attached stream since its last restart, as loads between two looks. Pure.

Flink's answers are stale: a job's counters are fetched at most every `metrics.fetcher.update-interval` (10 s as
delivered), whenever one asks. Per-second gauges span a minute and begin at zero after each restart. So rates are
differences of counters, and the time between is told by the counters themselves: a subtask is at work, idle, or held
back, and the three add up to its time, however old the answer is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median

from adaptor.domain.stream import StreamLoad, VertexLoad
from adaptor.domain.stream_job import StreamJob, StreamVertex

MOST_LOADS = 120
"""Loads that are kept: ten minutes of five seconds each, longer than any window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What was seen.

    Attributes:
        base: The look that the next load is the difference to; ``None`` before the first.
        loads: Differences between looks since the last restart, oldest first.
        settled_s: Seconds of running that do not count after a restart: caches, code and backlog weigh on them.
        span_s: Least seconds of a load. Sources emit in gusts, and Flink counts a wait when it ends.
    """

    settled_s: float
    span_s: float
    base: StreamJob | None = None
    loads: tuple[StreamLoad, ...] = ()


def looked(watch: Watch, job: StreamJob, *, pending: Mapping[str, float]) -> Watch:
    """The watch after another look.

    Args:
        watch: As it was.
        job: What was seen.
        pending: Records that wait at sources, by vertex, where they say so.
    """
    if not job.all_running or job.at_s - job.created_s < watch.settled_s:
        return replace(watch, base=None, loads=())
    if watch.base is None or watch.base.created_s != job.created_s or not _is_measured(watch.base):
        return replace(watch, base=job, loads=())
    load = load_between(watch.base, job, pending=pending, least_s=watch.span_s)
    if load is None:
        return watch
    return replace(watch, base=job, loads=(*watch.loads, load)[-MOST_LOADS:])


def load_between(
    earlier: StreamJob, later: StreamJob, *, pending: Mapping[str, float], least_s: float
) -> StreamLoad | None:
    """What the job did between two looks at one execution graph; ``None`` if the counters have not moved on enough."""
    before = {vertex.vertex_id: vertex for vertex in earlier.vertices}
    pairs = [(before[one.vertex_id], one) for one in later.vertices if one.vertex_id in before]
    spans = [span for pair in pairs if (span := _span_s(*pair)) is not None]
    span_s = median(spans) if spans else later.at_s - earlier.at_s
    if len(pairs) != len(later.vertices) or span_s < least_s:
        return None
    vertices = [_vertex_load(*pair, span_s=span_s, pending=pending) for pair in pairs]
    if any(one is None for one in vertices):
        return None
    return StreamLoad(span_s=span_s, vertices=tuple(one for one in vertices if one is not None))


def source_rate(job: StreamJob, watch: Watch) -> float:
    """Records a second that all sources emit: by the newest load, or since the execution graph was made."""
    if watch.loads:
        return sum(one.out_records_per_s for one in watch.loads[-1].vertices if one.is_source)
    emitted = sum(one.counters.records_out or 0 for one in job.vertices if not one.inputs)
    return emitted / max(1.0, job.at_s - job.created_s)


def _is_measured(job: StreamJob) -> bool:
    """Whether the counters of all vertices are known."""
    return all(None not in (one.counters.records_in, one.counters.records_out) for one in job.vertices)


def _span_s(before: StreamVertex, after: StreamVertex) -> float | None:
    """Seconds between two looks by the vertex' own times; ``None`` for sources of the old kind, which have no such."""
    earlier, later = before.counters, after.counters
    if not after.parallelism or None in (earlier.busy_s, later.busy_s, later.idle_s, later.backpressured_s):
        return None
    spent_s = _delta(earlier.busy_s, later.busy_s) + _delta(earlier.idle_s, later.idle_s)
    spent_s += _delta(earlier.backpressured_s, later.backpressured_s)
    return spent_s / after.parallelism


def _vertex_load(
    before: StreamVertex, after: StreamVertex, *, span_s: float, pending: Mapping[str, float]
) -> VertexLoad | None:
    earlier, later = before.counters, after.counters
    if None in (earlier.records_in, earlier.records_out, later.records_in, later.records_out):
        return None
    if not after.parallelism:
        return None
    own_s = (_span_s(before, after) or span_s) * after.parallelism
    records_in, records_out = (
        _delta(earlier.records_in, later.records_in),
        _delta(earlier.records_out, later.records_out),
    )
    return VertexLoad(
        vertex_id=after.vertex_id,
        name=after.name,
        parallelism=after.parallelism,
        max_parallelism=after.max_parallelism or after.parallelism,
        inputs=after.inputs,
        sharing_group=after.sharing_group,
        in_records_per_s=records_in / (own_s / after.parallelism),
        out_records_per_s=records_out / (own_s / after.parallelism),
        busy=_share(earlier.busy_s, later.busy_s, own_s) if _span_s(before, after) is not None else None,
        backpressured=_share(earlier.backpressured_s, later.backpressured_s, own_s),
        pending_records=pending.get(after.vertex_id),
    )


def _share(earlier_s: float | None, later_s: float | None, span_s: float) -> float | None:
    if earlier_s is None or later_s is None:
        return None
    return min(1.0, _delta(earlier_s, later_s) / span_s)


def _delta(earlier: float | None, later: float | None) -> float:
    return max(0.0, (later or 0.0) - (earlier or 0.0))
