"""Which targets are worth pursuing: those of the most weight that can all be met in the slot-seconds there are.

A target that is met needs a certain area, slots times seconds, before it is due, and whatever is due by a time must fit
into what the cluster has until then. Choosing the most weight under these limits is scheduling with deadlines on one
machine, and is solved exactly by dynamic programming over the area used, runs in the order in which they are due
[Lawler69]. So a run that needs much for little is given up before many that need less, and one that can wait counts as
met although others go first. Areas are rounded up to steps that depend on the runs alone; so more capacity never makes
the value of what is chosen smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.arbitration.claimant import FULL_VALUE, Claimant, Option
from adaptor.domain.cluster import CapacityCurve
from adaptor.models.arrays import Counts, Floats

AREA_STEPS = 1024
"""Steps in which all areas together are counted: a run's is a hundredth of that where a hundred runs compete."""

CHEAPER = 1e-6
"""What the area of all runs together counts for beside a whole step of value: it settles ties alone."""

WORTH_PURSUING = FULL_VALUE // 2
"""Least value of an option that is counted on: what is as likely missed as met is no plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The targets that are pursued.

    Attributes:
        options: How each run that is chosen meets its target if it keeps to it from now on, by run id.
        value: Sum of weights times the chance that is counted.
    """

    options: Mapping[str, Option]
    value: float


class AreaLedger:
    """Slot-seconds that are spoken for.

    Args:
        capacity: Of the cluster.
        at_s: Now, in seconds since the epoch.
        standing: Runs that keep their least whatever happens.
        quotas: TaskManagers that each tenant may hold; tenants that are missing have no limit.
        slots_per_task_manager: Slots that come and go together.
    """

    def __init__(
        self,
        capacity: CapacityCurve,
        at_s: float,
        *,
        standing: Sequence[Claimant],
        quotas: Mapping[str, int],
        slots_per_task_manager: int,
    ) -> None:
        self._per = slots_per_task_manager
        self._most_units = capacity.most_from(at_s) // slots_per_task_manager
        self._capacity = capacity
        self._at_s = at_s
        self._standing = standing
        self._quotas = quotas
        self._promised: list[tuple[float, float, str]] = []

    def promise(self, one: Claimant, option: Option) -> None:
        """Note what a run of a higher priority will use."""
        self._promised.append((one.due_in_s, option.cost_slot_s - self.base(one), one.tenant.tenant_id))

    def base(self, one: Claimant) -> float:
        """What a run uses until it is due if it gets no more than its least; nothing if it may be stopped."""
        return one.standing_slot_s(one.due_in_s) if one.must else 0.0

    def rooms(self, claimants: Sequence[Claimant]) -> list[float]:
        """Slot-seconds that are left until each of these runs is due."""
        due_s = np.array([one.due_in_s for one in claimants])
        there = np.array([self._capacity.slot_s_between(self._at_s, self._at_s + due) for due in due_s.tolist()])
        left: list[float] = (there - self._taken(due_s, tenant_id=None)).tolist()
        return left

    def rooms_of(self, tenant_id: str, claimants: Sequence[Claimant]) -> list[float]:
        """Slot-seconds that the quota of a tenant leaves until each of these runs of it is due."""
        due_s = np.array([one.due_in_s for one in claimants])
        left: list[float] = (self._quotas[tenant_id] * self._per * due_s - self._taken(due_s, tenant_id)).tolist()
        return left

    def _taken(self, due_s: Floats, tenant_id: str | None) -> Floats:
        """Slot-seconds that are spoken for until each time, of all tenants or of one."""
        standing = [one for one in self._standing if tenant_id in (None, one.tenant.tenant_id)]
        promised = [one for one in self._promised if tenant_id in (None, one[2])]
        slots = np.array([one.demand.least_slots for one in standing], dtype=np.float64)
        rests_s = np.array([one.least_rest_s for one in standing])
        used = np.minimum(due_s[:, np.newaxis], rests_s) @ slots
        before = due_s[:, np.newaxis] >= np.array([due for due, _, _ in promised])
        taken: Floats = used + before @ np.array([area for _, area, _ in promised], dtype=np.float64)
        return taken

    def widest(self, tenant_id: str) -> int:
        """Most TaskManagers that a run of a tenant could ever have."""
        return min(self._most_units, self._quotas.get(tenant_id, self._most_units))

    def limited(self) -> list[str]:
        """Tenants with a quota."""
        return sorted(self._quotas)


