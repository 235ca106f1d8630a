"""Plays the day of a cluster under an arbiter, in virtual time, and checks at every step what must never happen.

Shares are decided anew whenever a run comes, reaches a barrier or ends, and when the capacity, what is announced of it,
or the manager changes. A run takes its share at its own barrier, as far as others have given theirs back by then.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from adaptor.arbitration.barrier import slots_at_barrier
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.cluster import CapacityCurve, CapacityStep, Lease, LeaseExpiry
from adaptor.domain.demand import Demand
from adaptor.experiments.arbitrate.arbiters import Arbiter, Scene
from adaptor.experiments.arbitrate.knowledge import Knowledge
from adaptor.experiments.arbitrate.workload import ANNOUNCED_S, CHANGE_S, LEASE_TERM_S, PER, ClusterDay

SETTINGS = ArbitrationSettings()
"""Of the arbitration: as production has them."""

LONGEST_DAY_S = 72 * 3600.0
"""When the simulation ends whatever is left: two days after the last run came."""

DECIDED_EVERY_S = 60.0
"""How old shares may be at a barrier: seldom as long as a superstep takes. What else happens is answered at once."""

REFRESHED_S = 120.0
"""How old the demand of a run that waits may be: less than a superstep takes."""

ARRIVAL, BARRIER, CAPACITY, MANAGER = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that has ended.

    Attributes:
        run_id: Its name.
        weight: Of its target.
        on_time: Whether it met that.
        slot_s: Slot-seconds that it held.
        changes: How often its slots changed.
        waited_s: The longest time for which it waited, in seconds.
    """

    run_id: str
    weight: float
    on_time: bool
    slot_s: float
    changes: int
    waited_s: float


@dataclass(slots=True, kw_only=True)
class Played:
    """A day that was played.

    Attributes:
        ended: Every run, in the order in which they ended.
        steps: Events that were handled.
        faults: What must never happen, in number by kind.
        in_use: Capacity and slots held, at each hour.
        most_active: Most runs at once.
    """

    ended: list[Ended] = field(default_factory=list)
    steps: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    most_active: int = 0
    in_use: list[tuple[int, int]] = field(default_factory=list)

    @property
    def weight_met(self) -> float:
        """Sum of the weights of targets met."""
        return sum(one.weight for one in self.ended if one.on_time)

    @property
    def slot_s(self) -> float:
        """Slot-seconds that were held."""
        return sum(one.slot_s for one in self.ended)


@dataclass(slots=True)
class _Active:
    """A run that has not ended."""

    knowledge: Knowledge
    demand: Demand
    waiting_since_s: float | None
    done: int = 0
    held: int = 0
    last: int = 0
    since_s: float = 0.0
    began_s: float = 0.0
    slot_s: float = 0.0
    changes: int = 0
    waited_s: float = 0.0


def play(day: ClusterDay, arbiter: Arbiter, *, every_hour: Callable[[int], None] = lambda _: None) -> Played:
    """Play a day to its end.

    Args:
        day: What happens.
        arbiter: Who shares slots out.
        every_hour: Told each hour of virtual time that has begun, from 0.
    """
    return _World(day, arbiter, every_hour).played()


