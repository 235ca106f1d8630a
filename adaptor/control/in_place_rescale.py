"""The core of a rescale in place: which step is next, and what a step's result means. Pure; the engine takes the steps.

With Flink 2.x the wish is put first and then a checkpoint is triggered, at whose completion Flink rescales: what the
sources emitted after that checkpoint's barrier is all that is processed again. With 1.18 to 1.20, which restart at
once on the wish, the checkpoint comes first. Either way slots come before everything, because a wish for more than
there are would wait (2.x) or take the job down (1.x). And nothing is begun while the scheduler cools down, when it
would let our checkpoint pass, or while somebody takes a savepoint, which a restart would break off.

An answer that did not come leaves open whether the step was taken; the job is looked at before the step is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adaptor.control.rescale_proof import ended, ended_as_seen, proof_of_success, withdrawn
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
)
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.domain.stream_job import CheckpointState, StreamJob

_AFTER = {
    Order.WISH_FIRST: {Phase.WISH: Phase.CHECKPOINT, Phase.COMPLETION: Phase.PROOF},
    Order.CHECKPOINT_FIRST: {Phase.WISH: Phase.PROOF, Phase.COMPLETION: Phase.WISH},
}
"""Which phase follows, where the order of the two matters."""

_STEPS = {
    Phase.SLOTS: Step.PROVIDE_SLOTS,
    Phase.QUIET: Step.LOOK_AT_JOB,
    Phase.WISH: Step.PUT_WISH,
    Phase.CHECKPOINT: Step.TRIGGER_CHECKPOINT,
    Phase.COMPLETION: Step.LOOK_AT_CHECKPOINT,
    Phase.PROOF: Step.LOOK_AT_JOB,
}


def next_step(rescale: Rescale) -> Step:
    """What is to be done next; after a doubt that is always a look."""
    return Step.LOOK_AT_JOB if rescale.doubtful else _STEPS[rescale.phase]


def resumed(rescale: Rescale, *, now_s: float) -> Rescale:
    """A rescale that another process left: whatever it was about to do may have been done."""
    return replace(rescale, doubtful=rescale.phase is not Phase.SLOTS, phase_s=now_s)


def after_step(rescale: Rescale, result: StepResult, *, now_s: float, limits: RescaleLimits) -> Rescale | RescaleProof:
    """The rescale after a step, or its proof if it is over.

    Args:
        rescale: As it was.
        result: Of the step that `next_step` named.
        now_s: By adaptor's clock.
        limits: Bounds.
    """
    match result:
        case SlotsSeen():
            return _slots_seen(rescale, result.slots, now_s=now_s)
        case WishAnswered():
            return _wish_answered(rescale, result.problem, now_s=now_s)
        case CheckpointRequested():
            return _requested(rescale, result, now_s=now_s, limits=limits)
        case CheckpointSeen():
            return _checkpoint_seen(rescale, result, now_s=now_s, limits=limits)
        case NoAnswer():
            return _unanswered(rescale, result, now_s=now_s, limits=limits)
    return _job_seen(rescale, result, now_s=now_s, limits=limits)


def _in_phase(rescale: Rescale, phase: Phase, now_s: float) -> Rescale:
    return replace(rescale, phase=phase, phase_s=now_s, doubtful=False)


def _slots_seen(rescale: Rescale, slots: int, *, now_s: float) -> Rescale | RescaleProof:
    if slots < rescale.slots:
        text = f"{rescale.slots} slots are needed and {slots} can be used; add TaskManagers"
        return ended(rescale, RescaleOutcome.NO_SLOTS, text, now_s=now_s)
    return _in_phase(rescale, Phase.QUIET, now_s)


def _wish_answered(rescale: Rescale, problem: str, *, now_s: float) -> Rescale | RescaleProof:
    if problem:
        return ended(rescale, RescaleOutcome.REFUSED, problem, now_s=now_s)
    return _in_phase(rescale, _AFTER[rescale.order][Phase.WISH], now_s)


def _requested(
    rescale: Rescale, result: CheckpointRequested, *, now_s: float, limits: RescaleLimits
) -> Rescale | RescaleProof:
    tried = replace(rescale, checkpoints_tried=rescale.checkpoints_tried + 1)
    if result.request_id is None:
        return _tried_again(tried, f"no checkpoint could be triggered: {result.problem}", now_s=now_s, limits=limits)
    return replace(_in_phase(tried, Phase.COMPLETION, now_s), request_id=result.request_id)


def _checkpoint_seen(
    rescale: Rescale, result: CheckpointSeen, *, now_s: float, limits: RescaleLimits
) -> Rescale | RescaleProof:
    seen = result.checkpoint
    if seen.state is CheckpointState.COMPLETED:
        complete = replace(rescale, checkpoint_id=seen.checkpoint_id)
        return _in_phase(complete, _AFTER[rescale.order][Phase.COMPLETION], now_s)
    if seen.state is CheckpointState.FAILED:
        return _tried_again(rescale, f"the checkpoint failed: {seen.problem}", now_s=now_s, limits=limits)
    if now_s - rescale.phase_s > limits.checkpoint_s:
        text = f"the checkpoint was not complete within {limits.checkpoint_s:g} s"
        return ended(rescale, RescaleOutcome.NO_CHECKPOINT, text, now_s=now_s)
    return rescale


def _tried_again(rescale: Rescale, problem: str, *, now_s: float, limits: RescaleLimits) -> Rescale | RescaleProof:
    if rescale.checkpoints_tried >= limits.max_checkpoints:
        return ended(rescale, RescaleOutcome.NO_CHECKPOINT, problem, now_s=now_s)
    # Another look first: a checkpoint also fails when the job restarts, perhaps as wanted.
    return replace(_in_phase(rescale, Phase.CHECKPOINT, now_s), doubtful=True)


def _unanswered(rescale: Rescale, result: NoAnswer, *, now_s: float, limits: RescaleLimits) -> Rescale | RescaleProof:
    """Looks are repeated within the phase's time; what acts is looked at before it is repeated."""
    if now_s - rescale.phase_s > _longest_s(rescale, limits):
        return ended(rescale, RescaleOutcome.UNKNOWN, f"the cluster does not answer: {result.problem}", now_s=now_s)
    return replace(rescale, doubtful=rescale.phase is not Phase.SLOTS)


