"""Streams on Flink 1.20, whose JVM also plans them: rescaled up and down, stopped and submitted again, and counted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sql_jar import built_jar, statements, uploaded

from adaptor.control.resubmission import after_step, next_step
from adaptor.domain.rescale import Order
from adaptor.domain.resubmission import (
    Resubmission,
    ResubmissionLimits,
    ResubmissionPhase,
    Submission,
    next_job_id,
)
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.experiments.rescale_bench.stage import StreamJobOptions, StreamStage
from adaptor.experiments.rescale_bench.trial import aligned_rescale
from adaptor.flink.submission_client import SubmissionClient
from adaptor.observer.stream import traits_of
from adaptor.rescaler.resubmission import resubmission_step_taken

pytestmark = pytest.mark.e2e

ROWS = 8_000
LONGEST_S = 240.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A cluster of two slots; its distribution is fetched where it is not in the cache yet."""
    options = {"execution.checkpointing.interval": "2 s"}
    with StreamStage(tmp_path_factory.mktemp("flink-1.20"), options=options, flink="1.20") as running:
        yield running


def until(reached) -> None:
    """Wait until something is so; a starved machine takes its time."""
    until_s = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < until_s
        time.sleep(0.2)


def test_on_1_20_the_checkpoint_comes_first_and_every_record_comes_out_once(stage):
    """Version, scheduler and order are found out; both rescales go on from the checkpoint that was triggered."""
    job_id, folder = stage.submit(
        StreamJobOptions(rate=400, rows=ROWS, work=2000, checkpoint_interval="60 s"),
    )
    until(lambda: stage.client.stream_job(job_id).all_running)
    traits = traits_of(stage.client, job_id)
    assert traits.flink_version.startswith("1.20.")
    assert (traits.order, traits.obstacles, traits.remarks) == (Order.CHECKPOINT_FIRST, (), ())
    for parallelism in (2, 1):
        _, proof = aligned_rescale(stage.client, job_id, parallelism)
        assert proof.outcome is RescaleOutcome.DONE
        assert proof.aligned
        assert set(proof.observed.values()) == {parallelism}
    until(lambda: stage.client.job(job_id).state.ended)
    assert stage.output(folder).exactly_once(ROWS)


def resubmission(job_id: str, submission: Submission) -> Resubmission:
    """From one subtask to two."""
    return Resubmission(
        submission=submission,
        job_id=job_id,
        new_job_id=next_job_id(job_id, "new", 0.0),
        old_job_id=next_job_id(job_id, "put back", 0.0),
        parallelism=2,
        parallelism_before=1,
        slots=2,
        slots_before=1,
        vertices=(),
        phase=ResubmissionPhase.QUIET,
        began_s=time.time(),
        phase_s=time.time(),
    )


def carried_out(client: SubmissionClient, one: Resubmission) -> RescaleProof:
    """Every step as the service takes it, without its store."""
    limits = ResubmissionLimits(
        quiet_s=LONGEST_S, savepoint_s=LONGEST_S, start_s=LONGEST_S, max_submissions=2, stale_s=5.0
    )
    while True:
        result = resubmission_step_taken(client, one, next_step(one))
        after = after_step(one, result, now_s=time.time(), limits=limits)
        if isinstance(after, RescaleProof):
            return after
        one = after
        time.sleep(0.1)


@pytest.fixture(scope="module")
def jar(stage, tmp_path_factory):
    """An uploaded jar whose program runs statements."""
    return uploaded(stage.rest_url, built_jar(tmp_path_factory.mktemp("jar")))


@pytest.fixture
def client(stage):
    """Of the cluster."""
    with SubmissionClient(stage.rest_url, timeout_s=30.0) as made:
        yield made


def started(client: SubmissionClient, jar: str, folder: Path, *, chained: bool) -> tuple[str, Submission]:
    """A stream in SQL. With operators in chains it cannot be restored at another parallelism, as its ids change."""
    submission = Submission(
        jar=jar,
        arguments=statements(folder / "out", rate=300, rows=ROWS),
        savepoint_folder=(folder / "savepoints").as_uri(),
        configuration={"pipeline.operator-chaining.enabled": "true" if chained else "false"},
    )
    job_id = next_job_id("", str(folder), 0.0)
    client.run(submission, job_id=job_id, parallelism=1, savepoint="")
    until(lambda: client.submitted(job_id).job is not None and client.stream_job(job_id).all_running)
    return job_id, submission


def test_a_jar_is_submitted_again_from_its_savepoint_under_the_id_that_was_chosen(stage, client, jar, tmp_path):
    """Its arguments are statements full of commas, blanks and quotes; every record comes out once."""
    job_id, submission = started(client, jar, tmp_path, chained=False)
    proof = carried_out(client, resubmission(job_id, submission))
    assert (proof.outcome, max(proof.observed.values())) == (RescaleOutcome.DONE, 2), proof.text
    until(lambda: client.job(next_job_id(job_id, "new", 0.0)).state.ended)
    assert stage.output(tmp_path / "out").exactly_once(ROWS)


def test_a_jar_that_flink_cannot_restore_is_put_back_as_it_was(stage, client, jar, tmp_path):
    """Flink refuses the wider job, whose operators have other ids; the old one goes on from the savepoint."""
    job_id, submission = started(client, jar, tmp_path, chained=True)
    proof = carried_out(client, resubmission(job_id, submission))
    assert (proof.outcome, set(proof.observed.values())) == (RescaleOutcome.PUT_BACK, {1}), proof.text
    client.cancel(next_job_id(job_id, "put back", 0.0))
