"""A running stream as it was seen: its graph and counters, what was asked for it, its checkpoints.

All times are seconds since the epoch by the cluster's clock, never adaptor's; the two are not compared.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

RUNNING = "RUNNING"
"""State of a job, and of a subtask, that processes records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a vertex did since its execution graph was made, summed over its subtasks; ``None`` is unknown.

    Attributes:
        records_in: Records read from other vertices.
        records_out: Records written to other vertices.
        busy_s: Seconds at work.
        idle_s: Seconds waiting for input.
        backpressured_s: Seconds waiting for the next vertex.
    """

    records_in: int | None = None
    records_out: int | None = None
    busy_s: float | None = None
    idle_s: float | None = None
    backpressured_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamVertex:
    """One vertex of a stream.

    Attributes:
        vertex_id: 32 hex digits.
        name: Flink's description.
        parallelism: Its subtasks; ``None`` while the scheduler has not decided.
        max_parallelism: Its key groups, the most subtasks it could have.
        running: Subtasks that run.
        inputs: Ids of the vertices it reads from; none for a source.
        sharing_group: Vertices of one group share slots; empty if Flink does not say, which means one group.
        counters: What it did.
    """

    vertex_id: str
    name: str
    parallelism: int | None
    max_parallelism: int | None
    running: int
    inputs: tuple[str, ...]
    sharing_group: str
    counters: Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamJob:
    """A job as one answer describes it.

    Attributes:
        job_id: 32 hex digits.
        name: What its owner called it.
        state: Where it is in its life, in Flink's words.
        ended: Whether the state is final.
        kind: STREAMING or BATCH in Flink's words; ``None`` where the version does not say.
        scheduler: Flink's name of its scheduler, for example ``Adaptive``; ``None`` where the version does not say.
        at_s: When the answer was made.
        created_s: When its execution graph was made, which every restart and rescale does anew.
        vertices: In topological order.
    """

    job_id: str
    name: str
    state: str
    ended: bool
    kind: str | None
    scheduler: str | None
    at_s: float
    created_s: float
    vertices: tuple[StreamVertex, ...]

    @property
    def parallelisms(self) -> dict[str, int | None]:
        """Subtasks by vertex."""
        return {vertex.vertex_id: vertex.parallelism for vertex in self.vertices}

    @property
    def decided_parallelisms(self) -> dict[str, int]:
        """Subtasks by vertex; none where the scheduler has not decided, which is nothing to begin on."""
        return {vertex: parallelism or 0 for vertex, parallelism in self.parallelisms.items()}

    @property
    def all_running(self) -> bool:
        """Whether every subtask of every vertex runs."""
        return self.state == RUNNING and all(one.running == one.parallelism for one in self.vertices)


def slots_of_job(job: StreamJob) -> int:
    """Slots that a job takes as it is: of each slot sharing group its widest vertex."""
    widest: dict[str, int] = {}
    for vertex in job.vertices:
        widest[vertex.sharing_group] = max(widest.get(vertex.sharing_group, 0), vertex.parallelism or 0)
    return sum(widest.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelismRange:
    """What was asked for a vertex: the job runs once `lower` can be had, and takes up to `upper`."""

    lower: int
    upper: int


class CheckpointState(enum.Enum):
    """How a checkpoint that was asked for stands."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredCheckpoint:
    """A checkpoint that was asked for.

    Attributes:
        state: How it stands.
        checkpoint_id: Its number; ``None`` until it is complete.
        problem: Why it failed; empty otherwise.
    """

    state: CheckpointState
    checkpoint_id: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A completed checkpoint.

    Attributes:
        checkpoint_id: Its number; they rise through the life of a job.
        triggered_s: When it was asked for.
        acknowledged_s: When the last subtask had acknowledged it.
    """

    checkpoint_id: int
    triggered_s: float
    acknowledged_s: float

    @property
    def duration_s(self) -> float:
        """Seconds from trigger to last acknowledgement."""
        return max(0.0, self.acknowledged_s - self.triggered_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The checkpoints of a job.

    Attributes:
        completed: The latest that is complete; ``None`` before the first.
        restored_id: The one that the job was restored from last; ``None`` if it never was.
        restored_s: When it was.
        completed_count: How many are complete.
        in_progress: How many are under way.
        savepoint_in_progress: Whether somebody's savepoint is under way.
        history: Completed ones that Flink still remembers, latest first.
    """

    completed: Checkpoint | None
    restored_id: int | None
    restored_s: float | None
    completed_count: int
    in_progress: int
    savepoint_in_progress: bool
    history: tuple[Checkpoint, ...]

    def checkpoint(self, checkpoint_id: int) -> Checkpoint | None:
        """A completed one by number, if Flink remembers it."""
        return next((one for one in self.history if one.checkpoint_id == checkpoint_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointingConfiguration:
    """How a job takes checkpoints.

    Attributes:
        interval_s: Between two periodic ones; ``None`` if there are none.
        exactly_once: Whether state is exact after a restore.
    """

    interval_s: float | None
    exactly_once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobListed:
    """One line of a cluster's list of jobs.

    Attributes:
        job_id: 32 hex digits.
        name: What its owner called it.
        state: In Flink's words.
        ended: Whether the state is final.
        duration_s: Seconds from its start to its end, or to now; ``None`` where Flink does not say.
    """

    job_id: str
    name: str
    state: str
    ended: bool
    duration_s: float | None = None
