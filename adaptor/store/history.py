"""What the store gives back: the recorded life of a run."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import Event
from adaptor.domain.observation import Observation
from adaptor.domain.plan import Plan
from adaptor.domain.run import RunSpec, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One event with all that was decided on it: written at once or not at all.

    Attributes:
        run_id: The run it belongs to.
        sequence: Its place among the run's events, from 1.
        event: What happened.
        plan: What was planned on it, if anything.
        observation: What it measured, if anything.
        slot_effect: What must be done about slots; pending until a later event or `complete` says it is done.
        completes: Place of the event whose slot effect this event is the outcome of.
    """

    run_id: str
    sequence: int
    event: Event
    plan: Plan | None = None
    observation: Observation | None = None
    slot_effect: RequestRescale | ReleaseSlots | None = None
    completes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in one line.

    Attributes:
        spec: What its owner said.
        state: Where it is in its life.
        started_at_s: Seconds since the epoch.
        updated_at_s: Time of its start, newest report or end; the outcome of a rescale is no sign of life.
        supersteps: How many ended well.
        parallelism: Of its newest plan.
    """

    spec: RunSpec
    state: RunState
    started_at_s: float
    updated_at_s: float
    supersteps: int
    parallelism: int
