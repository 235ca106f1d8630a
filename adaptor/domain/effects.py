"""What the core wants done. The engine performs effects; the core never does."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.observation import Observation
from adaptor.domain.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreObservation:
    """Keep what was measured."""

    observation: Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPlan:
    """Keep the plan, answer the job with it and show it to whoever watches."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRescale:
    """Give the run the slots of its plan.

    Attributes:
        superstep: The superstep that the plan is for.
        parallelism: Slots wanted.
        previous_parallelism: Slots the run was given before; 0 at its start.
    """

    superstep: int
    parallelism: int
    previous_parallelism: int

    @property
    def widens(self) -> bool:
        """Whether slots are added; else only surplus ones go."""
        return self.parallelism > self.previous_parallelism


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSlots:
    """Take back what the run was given: it is over."""


Effect = StoreObservation | ReportPlan | RequestRescale | ReleaseSlots
