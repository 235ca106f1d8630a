"""Arbitration of managed clusters: who may use how much, written before it is obeyed.

A round works out what changed demands there are, shares out the slots, writes what follows, and only then lets runs
have it. Rounds run beside the barriers: a barrier takes the grant that there is, and what it changes is for the next
round. Only the start of a run and a manager's own call wait for one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from adaptor.arbitration.allocate import allocate
from adaptor.control.demand import demand_of
from adaptor.control.grants import asked, claim_of, grants_of, matters
from adaptor.control.run_record import RunRecord
from adaptor.domain.allocation import Allocation
from adaptor.domain.cluster_news import ClusterNews, ClusterWrite
from adaptor.domain.demand import Demand
from adaptor.domain.managed import ManagedCluster, RunGrant
from adaptor.domain.reclaim import Reclaim, ReclaimState
from adaptor.engine.background import Background
from adaptor.engine.cluster_desk import Desk, Desks, Member
from adaptor.engine.cluster_settings import ClusterSettings
from adaptor.engine.ports import Clock, ClusterStore, RunStore
from adaptor.engine.run_loop import RunLoop
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)


async def at_once() -> None:
    """The turn of work that gives way to nothing but what is ready to run."""
    await asyncio.sleep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterBackEnds:
    """What managed clusters need of the world.

    Attributes:
        store: Keeps them.
        runs: Keeps their runs.
        ledger: Who holds how much, and what Flink has.
        clock: Tells the time.
        turn: Waited for between two slices of background work, so that barriers go first.
    """

    store: ClusterStore
    runs: RunStore
    ledger: SlotLedger
    clock: Clock
    turn: Callable[[], Awaitable[None]] = at_once


class Rounds:
    """Arbitration of every managed cluster of one service.

    Args:
        desks: The clusters.
        back_ends: Store, slots and clock.
        settings: Bounds.
    """

    def __init__(self, desks: Desks, back_ends: ClusterBackEnds, settings: ClusterSettings) -> None:
        self._desks = desks
        self._store = back_ends.store
        self._runs = back_ends.runs
        self._ledger = back_ends.ledger
        self._clock = back_ends.clock
        self._turn = back_ends.turn
        self._settings = settings
        self._background = Background()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def news(self) -> asyncio.Event:
        """Set at the next write; take it before reading the store, then wait for it."""
        return self._news

    # --- one round -------------------------------------------------------------------------------------------

    async def settle(
        self,
        desk: Desk,
        *,
        managed: ManagedCluster | None = None,
        also: ClusterWrite | None = None,
        anew: Iterable[str] | None = None,
    ) -> Allocation:
        """Share out a cluster's slots anew, write what follows, and let runs have it. The desk's lock is held.

        Args:
            desk: The cluster.
            managed: As its manager leaves it from now on; as it was if not given.
            also: What else is to be written with it.
            anew: Runs whose demand is worked out if it has changed; all if not given. The others' is as it was.

        Raises:
            StateDirectoryError: If it could not be written; nothing has changed then.
        """
        desk.stirred = False
        now_s, managed, also = self._clock.now_s(), managed or desk.managed, also or ClusterWrite()
        demands = await self._demands(desk, managed, reclaims=also.reclaims, anew=anew)
        await self._turn()
        # On a thread: a hundred runs take ten milliseconds, which no barrier should wait for.
        allocation = await asyncio.to_thread(
            allocate,
            managed.cluster,
            demands,
            capacity=desk.curve(managed, now_s),
            at_s=now_s,
            tenants=self._desks.tenants_by_id(),
            settings=self._settings.arbitration,
        )
        await self._write(desk, managed, allocation, also)
        return allocation

    async def demands(self, desk: Desk) -> list[Demand]:
        """What every run of a cluster asks for, all that binds it counted; worked out where something changed."""
        found = await self._demands(desk, desk.managed)
        desk.stirred = desk.stirred or bool(desk.news)
        return found

    async def _demands(
        self,
        desk: Desk,
        managed: ManagedCluster,
        *,
        reclaims: Iterable[Reclaim] = (),
        anew: Iterable[str] | None = None,
    ) -> list[Demand]:
        if anew is not None:
            most = managed.most_slots(self._clock.now_s())
            # What was worked out for a smaller cluster says nothing of what there is now.
            anew = {*anew, *(run_id for run_id, one in desk.members.items() if 0 < one.demand_slots < most)}
        await self._work_out_all(desk, managed, desk.members if anew is None else sorted(anew))
        now_s, under_way = self._clock.now_s(), {**desk.reclaims, **{one.reclaim_id: one for one in reclaims}}
        return [
            asked(member.demand, managed=managed, reclaims=under_way.values(), grant=_as_paused(member), at_s=now_s)
            for member in desk.members.values()
            if member.demand is not None
        ]

    async def work_out(self, desk: Desk, run_ids: Iterable[str]) -> None:
        """Work out the demand of some runs, where something changed since the last time."""
        await self._work_out_all(desk, desk.managed, run_ids)
        desk.stirred = desk.stirred or bool(desk.news)

    async def _work_out_all(self, desk: Desk, managed: ManagedCluster, run_ids: Iterable[str]) -> None:
        most = managed.most_slots(self._clock.now_s())
        for run_id in list(run_ids):
            member = desk.members.get(run_id)
            if member is not None and member.demand_slots < max(1, most):
                await self._turn()
                record = member.record or await self._read(member)
                self._work_out(desk, member, record, slots=max(1, most))

    async def _read(self, member: Member) -> RunRecord:
        """The record of a run that was taken up without it."""
        loop = RunLoop.of_history(await self._runs.history(member.spec.run_id))
        if member.record is None:
            member.record = loop.record
        return cast(RunRecord, member.record)

    def _work_out(self, desk: Desk, member: Member, record: RunRecord, *, slots: int) -> None:
        now_s = self._clock.now_s()
        member.demand = demand_of(record, claim=claim_of(record.spec), cluster_slots=slots, at_s=now_s)
        member.demand_slots = slots
        if member.demand is not None:
            text = f"needs {member.demand.least_slots}, wants {member.demand.wanted_slots} slots"
            desk.news.append(_news(desk, _three_points(member.demand), text, at_s=now_s, run_id=record.spec.run_id))

    async def _write(self, desk: Desk, managed: ManagedCluster, allocation: Allocation, also: ClusterWrite) -> None:
        """Write what an arbitration leads to, then act on it."""
        now_s, holdings = self._clock.now_s(), desk.holdings()
        shares = [share for share in allocation.shares if share.run_id in holdings]
        free = managed.slots_at(now_s) - desk.held_slots
        grants = grants_of(shares, holdings, managed=managed, free_slots=free, at_s=now_s)
        grants = [replace(one, told=max(one.told, desk.members[one.run_id].sequence)) for one in grants]
        reclaims = self._reclaims_seen(desk, also.reclaims)
        # What happened while the shares were worked out is for the next round.
        desk.stirred = desk.stirred or any(one.state is ReclaimState.TIMED_OUT for one in reclaims)
        managed = _with_returned(managed, reclaims, now_s=now_s)
        managed = replace(managed, acted_slots=managed.slots_at(now_s), lapsed=managed.expired(now_s))
        told, gone = desk.news, desk.gone
        desk.news, desk.gone = [], []
        news = [*told, *also.news, *self._news_of(desk, managed, grants, reclaims)]
        changed = [one for one in grants if matters(desk.members[one.run_id].grant, one)]
        changes = replace(
            also,
            clusters=(managed,) if managed != desk.managed else (),
            grants=tuple(changed),
            removed_grants=tuple(gone),
            reclaims=tuple(reclaims),
            news=tuple(news),
        )
        try:
            if changes != ClusterWrite():
                await self._store.write(changes)
        except BaseException:
            desk.news, desk.gone, desk.stirred = told + desk.news, gone + desk.gone, True
            raise
        self._act_on(desk, managed, grants, reclaims)

    def _reclaims_seen(self, desk: Desk, new: Iterable[Reclaim]) -> list[Reclaim]:
        """Reclaims of which there is something to say: new ones, and those that got further."""
        added = {one.reclaim_id: one for one in new}
        known = {**desk.reclaims, **added}
        held, all_held, now_s = desk.held, desk.held_slots, self._clock.now_s()
        seen = [one.seen(held, all_held_slots=all_held, at_s=now_s) for one in known.values()]
        return [one for one in seen if one.reclaim_id in added or one != known[one.reclaim_id]]

    def _act_on(
        self, desk: Desk, managed: ManagedCluster, grants: Iterable[RunGrant], reclaims: Iterable[Reclaim]
    ) -> None:
        desk.managed = managed
        for reclaim in reclaims:
            self._desks.reclaims[reclaim.reclaim_id] = reclaim
            desk.reclaims[reclaim.reclaim_id] = reclaim
            if reclaim.state is not ReclaimState.OPEN:
                del desk.reclaims[reclaim.reclaim_id]
        for grant in grants:
            member = desk.members.get(grant.run_id)
            if member is None:
                continue
            member.grant = grant
            if member.paused and not grant.paused:
                self._go_on(desk, member)
        self._news.set()
        self._news = asyncio.Event()

    def _go_on(self, desk: Desk, member: Member) -> None:
        """Give a run that waited what its newest plan asks for."""
        run_id = member.spec.run_id
        self._ledger.grant(run_id, flink_url=desk.flink_url, slots=member.needed_slots)
        member.resume()
        _log.info("run %s: goes on with %d slots", run_id, member.needed_slots)
        self._background.spawn(self._settle_ledger(desk.flink_url))

    async def _settle_ledger(self, flink_url: str) -> None:
        try:
            await self._ledger.settle(flink_url)
        except AdaptorError as error:
            _log.warning("%s", error)

    def _news_of(
        self, desk: Desk, managed: ManagedCluster, grants: Iterable[RunGrant], reclaims: Iterable[Reclaim]
    ) -> list[ClusterNews]:
        now_s, news = self._clock.now_s(), []
        for grant in grants:
            before = desk.members[grant.run_id].grant
            if before is None or (before.slots, before.paused) != (grant.slots, grant.paused):
                news.append(_news(desk, grant, grant.share.text, at_s=now_s, run_id=grant.run_id))
        for one in reclaims:
            text = f"reclaim {one.reclaim_id} is {one.state.value}: {one.freed_slots} of {one.had_slots} slots are free"
            news.append(_news(desk, one, text, at_s=now_s))
        if managed.acted_slots != desk.managed.acted_slots:
            status = replace(desk.status(now_s), managed=managed)
            news.append(_news(desk, status, f"{managed.acted_slots} slots may be used now", at_s=now_s))
        if managed.lapsed and not desk.managed.lapsed:
            text = f"the manager's lease has expired; grants: {managed.expiry.value}"
            news.append(_news(desk, replace(desk.status(now_s), managed=managed), text, at_s=now_s))
        return news

    async def write(self, desk: Desk, managed: ManagedCluster, text: str, *, reclaims: Sequence[Reclaim] = ()) -> None:
        """Write what a manager says, with what arbitration makes of it. The desk's lock is held."""
        status = replace(desk.status(self._clock.now_s()), managed=managed)
        news = replace(self.status_news(desk, text), event=status)
        await self.settle(desk, managed=managed, also=ClusterWrite(reclaims=tuple(reclaims), news=(news,)))

    def status_news(self, desk: Desk, text: str) -> ClusterNews:
        """How a cluster stands, with what happened to it in words."""
        now_s = self._clock.now_s()
        return _news(desk, desk.status(now_s), text, at_s=now_s)

    def release(self, desk: Desk) -> None:
        """Let every run of a cluster that is not managed any more go on."""
        for member in desk.members.values():
            if member.paused:
                self._go_on(desk, member)

    # --- rounds in the background ----------------------------------------------------------------------------

    def stir(self) -> None:
        """Have every cluster arbitrated anew."""
        for desk in self._desks:
            desk.stirred = True
        self.wake()

    def wake(self) -> None:
        """Say that something happened to a cluster."""
        self._wake.set()

    def start(self) -> None:
        """Begin to arbitrate, to look at the clock and to look at Flink."""
        settings, repeat = self._settings, self._background.repeat
        repeat(self._round, interval_s=settings.tick_interval_s, wake=self._wake)
        repeat(self._poll, interval_s=settings.poll_interval_s)

    async def stop(self) -> None:
        """End the background work; what was not written yet is told by the next start."""
        await self._background.stop()

    async def _round(self) -> None:
        for desk in self._desks:
            if desk.stirred or _is_due(desk, self._clock.now_s()):
                async with desk.lock:
                    await self.settle(desk)
        # What happens meanwhile is for one round together.
        await asyncio.sleep(self._settings.round_interval_s)

    async def _poll(self) -> None:
        await asyncio.gather(*map(self.look, self._desks))

    async def look(self, desk: Desk) -> None:
        """Ask Flink how many slots a cluster has; one that does not answer has what it had."""
        slots = await self.flink_slots(desk)
        if slots not in (None, desk.managed.flink_slots):
            async with desk.lock:
                desk.managed = replace(desk.managed, flink_slots=slots)
            desk.stirred = True
            self.wake()

    async def flink_slots(self, desk: Desk) -> int | None:
        """Slots that Flink could give; ``None`` if it does not answer."""
        try:
            return (await self._ledger.capacity_of(desk.flink_url)).most_slots
        except AdaptorError as error:
            _log.debug("%s", error)
            return None


