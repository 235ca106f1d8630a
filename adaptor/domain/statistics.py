"""What a superstep cost, as Flink and the job's driver measured it.

What Flink did not say is ``None``: unknown is never zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.checks import require_finite, require_measurable, require_not_negative
from adaptor.errors import InvalidValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Least, median and most of a quantity over the subtasks of a vertex, in the quantity's own unit."""

    minimum: float
    median: float
    maximum: float

    def __post_init__(self) -> None:
        require_finite("spread", self.minimum, self.median, self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexStatistics:
    """One vertex of a superstep's job graph.

    Attributes:
        name: Flink's description of the vertex.
        parallelism: Subtasks it really ran with.
        max_parallelism: Most subtasks it could have had (key groups); Flink gives more than 1 also to vertices that
            run with one subtask.
        duration_s: First subtask's start to last one's end.
        records_in: Records read by all subtasks from other vertices.
        records_out: Records written to other vertices.
        bytes_in: Bytes read from other vertices.
        bytes_out: Bytes written to other vertices.
        busy_s: Time all subtasks together were busy, seconds summed over subtasks.
        idle_s: Time all subtasks together waited for input.
        backpressured_s: Time all subtasks together waited for the next vertex.
        subtask_duration_s: Spread of the subtasks' durations.
        subtask_records_in: Spread of the records read per subtask.
    """

    name: str
    parallelism: int
    max_parallelism: int | None = None
    duration_s: float | None = None
    records_in: int | None = None
    records_out: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    busy_s: float | None = None
    idle_s: float | None = None
    backpressured_s: float | None = None
    subtask_duration_s: Spread | None = None
    subtask_records_in: Spread | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkStatistics:
    """What Flink's REST API said about the job of one superstep.

    Attributes:
        started_at_s: Start of the job, seconds since the epoch, by Flink's clock.
        duration_s: From the job's start to its end.
        vertices: Every vertex of the job graph, in topological order.
        observed_parallelism: Most subtasks of any vertex.
        cpu_utilisation: CPU time of the TaskManagers' processes since the last barrier, divided by wall-clock
            time and slots; 1.0 means one full core a slot.
        problem: Why something is unknown, in words; empty if nothing is.
    """

    started_at_s: float | None = None
    duration_s: float | None = None
    vertices: tuple[VertexStatistics, ...] = ()
    observed_parallelism: int | None = None
    cpu_utilisation: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepReport:
    """What the job's driver says about a superstep when it ends.

    Attributes:
        superstep: Number, from 1.
        attempt: How often this superstep has been tried, from 1; a failed one may be tried again.
        job_id: Flink's id of the superstep's job; empty if the driver does not know it.
        requested_parallelism: What the driver submitted the job with.
        duration_s: From submission to end by the driver's monotonic clock.
        failed: Whether the superstep's job failed; its duration then trains no model.
        missed_supersteps: Supersteps right before this one whose reports the client had to drop.
        convergence: What the job compares with its tolerance to know whether it is done; ``None`` if it does not say.
    """

    superstep: int
    attempt: int = 1
    job_id: str = ""
    requested_parallelism: int
    duration_s: float
    failed: bool = False
    missed_supersteps: int = 0
    convergence: float | None = None

    def __post_init__(self) -> None:
        for name in ("superstep", "attempt", "requested_parallelism"):
            if getattr(self, name) < 1:
                raise InvalidValueError(name, f"must be at least 1, got {getattr(self, name)}")
        if self.missed_supersteps < 0:
            raise InvalidValueError("missed_supersteps", f"must be zero or more, got {self.missed_supersteps}")
        require_measurable("duration_s", self.duration_s)
        if self.convergence is not None:
            require_not_negative("convergence", self.convergence)
