"""Flink's JSON to values, on answers recorded from a real Flink 2.3.0."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adaptor.errors import FlinkAnswerError
from adaptor.flink import parsing
from adaptor.flink.values import ClusterOverview, IoMetrics, JobState

RECORDED = Path(__file__).parents[2] / "data" / "flink-2.3.0"
URL = "http://flink:8081"
CPU_TIME = "Status.JVM.CPU.Time"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_bytes())


def test_overview() -> None:
    assert parsing.parse_overview(recorded("overview"), url=URL) == ClusterOverview(
        task_managers=2, slots_total=2, slots_available=2, flink_version="2.3.0"
    )


def test_task_managers() -> None:
    document = recorded("taskmanagers")
    found = parsing.parse_task_managers(document, url=URL)
    assert [(each.resource_id, each.slots, each.free_slots, each.cpu_cores) for each in found] == [
        (entry["id"], 1, 1, 1) for entry in document["taskmanagers"]
    ]


def test_jobs() -> None:
    document = recorded("jobs-overview")
    found = parsing.parse_jobs(document, url=URL)
    assert [job.job_id for job in found] == [entry["jid"] for entry in document["jobs"]]
    assert {job.state for job in found} == {JobState.FINISHED}


def test_finished_job() -> None:
    document = recorded("job-batch-p2")
    job = parsing.parse_job(document, url=URL)
    assert job.state is JobState.FINISHED
    assert job.state.ended
    assert job.started_at_s == document["start-time"] / 1000
    assert job.ended_at_s == document["end-time"] / 1000
    assert job.duration_s == document["duration"] / 1000
    assert [vertex.parallelism for vertex in job.vertices] == [1, 2, 1]
    for vertex, entry in zip(job.vertices, document["vertices"], strict=True):
        assert (vertex.vertex_id, vertex.name, vertex.status) == (entry["id"], entry["name"], "FINISHED")
        assert vertex.max_parallelism == entry["maxParallelism"]
        assert vertex.duration_s == entry["duration"] / 1000
        assert vertex.metrics == IoMetrics(
            records_in=entry["metrics"]["read-records"],
            records_out=entry["metrics"]["write-records"],
            bytes_in=entry["metrics"]["read-bytes"],
            bytes_out=entry["metrics"]["write-bytes"],
            busy_s=entry["metrics"]["accumulated-busy-time"] / 1000,
            idle_s=entry["metrics"]["accumulated-idle-time"] / 1000,
            backpressured_s=entry["metrics"]["accumulated-backpressured-time"] / 1000,
        )


def test_running_job() -> None:
    """A vertex that still runs counts 0 everywhere and says that it is not complete: that is unknown, not zero."""
    job = parsing.parse_job(recorded("job-batch-p2-running"), url=URL)
    assert job.state is JobState.RUNNING
    assert not job.state.ended
    assert job.ended_at_s is None
    assert job.vertices[0].metrics.records_in == 1
    assert job.vertices[1].metrics == IoMetrics()


@pytest.mark.parametrize("job", ["job-batch-p1", "job-batch-p2"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_vertex(job: str, index: int) -> None:
    document = recorded(f"{job}-vertex-{index}")
    vertex = parsing.parse_vertex(document, url=URL)
    assert (vertex.vertex_id, vertex.name) == (document["id"], document["name"])
    assert len(vertex.subtasks) == document["parallelism"]
    for subtask, entry in zip(vertex.subtasks, document["subtasks"], strict=True):
        assert (subtask.index, subtask.status, subtask.attempt) == (entry["subtask"], "FINISHED", 0)
        assert subtask.duration_s == entry["duration"] / 1000
        assert subtask.task_manager_id == entry["taskmanager-id"]
        assert subtask.metrics.records_in == entry["metrics"]["read-records"]
        assert subtask.metrics.bytes_out == entry["metrics"]["write-bytes"]


def test_cpu_time_of_one_task_manager() -> None:
    document = recorded("taskmanager-metrics-cpu-time")
    assert parsing.parse_metric(document, url=URL, metric=CPU_TIME) == 19_930_000_000


def test_cpu_time_of_all_task_managers() -> None:
    document = recorded("taskmanagers-metrics-cpu-time")
    assert parsing.parse_metric_sum(document, url=URL, metric=CPU_TIME) == 32_480_000_000


@pytest.mark.parametrize("document", [[], [{"id": "Other", "value": "3"}], [{"id": CPU_TIME}]])
def test_a_metric_that_flink_does_not_hold_is_unknown(document: object) -> None:
    """The first query after a quiet time is answered with an empty list."""
    assert parsing.parse_metric(document, url=URL, metric=CPU_TIME) is None


def test_refusal_says_its_first_line() -> None:
    """Flink's errors carry a Java stack trace; people get the line that says what is wrong."""
    refusal = parsing.first_error(recorded("job-unknown"))
    assert refusal is not None
    assert refusal.endswith("Job 00000000000000000000000000000000 not found")


