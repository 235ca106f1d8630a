"""What Flink's REST API says, as frozen values in seconds and bytes.

Flink marks what it does not know in several ways (-1, the string "NaN", a count with ``...-complete: false``). Here
all of them are ``None``, so that nobody further in can mistake "unknown" for zero.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class JobState(enum.Enum):
    """State of a job, in Flink's own words (`org.apache.flink.api.common.JobStatus`)."""

    INITIALIZING = "INITIALIZING"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"
    RESTARTING = "RESTARTING"
    SUSPENDED = "SUSPENDED"
    RECONCILING = "RECONCILING"

    @property
    def ended(self) -> bool:
        """Whether the state is final; a suspended job may go on under another JobManager."""
        return self in (JobState.FINISHED, JobState.FAILED, JobState.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOverview:
    """The cluster in four numbers.

    Attributes:
        task_managers: TaskManagers registered at the JobManager.
        slots_total: Their slots.
        slots_available: Slots without tasks.
        flink_version: For example ``2.3.0``.
    """

    task_managers: int
    slots_total: int
    slots_available: int
    flink_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskManagerInfo:
    """One TaskManager that is registered.

    Attributes:
        resource_id: Flink's name of the process; a restarted TaskManager has another one unless it was set.
        slots: Its slots.
        free_slots: Slots without tasks.
        cpu_cores: Processors its JVM sees; ``None`` if Flink did not say.
    """

    resource_id: str
    slots: int
    free_slots: int
    cpu_cores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IoMetrics:
    """Counters of a vertex or a subtask; for a vertex they are sums over its subtasks.

    Attributes:
        records_in: Records read from other vertices.
        records_out: Records written to other vertices.
        bytes_in: Bytes read from other vertices.
        bytes_out: Bytes written to other vertices.
        busy_s: Seconds at work.
        idle_s: Seconds waiting for input.
        backpressured_s: Seconds waiting for the next vertex.
    """

    records_in: int | None = None
    records_out: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    busy_s: float | None = None
    idle_s: float | None = None
    backpressured_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobVertex:
    """One vertex as the job's detail shows it.

    Attributes:
        vertex_id: 32 hex digits.
        name: Flink's description of the vertex.
        parallelism: Its subtasks; ``None`` while the scheduler has not decided.
        max_parallelism: Most subtasks it could have.
        status: State of the vertex, in Flink's words.
        duration_s: Seconds from the first subtask's start to the last one's end, or to now.
        metrics: Sums over the subtasks.
    """

    vertex_id: str
    name: str
    parallelism: int | None
    max_parallelism: int | None
    status: str
    duration_s: float | None
    metrics: IoMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail:
    """One job.

    Attributes:
        job_id: 32 hex digits.
        name: What its owner called it.
        state: Where it is in its life.
        started_at_s: Seconds since the epoch, by Flink's clock.
        ended_at_s: The same for its end; ``None`` until then.
        duration_s: Seconds from start to end, or to now.
        vertices: In topological order.
    """

    job_id: str
    name: str
    state: JobState
    started_at_s: float | None
    ended_at_s: float | None
    duration_s: float | None
    vertices: tuple[JobVertex, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """One subtask of a vertex, in its latest attempt.

    Attributes:
        index: Number from 0.
        status: State, in Flink's words.
        attempt: Number from 0.
        duration_s: Seconds from deployment to end, or to now.
        task_manager_id: Resource id of the TaskManager it ran on; ``None`` if it was never deployed.
        metrics: Its own counters.
    """

    index: int
    status: str
    attempt: int
    duration_s: float | None
    task_manager_id: str | None
    metrics: IoMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexDetail:
    """One vertex with its subtasks.

    Attributes:
        vertex_id: 32 hex digits.
        name: Flink's description of the vertex.
        subtasks: By index.
    """

    vertex_id: str
    name: str
    subtasks: tuple[Subtask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """One line of the list of jobs.

    Attributes:
        job_id: 32 hex digits.
        name: What its owner called it.
        state: Where it is in its life.
        started_at_s: Seconds since the epoch, by Flink's clock.
        duration_s: Seconds from start to end, or to now.
    """

    job_id: str
    name: str
    state: JobState
    started_at_s: float | None
    duration_s: float | None = None
