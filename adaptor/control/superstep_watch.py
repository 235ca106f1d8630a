"""Supersteps of an attached job: from readings of a gauge or an accumulator to barriers with durations. Pure.

A reading says how many supersteps are done, and is looked at once in a while, so that several may have ended since the
look before: their mean duration is what is known. The time of the first move after a start or a restart is only a
mark: the superstep before it holds the start-up, or the gap of a rescale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adaptor.domain.statistics import FlinkStatistics, VertexStatistics
from adaptor.domain.stream_job import Counters, StreamJob, StreamVertex
from adaptor.domain.stream_supersteps import SourceKind, SuperstepProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment at which a superstep was seen to end.

    Attributes:
        done: Supersteps done by then.
        at_s: When it was seen, by a clock that never goes back.
        job: The job then, whose counters the next barrier's are the difference to.
    """

    done: int
    at_s: float
    job: StreamJob


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepsEnded:
    """Supersteps that ended between two marks.

    Attributes:
        done: Number of the last of them.
        supersteps: How many they are.
        duration_s: Mean seconds of each.
        flink: What the job did in each of them, on average.
    """

    done: int
    supersteps: int
    duration_s: float
    flink: FlinkStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepWatch:
    """What was seen since the job's last restart, in memory only.

    Attributes:
        span_s: Least seconds between two barriers, so that the time between two looks weighs little.
        seen: Supersteps done at the newest look; ``None`` before the first.
        mark: The newest barrier; ``None`` before the first move since a restart.
        graph_s: When the execution graph was made that the mark is of.
    """

    span_s: float
    seen: int | None = None
    mark: Mark | None = None
    graph_s: float = 0.0


def counted(progress: SuperstepProgress, reading: int) -> SuperstepProgress:
    """The progress after another reading.

    What begins again at zero is told from a reading that falls, not from the job's restart: answers are stale by
    seconds, and for so long the old number is read of the new execution graph.
    """
    source, last = progress.source, progress.reading
    fell = last is not None and reading < last
    offset = progress.offset
    if fell and source is not None and source.kind.begins_again and last is not None:
        offset += last
    total = offset + reading
    # A gauge that falls goes through supersteps again that were counted before.
    done = total if source is not None and source.kind is SourceKind.LOG else max(progress.done, total)
    return replace(progress, reading=reading, offset=offset, done=done)


def ended(
    watch: SuperstepWatch, job: StreamJob, *, position: int, now_s: float
) -> tuple[SuperstepWatch, SuperstepsEnded | None]:
    """The watch after a look, and the supersteps that ended since its mark, if they make a barrier.

    Args:
        watch: As it was.
        job: As it was just seen.
        position: Where in its supersteps the job is; after a restart that may be one that was reached before.
        now_s: By a clock that never goes back.
    """
    if not job.all_running or job.created_s != watch.graph_s:
        return replace(watch, seen=position, mark=None, graph_s=job.created_s), None
    if watch.seen is None or position == watch.seen:
        return replace(watch, seen=position), None
    if position < watch.seen:
        return replace(watch, seen=position, mark=None), None
    moved = replace(watch, seen=position)
    if watch.mark is None:
        return replace(moved, mark=Mark(done=position, at_s=now_s, job=job)), None
    elapsed_s, supersteps = now_s - watch.mark.at_s, position - watch.mark.done
    if elapsed_s < watch.span_s:
        return moved, None
    barrier = SuperstepsEnded(
        done=position,
        supersteps=supersteps,
        duration_s=elapsed_s / supersteps,
        flink=statistics_between(watch.mark.job, job, supersteps=supersteps, duration_s=elapsed_s / supersteps),
    )
    return replace(moved, mark=Mark(done=position, at_s=now_s, job=job)), barrier


def statistics_between(earlier: StreamJob, later: StreamJob, *, supersteps: int, duration_s: float) -> FlinkStatistics:
    """What a job did in each of some supersteps, on average."""
    before = {vertex.vertex_id: vertex for vertex in earlier.vertices}
    vertices = tuple(
        _vertex_statistics(before[one.vertex_id], one, parallelism=one.parallelism, supersteps=supersteps)
        for one in later.vertices
        if one.parallelism and one.vertex_id in before
    )
    return FlinkStatistics(duration_s=duration_s, vertices=vertices)


def statistics_of_job(job: StreamJob, *, duration_s: float) -> FlinkStatistics:
    """What a job did in all, as if it were one superstep."""
    nothing = Counters(records_in=0, records_out=0, busy_s=0.0, idle_s=0.0, backpressured_s=0.0)
    begun = replace(job, vertices=tuple(replace(one, counters=nothing) for one in job.vertices))
    return statistics_between(begun, job, supersteps=1, duration_s=duration_s)


def _vertex_statistics(
    before: StreamVertex, after: StreamVertex, *, parallelism: int, supersteps: int
) -> VertexStatistics:
    def each(name: str) -> float | None:
        first, last = getattr(before.counters, name), getattr(after.counters, name)
        return None if first is None or last is None else max(0.0, last - first) / supersteps

    def whole(name: str) -> int | None:
        mean = each(name)
        return None if mean is None else round(mean)

    return VertexStatistics(
        name=after.name,
        parallelism=parallelism,
        max_parallelism=after.max_parallelism,
        records_in=whole("records_in"),
        records_out=whole("records_out"),
        busy_s=each("busy_s"),
        idle_s=each("idle_s"),
        backpressured_s=each("backpressured_s"),
    )
