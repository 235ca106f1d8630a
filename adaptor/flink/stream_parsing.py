"""Flink's JSON about streams to values, and wishes to Flink's JSON: pure, tested on recorded answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adaptor.domain.stream_job import (
    RUNNING,
    Checkpoint,
    CheckpointingConfiguration,
    Checkpoints,
    CheckpointState,
    Counters,
    ParallelismRange,
    StreamJob,
    StreamVertex,
    TriggeredCheckpoint,
)
from adaptor.errors import FlinkAnswerError
from adaptor.flink.answer import JsonObject, json_object, json_objects
from adaptor.flink.parsing import parse_job

_LONGEST_PROBLEM = 300
"""Characters of a failure that are kept: its first line, without the stack trace."""

_COMPLETED = "COMPLETED"


def parse_stream_job(document: object, *, url: str) -> StreamJob:
    """Return what ``/jobs/:jobid`` said of a stream, its graph included.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    job, detail = json_object(document, url=url), parse_job(document, url=url)
    inputs = _inputs(job.member("plan"))
    running = {entry.text("id"): entry for entry in job.members("vertices")}
    return StreamJob(
        job_id=detail.job_id,
        name=detail.name,
        state=detail.state.value,
        ended=detail.state.ended,
        kind=job.optional_text("job-type"),
        scheduler=job.optional_text("schedulerType"),
        at_s=_seconds(job, "now"),
        created_s=_seconds(job.member("timestamps"), "CREATED"),
        vertices=tuple(
            StreamVertex(
                vertex_id=vertex.vertex_id,
                name=vertex.name,
                parallelism=vertex.parallelism,
                max_parallelism=vertex.max_parallelism,
                running=running[vertex.vertex_id].member("tasks").optional_count(RUNNING) or 0,
                inputs=inputs.get(vertex.vertex_id, ()),
                sharing_group=running[vertex.vertex_id].optional_text("slotSharingGroupId") or "",
                counters=Counters(
                    records_in=vertex.metrics.records_in,
                    records_out=vertex.metrics.records_out,
                    busy_s=vertex.metrics.busy_s,
                    idle_s=vertex.metrics.idle_s,
                    backpressured_s=vertex.metrics.backpressured_s,
                ),
            )
            for vertex in detail.vertices
        ),
    )


def parse_requirements(document: object, *, url: str) -> dict[str, ParallelismRange]:
    """Return what was asked for every vertex.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    job = json_object(document, url=url)
    ranges = {vertex_id: job.member(vertex_id).member("parallelism") for vertex_id in job.fields}
    return {
        vertex_id: ParallelismRange(lower=one.count("lowerBound"), upper=one.count("upperBound"))
        for vertex_id, one in ranges.items()
    }


def requirements_document(requirements: Mapping[str, ParallelismRange]) -> dict[str, Any]:
    """Return the wish as Flink wants it."""
    return {
        vertex_id: {"parallelism": {"lowerBound": one.lower, "upperBound": one.upper}}
        for vertex_id, one in requirements.items()
    }


def parse_request_id(document: object, *, url: str) -> str:
    """Return the id under which a checkpoint was asked for.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return json_object(document, url=url).text("request-id")


def parse_triggered(document: object, *, url: str) -> TriggeredCheckpoint:
    """Return how a checkpoint that was asked for stands.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    answer = json_object(document, url=url)
    if answer.member("status").text("id") != _COMPLETED:
        return TriggeredCheckpoint(state=CheckpointState.IN_PROGRESS)
    operation = answer.member("operation")
    if "failure-cause" in operation.fields and operation.fields["failure-cause"] is not None:
        cause = operation.member("failure-cause")
        problem = (cause.optional_text("stack-trace") or cause.optional_text("class") or "no reason given").splitlines()
        return TriggeredCheckpoint(state=CheckpointState.FAILED, problem=problem[0][:_LONGEST_PROBLEM])
    return TriggeredCheckpoint(state=CheckpointState.COMPLETED, checkpoint_id=operation.count("checkpointId"))


def parse_checkpoints(document: object, *, url: str) -> Checkpoints:
    """Return the checkpoints of a job.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    answer = json_object(document, url=url)
    counts, history = answer.member("counts"), answer.members("history")
    restored = _optional_member(answer.member("latest"), "restored")
    done = tuple(_checkpoint(one) for one in history if one.text("status") == _COMPLETED)
    return Checkpoints(
        completed=done[0] if done else None,
        restored_id=restored.count("id") if restored else None,
        restored_s=restored.optional_seconds("restore_timestamp") if restored else None,
        completed_count=counts.count("completed"),
        in_progress=counts.count("in_progress"),
        savepoint_in_progress=any(
            one.fields.get("is_savepoint") is True and one.text("status") == "IN_PROGRESS" for one in history
        ),
        history=done,
    )


