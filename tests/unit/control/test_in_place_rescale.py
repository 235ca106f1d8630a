"""The core of a rescale in place as tables: a step's result in, the next step or the proof out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.control.in_place_rescale import after_step, next_step, resumed
from adaptor.domain.rescale import (
    CheckpointRequested,
    CheckpointSeen,
    JobSeen,
    NoAnswer,
    Order,
    Phase,
    Rescale,
    RescaleLimits,
    SlotsSeen,
    Step,
    StepResult,
    WishAnswered,
    wish_for,
)
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.domain.stream_job import Checkpoint, Checkpoints, CheckpointState, TriggeredCheckpoint
from adaptor.testing.streams import a_stream_job

LIMITS = RescaleLimits(quiet_s=60.0, checkpoint_s=30.0, proof_s=20.0, max_checkpoints=2)
WANTED = {"source": 2, "worker": 2}
BEFORE = {"source": 1, "worker": 1}


def a_rescale(phase: Phase, **fields: object) -> Rescale:
    """From one subtask to two, on a graph that was made at 100 s."""
    made = Rescale(
        wanted=WANTED,
        before=BEFORE,
        slots=2,
        slots_before=1,
        order=Order.WISH_FIRST,
        cooldown_s=30.0,
        source_records_per_s=100.0,
        phase=phase,
        began_s=1000.0,
        phase_s=1000.0,
        graph_s=None if phase in (Phase.SLOTS, Phase.QUIET) else 100.0,
    )
    return replace(made, **fields)


def checkpoints(*, restored: int | None = None, savepoint: bool = False, in_progress: int = 0) -> Checkpoints:
    """Number 7 was triggered at 195 s and complete at 199 s."""
    seven = Checkpoint(checkpoint_id=7, triggered_s=195.0, acknowledged_s=199.0)
    return Checkpoints(
        completed=seven,
        restored_id=restored,
        restored_s=None,
        completed_count=1,
        in_progress=in_progress,
        savepoint_in_progress=savepoint,
        history=(seven,),
    )


def seen(*, parallelism: int = 1, created_s: float = 100.0, wish: int = 2, **fields: object) -> JobSeen:
    """A look at 201 s."""
    at_s = float(fields.pop("at_s", 201.0))  # type: ignore[arg-type]
    running = fields.pop("running", None)
    return JobSeen(
        job=a_stream_job(at_s=at_s, created_s=created_s, parallelism=parallelism, running=running),  # type: ignore[arg-type]
        checkpoints=checkpoints(**fields),  # type: ignore[arg-type]
        wish=wish_for(dict.fromkeys(WANTED, wish)),
    )


def after(rescale: Rescale, result: StepResult, *, now_s: float = 1001.0) -> Rescale | RescaleProof:
    """What follows a second later."""
    return after_step(rescale, result, now_s=now_s, limits=LIMITS)


def test_the_steps_come_in_order_and_the_proof_tells_what_flink_shows() -> None:
    """Slots, quiet, wish, checkpoint, completion, proof; the times are Flink's own."""
    turns = [
        (Step.PROVIDE_SLOTS, SlotsSeen(slots=2)),
        (Step.LOOK_AT_JOB, seen(wish=1)),
        (Step.PUT_WISH, WishAnswered()),
        (Step.TRIGGER_CHECKPOINT, CheckpointRequested(request_id="r")),
        (Step.LOOK_AT_CHECKPOINT, CheckpointSeen(checkpoint=TriggeredCheckpoint(state=CheckpointState.IN_PROGRESS))),
        (
            Step.LOOK_AT_CHECKPOINT,
            CheckpointSeen(checkpoint=TriggeredCheckpoint(state=CheckpointState.COMPLETED, checkpoint_id=7)),
        ),
        (Step.LOOK_AT_JOB, seen()),
        (Step.LOOK_AT_JOB, seen(parallelism=2, created_s=200.0, restored=7, running=1)),
        (Step.LOOK_AT_JOB, seen(parallelism=2, created_s=200.0, restored=7)),
    ]
    now: Rescale | RescaleProof = a_rescale(Phase.SLOTS)
    for step, result in turns:
        assert isinstance(now, Rescale)
        assert next_step(now) is step
        now = after(now, result)
    assert isinstance(now, RescaleProof)
    assert (now.outcome, now.aligned, now.observed) == (RescaleOutcome.DONE, True, WANTED)
    assert (now.checkpoint_s, now.gap_s, now.reprocessed_bound) == (4.0, 2.0, 500.0)


def test_before_2_0_the_checkpoint_comes_first() -> None:
    """The wish restarts the job at once, so it must find the checkpoint complete."""
    old = a_rescale(Phase.QUIET, order=Order.CHECKPOINT_FIRST)
    began = after(old, seen(wish=1))
    assert isinstance(began, Rescale)
    assert next_step(began) is Step.TRIGGER_CHECKPOINT
    complete = TriggeredCheckpoint(state=CheckpointState.COMPLETED, checkpoint_id=7)
    now = after(replace(began, phase=Phase.COMPLETION), CheckpointSeen(checkpoint=complete))
    assert isinstance(now, Rescale)
    assert next_step(now) is Step.PUT_WISH
    put = after(now, WishAnswered())
    assert isinstance(put, Rescale)
    assert put.phase is Phase.PROOF


