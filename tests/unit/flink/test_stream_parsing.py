"""Recorded answers of Flink 2.3.0 and 1.20.5 about a stream of two vertices, and answers that are none."""

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


def recorded(name: str, *, folder: Path = DATA) -> Any:
    """A recorded answer."""
    return json.loads((folder / f"{name}.json").read_text())


def recorded_1_20(name: str) -> Any:
    """A recorded answer of Flink 1.20.5."""
    return recorded(name, folder=DATA.parent / "flink-1.20.5")


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


def test_a_stream_of_1_20_says_nothing_of_its_scheduler() -> None:
    """All else is as in 2.3; whether it takes wishes is found out by asking for them."""
    job = parsing.parse_stream_job(recorded_1_20("stream-job"), url=URL)
    assert (job.kind, job.scheduler, job.all_running) == ("STREAMING", None, True)
    assert [one.inputs for one in job.vertices] == [(), (SOURCE,)]
    wish = parsing.parse_requirements(recorded_1_20("stream-requirements"), url=URL)
    assert wish == dict.fromkeys((SOURCE, WORKER), ParallelismRange(lower=1, upper=1))


def test_between_two_graphs_1_20_shows_a_job_without_plan_and_times() -> None:
    """It is neither running nor on another graph, so nobody takes the rescale for done."""
    job = parsing.parse_stream_job(recorded_1_20("stream-job-restarting"), url=URL)
    assert (job.state, job.all_running, job.created_s) == ("CREATED", False, 0.0)
    assert set(job.parallelisms) == {SOURCE, WORKER}


def test_a_rescale_of_1_20_is_proved_by_the_same_answers() -> None:
    """The triggered checkpoint is the restored one, and the graph is a new one of two subtasks each."""
    under_way = parsing.parse_triggered(recorded_1_20("stream-triggered-in-progress"), url=URL)
    triggered = parsing.parse_triggered(recorded_1_20("stream-triggered-completed"), url=URL)
    restored = parsing.parse_checkpoints(recorded_1_20("stream-checkpoints-restored"), url=URL)
    before, after = (
        parsing.parse_stream_job(recorded_1_20(name), url=URL) for name in ("stream-job", "stream-job-restored")
    )
    assert (under_way.state, triggered.state) == (CheckpointState.IN_PROGRESS, CheckpointState.COMPLETED)
    assert restored.restored_id == triggered.checkpoint_id == 2
    assert (after.all_running, set(after.parallelisms.values())) == (True, {2})
    assert after.created_s > before.created_s


def test_the_cooldown_of_1_20_is_an_option_of_the_cluster() -> None:
    """It knows no `/rescales/config`."""
    options = parsing.parse_cluster_options(recorded_1_20("jobmanager-config"), url=URL)
    assert options["jobmanager.adaptive-scheduler.scaling-interval.min"] == "1 s"


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
