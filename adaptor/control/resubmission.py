"""The core of stopping a job with a savepoint and submitting it again. Pure; the engine takes the steps.

From the moment that the job is asked to stop until one runs again, nothing else looks after it. So nothing is given up
on the way: a submission that fails leads to the old job being put back from the savepoint, and if that fails too, what
is left is the savepoint, whose place every ending names.

An answer that did not come leaves open whether the step was taken; the job is looked at before the step is repeated.
"""

from __future__ import annotations

from dataclasses import replace

from adaptor.domain.rescale import NoAnswer, SlotsSeen
from adaptor.domain.resubmission import (
    CancelAnswered,
    Resubmission,
    ResubmissionLimits,
    ResubmissionResult,
    SavepointSeen,
    StopAnswered,
    StoppedSeen,
    SubmissionAnswered,
    SubmittedSeen,
)
from adaptor.domain.resubmission import ResubmissionPhase as Phase
from adaptor.domain.resubmission import ResubmissionStep as Step
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.domain.stream_job import StreamJob

_STEPS = {
    Phase.SLOTS: Step.PROVIDE_SLOTS,
    Phase.QUIET: Step.LOOK_AT_STOPPED,
    Phase.STOP: Step.STOP,
    Phase.SAVEPOINT: Step.LOOK_AT_SAVEPOINT,
    Phase.SUBMIT: Step.SUBMIT,
    Phase.PROOF: Step.LOOK_AT_SUBMITTED,
    Phase.CANCEL: Step.CANCEL,
}

_LOOKS = {
    Phase.STOP: Step.LOOK_AT_STOPPED,
    Phase.SAVEPOINT: Step.LOOK_AT_STOPPED,
    Phase.SUBMIT: Step.LOOK_AT_SUBMITTED,
    Phase.CANCEL: Step.LOOK_AT_SUBMITTED,
}
"""Where a doubt is resolved."""

_FINISHED = "FINISHED"
_FAILED = "FAILED"


def next_step(one: Resubmission) -> Step:
    """What is to be done next; after a doubt that is always a look."""
    return _LOOKS.get(one.phase, _STEPS[one.phase]) if one.doubtful else _STEPS[one.phase]


def resumed(one: Resubmission, *, now_s: float) -> Resubmission:
    """A resubmission that another process left: whatever it was about to do may have been done."""
    return replace(one, doubtful=one.phase in _LOOKS, phase_s=now_s)