def parse_checkpointing(document: object, *, url: str) -> CheckpointingConfiguration:
    """Return how a job takes checkpoints.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    answer = json_object(document, url=url)
    interval_s = answer.optional_seconds("interval")
    # Flink writes Java's largest number where there are no periodic checkpoints.
    periodic = interval_s is not None and interval_s < _NEVER_S
    return CheckpointingConfiguration(
        interval_s=interval_s if periodic else None,
        exactly_once=answer.text("mode") == "exactly_once",
    )


_NEVER_S = 1e12
"""Thirty thousand years."""


def parse_cluster_options(document: object, *, url: str) -> dict[str, str]:
    """Return the configuration of the cluster as ``/jobmanager/config`` lists it.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    if not isinstance(document, list):
        raise FlinkAnswerError(url, "the document is not a list")
    entries = [json_object(entry, url=url) for entry in document]
    return {entry.text("key"): str(entry.fields.get("value", "")) for entry in entries}


def parse_cooldown_s(document: object, *, url: str) -> float | None:
    """Return how long the scheduler refuses to rescale after a rescale, in seconds, as ``/rescales/config`` says.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return json_object(document, url=url).optional_seconds("executingCooldownTimeoutInMillis")


def parse_metric_names(document: object, *, url: str) -> tuple[str, ...]:
    """Return the names of metrics in a list of them.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return tuple(entry.text("id") for entry in json_objects(document, url=url))


def parse_metric_sums(document: object, *, url: str) -> dict[str, float]:
    """Return metrics that were summed over subtasks, by name; those that are no number are left out.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    sums = {entry.text("id"): entry.optional_count("sum") for entry in json_objects(document, url=url)}
    return {name: float(total) for name, total in sums.items() if total is not None}


def parse_metric_maxima(document: object, *, url: str) -> dict[str, float]:
    """Return metrics of which the largest over subtasks was asked for, by name; those that are no number are left out.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    maxima = {entry.text("id"): entry.optional_count("max") for entry in json_objects(document, url=url)}
    return {name: float(most) for name, most in maxima.items() if most is not None}


def parse_accumulators(document: object, *, url: str) -> dict[str, float]:
    """Return a job's accumulators that are numbers, by name.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    entries = json_object(document, url=url).members("user-task-accumulators")
    values = {entry.text("name"): entry.optional_count("value") for entry in entries}
    return {name: float(value) for name, value in values.items() if value is not None}


def parse_labels(document: object, *, url: str) -> dict[str, str]:
    """Return what a job's owner gave it as global job parameters, as ``/jobs/:jobid/config`` says.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    job = json_object(document, url=url)
    execution = _optional_member(job, "execution-config")
    labels = _optional_member(execution, "user-config") if execution is not None else None
    return {key: str(value) for key, value in labels.fields.items()} if labels is not None else {}


def iterations_in_log(log: bytes, *, job_id: str) -> int | None:
    """Return the number of supersteps of a DataSet iteration that a TaskManager's log says are done.

    Only lines after the first that names the job count: a log goes on through many jobs, and the lines of an iteration
    do not say whose it is.

    Args:
        log: As it is.
        job_id: Flink's id of the job.

    Returns:
        ``None`` if the log knows nothing of the job, or of iterations in it.
    """
    _, named, rest = log.partition(job_id.encode())
    if not named:
        return None
    numbers = _ITERATION_DONE.findall(rest)
    return int(numbers[-1]) if numbers else None


_ITERATION_DONE = re.compile(rb"finishing iteration \[(\d{1,9})\]")
"""Written by every task of an iteration at its end (`IterationHeadTask`, `IterationSynchronizationSinkTask`, ...)."""


def _inputs(plan: JsonObject) -> dict[str, tuple[str, ...]]:
    if not plan.fields:
        return {}  # 1.20 has none to show while it restarts a job
    return {
        node.text("id"): tuple(one.text("id") for one in node.members("inputs")) if "inputs" in node.fields else ()
        for node in plan.members("nodes")
    }


def _seconds(owner: JsonObject, name: str) -> float:
    return owner.optional_seconds(name) or 0.0


def _optional_member(owner: JsonObject, name: str) -> JsonObject | None:
    return owner.member(name) if owner.fields.get(name) is not None else None


def _checkpoint(entry: JsonObject) -> Checkpoint:
    triggered_s = _seconds(entry, "trigger_timestamp")
    return Checkpoint(
        checkpoint_id=entry.count("id"),
        triggered_s=triggered_s,
        acknowledged_s=entry.optional_seconds("latest_ack_timestamp") or triggered_s,
    )
