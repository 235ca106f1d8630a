"""A rescale in place while it is under way: what is wanted, how far it got, and what was seen on the way.

The value is written to the store before each step is taken, so a process that dies at any point finds out on its
return what it was about to do; whether it was done is then looked at before it is done again.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from adaptor.domain.stream_job import Checkpoints, ParallelismRange, StreamJob, TriggeredCheckpoint


class Order(enum.Enum):
    """Which comes first, by version of Flink."""

    WISH_FIRST = "wish_first"
    """2.x: Flink notes the wish and rescales at the next completed checkpoint, which adaptor triggers."""

    CHECKPOINT_FIRST = "checkpoint_first"
    """1.18 to 1.20: Flink restarts at once on the wish, from the newest checkpoint, which must be complete by then."""


class Phase(enum.Enum):
    """What is to be done next."""

    SLOTS = "slots"
    QUIET = "quiet"
    WISH = "wish"
    CHECKPOINT = "checkpoint"
    COMPLETION = "completion"
    PROOF = "proof"


class Step(enum.Enum):
    """What the shell does for a rescale; each step gives one result."""

    PROVIDE_SLOTS = "provide_slots"
    PUT_WISH = "put_wish"
    TRIGGER_CHECKPOINT = "trigger_checkpoint"
    LOOK_AT_CHECKPOINT = "look_at_checkpoint"
    LOOK_AT_JOB = "look_at_job"


@dataclass(frozen=True, slots=True, kw_only=True)
class RescaleLimits:
    """Bounds of a rescale; each is a setting.

    Attributes:
        quiet_s: Longest wait for a cooldown or somebody's savepoint to be over.
        checkpoint_s: Longest wait for a checkpoint of ours to be complete.
        proof_s: Longest wait for the job to run as wanted after that.
        max_checkpoints: Checkpoints that are triggered for one rescale, at most.
    """

    quiet_s: float
    checkpoint_s: float
    proof_s: float
    max_checkpoints: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescale:
    """One rescale under way.

    Attributes:
        wanted: Parallelism by vertex.
        before: The same as it was.
        slots: Slots that the job will need.
        slots_before: Slots that it had.
        order: Which comes first.
        cooldown_s: Seconds after its last restart in which the scheduler does nothing.
        source_records_per_s: Records that all sources emitted a second before, for the bound of what is redone.
        phase: What is to be done next.
        began_s: When it began, by adaptor's clock.
        phase_s: When its phase began, by the same clock.
        doubtful: Whether the step of this phase may have been taken already, which is looked at first.
        request_id: Under which the checkpoint was asked for.
        checkpoint_id: Number of the checkpoint, once it is complete.
        checkpoints_tried: How many were asked for.
        graph_s: When the execution graph was made that the rescale began on, by the cluster's clock.
    """

    wanted: Mapping[str, int]
    before: Mapping[str, int]
    slots: int
    slots_before: int
    order: Order
    cooldown_s: float
    source_records_per_s: float
    phase: Phase
    began_s: float
    phase_s: float
    doubtful: bool = False
    request_id: str | None = None
    checkpoint_id: int | None = None
    checkpoints_tried: int = 0
    graph_s: float | None = None

    @property
    def wish(self) -> dict[str, ParallelismRange]:
        """What is asked of Flink: at least one subtask each, so that a lost TaskManager does not stop the job."""
        return wish_for(self.wanted)


def wish_for(parallelisms: Mapping[str, int]) -> dict[str, ParallelismRange]:
    """What is asked of Flink for these parallelisms."""
    return {vertex: ParallelismRange(lower=1, upper=parallelism) for vertex, parallelism in parallelisms.items()}


# --- results of steps -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsSeen:
    """Slots that the job may use now, its own included, after they were asked for."""

    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WishAnswered:
    """What Flink said to the wish: noted (empty problem) or refused."""

    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRequested:
    """What Flink said when it was asked for a checkpoint: an id, or why not."""

    request_id: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSeen:
    """How the checkpoint stands."""

    checkpoint: TriggeredCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen:
    """The job, its checkpoints and what is wished for it; all ``None`` if the cluster does not know it any more."""

    job: StreamJob | None
    checkpoints: Checkpoints | None
    wish: Mapping[str, ParallelismRange] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The cluster did not answer: whether the step was taken is unknown."""

    problem: str


StepResult = SlotsSeen | WishAnswered | CheckpointRequested | CheckpointSeen | JobSeen | NoAnswer