def after_step(
    one: Resubmission, result: ResubmissionResult, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    """The resubmission after a step, or its proof if it is over.

    Args:
        one: As it was.
        result: Of the step that `next_step` named.
        now_s: By adaptor's clock.
        limits: Bounds.
    """
    match result:
        case SlotsSeen():
            return _slots_seen(one, result.slots, now_s=now_s)
        case NoAnswer():
            return _unanswered(one, result, now_s=now_s, limits=limits)
        case StoppedSeen() | StopAnswered() | SavepointSeen():
            return _towards_the_stop(one, result, now_s=now_s, limits=limits)
    return _towards_the_start(one, result, now_s=now_s, limits=limits)


def _towards_the_stop(
    one: Resubmission,
    result: StoppedSeen | StopAnswered | SavepointSeen,
    *,
    now_s: float,
    limits: ResubmissionLimits,
) -> Resubmission | RescaleProof:
    match result:
        case StoppedSeen():
            return _stopped_seen(one, result, now_s=now_s, limits=limits)
        case StopAnswered():
            return _stop_answered(one, result, now_s=now_s)
    return _savepoint_seen(one, result, now_s=now_s, limits=limits)


def _towards_the_start(
    one: Resubmission,
    result: SubmissionAnswered | SubmittedSeen | CancelAnswered,
    *,
    now_s: float,
    limits: ResubmissionLimits,
) -> Resubmission | RescaleProof:
    match result:
        case SubmissionAnswered():
            return _submission_answered(one, result.problem, now_s=now_s)
        case SubmittedSeen():
            return _submitted_seen(one, result, now_s=now_s, limits=limits)
    return replace(one, doubtful=True)


def _in_phase(one: Resubmission, phase: Phase, now_s: float) -> Resubmission:
    return replace(one, phase=phase, phase_s=now_s, doubtful=False)


def _slots_seen(one: Resubmission, slots: int, *, now_s: float) -> Resubmission | RescaleProof:
    if slots < one.slots:
        text = f"{one.slots} slots are needed and {slots} can be used; add TaskManagers"
        return _ended(one, RescaleOutcome.NO_SLOTS, text, now_s=now_s)
    return _in_phase(one, Phase.QUIET, now_s)


# --- until the job has stopped --------------------------------------------------------------------------------


def _stopped_seen(
    one: Resubmission, seen: StoppedSeen, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    if seen.job is None or (seen.job.ended and one.phase is Phase.QUIET):
        return _ended(one, RescaleOutcome.JOB_GONE, "the job has ended or is not known any more", now_s=now_s)
    if one.phase is Phase.QUIET:
        return _quiet_or_not(one, seen, seen.job, now_s=now_s, limits=limits)
    if seen.job.ended:
        return _stopped(one, seen, seen.job, now_s=now_s)
    return _still_there(one, seen, seen.job, now_s=now_s, limits=limits)


def _still_there(
    one: Resubmission, seen: StoppedSeen, job: StreamJob, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    """It has not stopped, as far as answers tell that may be stale."""
    if one.phase is Phase.SAVEPOINT and not one.problem:
        return replace(one, doubtful=False)
    waited_s = now_s - one.phase_s
    if seen.savepoint_in_progress or waited_s < limits.stale_s:
        # One that is under way may be ours.
        return one
    if one.phase is Phase.STOP:
        return _in_phase(one, Phase.STOP, now_s)
    if job.all_running or waited_s > limits.quiet_s:
        text = f"the savepoint failed, the job goes on as before: {one.problem}"
        return _ended(one, RescaleOutcome.NO_CHECKPOINT, text, now_s=now_s)
    return one


def _quiet_or_not(
    one: Resubmission, seen: StoppedSeen, job: StreamJob, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    hindrance = ""
    if not job.all_running:
        hindrance = "the job is not running in full"
    elif seen.savepoint_in_progress:
        hindrance = "somebody takes a savepoint"
    if not hindrance:
        return _in_phase(one, Phase.STOP, now_s)
    if now_s - one.phase_s > limits.quiet_s:
        return _ended(one, RescaleOutcome.REFUSED, hindrance, now_s=now_s)
    return one


def _stopped(one: Resubmission, seen: StoppedSeen, job: StreamJob, *, now_s: float) -> Resubmission | RescaleProof:
    """The job has ended although nobody saw the answer: by our savepoint, if there is one."""
    if job.state == _FINISHED and seen.savepoint is not None:
        return _submitting(one, seen.savepoint, now_s=now_s)
    return _ended(one, RescaleOutcome.JOB_GONE, f"the job is {job.state}", now_s=now_s)


def _stop_answered(one: Resubmission, answer: StopAnswered, *, now_s: float) -> Resubmission | RescaleProof:
    if answer.request_id is None:
        text = f"Flink does not stop it with a savepoint, it goes on as before: {answer.problem}"
        return _ended(one, RescaleOutcome.REFUSED, text, now_s=now_s)
    return replace(_in_phase(one, Phase.SAVEPOINT, now_s), request_id=answer.request_id)


def _savepoint_seen(
    one: Resubmission, seen: SavepointSeen, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    if seen.location is not None:
        return _submitting(one, seen.location, now_s=now_s)
    if seen.problem:
        # Flink lets the job go on, unless another request of ours, whose answer was lost, has stopped it.
        return replace(one, doubtful=True, problem=seen.problem, phase_s=now_s)
    if now_s - one.phase_s > limits.savepoint_s:
        text = (
            f"the savepoint is not complete after {limits.savepoint_s:g} s; when it is, the job stops and is not "
            "submitted again"
        )
        return _ended(one, RescaleOutcome.UNKNOWN, text, now_s=now_s)
    return one


def _submitting(one: Resubmission, savepoint: str, *, now_s: float) -> Resubmission:
    return replace(_in_phase(one, Phase.SUBMIT, now_s), savepoint=savepoint, stopped_s=now_s, problem="")


# --- until one runs again -------------------------------------------------------------------------------------


def _submission_answered(one: Resubmission, problem: str, *, now_s: float) -> Resubmission:
    counted = replace(one, submissions=one.submissions + 1)
    if not problem:
        return _in_phase(counted, Phase.PROOF, now_s)
    # Flink may refuse by a time-out of its own what it does all the same.
    return replace(counted, doubtful=True, problem=problem)


def _submitted_seen(
    one: Resubmission, seen: SubmittedSeen, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    if one.phase is Phase.CANCEL:
        return _cancelled_seen(one, seen, now_s=now_s, limits=limits)
    if seen.job is None:
        return _not_there(one, now_s=now_s, limits=limits)
    if seen.job.all_running:
        return _proved(one, seen, seen.job, now_s=now_s)
    if seen.job.ended:
        return _over(one, seen, seen.job, now_s=now_s)
    if now_s - one.phase_s > limits.start_s:
        return replace(_in_phase(one, Phase.CANCEL, now_s), problem=f"it did not run within {limits.start_s:g} s")
    # It is there: what was in doubt was taken.
    return replace(one, phase=Phase.PROOF, doubtful=False)


def _over(one: Resubmission, seen: SubmittedSeen, job: StreamJob, *, now_s: float) -> Resubmission | RescaleProof:
    """It has ended: by a fault, or because somebody cancelled it or its input is over."""
    if job.state == _FAILED:
        return _failed(one, seen.problem or "it failed", now_s=now_s)
    return _ended(one, RescaleOutcome.JOB_GONE, f"the job is {job.state}", now_s=now_s)


def _not_there(one: Resubmission, *, now_s: float, limits: ResubmissionLimits) -> Resubmission | RescaleProof:
    """The cluster answers and does not know the job: it was refused, or never came through."""
    if one.submissions >= limits.max_submissions or (one.problem and not one.putting_back):
        return _failed(one, one.problem or "the cluster does not know it", now_s=now_s)
    return replace(one, phase=Phase.SUBMIT, doubtful=False)


def _failed(one: Resubmission, problem: str, *, now_s: float) -> Resubmission | RescaleProof:
    if one.putting_back:
        text = f"the job is stopped, and neither it nor its old self could be started ({one.problem}; {problem})"
        return _ended(one, RescaleOutcome.STRANDED, text, now_s=now_s)
    back = _in_phase(one, Phase.SUBMIT, now_s)
    return replace(back, putting_back=True, problem=problem, submissions=0)


def _cancelled_seen(
    one: Resubmission, seen: SubmittedSeen, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    if seen.job is None or seen.job.ended:
        return _failed(one, one.problem, now_s=now_s)
    if seen.job.all_running:
        return _proved(one, seen, seen.job, now_s=now_s)
    if now_s - one.phase_s > limits.start_s:
        text = f"the job that was submitted as {one.submitted_id} neither runs nor ends"
        return _ended(one, RescaleOutcome.STRANDED, text, now_s=now_s)
    return replace(one, doubtful=False)


def _proved(one: Resubmission, seen: SubmittedSeen, job: StreamJob, *, now_s: float) -> RescaleProof:
    observed = {vertex: parallelism or 0 for vertex, parallelism in job.parallelisms.items()}
    widest = max(observed.values(), default=0)
    if one.putting_back:
        text = f"the old job runs again, because the new one could not be started: {one.problem}"
        proof = _ended(one, RescaleOutcome.PUT_BACK, text, now_s=now_s)
    elif widest == one.parallelism and seen.restored_from == one.savepoint:
        text = f"it runs as wanted as job {one.new_job_id}, from the savepoint"
        proof = _ended(one, RescaleOutcome.DONE, text, now_s=now_s)
    else:
        text = f"it runs with a parallelism of {widest} where {one.parallelism} was asked for; its program may set it"
        proof = _ended(one, RescaleOutcome.PARTIAL, text, now_s=now_s)
    gap_s = None if one.stopped_s is None else now_s - one.stopped_s
    return replace(proof, observed=observed, gap_s=gap_s, reprocessed_bound=0.0)


def _unanswered(
    one: Resubmission, result: NoAnswer, *, now_s: float, limits: ResubmissionLimits
) -> Resubmission | RescaleProof:
    if now_s - one.phase_s > (limits.quiet_s if one.untouched else limits.savepoint_s):
        text = f"the cluster does not answer: {result.problem}"
        return _ended(one, RescaleOutcome.UNKNOWN, text, now_s=now_s)
    return replace(one, doubtful=one.phase in _LOOKS)


def _ended(one: Resubmission, outcome: RescaleOutcome, text: str, *, now_s: float) -> RescaleProof:
    """Wherever it ends: once the job has stopped, the place of its state is named."""
    where = f"; its savepoint is {one.savepoint}" if one.savepoint else ""
    return RescaleProof(
        outcome=outcome,
        text=f"{text}{where}",
        wanted=dict.fromkeys(one.vertices, one.parallelism),
        duration_s=now_s - one.began_s,
    )
