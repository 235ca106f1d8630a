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


class UnknownAttachmentError(AdaptorError):
    """No stream was attached under this id."""

    def __init__(self, attachment_id: str) -> None:
        super().__init__(
            f"attachment_id: no stream {attachment_id!r} is attached; `adaptor attached` lists those that are"
        )
        self.attachment_id = attachment_id


class UnknownNameError(AdaptorError):
    """No cluster, tenant or reclaim of this name is known."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class StaleRevisionError(AdaptorError):
    """Somebody else wrote since what this write rests on was read.

    Attributes:
        given: The revision that was named.
        current: The revision that there is.
    """

    def __init__(self, what: str, *, given: int, current: int) -> None:
        super().__init__(
            f"revision: {what} was changed meanwhile, it is at revision {current} and the call rests on {given}; "
            "read it again, decide again, and name the new revision"
        )
        self.given = given
        self.current = current


class NewsGoneError(AdaptorError):
    """What came after a resume token is not kept any more."""

    def __init__(self) -> None:
        super().__init__(
            "resume_token: what came after it is not kept any more; watch with an empty token, which begins with how "
            "every cluster stands now"
        )


class SlowReaderError(AdaptorError):
    """Whoever watches does not read.

    Attributes:
        resume_token: Where to go on.
    """

    def __init__(self, resume_token: str, *, waited_s: float) -> None:
        super().__init__(
            f"resume_token: nothing was read for {waited_s:g} s; watch again with {resume_token!r} to miss nothing"
        )
        self.resume_token = resume_token


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


class CallerUnknownError(AdaptorError):
    """A call does not show who makes it.

    Attributes:
        problem: What is missing or wrong; never a secret.
        entry_id: The credential that counts no more, if it was one that is known.
        name: Whose it was.
    """

    def __init__(self, problem: str, *, entry_id: str = "", name: str = "") -> None:
        super().__init__(f"access: {problem}; whoever runs this service can let you in (`adaptor access add`)")
        self.problem = problem
        self.entry_id = entry_id
        self.name = name


class TooManyCallsError(AdaptorError):
    """A caller calls more often than it may.

    Attributes:
        retry_s: Seconds after which it may call again.
    """

    def __init__(self, retry_s: float) -> None:
        super().__init__(f"access: too many calls; try again in {retry_s:.3f} s")
        self.retry_s = retry_s


# --- Flink's side -------------------------------------------------------------------------------------------


class FlinkError(AdaptorError):
    """Base of what goes wrong between adaptor and a Flink cluster."""


class FlinkUnreachableError(FlinkError):
    """The cluster did not answer within the time allowed, or refused the connection."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"flink_url: Flink at {url} cannot be reached ({problem}); is the cluster running?")
        self.url = url


class FlinkAnswerError(FlinkError):
    """The cluster answered something that is not the documented JSON, or refused.

    Attributes:
        url: What was asked.
        status: HTTP status, or 0 where the answer was none of HTTP's.
        refusal: All that Flink said when it refused.
    """

    def __init__(self, url: str, problem: str, *, status: int = 0, refusal: str = "") -> None:
        super().__init__(f"flink_url: {url} did not answer as Flink's REST API does ({problem})")
        self.url = url
        self.status = status
        self.refusal = refusal


class UnknownJobError(FlinkError):
    """Flink does not know the job id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job_id: Flink does not know job {job_id!r}; give the 32 hex digits of a job of this cluster")
        self.job_id = job_id


class ProvisionError(AdaptorError):
    """Slots that were asked for did not come, or surplus ones did not go."""


# --- a peer's side ------------------------------------------------------------------------------------------


class PeerError(AdaptorError):
    """Base of what goes wrong because of a peer; none of it is this machine's fault, and none of it stops a run."""


class PeerCallError(PeerError):
    """A call to a peer came to nothing: it cannot be reached, is not who it should be, or answers nonsense.

    Attributes:
        peer: Its name.
        problem: What happened.
        malformed: Whether it answered, but nonsense.
    """

    def __init__(self, peer: str, problem: str, *, malformed: bool = False) -> None:
        super().__init__(f"peer {peer[:16]}: {problem}")
        self.peer = peer
        self.problem = problem
        self.malformed = malformed


class ServiceCallError(AdaptorError):
    """A service that was called refused, or did not answer."""


# --- the shared log -----------------------------------------------------------------------------------------


class NoLogError(AdaptorError):
    """This machine takes part in no log."""

    def __init__(self) -> None:
        super().__init__("sharing: there is no log here; `adaptor share create NAME` makes one, `share join` joins one")


class NotAllowedError(AdaptorError):
    """The rules do not allow that: the log's for this machine, or this service's for a caller."""


class LogRefusedError(AdaptorError):
    """The log's limits forbid what was to be written, for now or at all."""


class UnknownContributionError(AdaptorError):
    """No such contribution is part of the log here."""

    def __init__(self, contribution: str) -> None:
        super().__init__(f"contribution: {contribution[:80]!r} is not part of the log here")
        self.contribution = contribution


# --- this machine -------------------------------------------------------------------------------------------


class JavaMissingError(AdaptorError):
    """No Java runtime that fits was found."""


class EmbeddedFlinkError(AdaptorError):
    """The embedded cluster could not be started or stopped."""


class KuboError(AdaptorError):
    """Base of what goes wrong between adaptor and the Kubo node beside it; what peers do wrong is never one."""


class KuboMissingError(KuboError):
    """No Kubo is on this machine, and none could be built."""


class KuboNodeError(KuboError):
    """The node could not be started or stopped."""


class KuboUnavailableError(KuboError):
    """The node's API refused the connection, did not answer in time, or answered with an error or with nonsense.

    Attributes:
        url: Of the API.
        problem: What happened.
    """

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"Kubo at {url} is of no use now ({problem}); `adaptor ipfs status` says how it is")
        self.url = url
        self.problem = problem


class StateDirectoryError(AdaptorError):
    """The state directory cannot be used: not writable, in use, damaged, or from a newer version."""


class PortInUseError(AdaptorError):
    """The address to listen on is taken."""


class TrialError(AdaptorError):
    """A process of an experiment ended, or could not do what it was told."""


class ReplayDifferenceError(AdaptorError):
    """Recorded events run through the core again did not give the recorded plans."""