def worth_pursuing(claimants: Sequence[Claimant], ledger: AreaLedger) -> Plan:
    """Choose among the runs of one priority; what is chosen is promised in the ledger.

    Args:
        claimants: Each with a target, ascending by run id.
        ledger: Of what is spoken for already; changed.
    """
    ways = {one.run_id: _ways(one, widest=ledger.widest(one.tenant.tenant_id)) for one in claimants}
    able = sorted((one for one in claimants if ways[one.run_id]), key=lambda one: (one.due_in_s, one.run_id))
    for tenant_id in ledger.limited():
        own = [one for one in able if one.tenant.tenant_id == tenant_id]
        kept = _chosen(own, ways, ledger.rooms_of(tenant_id, own), ledger)
        able = [one for one in able if one.tenant.tenant_id != tenant_id or one.run_id in kept]
    options = _chosen(able, ways, ledger.rooms(able), ledger)
    for one in able:
        if one.run_id in options:
            ledger.promise(one, options[one.run_id])
    value = sum(one.weight * options[one.run_id].value / FULL_VALUE for one in able if one.run_id in options)
    return Plan(options=options, value=value)


def _ways(one: Claimant, *, widest: int) -> tuple[Option, ...]:
    """Ways to meet the target with no more TaskManagers than that, worth more the more area they take."""
    found: list[Option] = []
    worth = [option for option in one.options if option.value >= WORTH_PURSUING and option.units <= widest]
    for option in sorted(worth, key=_cost):
        if not found or option.value > found[-1].value:
            found.append(option)
    return tuple(found)


def _cost(option: Option) -> float:
    return option.cost_slot_s


def _chosen(
    able: Sequence[Claimant], ways: Mapping[str, tuple[Option, ...]], rooms: Sequence[float], ledger: AreaLedger
) -> dict[str, Option]:
    """The best way of each run that is chosen.

    Args:
        able: In the order in which they are due.
        ways: Of each, by run id.
        rooms: Slot-seconds there are until each is due.
        ledger: For what runs use anyway.
    """
    areas = [[max(0.0, option.cost_slot_s - ledger.base(one)) for option in ways[one.run_id]] for one in able]
    used, fits = 0.0, True
    for area, room in zip(areas, rooms, strict=True):
        used += area[-1]
        fits = fits and used <= room
    if fits:
        return {one.run_id: ways[one.run_id][-1] for one in able}
    return _searched(able, [ways[one.run_id] for one in able], areas, rooms, used)


def _searched(
    able: Sequence[Claimant],
    ways: Sequence[tuple[Option, ...]],
    areas: Sequence[Sequence[float]],
    rooms: Sequence[float],
    used: float,
) -> dict[str, Option]:
    step = max(used, 1e-9) / AREA_STEPS
    best = np.full(AREA_STEPS + len(able) + 1, -np.inf)
    best[0] = 0.0
    picks, steps = [], []
    for one, way, area, room in zip(able, ways, areas, rooms, strict=True):
        taken = [int(np.ceil(a / step)) for a in area]
        scores = [one.weight * option.value - CHEAPER * a / used for option, a in zip(way, area, strict=True)]
        best, pick = _with_run(best, taken, scores, limit=int(min(len(best) - 1, max(-1.0, room // step))))
        picks.append(pick)
        steps.append(taken)
    options, left = {}, int(best.argmax())
    for one, way, taken, pick in reversed(list(zip(able, ways, steps, picks, strict=True))):
        chosen = int(pick[left])
        if chosen >= 0:
            options[one.run_id] = way[chosen]
            left -= taken[chosen]
    return options


def _with_run(best: Floats, taken: Sequence[int], scores: Sequence[float], *, limit: int) -> tuple[Floats, Counts]:
    """The best score for each area in steps once a run is added, which fits up to `limit` only; which way it took."""
    after, pick = best.copy(), np.full(len(best), -1)
    for way, (steps, score) in enumerate(zip(taken, scores, strict=True)):
        if steps <= limit:
            with_it = best[: limit + 1 - steps] + score
            better = with_it > after[steps : limit + 1]
            np.copyto(after[steps : limit + 1], with_it, where=better)
            np.copyto(pick[steps : limit + 1], way, where=better)
    return after, pick
