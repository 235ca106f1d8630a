"""Flink's JSON to values: pure functions, one for each kind of answer, tested on recorded answers.

Nothing else in adaptor knows how Flink names its fields. `url` is only there for the message of an error.
"""

from __future__ import annotations

from adaptor.errors import FlinkAnswerError
from adaptor.flink.answer import JsonObject, json_object, json_objects
from adaptor.flink.values import (
    ClusterOverview,
    IoMetrics,
    JobDetail,
    JobState,
    JobSummary,
    JobVertex,
    Subtask,
    TaskManagerInfo,
    VertexDetail,
)

_LONGEST_ERROR = 200
"""Characters of Flink's error text that are shown; its first line names the exception, the rest is a stack trace."""

_IO_COUNTERS = ("read-records", "write-records", "read-bytes", "write-bytes")


def parse_overview(document: object, *, url: str) -> ClusterOverview:
    """Return what ``/overview`` said.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    overview = json_object(document, url=url)
    return ClusterOverview(
        task_managers=overview.count("taskmanagers"),
        slots_total=overview.count("slots-total"),
        slots_available=overview.count("slots-available"),
        flink_version=overview.text("flink-version"),
    )


def parse_task_managers(document: object, *, url: str) -> tuple[TaskManagerInfo, ...]:
    """Return what ``/taskmanagers`` said.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return tuple(_task_manager(entry) for entry in json_object(document, url=url).members("taskmanagers"))


def parse_jobs(document: object, *, url: str) -> tuple[JobSummary, ...]:
    """Return what ``/jobs/overview`` said.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return tuple(_job_summary(entry) for entry in json_object(document, url=url).members("jobs"))


def parse_job(document: object, *, url: str) -> JobDetail:
    """Return what ``/jobs/:jobid`` said.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    job = json_object(document, url=url)
    return JobDetail(
        job_id=job.text("jid"),
        name=job.text("name"),
        state=_job_state(job),
        started_at_s=job.optional_seconds("start-time"),
        ended_at_s=job.optional_seconds("end-time"),
        duration_s=job.optional_seconds("duration"),
        vertices=tuple(_job_vertex(entry) for entry in job.members("vertices")),
    )


def parse_vertex(document: object, *, url: str) -> VertexDetail:
    """Return what ``/jobs/:jobid/vertices/:vertexid`` said.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    vertex = json_object(document, url=url)
    return VertexDetail(
        vertex_id=vertex.text("id"),
        name=vertex.text("name"),
        subtasks=tuple(_subtask(entry) for entry in vertex.members("subtasks")),
    )


def parse_metric(document: object, *, url: str, metric: str) -> int | None:
    """Return a metric of one TaskManager as ``/taskmanagers/:id/metrics?get=...`` said it.

    Returns:
        ``None`` if Flink does not hold the metric; it answers an empty list then.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return _metric(document, url=url, metric=metric, field="value")


def parse_metric_sum(document: object, *, url: str, metric: str) -> int | None:
    """Return a metric summed over all TaskManagers as ``/taskmanagers/metrics?get=...&agg=sum`` said it.

    Returns:
        ``None`` if Flink does not hold the metric.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return _metric(document, url=url, metric=metric, field="sum")


def first_error(document: object) -> str | None:
    """Return the first line of what Flink says when it refuses, or ``None`` if the document is no refusal."""
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list) or not errors:
        return None
    lines = str(errors[0]).splitlines() or [""]
    return lines[0][:_LONGEST_ERROR]


def all_errors(document: object) -> str:
    """Return all that Flink says when it refuses, its stack trace included; empty if the document is no refusal."""
    errors = document.get("errors") if isinstance(document, dict) else None
    return "\n".join(map(str, errors)) if isinstance(errors, list) else ""


def _task_manager(entry: JsonObject) -> TaskManagerInfo:
    cores = entry.member("hardware").optional_count("cpuCores") if "hardware" in entry.fields else None
    return TaskManagerInfo(
        resource_id=entry.text("id"),
        slots=entry.count("slotsNumber"),
        free_slots=entry.count("freeSlots"),
        cpu_cores=cores,
    )


def _job_summary(entry: JsonObject) -> JobSummary:
    return JobSummary(
        job_id=entry.text("jid"),
        name=entry.text("name"),
        state=_job_state(entry),
        started_at_s=entry.optional_seconds("start-time"),
        duration_s=entry.optional_seconds("duration"),
    )


def _job_state(job: JsonObject) -> JobState:
    name = job.text("state")
    try:
        return JobState(name)
    except ValueError as error:
        raise FlinkAnswerError(job.url, f"state {name[:_LONGEST_ERROR]!r} is none of a Flink job") from error


def _job_vertex(entry: JsonObject) -> JobVertex:
    return JobVertex(
        vertex_id=entry.text("id"),
        name=entry.text("name"),
        parallelism=entry.optional_count("parallelism"),
        max_parallelism=entry.optional_count("maxParallelism"),
        status=entry.text("status"),
        duration_s=entry.optional_seconds("duration"),
        metrics=_io_metrics(entry),
    )


def _subtask(entry: JsonObject) -> Subtask:
    return Subtask(
        index=entry.count("subtask"),
        status=entry.text("status"),
        attempt=entry.count("attempt"),
        duration_s=entry.optional_seconds("duration"),
        task_manager_id=entry.optional_text("taskmanager-id"),
        metrics=_io_metrics(entry),
    )


def _io_metrics(owner: JsonObject) -> IoMetrics:
    """Counters and times; the times have no flag of their own and lack the same subtasks as the counters."""
    if "metrics" not in owner.fields:
        return IoMetrics()
    metrics = owner.member("metrics")
    times_are_complete = all(metrics.fields.get(f"{name}-complete") is True for name in _IO_COUNTERS)
    return IoMetrics(
        records_in=metrics.complete_count("read-records"),
        records_out=metrics.complete_count("write-records"),
        bytes_in=metrics.complete_count("read-bytes"),
        bytes_out=metrics.complete_count("write-bytes"),
        busy_s=metrics.optional_seconds("accumulated-busy-time") if times_are_complete else None,
        idle_s=metrics.optional_seconds("accumulated-idle-time") if times_are_complete else None,
        backpressured_s=metrics.optional_seconds("accumulated-backpressured-time") if times_are_complete else None,
    )


def _metric(document: object, *, url: str, metric: str, field: str) -> int | None:
    for entry in json_objects(document, url=url):
        if entry.text("id") == metric:
            return entry.optional_count(field)
    return None
