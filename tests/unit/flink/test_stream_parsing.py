"""Recorded answers of Flink 2.3.0 about a stream of two vertices, and answers that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptor.domain.stream_job import CheckpointState, Counters, ParallelismRange
from adaptor.errors import FlinkAnswerError
from adaptor.flink import stream_parsing as parsing

DATA = Path(__file__).parents[2] / "data" / "flink-2.3.0"
URL = "http://127.0.0.1:8081"
SOURCE, WORKER = "cbc357ccb763df2852fee8c4fc7d55f2", "e9b82703c83ea7e9b9e5df8d59eb3c36"


def recorded(name: str) -> Any:
    """A recorded answer."""
    return json.loads((DATA / f"{name}.json").read_text())


def test_a_stream_is_read_with_its_graph_and_its_clock() -> None:
    """Counters that Flink calls incomplete are unknown."""
    job = parsing.parse_stream_job(recorded("stream-job"), url=URL)
    source, worker = job.vertices
    assert (job.kind, job.scheduler, job.all_running) == ("STREAMING", "Adaptive", True)
    assert (source.vertex_id, source.inputs) == (SOURCE, ())
    assert (worker.vertex_id, worker.inputs) == (WORKER, (SOURCE,))
    assert source.sharing_group == worker.sharing_group != ""
    assert worker.counters == Counters()
    assert job.at_s - job.created_s == pytest.approx(9.304)


def test_a_wish_is_read_as_it_is_written() -> None:
    """What was put comes back."""
    document = recorded("stream-requirements")
    wish = parsing.parse_requirements(document, url=URL)
    assert wish == dict.fromkeys((SOURCE, WORKER), ParallelismRange(lower=1, upper=1))
    assert parsing.requirements_document(wish) == document


def test_checkpoints_are_read_with_their_times() -> None:
    """The first one is complete, and nothing was restored yet."""
    found = parsing.parse_checkpoints(recorded("stream-checkpoints"), url=URL)
    assert found.completed is not None
    assert (found.completed.checkpoint_id, found.restored_id, found.savepoint_in_progress) == (1, None, False)
    assert found.completed.duration_s == pytest.approx(2.441)
    assert found.checkpoint(1) == found.completed
    assert found.checkpoint(2) is None


def test_how_checkpoints_are_taken_and_how_long_the_scheduler_cools_down() -> None:
    """As the cluster delivered it: every 10 s, exactly once, 30 s."""
    checkpointing = parsing.parse_checkpointing(recorded("stream-checkpointing"), url=URL)
    assert (checkpointing.interval_s, checkpointing.exactly_once) == (10.0, True)
    assert parsing.parse_cooldown_s(recorded("stream-rescales-config"), url=URL) == 30.0


def test_no_periodic_checkpoints_are_not_one_in_three_hundred_million_years() -> None:
    """Flink writes Java's largest number."""
    found = parsing.parse_checkpointing({"mode": "exactly_once", "interval": 2**63 - 1}, url=URL)
    assert found.interval_s is None


@pytest.mark.parametrize(
    ("document", "state", "checkpoint_id", "problem"),
    [
        ({"status": {"id": "IN_PROGRESS"}, "operation": None}, CheckpointState.IN_PROGRESS, None, ""),
        (
            {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": 7, "failure-cause": None}},
            CheckpointState.COMPLETED,
            7,
            "",
        ),
        (
            {
                "status": {"id": "COMPLETED"},
                "operation": {"failure-cause": {"class": "X", "stack-trace": "X: declined\n\tat y"}},
            },
            CheckpointState.FAILED,
            None,
            "X: declined",
        ),
    ],
)
def test_a_triggered_checkpoint_is_under_way_complete_or_failed(
    document: object, state: CheckpointState, checkpoint_id: int | None, problem: str
) -> None:
    """A failure is told by its first line."""
    found = parsing.parse_triggered(document, url=URL)
    assert (found.state, found.checkpoint_id, found.problem) == (state, checkpoint_id, problem)


@pytest.mark.parametrize(
    "parse",
    [
        parsing.parse_stream_job,
        parsing.parse_requirements,
        parsing.parse_checkpoints,
        parsing.parse_checkpointing,
        parsing.parse_triggered,
        parsing.parse_request_id,
        parsing.parse_cluster_options,
        parsing.parse_metric_names,
        parsing.parse_metric_sums,
    ],
)
@pytest.mark.parametrize("document", [None, 3, "x", [3], {"vertices": 3}])
def test_what_is_no_answer_of_flink_is_an_error_of_ours(parse: Any, document: object) -> None:
    """Whatever stands behind the address."""
    with pytest.raises(FlinkAnswerError):
        parse(document, url=URL)
