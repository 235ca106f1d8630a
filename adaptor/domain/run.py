"""A run as its owner describes it when it starts."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from adaptor.domain.checks import require_not_negative
from adaptor.domain.context import ExecutionContext
from adaptor.domain.objective import Bounds, Objective
from adaptor.errors import InvalidValueError

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

MAX_SUPERSTEPS = 1_000_000
"""Most supersteps of a run: two orders above the longest published iterative jobs (thousands)."""


class RunState(enum.Enum):
    """Where a run is in its life."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"

    @property
    def ended(self) -> bool:
        """Whether the job itself said that it is over; an abandoned run may come back."""
        return self in (RunState.FINISHED, RunState.FAILED, RunState.CANCELLED)


class Mechanism(enum.Enum):
    """How the parallelism of a run is changed."""

    DRIVER_LOOP = "driver_loop"
    """The job's driver submits the next superstep with the plan."""

    IN_PLACE = "in_place"
    """adaptor rescales the running job, whose supersteps it reads over Flink's REST API."""

    ADVICE = "advice"
    """Nobody does: the job cannot be rescaled, or must not be, and plans are advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningSettings:
    """Settings of the service that plans depend on; kept with each run, so that its plans can be reproduced.

    Attributes:
        initial_adaptation_cost_s: What a rescale is taken to cost before one was measured.
    """

    initial_adaptation_cost_s: float

    def __post_init__(self) -> None:
        require_not_negative("initial_adaptation_cost_s", self.initial_adaptation_cost_s, unit="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLength:
    """How long a run was that came to its end.

    Attributes:
        supersteps: How many it ran.
        limit: Its limit; a run that reached it might have gone on.
    """

    supersteps: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What the owner of a run says at its start.

    Attributes:
        run_id: Made by the caller, so that a repeated start is recognised.
        context: What durations depend on besides parallelism.
        objective: What is wanted.
        policy: Name of the policy that decides, see `adaptor.planner.policies`.
        bounds: Parallelism that may be used.
        start_parallelism: What the job would use without adaptor.
        max_supersteps: The job's own limit.
        flink_url: Base address of the cluster's REST API; empty where Flink cannot be asked.
        shareable: Whether observations of this run may leave this machine.
        tenant: Whom it counts for where a manager hands out slots; empty for the tenant without a name.
        priority: Among runs of tenants of equal priority; higher goes first.
        pausable: Whether it can wait at a barrier without any slots.
        owner: Name of the caller that started it; empty where callers are not asked who they are.
        mechanism: How its parallelism is changed.
        supersteps_before: Supersteps that were done before adaptor learnt of the run; they are not observed.
        tolerance: The run ends before its limit where the convergence of a superstep is no greater; ``None`` if it
            has none.
    """

    run_id: str
    context: ExecutionContext
    objective: Objective
    policy: str
    bounds: Bounds
    start_parallelism: int
    max_supersteps: int
    flink_url: str = ""
    shareable: bool = False
    tenant: str = ""
    priority: int = 0
    pausable: bool = False
    owner: str = ""
    mechanism: Mechanism = Mechanism.DRIVER_LOOP
    supersteps_before: int = 0
    tolerance: float | None = None

    def __post_init__(self) -> None:
        require_not_negative("supersteps_before", self.supersteps_before)
        if not _RUN_ID.fullmatch(self.run_id):
            raise InvalidValueError("run_id", "must be 1 to 100 letters, digits, dots, dashes or underscores")
        if not 1 <= self.max_supersteps <= MAX_SUPERSTEPS:
            raise InvalidValueError(
                "max_supersteps", f"must lie between 1 and {MAX_SUPERSTEPS}, got {self.max_supersteps}"
            )
        if self.tolerance is not None:
            require_not_negative("tolerance", self.tolerance)
        if self.bounds.clamp(self.start_parallelism) != self.start_parallelism:
            raise InvalidValueError(
                "start_parallelism",
                f"{self.start_parallelism} lies outside the bounds "
                f"{self.bounds.min_parallelism}..{self.bounds.max_parallelism}",
            )
        if self.flink_url and not self.flink_url.startswith(("http://", "https://")):
            raise InvalidValueError("flink_url", f"must start with http:// or https://, got {self.flink_url!r}")