def _longest_s(rescale: Rescale, limits: RescaleLimits) -> float:
    if rescale.phase is Phase.COMPLETION:
        return limits.checkpoint_s
    return limits.quiet_s if rescale.phase in (Phase.SLOTS, Phase.QUIET) else limits.proof_s


def _job_seen(rescale: Rescale, seen: JobSeen, *, now_s: float, limits: RescaleLimits) -> Rescale | RescaleProof:
    if seen.job is None or seen.job.ended:
        return ended(rescale, RescaleOutcome.JOB_GONE, "the job has ended or is not known any more", now_s=now_s)
    if success := proof_of_success(rescale, seen, now_s=now_s):
        return success
    if rescale.phase is Phase.PROOF:
        return _awaited(rescale, seen, seen.job, now_s=now_s, limits=limits)
    if rescale.phase is Phase.QUIET:
        return _quiet_or_not(rescale, seen, seen.job, now_s=now_s, limits=limits)
    return _doubt_resolved(rescale, seen, now_s=now_s, limits=limits)


def _quiet_or_not(
    rescale: Rescale, seen: JobSeen, job: StreamJob, *, now_s: float, limits: RescaleLimits
) -> Rescale | RescaleProof:
    hindrance = _hindrance(rescale, seen, job)
    has_waited = now_s - rescale.phase_s > limits.quiet_s
    if hindrance and has_waited:
        return ended(rescale, RescaleOutcome.REFUSED, hindrance, now_s=now_s, seen=seen)
    # Flink would rescale at the end of a checkpoint under way, whose barriers are long past. Where there is always
    # one under way that has to do.
    if hindrance or (not has_waited and seen.checkpoints is not None and seen.checkpoints.in_progress):
        return replace(rescale, doubtful=False)
    if dict(job.parallelisms) != dict(rescale.before):
        return ended(
            rescale, RescaleOutcome.SUPERSEDED, "the job was rescaled by somebody else", now_s=now_s, seen=seen
        )
    first = Phase.WISH if rescale.order is Order.WISH_FIRST else Phase.CHECKPOINT
    return replace(_in_phase(rescale, first, now_s), graph_s=job.created_s)


