"""The one tree of errors that adaptor raises; foreign exceptions end at the edges and become one of these.

A class exists only where somebody handles it differently: the service maps each to a gRPC status
(`adaptor.service.status`), the command line to an exit code. The message is for people and names the field
and the remedy; the attributes are for programs.
"""

from __future__ import annotations


class AdaptorError(Exception):
    """Base of everything adaptor raises on purpose."""


# --- the caller's fault -------------------------------------------------------------------------------------


class InvalidValueError(AdaptorError):
    """A value given from outside makes no sense.

    Attributes:
        field: Name of the field as the caller knows it.
        problem: What is wrong and what would be right.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class UnknownRunError(AdaptorError):
    """No run of this id is in the store."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run_id: no run {run_id!r} is known here; `adaptor runs` lists those that are")
        self.run_id = run_id


class ConflictError(AdaptorError):
    """The same id was used before with other content."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class OutOfOrderError(AdaptorError):
    """A report does not fit the state of its run: a superstep skipped, or a report after the end."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


# --- Flink's side -------------------------------------------------------------------------------------------


class FlinkError(AdaptorError):
    """Base of what goes wrong between adaptor and a Flink cluster."""


class FlinkUnreachableError(FlinkError):
    """The cluster did not answer within the time allowed, or refused the connection."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"flink_url: Flink at {url} cannot be reached ({problem}); is the cluster running?")
        self.url = url


class FlinkAnswerError(FlinkError):
    """The cluster answered something that is not the documented JSON."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"flink_url: {url} did not answer as Flink's REST API does ({problem})")
        self.url = url


class UnknownJobError(FlinkError):
    """Flink does not know the job id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job_id: Flink does not know job {job_id!r}; give the 32 hex digits of a job of this cluster")
        self.job_id = job_id


class ProvisionError(AdaptorError):
    """Slots that were asked for did not come, or surplus ones did not go."""


# --- this machine -------------------------------------------------------------------------------------------


class JavaMissingError(AdaptorError):
    """No Java runtime that fits was found."""


class EmbeddedFlinkError(AdaptorError):
    """The embedded cluster could not be started or stopped."""


class StateDirectoryError(AdaptorError):
    """The state directory cannot be used: not writable, in use, damaged, or from a newer version."""


class PortInUseError(AdaptorError):
    """The address to listen on is taken."""


class ReplayDifferenceError(AdaptorError):
    """Recorded events run through the core again did not give the recorded plans."""