def test_a_restart_from_another_checkpoint_is_done_and_not_aligned() -> None:
    """A periodic one came first."""
    proof = after(a_rescale(Phase.PROOF, checkpoint_id=6), seen(parallelism=2, created_s=200.0, restored=7))
    assert isinstance(proof, RescaleProof)
    assert (proof.outcome, proof.aligned) == (RescaleOutcome.DONE, False)
    assert "not the one that adaptor triggered" in proof.text


@pytest.mark.parametrize(
    "look",
    [seen(wish=1, at_s=129.0), seen(wish=1, savepoint=True), seen(wish=1, running=0)],
    ids=["cooldown", "savepoint", "restarting"],
)
def test_nothing_is_begun_before_it_is_quiet_and_that_is_not_awaited_for_ever(look: JobSeen) -> None:
    """Within the time it waits, after it nothing was asked of Flink."""
    waiting = after(a_rescale(Phase.QUIET), look)
    assert isinstance(waiting, Rescale)
    assert waiting.phase is Phase.QUIET
    given_up = after(a_rescale(Phase.QUIET), look, now_s=1061.0)
    assert isinstance(given_up, RescaleProof)
    assert given_up.outcome is RescaleOutcome.REFUSED


def test_a_checkpoint_under_way_is_awaited_but_not_for_ever() -> None:
    """Its barriers are long past, so a rescale at its end redoes more; where there is always one that has to do."""
    waiting = after(a_rescale(Phase.QUIET), seen(wish=1, in_progress=1))
    begun = after(a_rescale(Phase.QUIET), seen(wish=1, in_progress=1), now_s=1061.0)
    assert isinstance(waiting, Rescale)
    assert isinstance(begun, Rescale)
    assert (waiting.phase, begun.phase) == (Phase.QUIET, Phase.WISH)


@pytest.mark.parametrize(
    ("rescale", "result", "now_s", "outcome"),
    [
        (a_rescale(Phase.SLOTS), SlotsSeen(slots=1), 1001.0, RescaleOutcome.NO_SLOTS),
        (a_rescale(Phase.QUIET), seen(parallelism=3), 1001.0, RescaleOutcome.SUPERSEDED),
        (a_rescale(Phase.WISH), WishAnswered(problem="no"), 1001.0, RescaleOutcome.REFUSED),
        (a_rescale(Phase.PROOF), JobSeen(job=None, checkpoints=None, wish=None), 1001.0, RescaleOutcome.JOB_GONE),
        (a_rescale(Phase.PROOF), seen(wish=3), 1001.0, RescaleOutcome.SUPERSEDED),
        (a_rescale(Phase.PROOF, checkpoints_tried=2), seen(), 1021.0, RescaleOutcome.IGNORED),
        (a_rescale(Phase.PROOF), seen(parallelism=3, created_s=200.0), 1021.0, RescaleOutcome.PARTIAL),
        (a_rescale(Phase.PROOF), seen(created_s=200.0, running=0), 1021.0, RescaleOutcome.UNKNOWN),
        (a_rescale(Phase.PROOF), NoAnswer(problem="silence"), 1021.0, RescaleOutcome.UNKNOWN),
        (
            a_rescale(Phase.CHECKPOINT, checkpoints_tried=1),
            CheckpointRequested(request_id=None, problem="busy"),
            1001.0,
            RescaleOutcome.NO_CHECKPOINT,
        ),
    ],
)
def test_what_came_of_it_is_told_as_it_is(
    rescale: Rescale, result: StepResult, now_s: float, outcome: RescaleOutcome
) -> None:
    """One outcome for each end."""
    proof = after(rescale, result, now_s=now_s)
    assert isinstance(proof, RescaleProof)
    assert proof.outcome is outcome


def test_a_checkpoint_that_flink_let_pass_is_triggered_once_more() -> None:
    """The job runs on as it was, the wish stands, and a try is left."""
    again = after(a_rescale(Phase.PROOF, checkpoints_tried=1), seen(), now_s=1021.0)
    assert isinstance(again, Rescale)
    assert next_step(again) is Step.TRIGGER_CHECKPOINT


@pytest.mark.parametrize("phase", [Phase.WISH, Phase.CHECKPOINT, Phase.COMPLETION, Phase.PROOF])
def test_after_a_doubt_the_job_is_looked_at_before_anything_is_done(phase: Phase) -> None:
    """No answer, or a process that came back: both are the same doubt."""
    doubted = after(a_rescale(phase, request_id="r"), NoAnswer(problem="silence"))
    assert isinstance(doubted, Rescale)
    assert next_step(doubted) is Step.LOOK_AT_JOB
    assert next_step(resumed(a_rescale(phase), now_s=2000.0)) is Step.LOOK_AT_JOB


def test_a_wish_that_was_noted_is_not_put_twice_and_one_that_was_not_is_put() -> None:
    """The look shows which."""
    doubtful = a_rescale(Phase.WISH, doubtful=True)
    noted, not_noted = after(doubtful, seen(wish=2)), after(doubtful, seen(wish=1))
    assert isinstance(noted, Rescale)
    assert isinstance(not_noted, Rescale)
    assert (next_step(noted), next_step(not_noted)) == (Step.TRIGGER_CHECKPOINT, Step.PUT_WISH)


def test_the_wish_keeps_a_job_alive_that_loses_a_task_manager() -> None:
    """One subtask each is enough to run."""
    assert {one.lower for one in a_rescale(Phase.WISH).wish.values()} == {1}
