"""Reads the supersteps of a job that was not written for adaptor: a metric, an accumulator, or lines of a log."""

from __future__ import annotations

from adaptor.domain.stream_job import StreamJob
from adaptor.domain.stream_supersteps import SourceKind, SuperstepSource
from adaptor.flink.stream_client import StreamClient


def found_source(
    client: StreamClient, job: StreamJob, wanted: SuperstepSource | None, *, usual_name: str, turn: int
) -> SuperstepSource | None:
    """Where a job tells its supersteps, looked for in one place at a time. Blocks within the client's bounds.

    Args:
        client: Of the job's cluster.
        job: The job as it was just seen.
        wanted: What is asked for; ``None``: a gauge or an accumulator of the usual name.
        usual_name: Of either.
        turn: Which look this is, from 0; each asks about the next place.

    Returns:
        ``None`` if it is not told in that place, or not yet.

    Raises:
        FlinkError: No answer, or not Flink's.
    """
    if wanted is not None and not wanted.kind.is_metric and wanted.kind is not SourceKind.ACCUMULATOR:
        return wanted
    gauge = SuperstepSource(kind=SourceKind.GAUGE, name=usual_name)
    accumulator = SuperstepSource(kind=SourceKind.ACCUMULATOR, name=usual_name)
    asked = [gauge, accumulator] if wanted is None else [wanted]
    places = [
        (source, vertex.vertex_id)
        for source in asked
        for vertex in (job.vertices if source.kind.is_metric else job.vertices[:1])
    ]
    if not places:
        return None
    source, vertex_id = places[turn % len(places)]
    if source.kind.is_metric:
        return _metric_at(client, job.job_id, vertex_id, source)
    return source if source.name in client.accumulators(job.job_id) else None


def supersteps_done(client: StreamClient, job_id: str, source: SuperstepSource) -> int | None:
    """What the source says now; ``None`` if it says nothing. Blocks within the client's bounds.

    Args:
        client: Of the job's cluster.
        job_id: Flink's id of the job.
        source: As it was found.

    Raises:
        FlinkError: No answer, or not Flink's.
    """
    if source.kind is SourceKind.LOG:
        return client.iterations_logged(job_id)
    if source.kind is SourceKind.JOB:
        return 0
    if source.kind is SourceKind.ACCUMULATOR:
        value = client.accumulators(job_id).get(source.name)
    else:
        value = client.metric_maxima(job_id, source.vertex_id, [source.metric]).get(source.metric)
    return None if value is None else int(value)


def _metric_at(client: StreamClient, job_id: str, vertex_id: str, source: SuperstepSource) -> SuperstepSource | None:
    """The metric of that name, whose last part is the name that the job gave it and the rest its operator's."""
    names = [name for name in client.metric_names(job_id, vertex_id) if name.rpartition(".")[2] == source.name]
    return source.found_at(vertex_id, names[0]) if names else None