PASSED_S = 2.0
"""Seconds after our checkpoint until which a job that goes on as it was may still be about to stop: restarts were seen
0.1 to 0.5 s after it. A small checkpoint can be complete before the slots that the wish asks for have reached the
job."""

DEPLOYING_S = 1.0
"""Seconds between the making of an execution graph, which Flink tells, and its execution, from which the cooldown
counts: 0.1 to 0.5 were seen for jobs of a few tasks. A checkpoint that ends within the cooldown rescales nothing."""


def _hindrance(rescale: Rescale, seen: JobSeen, job: StreamJob) -> str:
    """Why nothing may be begun yet; empty if it may."""
    if not job.all_running:
        return "the job is not running in full"
    if seen.checkpoints is not None and seen.checkpoints.savepoint_in_progress:
        return "somebody takes a savepoint"
    if job.at_s - job.created_s < rescale.cooldown_s + DEPLOYING_S:
        return f"the scheduler does not rescale again within {rescale.cooldown_s:g} s of a restart"
    return ""


def _doubt_resolved(rescale: Rescale, seen: JobSeen, *, now_s: float, limits: RescaleLimits) -> Rescale | RescaleProof:
    """What acts is done (again) unless it shows; an answer for a checkpoint that was lost means another checkpoint."""
    if rescale.phase is Phase.WISH:
        if seen.wish == rescale.wish:
            return _in_phase(rescale, _AFTER[rescale.order][Phase.WISH], now_s)
        return replace(rescale, doubtful=False)
    if _overwritten(rescale, seen.wish):
        return ended(rescale, RescaleOutcome.SUPERSEDED, _OTHER_WISH, now_s=now_s, seen=seen)
    if rescale.phase is Phase.COMPLETION and rescale.request_id is not None:
        return replace(rescale, doubtful=False)
    if now_s - rescale.phase_s > limits.checkpoint_s:
        return ended(rescale, RescaleOutcome.NO_CHECKPOINT, "no checkpoint could be taken", now_s=now_s, seen=seen)
    # A job that is just restarting takes no checkpoint.
    return replace(rescale, doubtful=not (seen.job is not None and seen.job.all_running))


_OTHER_WISH = "somebody else asked for another parallelism meanwhile"


def _overwritten(rescale: Rescale, wish: Mapping[str, object] | None) -> bool:
    """Whether somebody else's wish stands where ours was put."""
    put = rescale.order is Order.WISH_FIRST or rescale.phase is Phase.PROOF
    return put and wish is not None and wish != rescale.wish


def _awaited(
    rescale: Rescale, seen: JobSeen, job: StreamJob, *, now_s: float, limits: RescaleLimits
) -> Rescale | RescaleProof:
    if _overwritten(rescale, seen.wish):
        return ended(rescale, RescaleOutcome.SUPERSEDED, _OTHER_WISH, now_s=now_s, seen=seen)
    waited_s = now_s - rescale.phase_s
    may_try_again = rescale.order is Order.WISH_FIRST and rescale.checkpoints_tried < limits.max_checkpoints
    if waited_s > min(PASSED_S, limits.proof_s) and withdrawn(rescale, job) and may_try_again:
        # It runs on as it was: Flink let our checkpoint pass, as it does before the slots were offered to the job.
        return _in_phase(rescale, Phase.CHECKPOINT, now_s)
    if waited_s <= limits.proof_s:
        return replace(rescale, doubtful=False)
    return ended_as_seen(rescale, seen, job, now_s=now_s)
