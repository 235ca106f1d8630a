"""Flink's answers to the statistics of a superstep, on recorded answers of Flink 2.3.0."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adaptor.domain.statistics import Spread
from adaptor.flink.parsing import parse_job, parse_vertex
from adaptor.flink.values import JobDetail, VertexDetail
from adaptor.observer.statistics import spread, superstep_statistics

RECORDED = Path(__file__).parents[2] / "data" / "flink-2.3.0"


def recorded_job() -> JobDetail:
    return parse_job(json.loads((RECORDED / "job-batch-p2.json").read_bytes()), url="")


def recorded_details() -> dict[str, VertexDetail]:
    documents = [json.loads((RECORDED / f"job-batch-p2-vertex-{index}.json").read_bytes()) for index in range(3)]
    return {detail.vertex_id: detail for detail in (parse_vertex(document, url="") for document in documents)}


def test_a_recorded_job() -> None:
    statistics = superstep_statistics(recorded_job(), recorded_details(), cpu_utilisation=0.5, problem="")
    assert statistics.observed_parallelism == 2
    assert statistics.duration_s == 3.768
    assert statistics.cpu_utilisation == 0.5
    assert [vertex.parallelism for vertex in statistics.vertices] == [1, 2, 1]
    middle = statistics.vertices[1]
    assert (middle.records_in, middle.records_out, middle.bytes_in, middle.bytes_out) == (327_348, 10, 494, 914)
    assert (middle.busy_s, middle.idle_s, middle.backpressured_s) == (2.481, 0.776, 0.0)
    assert middle.subtask_duration_s is not None
    assert middle.subtask_duration_s.minimum == 2.39
    assert middle.subtask_duration_s.median == pytest.approx(2.798)
    assert middle.subtask_duration_s.maximum == 3.206
    assert middle.subtask_records_in == Spread(minimum=27_280, median=163_674, maximum=300_068)


def test_without_details_nothing_is_known_of_subtasks_alone() -> None:
    statistics = superstep_statistics(recorded_job(), {}, cpu_utilisation=None, problem="late")
    assert statistics.vertices[1].records_in == 327_348
    assert statistics.vertices[1].subtask_duration_s is None
    assert statistics.vertices[1].subtask_records_in is None
    assert statistics.problem == "late"


def test_a_vertex_that_was_never_scheduled_is_left_out() -> None:
    """A job that failed early has vertices whose parallelism was never decided."""
    job = recorded_job()
    undecided = replace(job, vertices=tuple(replace(vertex, parallelism=None) for vertex in job.vertices))
    statistics = superstep_statistics(undecided, {}, cpu_utilisation=None, problem="")
    assert statistics.vertices == ()
    assert statistics.observed_parallelism is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([None], None),
        ([1.0, None], None),
        ([3.0], Spread(minimum=3, median=3, maximum=3)),
        ([4.0, 1.0, 2.0], Spread(minimum=1, median=2, maximum=4)),
        ([0, 0], Spread(minimum=0, median=0, maximum=0)),
    ],
)
def test_a_spread_is_known_only_if_every_subtask_is(values: list[float | None], expected: Spread | None) -> None:
    assert spread(values) == expected
