"""Words of attached streams: what is wanted of one, what was measured between two looks, what was decided.

A stream has no supersteps. Its barrier is a completed checkpoint, and its plan names a parallelism for each vertex.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptor.domain.checks import require_fraction, require_not_negative, require_positive, require_text
from adaptor.domain.objective import Bounds
from adaptor.domain.resubmission import Submission
from adaptor.domain.stream_supersteps import SuperstepSpec

MAX_ID_LENGTH = 200
"""Characters of an id: what `RunSpec` allows, too."""

DEFAULT_UTILISATION = 0.7
"""Share of its time that a subtask should be at work: the Autoscaler's `job.autoscaler.utilization.target` default."""

DEFAULT_CATCH_UP_S = 60.0
"""Seconds within which what has piled up should be gone: the Autoscaler takes 30 min, a stream here is watched live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTarget:
    """What is wanted of a stream.

    Attributes:
        utilisation: Share of its time that a subtask should be at work, between 0 and 1.
        rate_records_per_s: Records a second that the sources together must be able to emit; ``None``: as many as come.
        catch_up_s: Seconds within which records that wait at the sources should be gone, where sources report them.
        max_lag_s: Seconds of waiting records that are left alone.
    """

    utilisation: float = DEFAULT_UTILISATION
    rate_records_per_s: float | None = None
    catch_up_s: float = DEFAULT_CATCH_UP_S
    max_lag_s: float = 0.0

    def __post_init__(self) -> None:
        require_fraction("utilisation", self.utilisation)
        require_positive("catch_up_s", self.catch_up_s, unit="seconds")
        require_not_negative("max_lag_s", self.max_lag_s, unit="seconds")
        if self.rate_records_per_s is not None:
            require_positive("rate_records_per_s", self.rate_records_per_s, unit="records a second")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSpec:
    """A stream that adaptor was asked to look after.

    Attributes:
        attachment_id: Made by the caller; unique in the store, and the same however often the job restarts.
        flink_url: REST address of its cluster.
        job_id: Flink's id of the job.
        target: What is wanted.
        bounds: Least and most parallelism of any vertex.
        dry_run: Whether to decide everything and change nothing.
        supersteps: What is wanted of the job's supersteps, which decide then in place of its rates; ``None`` where it
            has none.
        taken_up: Whether it was taken up because its whole cluster is looked after.
        submission: How the job may be submitted again where it cannot be rescaled in place; ``None``: it may not.
    """

    attachment_id: str
    flink_url: str
    job_id: str
    target: StreamTarget
    bounds: Bounds
    dry_run: bool = False
    supersteps: SuperstepSpec | None = None
    taken_up: bool = False
    submission: Submission | None = None

    def __post_init__(self) -> None:
        require_text("attachment_id", self.attachment_id, max_length=MAX_ID_LENGTH)
        require_text("flink_url", self.flink_url, max_length=2048)
        require_text("job_id", self.job_id, max_length=MAX_ID_LENGTH)


class AttachmentState(enum.Enum):
    """Where an attachment is in its life."""

    WATCHING = "watching"
    PAUSED = "paused"
    DETACHED = "detached"
    JOB_ENDED = "job_ended"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self in (AttachmentState.DETACHED, AttachmentState.JOB_ENDED, AttachmentState.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexLoad:
    """What a vertex did between two looks.

    Attributes:
        vertex_id: Flink's id.
        name: Flink's description.
        parallelism: Its subtasks.
        max_parallelism: Most subtasks it could have.
        inputs: Vertices it reads from; none for a source.
        sharing_group: Vertices of one group share slots.
        in_records_per_s: Records read, a second, by all subtasks.
        out_records_per_s: Records written.
        busy: Share of its time that a subtask was at work, on average; ``None`` where Flink does not measure it.
        backpressured: Share of its time that a subtask waited for the next vertex; ``None`` likewise.
        pending_records: Records that wait at a source; ``None`` where it does not say.
    """

    vertex_id: str
    name: str
    parallelism: int
    max_parallelism: int
    inputs: tuple[str, ...]
    sharing_group: str
    in_records_per_s: float
    out_records_per_s: float
    busy: float | None
    backpressured: float | None
    pending_records: float | None = None

    @property
    def is_source(self) -> bool:
        """Whether it reads from no vertex."""
        return not self.inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLoad:
    """What a stream did between two looks at its counters.

    Attributes:
        span_s: Seconds between them, by the clock of the counters themselves.
        vertices: In topological order.
    """

    span_s: float
    vertices: tuple[VertexLoad, ...]

    @property
    def parallelisms(self) -> dict[str, int]:
        """Subtasks by vertex."""
        return {one.vertex_id: one.parallelism for one in self.vertices}


class StreamReason(enum.Enum):
    """Why a stream's plan says what it says, for programs."""

    IN_BAND = "in_band"
    WIDEN = "widen"
    NARROW = "narrow"
    NARROW_LATER = "narrow_later"
    NOT_WORTH_IT = "not_worth_it"
    NO_MORE_SLOTS = "no_more_slots"
    IDLE_UNKNOWN = "nothing_measured"
    SETTLING = "settling"
    OTHER_WRITER = "other_writer"
    PAUSED = "paused"
    NOT_RESCALABLE = "not_rescalable"
    SUPERSTEPS = "supersteps"


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexPlan:
    """What one vertex needs and gets.

    Attributes:
        vertex_id: Flink's id.
        name: Flink's description.
        parallelism: What it should have.
        previous_parallelism: What it has.
        target_records_per_s: Records a second that it must be able to process; ``None`` where nothing is known.
        true_records_per_s: Records a second that one subtask could process at full work; ``None`` likewise.
    """

    vertex_id: str
    name: str
    parallelism: int
    previous_parallelism: int
    target_records_per_s: float | None
    true_records_per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """The parallelism of every vertex, and why.

    Attributes:
        reason: For programs.
        text: For people.
        vertices: In topological order.
        slots: Slots the stream needs under this plan.
        previous_slots: Slots it needs as it is.
    """

    reason: StreamReason
    text: str
    vertices: tuple[VertexPlan, ...]
    slots: int
    previous_slots: int

    @property
    def parallelisms(self) -> dict[str, int]:
        """What every vertex should have."""
        return {one.vertex_id: one.parallelism for one in self.vertices}

    @property
    def stays(self) -> bool:
        """Whether it changes nothing."""
        return all(one.parallelism == one.previous_parallelism for one in self.vertices)


