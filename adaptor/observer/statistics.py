"""Flink's answers about one job to the statistics of a superstep. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from adaptor.domain.statistics import FlinkStatistics, Spread, VertexStatistics
from adaptor.flink.values import JobDetail, JobVertex, Subtask, VertexDetail


def superstep_statistics(
    job: JobDetail, details: Mapping[str, VertexDetail], *, cpu_utilisation: float | None, problem: str
) -> FlinkStatistics:
    """What Flink said about the job of a superstep.

    Args:
        job: The job, ended.
        details: Its vertices by id; for those that are missing, nothing is known about subtasks.
        cpu_utilisation: CPU time by wall-clock time and slots, if known.
        problem: Why something is unknown; empty if nothing is.
    """
    vertices = tuple(
        vertex_statistics(vertex, vertex.parallelism, details.get(vertex.vertex_id))
        for vertex in job.vertices
        if vertex.parallelism  # undecided in a job that failed before this vertex was scheduled
    )
    return FlinkStatistics(
        started_at_s=job.started_at_s,
        duration_s=job.duration_s,
        vertices=vertices,
        observed_parallelism=max((vertex.parallelism for vertex in vertices), default=None),
        cpu_utilisation=cpu_utilisation,
        problem=problem,
    )


def vertex_statistics(vertex: JobVertex, parallelism: int, detail: VertexDetail | None) -> VertexStatistics:
    """What Flink said about one vertex."""
    subtasks: Sequence[Subtask] = detail.subtasks if detail is not None else ()
    metrics = vertex.metrics
    return VertexStatistics(
        name=vertex.name,
        parallelism=parallelism,
        max_parallelism=vertex.max_parallelism,
        duration_s=vertex.duration_s,
        records_in=metrics.records_in,
        records_out=metrics.records_out,
        bytes_in=metrics.bytes_in,
        bytes_out=metrics.bytes_out,
        busy_s=metrics.busy_s,
        idle_s=metrics.idle_s,
        backpressured_s=metrics.backpressured_s,
        subtask_duration_s=spread([subtask.duration_s for subtask in subtasks]),
        subtask_records_in=spread([subtask.metrics.records_in for subtask in subtasks]),
    )


def spread(values: Sequence[float | None]) -> Spread | None:
    """Least, median and most; ``None`` where a value is unknown, because it might be any of the three."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return Spread(minimum=min(known), median=statistics.median(known), maximum=max(known))
