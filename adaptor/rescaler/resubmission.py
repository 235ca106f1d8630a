"""Takes the steps of a resubmission over Flink's REST API; what they mean is decided in `adaptor.control`."""

from __future__ import annotations

from adaptor.domain.rescale import NoAnswer
from adaptor.domain.resubmission import (
    CancelAnswered,
    Resubmission,
    ResubmissionResult,
    ResubmissionStep,
    StopAnswered,
    StoppedSeen,
    SubmissionAnswered,
)
from adaptor.errors import FlinkAnswerError, FlinkUnreachableError, InvalidValueError, UnknownJobError
from adaptor.flink.submission_client import SubmissionClient


def resubmission_step_taken(client: SubmissionClient, one: Resubmission, step: ResubmissionStep) -> ResubmissionResult:
    """Take a step and return its result, whatever the cluster does. Blocks within the client's bounds.

    Args:
        client: Of the job's cluster.
        one: The resubmission that the step belongs to.
        step: Which; slots are the provisioner's affair.
    """
    try:
        return _STEPS[step](client, one)
    except (FlinkUnreachableError, FlinkAnswerError, UnknownJobError) as error:
        # Also a proxy without its cluster, or a JobManager that is just starting.
        return NoAnswer(problem=str(error))


def _look_at_stopped(client: SubmissionClient, one: Resubmission) -> ResubmissionResult:
    return client.stopped(one.job_id)


def _stop(client: SubmissionClient, one: Resubmission) -> ResubmissionResult:
    try:
        # A jar that is not there would be found missing only once the job has stopped.
        client.jar_id(one.submission.jar)
        return StopAnswered(request_id=client.stop_with_savepoint(one.job_id, one.submission.savepoint_folder))
    except UnknownJobError:
        return StoppedSeen(job=None)
    except (FlinkAnswerError, InvalidValueError) as error:
        return StopAnswered(request_id=None, problem=str(error))


def _look_at_savepoint(client: SubmissionClient, one: Resubmission) -> ResubmissionResult:
    return client.savepoint(one.job_id, one.request_id or "")


def _submit(client: SubmissionClient, one: Resubmission) -> ResubmissionResult:
    try:
        client.run(
            one.submission,
            job_id=one.submitted_id,
            parallelism=one.submitted_parallelism,
            savepoint=one.savepoint or "",
        )
    except (FlinkAnswerError, InvalidValueError) as error:
        return SubmissionAnswered(problem=str(error))
    return SubmissionAnswered()


def _look_at_submitted(client: SubmissionClient, one: Resubmission) -> ResubmissionResult:
    return client.submitted(one.submitted_id)


def _cancel(client: SubmissionClient, one: Resubmission) -> ResubmissionResult:
    client.cancel(one.submitted_id)
    return CancelAnswered()


_STEPS = {
    ResubmissionStep.LOOK_AT_STOPPED: _look_at_stopped,
    ResubmissionStep.STOP: _stop,
    ResubmissionStep.LOOK_AT_SAVEPOINT: _look_at_savepoint,
    ResubmissionStep.SUBMIT: _submit,
    ResubmissionStep.LOOK_AT_SUBMITTED: _look_at_submitted,
    ResubmissionStep.CANCEL: _cancel,
}