@pytest.mark.parametrize("document", [{}, [], None, {"errors": []}, {"errors": "text"}])
def test_what_is_no_refusal_has_no_error(document: object) -> None:
    assert parsing.first_error(document) is None


def test_a_refusal_of_any_shape_is_cut_short() -> None:
    assert parsing.first_error({"errors": [""]}) == ""
    assert len(parsing.first_error({"errors": ["x" * 10_000]}) or "") == 200


def test_a_source_that_has_no_busy_time_says_nan() -> None:
    """Sources of the older kind give the text "NaN"."""
    document = recorded("job-batch-p1")
    document["vertices"][0]["metrics"]["accumulated-busy-time"] = "NaN"
    metrics = parsing.parse_job(document, url=URL).vertices[0].metrics
    assert metrics.busy_s is None
    assert metrics.idle_s is not None


def test_a_vertex_without_metrics_or_decided_parallelism_is_read() -> None:
    """An adaptive scheduler shows vertices before it has decided on them."""
    document = recorded("job-batch-p1")
    vertex = document["vertices"][2]
    del vertex["metrics"]
    vertex["parallelism"] = vertex["maxParallelism"] = vertex["duration"] = -1
    parsed = parsing.parse_job(document, url=URL).vertices[2]
    assert (parsed.parallelism, parsed.max_parallelism, parsed.duration_s) == (None, None, None)
    assert parsed.metrics == IoMetrics()


def test_an_unknown_state_is_refused() -> None:
    document = recorded("job-batch-p1")
    document["state"] = "CONFUSED"
    with pytest.raises(FlinkAnswerError, match="CONFUSED"):
        parsing.parse_job(document, url=URL)


Parser = Callable[..., object]


@pytest.mark.parametrize(
    ("parse", "name", "required"),
    [
        (parsing.parse_overview, "overview", ["taskmanagers", "slots-total", "slots-available", "flink-version"]),
        (parsing.parse_task_managers, "taskmanagers", ["taskmanagers"]),
        (parsing.parse_jobs, "jobs-overview", ["jobs"]),
        (parsing.parse_job, "job-batch-p2", ["jid", "name", "state", "vertices"]),
        (parsing.parse_vertex, "job-batch-p2-vertex-1", ["id", "name", "subtasks"]),
    ],
)
def test_a_document_that_lacks_what_identifies_it_is_refused(parse: Parser, name: str, required: list[str]) -> None:
    """What is missing is named; a wrong kind of value is as bad as none."""
    for field in required:
        document = recorded(name)
        del document[field]
        with pytest.raises(FlinkAnswerError, match=field):
            parse(document, url=URL)
        with pytest.raises(FlinkAnswerError, match=field):
            parse({**document, field: None}, url=URL)
    for document in (None, [], "text", 7):
        with pytest.raises(FlinkAnswerError):
            parse(document, url=URL)
