"""A stream that is stopped with a savepoint and submitted again: what is wanted, how far it got, what was seen.

For clusters whose scheduler cannot rescale in place. As with a rescale in place the value is written to the store
before each step is taken. The ids of the jobs to come are part of it from the beginning: Flink takes the id that it is
given, so a submission whose answer was lost is found, and never made twice.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptor.domain.checks import require_text
from adaptor.domain.rescale import NoAnswer, SlotsSeen
from adaptor.domain.stream_job import StreamJob

MAX_ARGUMENTS = 1000
"""Arguments of a program: more than any command line has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """How a job is submitted, which Flink does not remember.

    Attributes:
        jar: A jar that was uploaded to the cluster: its id, or its file name if only one has it.
        entry_class: What is run; empty: what the jar's manifest says.
        arguments: Of the program.
        savepoint_folder: Where savepoints go; empty: where the cluster's configuration says.
        configuration: Options of Flink that were given with the job.
    """

    jar: str
    entry_class: str = ""
    arguments: tuple[str, ...] = ()
    savepoint_folder: str = ""
    configuration: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_text("jar", self.jar, max_length=MAX_ARGUMENTS)


class ResubmissionPhase(enum.Enum):
    """What is to be done next."""

    SLOTS = "slots"
    QUIET = "quiet"
    STOP = "stop"
    SAVEPOINT = "savepoint"
    SUBMIT = "submit"
    PROOF = "proof"
    CANCEL = "cancel"
    """The new job does not come up; it must have ended before the old one is put back."""


class ResubmissionStep(enum.Enum):
    """What the shell does for a resubmission; each step gives one result."""

    PROVIDE_SLOTS = "provide_slots"
    LOOK_AT_STOPPED = "look_at_stopped"
    STOP = "stop"
    LOOK_AT_SAVEPOINT = "look_at_savepoint"
    SUBMIT = "submit"
    LOOK_AT_SUBMITTED = "look_at_submitted"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResubmissionLimits:
    """Bounds of a resubmission; each is a setting.

    Attributes:
        quiet_s: Longest wait before anything is done.
        savepoint_s: Longest wait for a savepoint, and for a cluster that falls silent once the job is stopped.
        start_s: Longest wait for a submitted job to run in full.
        max_submissions: Times that one job is submitted, at most.
        stale_s: How old answers about jobs and checkpoints may be.
    """

    quiet_s: float
    savepoint_s: float
    start_s: float
    max_submissions: int
    stale_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resubmission:
    """One resubmission under way.

    Attributes:
        submission: How.
        job_id: The job that is stopped.
        new_job_id: The id that it shall have at the new parallelism.
        old_job_id: The id that it shall have if it must be put back at its old one.
        parallelism: What is wanted.
        parallelism_before: What it had.
        slots: That the job will need.
        slots_before: That it had.
        vertices: Ids of its vertices.
        phase: What is to be done next.
        began_s: When it began, by adaptor's clock.
        phase_s: When its phase began, by the same clock.
        doubtful: Whether the step of this phase may have been taken already, which is looked at first.
        request_id: Under which the savepoint was asked for.
        savepoint: Where it is, once the job has stopped.
        stopped_s: When that was seen, by adaptor's clock.
        submissions: How often the job of this phase was submitted.
        putting_back: Whether the old job is put back.
        problem: Why it is.
    """

    submission: Submission
    job_id: str
    new_job_id: str
    old_job_id: str
    parallelism: int
    parallelism_before: int
    slots: int
    slots_before: int
    vertices: tuple[str, ...]
    phase: ResubmissionPhase
    began_s: float
    phase_s: float
    doubtful: bool = False
    request_id: str | None = None
    savepoint: str | None = None
    stopped_s: float | None = None
    submissions: int = 0
    putting_back: bool = False
    problem: str = ""

    @property
    def untouched(self) -> bool:
        """Whether nothing was asked of the job yet."""
        return self.phase in (ResubmissionPhase.SLOTS, ResubmissionPhase.QUIET)

    @property
    def submitted_id(self) -> str:
        """Id of the job that is or will be submitted."""
        return self.old_job_id if self.putting_back else self.new_job_id

    @property
    def submitted_parallelism(self) -> int:
        """Its parallelism."""
        return self.parallelism_before if self.putting_back else self.parallelism


def next_job_id(job_id: str, purpose: str, at_s: float) -> str:
    """The id of a job to come: 32 hex digits that no other job has.

    Args:
        job_id: The job that it goes on from.
        purpose: What tells apart the jobs that may go on from it.
        at_s: When the resubmission began.
    """
    return hashlib.sha256(f"{job_id} {purpose} {at_s!r}".encode()).hexdigest()[:32]


# --- results of steps -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedSeen:
    """The job that is to be stopped.

    Attributes:
        job: ``None`` if the cluster does not know it any more.
        savepoint_in_progress: Whether one is under way, ours or somebody's.
        savepoint: Where the newest complete one is, ``None`` if there is none.
    """

    job: StreamJob | None
    savepoint_in_progress: bool = False
    savepoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAnswered:
    """What Flink said when it was asked to stop with a savepoint: an id, or why not."""

    request_id: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavepointSeen:
    """How the savepoint stands: under way (neither), complete (its place), or failed (why)."""

    location: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionAnswered:
    """What Flink said to a submission: taken (empty problem) or refused."""

    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedSeen:
    """The job that was submitted.

    Attributes:
        job: ``None`` if the cluster does not know it.
        restored_from: Where the savepoint is that it began from, ``None`` if from nothing.
        problem: Why it failed, where Flink says so.
    """

    job: StreamJob | None
    restored_from: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswered:
    """The cancellation was asked for; whether it is heeded is seen at the job."""


ResubmissionResult = (
    SlotsSeen
    | StoppedSeen
    | StopAnswered
    | SavepointSeen
    | SubmissionAnswered
    | SubmittedSeen
    | CancelAnswered
    | NoAnswer
)