class RescaleOutcome(enum.Enum):
    """What came of a rescale in place."""

    DONE = "done"
    PARTIAL = "partial"
    IGNORED = "ignored"
    SUPERSEDED = "superseded"
    JOB_GONE = "job_gone"
    NO_SLOTS = "no_slots"
    REFUSED = "refused"
    NO_CHECKPOINT = "no_checkpoint"
    UNKNOWN = "unknown"
    PUT_BACK = "put_back"
    """Of a resubmission: the new job did not start, the old one runs again."""
    STRANDED = "stranded"
    """Of a resubmission: no job runs; what is left is the savepoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescaleProof:
    """What Flink's REST API shows of a rescale.

    Attributes:
        outcome: What came of it.
        text: The same in words.
        wanted: Parallelism by vertex that was asked for.
        observed: Parallelism by vertex that was seen last.
        triggered_id: The checkpoint that adaptor triggered; ``None`` if none was.
        restored_id: The checkpoint that the job went on from; ``None`` if Flink did not say.
        checkpoint_s: Seconds from trigger to last acknowledgement.
        gap_s: Seconds without any task running, by Flink's clock.
        reprocessed_bound: Most records that the sources emitted again; ``None`` if that is unknown.
        duration_s: Seconds from the wish to the proof, by adaptor's clock.
    """

    outcome: RescaleOutcome
    text: str
    wanted: Mapping[str, int]
    observed: Mapping[str, int] = field(default_factory=dict)
    triggered_id: int | None = None
    restored_id: int | None = None
    checkpoint_s: float | None = None
    gap_s: float | None = None
    reprocessed_bound: float | None = None
    duration_s: float | None = None

    @property
    def aligned(self) -> bool:
        """Whether the job went on from the very checkpoint that adaptor triggered."""
        return self.triggered_id is not None and self.triggered_id == self.restored_id