def _as_paused(member: Member) -> RunGrant | None:
    """The grant, with the pause that its newest barrier brought."""
    grant = member.grant
    if grant is None or grant.paused == member.paused:
        return grant
    return replace(grant, paused=member.paused, waiting_since_s=member.paused_since_s)


def _is_due(desk: Desk, now_s: float) -> bool:
    """Whether the clock alone changes something: an announced capacity, a lease, a reclaim."""
    managed = desk.managed
    return (
        managed.slots_at(now_s) != managed.acted_slots
        or managed.expired(now_s) != managed.lapsed
        or any(now_s >= one.due_s for one in desk.reclaims.values())
    )


def _with_returned(managed: ManagedCluster, reclaims: Iterable[Reclaim], *, now_s: float) -> ManagedCluster:
    """The cluster with the slots that runs did not give back in time."""
    late = sum(one.had_slots - one.freed_slots for one in reclaims if one.state is ReclaimState.TIMED_OUT)
    return managed.with_slots(managed.capacity.at(now_s) + late, now_s=now_s) if late else managed


def _news(desk: Desk, event: object, text: str, *, at_s: float, run_id: str = "") -> ClusterNews:
    return ClusterNews(
        at_s=at_s,
        text=text,
        event=event,  # type: ignore[arg-type]  # one of the union, by every caller
        cluster_id=desk.managed.cluster_id,
        run_id=run_id,
    )


def _three_points(demand: Demand) -> Demand:
    """A demand with its least, wanted and most points alone: all of them would be most of the news."""
    wanted = demand.point_at(demand.wanted_slots)
    kept = {one.slots: one for one in (demand.points[0], wanted, demand.points[-1]) if one}
    return replace(demand, points=tuple(kept[slots] for slots in sorted(kept)))