class _World:
    def __init__(self, day: ClusterDay, arbiter: Arbiter, every_hour: Callable[[int], None]) -> None:
        self._day, self._arbiter, self._every_hour = day, arbiter, every_hour
        self._active: dict[str, _Active] = {}
        self._events: list[tuple[float, int, int]] = []
        self._now_s = 0.0
        self._capacity = CapacityCurve()
        self._lease = Lease(holder="manager", renewed_at_s=0.0, term_s=LEASE_TERM_S)
        self._shares: dict[str, int] = {}
        self._played = Played()
        self._held_before = 0
        self._by_tenant: Counter[str] = Counter()
        self._decided_s = -math.inf
        self._hour = 0
        self._runs = dict(enumerate(day.runs))
        for index, run in enumerate(day.runs):
            self._events.append((run.arrives_s, ARRIVAL, index))
        for step in day.capacity.steps:
            self._events.append((step.from_s, CAPACITY, 0))
        for dead_s, back_s in day.outages:
            self._events += [(dead_s + LEASE_TERM_S, MANAGER, 0), (back_s, MANAGER, 1)]
        heapq.heapify(self._events)

    def played(self) -> Played:
        while self._events and len(self._played.ended) < len(self._runs):
            self._now_s, kind, index = heapq.heappop(self._events)
            if self._now_s > LONGEST_DAY_S:
                break
            while self._hour * 3600.0 <= self._now_s:
                self._every_hour(self._hour)
                self._played.in_use.append((self._capacity.at(self._now_s), self._held_before))
                self._hour += 1
            self._played.steps += 1
            self._handle(kind, index)
        for one in self._active.values():
            self._note_wait(one)
            self._end(one, on_time=False)
        return self._played

    def _handle(self, kind: int, index: int) -> None:
        run = self._runs.get(index)
        at_barrier = None
        if kind in (CAPACITY, MANAGER):
            self._manage()
        elif run is not None and kind == ARRIVAL:
            knowledge = Knowledge(run)
            demand = knowledge.demand(done=0, held_slots=0, at_s=self._now_s, waiting_since_s=self._now_s)
            self._active[run.run_id] = _Active(knowledge=knowledge, demand=demand, waiting_since_s=self._now_s)
            self._played.most_active = max(self._played.most_active, len(self._active))
        elif run is not None:
            at_barrier = self._reach_barrier(run.run_id)
        if kind != BARRIER or self._now_s - self._decided_s >= DECIDED_EVERY_S:
            self._decided_s = self._now_s
            self._decide()
        if at_barrier is not None:
            self._take(at_barrier, index)
        self._start_waiting()
        self._check()

    def _manage(self) -> None:
        """The manager tells the capacity, unless it is dead."""
        if self._dead():
            return
        ahead = [step for step in self._day.capacity.steps if self._now_s < step.from_s <= self._now_s + ANNOUNCED_S]
        now = CapacityStep(from_s=self._now_s, slots=self._day.capacity.at(self._now_s))
        self._capacity = CapacityCurve((now, *ahead))

    def _dead(self) -> bool:
        return any(dead_s <= self._now_s < back_s for dead_s, back_s in self._day.outages)

    def _expired(self) -> bool:
        return any(dead_s + LEASE_TERM_S <= self._now_s < back_s for dead_s, back_s in self._day.outages)

    def _reach_barrier(self, run_id: str) -> _Active | None:
        one = self._active[run_id]
        run = one.knowledge.run
        self._account(one)
        one.knowledge.observed(float(run.noise[one.done]))
        one.done += 1
        if one.done == run.supersteps:
            self._end(one, on_time=self._now_s <= run.due_s)
            del self._active[run_id]
            return None
        one.demand = one.knowledge.demand(done=one.done, held_slots=one.held, at_s=self._now_s, waiting_since_s=None)
        return one

    def _decide(self) -> None:
        demands = [self._present(one) for one in self._active.values()]
        if self._expired() and self._day.expiry is LeaseExpiry.LEAST:
            demands = [one.limited_to(one.least_slots) for one in demands]
        scene = Scene(
            cluster=self._day.cluster,
            demands=demands,
            capacity=self._capacity,
            at_s=self._now_s,
            tenants=self._day.tenants,
            settings=SETTINGS,
        )
        self._shares = self._arbiter(scene)

    def _present(self, one: _Active) -> Demand:
        if one.held:
            return one.demand.as_of(self._now_s)
        if self._now_s - one.demand.at_s > REFRESHED_S or one.demand.held_slots:
            one.demand = one.knowledge.demand(
                done=one.done, held_slots=0, at_s=self._now_s, waiting_since_s=one.waiting_since_s
            )
        return one.demand

    def _take(self, one: _Active, index: int) -> None:
        """What a run at its barrier may have until the next one."""
        run = one.knowledge.run
        held_by_others = sum(other.held for other in self._active.values()) - one.held
        slots = slots_at_barrier(
            share_slots=self._shares.get(run.run_id, 0),
            capacity_slots=self._capacity.at(self._now_s),
            held_by_others=held_by_others,
            slots_per_task_manager=PER,
            least_slots=int(run.slots[0]),
            pausable=run.claim.pausable or not one.held,
            quota_slots=self._day.tenants[run.claim.tenant_id].quota_slots,
            held_by_tenant=sum(
                other.held
                for other in self._active.values()
                if other is not one and other.knowledge.run.claim.tenant_id == run.claim.tenant_id
            ),
        )
        if one.held and not slots:
            one.waiting_since_s = self._now_s
        if not slots:
            one.held = 0
            return
        if one.waiting_since_s is not None:
            self._note_wait(one)
            one.waiting_since_s = None
        changed = slots != one.last or not one.held
        one.changes += changed
        one.held = one.last = slots
        one.since_s = self._now_s
        lasts_s = float(run.superstep_s[slots // PER - 1]) * math.exp(float(run.noise[one.done]))
        ends_s = self._now_s + lasts_s + (CHANGE_S if changed else 0.0)
        heapq.heappush(self._events, (ends_s, BARRIER, index))

    def _start_waiting(self) -> None:
        """Runs that wait begin as soon as their share is free, the largest share first."""
        for index, run in self._runs.items():
            one = self._active.get(run.run_id)
            if one is not None and not one.held and self._shares.get(run.run_id):
                self._take(one, index)

    def _note_wait(self, one: _Active) -> None:
        if one.waiting_since_s is not None:
            one.waited_s = max(one.waited_s, self._now_s - one.waiting_since_s)

    def _account(self, one: _Active) -> None:
        one.slot_s += one.held * (self._now_s - one.since_s)

    def _end(self, one: _Active, *, on_time: bool) -> None:
        run = one.knowledge.run
        self._played.ended.append(
            Ended(
                run_id=run.run_id,
                weight=run.claim.weight,
                on_time=on_time,
                slot_s=one.slot_s,
                changes=one.changes,
                waited_s=one.waited_s,
            )
        )

    def _check(self) -> None:
        """What must never happen: a step that takes more than there is, or makes a run wait beyond all bounds."""
        held = sum(one.held for one in self._active.values())
        if held > max(self._held_before, self._capacity.at(self._now_s)):
            self._played.faults["capacity exceeded after a barrier"] += 1
        self._held_before = held
        by_tenant: Counter[str] = Counter()
        for one in self._active.values():
            by_tenant[one.knowledge.run.claim.tenant_id] += one.held
            if one.held % PER:
                self._played.faults["part of a TaskManager held"] += 1
        for name, tenant in self._day.tenants.items():
            if tenant.quota_slots is not None and by_tenant[name] > max(self._by_tenant[name], tenant.quota_slots):
                self._played.faults["quota exceeded after a barrier"] += 1
        self._by_tenant = by_tenant
