"""A demand as arbitration counts it: in whole TaskManagers, with what each number of them is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.cluster import Tenant
from adaptor.domain.demand import Demand, DemandPoint
from adaptor.planner.lookahead import HOPELESS

FULL_VALUE = 64
"""Steps in which the chance of meeting a target counts: 1.6 % each, finer than any model can tell."""


NEARLY_CERTAIN = 0.97
"""Chance up to which a target is given slots that no other target needs, the confidence asked for being met already."""


class Option(NamedTuple):
    """One number of TaskManagers.

    Attributes:
        units: How many.
        value: The chance of meeting the target, up to the confidence asked for, from 0 to `FULL_VALUE`.
        certainty: The same up to `NEARLY_CERTAIN`.
        cost_slot_s: Slot-seconds to the end.
    """

    units: int
    value: int
    certainty: int
    cost_slot_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """A run that wants slots; units are TaskManagers.

    Attributes:
        run_id: The run.
        demand: Its demand.
        has_target: Whether there is something to be missed.
        tenant: In whose name.
        rank: Of its tenant, then its own; the higher comes first.
        weight: Of its tenant times its own.
        least_units: The fewest it can go on with.
        wanted_units: What serves it best.
        most_units: More are not used.
        held_units: What it holds until its next barrier.
        must: Whether it gets its least before anybody gets more.
        waited_s: How long it has waited, in seconds.
        options: What it could have, ascending in units.
        due_in_s: Seconds from now until its target; infinite if it has none.
        least_rest_s: Seconds that the rest takes with the least; infinite if unknown.
    """

    run_id: str
    demand: Demand
    has_target: bool
    tenant: Tenant
    rank: tuple[int, int]
    weight: float
    least_units: int
    wanted_units: int
    most_units: int
    held_units: int
    must: bool
    waited_s: float
    options: tuple[Option, ...]
    due_in_s: float
    least_rest_s: float

    def standing_slot_s(self, within_s: float) -> float:
        """Slot-seconds that its least takes within so many seconds."""
        return self.demand.least_slots * min(within_s, self.least_rest_s)

    def option(self, units: int) -> Option:
        """The widest option that is not wider than that; one that is worth nothing below the least."""
        found = _NOTHING
        for option in self.options:
            if option.units > units:
                break
            found = option
        return found


_NOTHING = Option(0, 0, 0, 0.0)


def claimant(
    demand: Demand, *, tenant: Tenant, slots_per_task_manager: int, settings: ArbitrationSettings, at_s: float
) -> Claimant:
    """A run as arbitration counts it.

    Args:
        demand: Of the run.
        tenant: In whose name it asks.
        slots_per_task_manager: Slots that come and go together.
        settings: Of arbitration.
        at_s: Now, in seconds since the epoch.
    """
    per, claim = slots_per_task_manager, demand.claim
    waited_s = 0.0 if demand.waiting_since_s is None else max(0.0, at_s - demand.waiting_since_s)
    waits = demand.held_slots == 0
    return Claimant(
        run_id=demand.run_id,
        demand=demand,
        has_target=demand.confidence is not None,
        tenant=tenant,
        rank=(tenant.priority, claim.priority),
        weight=tenant.weight * claim.weight,
        least_units=_units(demand.least_slots, per),
        wanted_units=_units(demand.wanted_slots, per),
        most_units=_units(demand.most_slots, per),
        held_units=_units(demand.held_slots, per),
        must=waited_s >= settings.longest_wait_s if waits else not claim.pausable,
        waited_s=waited_s,
        options=_options(demand.points, confidence=demand.confidence, per=per),
        due_in_s=_from_start(demand, demand.target_s) - (at_s - demand.at_s),
        least_rest_s=_from_start(demand, demand.points[0].finish_s.expected if demand.points[0].finish_s else None),
    )


def _from_start(demand: Demand, seconds: float | None) -> float:
    """Seconds from the demand's moment on of what is counted from the run's start; infinite if unknown."""
    return math.inf if seconds is None else max(0.0, seconds - (demand.at_s - demand.started_at_s))


def _options(points: Sequence[DemandPoint], *, confidence: float | None, per: int) -> tuple[Option, ...]:
    """One for each point; what is hopeless is worth nothing."""
    if confidence is None:
        return tuple(Option(-(-point.slots // per), 0, 0, point.cost_slot_s or 0.0) for point in points)
    certain, options = max(confidence, NEARLY_CERTAIN), []
    for point in points:
        chance = point.on_time_probability
        value = certainty = 0
        if chance is not None and chance >= HOPELESS:
            value = FULL_VALUE if chance >= confidence else round(FULL_VALUE * chance / confidence)
            certainty = FULL_VALUE if chance >= certain else round(FULL_VALUE * chance / certain)
        options.append(Option(-(-point.slots // per), value, certainty, point.cost_slot_s or 0.0))
    return tuple(options)


def _units(slots: int, per: int) -> int:
    """TaskManagers that so many slots take."""
    return -(-slots // per)
