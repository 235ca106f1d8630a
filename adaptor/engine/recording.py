"""What is written of an event and of all that was decided on it."""

from __future__ import annotations

from dataclasses import replace

from adaptor.control.run_controller import Handled
from adaptor.domain.effects import ReleaseSlots, ReportPlan, RequestRescale, StoreObservation
from adaptor.domain.events import Event
from adaptor.store.history import Recorded


def recorded_of(run_id: str, sequence: int, event: Event, handled: Handled) -> Recorded:
    """What is written of an event: it and every effect that the core asked for."""
    recorded = Recorded(run_id=run_id, sequence=sequence, event=event)
    for effect in handled.effects:
        match effect:
            case StoreObservation(observation=observation):
                recorded = replace(recorded, observation=observation)
            case ReportPlan(plan=plan):
                recorded = replace(recorded, plan=plan)
            case RequestRescale() | ReleaseSlots():
                recorded = replace(recorded, slot_effect=effect)
    return recorded
