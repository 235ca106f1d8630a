"""Flink's JSON about jars, savepoints and where a job began to values: pure."""

from __future__ import annotations

from adaptor.domain.resubmission import SavepointSeen, StoppedSeen
from adaptor.domain.stream_job import StreamJob
from adaptor.flink.answer import JsonObject, json_object

_LONGEST_PROBLEM = 300
"""Characters of a failure that are kept: its first line, without the stack trace."""


def parse_jars(document: object, *, url: str) -> dict[str, str]:
    """Return the file names of uploaded jars by id.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    return {one.text("id"): one.text("name") for one in json_object(document, url=url).members("files")}


def parse_savepoint(document: object, *, url: str) -> SavepointSeen:
    """Return how a savepoint that was asked for stands.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    answer = json_object(document, url=url)
    if answer.member("status").text("id") != "COMPLETED":
        return SavepointSeen()
    operation = answer.member("operation")
    if operation.fields.get("failure-cause") is not None:
        return SavepointSeen(problem=_first_line(operation.member("failure-cause")))
    return SavepointSeen(location=operation.text("location"))


def parse_stopped(document: object, job: StreamJob, *, url: str) -> StoppedSeen:
    """Return a job with the place of its newest savepoint, from what is said of its checkpoints.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    answer = json_object(document, url=url)
    newest = _optional(answer.member("latest"), "savepoint")
    return StoppedSeen(
        job=job,
        savepoint_in_progress=any(
            one.fields.get("is_savepoint") is True and one.text("status") == "IN_PROGRESS"
            for one in answer.members("history")
        ),
        savepoint=newest.optional_text("external_path") if newest else None,
    )


def parse_restored_from(document: object, *, url: str) -> str | None:
    """Return the place of what a job was restored from last.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    restored = _optional(json_object(document, url=url).member("latest"), "restored")
    return restored.optional_text("external_path") if restored else None


def parse_root_problem(document: object, *, url: str) -> str:
    """Return why a job failed, in one line; empty if it did not.

    Raises:
        FlinkAnswerError: The document has another shape.
    """
    entries = json_object(document, url=url).member("exceptionHistory").members("entries")
    return _first_line(entries[0]) if entries else ""


def _first_line(cause: JsonObject) -> str:
    text = cause.optional_text("stack-trace") or cause.optional_text("stacktrace") or cause.optional_text("class")
    return (text or "no reason given").splitlines()[0][:_LONGEST_PROBLEM]


def _optional(owner: JsonObject, name: str) -> JsonObject | None:
    return owner.member(name) if owner.fields.get(name) is not None else None
