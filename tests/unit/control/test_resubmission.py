"""The core of a resubmission as tables: a step's result in, the next step or the proof out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.control.resubmission import after_step, next_step, resumed
from adaptor.domain.rescale import NoAnswer, SlotsSeen
from adaptor.domain.resubmission import (
    CancelAnswered,
    Resubmission,
    ResubmissionLimits,
    ResubmissionResult,
    SavepointSeen,
    StopAnswered,
    StoppedSeen,
    Submission,
    SubmissionAnswered,
    SubmittedSeen,
    next_job_id,
)
from adaptor.domain.resubmission import ResubmissionPhase as Phase
from adaptor.domain.resubmission import ResubmissionStep as Step
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.domain.stream_job import StreamJob
from adaptor.testing.streams import a_stream_job

LIMITS = ResubmissionLimits(quiet_s=60.0, savepoint_s=600.0, start_s=100.0, max_submissions=2, stale_s=5.0)
PLACE = "file:///savepoints/savepoint-1"


def a_resubmission(phase: Phase, **fields: object) -> Resubmission:
    """From one subtask to two."""
    stopped = phase in (Phase.SUBMIT, Phase.PROOF, Phase.CANCEL)
    made = Resubmission(
        submission=Submission(jar="job.jar"),
        job_id="old",
        new_job_id="new",
        old_job_id="again",
        parallelism=2,
        parallelism_before=1,
        slots=2,
        slots_before=1,
        vertices=("source", "worker"),
        phase=phase,
        began_s=1000.0,
        phase_s=1000.0,
        savepoint=PLACE if stopped else None,
        stopped_s=1000.0 if stopped else None,
    )
    return replace(made, **fields)


def job(state: str = "RUNNING", *, parallelism: int = 1, running: int | None = None) -> StreamJob:
    """A job in this state."""
    made = a_stream_job(at_s=201.0, created_s=100.0, parallelism=parallelism, running=running)
    return replace(made, state=state, ended=state in ("FINISHED", "FAILED", "CANCELED"))


def after(one: Resubmission, result: ResubmissionResult, *, now_s: float = 1001.0) -> Resubmission | RescaleProof:
    """What follows a second later."""
    return after_step(one, result, now_s=now_s, limits=LIMITS)


def walked(
    one: Resubmission, turns: list[tuple[Step, ResubmissionResult]], *, now_s: float = 1001.0
) -> Resubmission | RescaleProof:
    """What is left after these steps, each the one that was named."""
    now: Resubmission | RescaleProof = one
    for step, result in turns:
        assert isinstance(now, Resubmission)
        assert next_step(now) is step
        now = after(now, result, now_s=now_s)
    return now


def test_the_steps_come_in_order_and_the_new_job_is_proved_to_begin_from_the_savepoint() -> None:
    """Slots, quiet, stop, savepoint, submit, proof."""
    proof = walked(
        a_resubmission(Phase.SLOTS),
        [
            (Step.PROVIDE_SLOTS, SlotsSeen(slots=2)),
            (Step.LOOK_AT_STOPPED, StoppedSeen(job=job())),
            (Step.STOP, StopAnswered(request_id="r")),
            (Step.LOOK_AT_SAVEPOINT, SavepointSeen()),
            (Step.LOOK_AT_SAVEPOINT, SavepointSeen(location=PLACE)),
            (Step.SUBMIT, SubmissionAnswered()),
            (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=job(parallelism=2, running=1), restored_from=PLACE)),
            (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=job(parallelism=2), restored_from=PLACE)),
        ],
    )
    assert isinstance(proof, RescaleProof)
    assert (proof.outcome, set(proof.observed.values()), proof.gap_s) == (RescaleOutcome.DONE, {2}, 0.0)


@pytest.mark.parametrize(
    "turns",
    [
        [(Step.SUBMIT, SubmissionAnswered(problem="no class")), (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=None))],
        [
            (Step.SUBMIT, SubmissionAnswered()),
            (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=job("FAILED"), problem="no state")),
        ],
    ],
    ids=["refused", "failed"],
)
def test_a_submission_that_fails_puts_the_old_job_back_at_its_old_parallelism(turns: list) -> None:
    """From the savepoint, under an id of its own."""
    back = walked(a_resubmission(Phase.SUBMIT), turns)
    assert isinstance(back, Resubmission)
    assert (back.submitted_id, back.submitted_parallelism, back.savepoint) == ("again", 1, PLACE)
    proof = walked(
        back,
        [
            (Step.SUBMIT, SubmissionAnswered()),
            (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=job(), restored_from=PLACE)),
        ],
    )
    assert isinstance(proof, RescaleProof)
    assert proof.outcome is RescaleOutcome.PUT_BACK


def test_a_job_that_does_not_come_up_has_ended_before_the_old_one_is_put_back() -> None:
    """Two of them would write the same output."""
    hanging = SubmittedSeen(job=job(parallelism=2, running=0))
    cancelled = after(a_resubmission(Phase.PROOF), hanging, now_s=1101.0)
    back = walked(
        cancelled,  # type: ignore[arg-type]
        [
            (Step.CANCEL, CancelAnswered()),
            (Step.LOOK_AT_SUBMITTED, hanging),
            (Step.CANCEL, CancelAnswered()),
            (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=job("CANCELED"))),
        ],
        now_s=1102.0,
    )
    assert isinstance(back, Resubmission)
    assert (back.putting_back, next_step(back)) == (True, Step.SUBMIT)


def test_if_even_the_old_job_cannot_be_put_back_the_savepoint_is_named() -> None:
    """After the tries that are allowed."""
    refused = [
        (Step.SUBMIT, SubmissionAnswered(problem="no jar")),
        (Step.LOOK_AT_SUBMITTED, SubmittedSeen(job=None)),
    ]
    stranded = walked(a_resubmission(Phase.SUBMIT, putting_back=True), refused * LIMITS.max_submissions)
    assert isinstance(stranded, RescaleProof)
    assert stranded.outcome is RescaleOutcome.STRANDED
    assert PLACE in stranded.text


def test_a_stop_that_was_not_answered_is_looked_for_before_it_is_asked_again() -> None:
    """One under way may be ours, a job that has finished was stopped by us, and answers may be stale."""
    doubted = after(a_resubmission(Phase.STOP), NoAnswer(problem="silence"))
    assert isinstance(doubted, Resubmission)
    assert next_step(doubted) is Step.LOOK_AT_STOPPED
    stale = after(doubted, StoppedSeen(job=job()), now_s=1004.0)
    under_way = after(doubted, StoppedSeen(job=job(), savepoint_in_progress=True), now_s=1010.0)
    assert stale == under_way == doubted
    asked_again = after(doubted, StoppedSeen(job=job()), now_s=1010.0)
    stopped = after(doubted, StoppedSeen(job=job("FINISHED"), savepoint=PLACE))
    assert isinstance(asked_again, Resubmission)
    assert isinstance(stopped, Resubmission)
    assert (next_step(asked_again), next_step(stopped), stopped.savepoint) == (Step.STOP, Step.SUBMIT, PLACE)


def test_a_submission_that_was_not_answered_is_found_by_its_id() -> None:
    """If it is not there it is made once more."""
    doubted = after(a_resubmission(Phase.SUBMIT), NoAnswer(problem="silence"))
    assert isinstance(doubted, Resubmission)
    found = after(doubted, SubmittedSeen(job=job(parallelism=2, running=0)))
    missing = after(doubted, SubmittedSeen(job=None))
    assert isinstance(found, Resubmission)
    assert isinstance(missing, Resubmission)
    assert (next_step(found), next_step(missing)) == (Step.LOOK_AT_SUBMITTED, Step.SUBMIT)
    assert not missing.putting_back


@pytest.mark.parametrize(
    ("one", "result", "now_s", "outcome"),
    [
        (a_resubmission(Phase.SLOTS), SlotsSeen(slots=1), 1001.0, RescaleOutcome.NO_SLOTS),
        (a_resubmission(Phase.QUIET), StoppedSeen(job=None), 1001.0, RescaleOutcome.JOB_GONE),
        (
            a_resubmission(Phase.QUIET),
            StoppedSeen(job=job(), savepoint_in_progress=True),
            1061.0,
            RescaleOutcome.REFUSED,
        ),
        (a_resubmission(Phase.STOP), StopAnswered(request_id=None, problem="no"), 1001.0, RescaleOutcome.REFUSED),
        (a_resubmission(Phase.SAVEPOINT), SavepointSeen(), 1601.0, RescaleOutcome.UNKNOWN),
        (
            a_resubmission(Phase.SAVEPOINT, problem="declined", doubtful=True),
            StoppedSeen(job=job()),
            1010.0,
            RescaleOutcome.NO_CHECKPOINT,
        ),
        (a_resubmission(Phase.PROOF), SubmittedSeen(job=job(parallelism=1)), 1001.0, RescaleOutcome.PARTIAL),
        (a_resubmission(Phase.PROOF), SubmittedSeen(job=job("CANCELED")), 1001.0, RescaleOutcome.JOB_GONE),
        (a_resubmission(Phase.PROOF), NoAnswer(problem="silence"), 1601.0, RescaleOutcome.UNKNOWN),
        (
            a_resubmission(Phase.CANCEL, doubtful=True),
            SubmittedSeen(job=job(parallelism=2, running=0)),
            1101.0,
            RescaleOutcome.STRANDED,
        ),
    ],
)
def test_what_came_of_it_is_told_as_it_is(
    one: Resubmission, result: ResubmissionResult, now_s: float, outcome: RescaleOutcome
) -> None:
    """Once the job has stopped every ending names its savepoint."""
    proof = after(one, result, now_s=now_s)
    assert isinstance(proof, RescaleProof)
    assert proof.outcome is outcome
    assert (PLACE in proof.text) == (one.savepoint is not None)


@pytest.mark.parametrize("phase", [Phase.STOP, Phase.SAVEPOINT, Phase.SUBMIT, Phase.PROOF, Phase.CANCEL])
def test_after_a_restart_of_adaptor_everything_begins_with_a_look(phase: Phase) -> None:
    """Whatever was about to be done may have been done."""
    assert next_step(resumed(a_resubmission(phase), now_s=2000.0)) in (Step.LOOK_AT_STOPPED, Step.LOOK_AT_SUBMITTED)


def test_jobs_to_come_have_ids_that_flink_takes() -> None:
    """32 hex digits, others for each purpose and time."""
    ids = {next_job_id("a" * 32, purpose, at_s) for purpose in ("new", "put back") for at_s in (1.0, 2.0)}
    assert {len(one) for one in ids} == {32}
    assert len(ids) == 4
