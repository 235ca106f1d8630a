"""Takes the steps of a rescale in place over Flink's REST API; what they mean is decided in `adaptor.control`."""

from __future__ import annotations

from adaptor.domain.rescale import (
    CheckpointRequested,
    CheckpointSeen,
    JobSeen,
    NoAnswer,
    Rescale,
    Step,
    StepResult,
    WishAnswered,
)
from adaptor.errors import FlinkAnswerError, FlinkUnreachableError, UnknownJobError
from adaptor.flink.stream_client import StreamClient


def step_taken(client: StreamClient, job_id: str, rescale: Rescale, step: Step) -> StepResult:
    """Take a step and return its result, whatever the cluster does. Blocks within the client's bounds.

    Args:
        client: Of the job's cluster.
        job_id: Flink's id of the job.
        rescale: The rescale that the step belongs to.
        step: Which; slots are the provisioner's affair.
    """
    try:
        return _STEPS[step](client, job_id, rescale)
    except UnknownJobError:
        return JobSeen(job=None, checkpoints=None, wish=None)
    except FlinkUnreachableError as error:
        return NoAnswer(problem=str(error))
    except FlinkAnswerError as error:
        # A proxy without its cluster, or a JobManager that is just starting.
        return NoAnswer(problem=str(error))


def _look_at_job(client: StreamClient, job_id: str, _rescale: Rescale) -> StepResult:
    return JobSeen(
        wish=client.requirements(job_id),
        # After the wish and before the checkpoints, so that a job seen restarted has a restored checkpoint to show.
        job=client.stream_job(job_id),
        checkpoints=client.checkpoints(job_id),
    )


def _put_wish(client: StreamClient, job_id: str, rescale: Rescale) -> StepResult:
    try:
        client.require(job_id, rescale.wish)
    except FlinkAnswerError as error:
        return WishAnswered(problem=str(error))
    return WishAnswered()


def _trigger_checkpoint(client: StreamClient, job_id: str, _rescale: Rescale) -> StepResult:
    try:
        return CheckpointRequested(request_id=client.trigger_checkpoint(job_id))
    except FlinkAnswerError as error:
        return CheckpointRequested(request_id=None, problem=str(error))


def _look_at_checkpoint(client: StreamClient, job_id: str, rescale: Rescale) -> StepResult:
    return CheckpointSeen(checkpoint=client.triggered_checkpoint(job_id, rescale.request_id or ""))


_STEPS = {
    Step.LOOK_AT_JOB: _look_at_job,
    Step.PUT_WISH: _put_wish,
    Step.TRIGGER_CHECKPOINT: _trigger_checkpoint,
    Step.LOOK_AT_CHECKPOINT: _look_at_checkpoint,
}
