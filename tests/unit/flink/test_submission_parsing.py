"""Recorded answers of both versions about jars and savepoints, of a cluster without adaptive scheduler."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptor.errors import FlinkAnswerError
from adaptor.flink import stream_parsing
from adaptor.flink import submission_parsing as parsing

DATA = Path(__file__).parents[2] / "data"
URL = "http://127.0.0.1:8081"


@pytest.fixture(params=["flink-2.3.0", "flink-1.20.5"])
def recorded(request: pytest.FixtureRequest):
    """Reads an answer of one version."""
    return lambda name: json.loads((DATA / request.param / f"{name}.json").read_text())


def test_uploaded_jars_have_an_id_and_the_name_of_their_file(recorded: Any) -> None:
    """The id begins with a number of Flink's choice."""
    jars = parsing.parse_jars(recorded("jars"), url=URL)
    assert list(jars.values()) == ["job.jar"]
    assert next(iter(jars)).endswith("_job.jar")


def test_a_savepoint_is_found_under_its_request_and_at_the_job_that_it_stopped(recorded: Any) -> None:
    """Both name the same place, so a lost answer loses nothing."""
    under_way = parsing.parse_savepoint(recorded("savepoint-in-progress"), url=URL)
    complete = parsing.parse_savepoint(recorded("savepoint-completed"), url=URL)
    job = stream_parsing.parse_stream_job(recorded("job-other-scheduler"), url=URL)
    stopped = parsing.parse_stopped(recorded("checkpoints-stopped"), job, url=URL)
    assert (under_way.location, under_way.problem) == (None, "")
    assert complete.location == stopped.savepoint
    assert complete.location is not None
    assert complete.location.startswith("file:/home/flink/savepoint-")
    assert not stopped.savepoint_in_progress


@pytest.mark.parametrize("parse", [parsing.parse_jars, parsing.parse_savepoint, parsing.parse_restored_from])
@pytest.mark.parametrize("document", [None, 3, [3], {"files": 3}])
def test_what_is_no_answer_of_flink_is_an_error_of_ours(parse: Any, document: object) -> None:
    """Whatever stands behind the address."""
    with pytest.raises(FlinkAnswerError):
        parse(document, url=URL)
