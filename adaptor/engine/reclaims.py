"""Reclaims: slots that managers take back at barriers, previewed or for good."""

from __future__ import annotations

import asyncio

from adaptor.arbitration.reclaim import reclaim as planned_reclaim
from adaptor.domain.allocation import ReclaimRequest
from adaptor.domain.reclaim import Reclaim
from adaptor.engine.cluster_desk import Desk, Desks
from adaptor.engine.cluster_rounds import ClusterBackEnds, Rounds
from adaptor.engine.cluster_settings import ClusterSettings
from adaptor.errors import ConflictError, InvalidValueError, UnknownNameError


class Reclaims:
    """All reclaims of one service.

    Args:
        desks: The clusters.
        rounds: Arbitrates.
        back_ends: Store and clock.
        settings: Bounds.
    """

    def __init__(self, desks: Desks, rounds: Rounds, back_ends: ClusterBackEnds, settings: ClusterSettings) -> None:
        self._desks = desks
        self._rounds = rounds
        self._clock = back_ends.clock
        self._settings = settings

    async def preview(self, request: ReclaimRequest) -> tuple[Reclaim, int]:
        """What a reclaim would do; with the revision that the binding call rests on.

        Raises:
            UnknownNameError: If there is no such cluster.
            InvalidValueError: If more is asked for than there is.
        """
        desk = self._desks.of(request.cluster_id)
        async with desk.lock:
            return await self._planned(desk, request, reclaim_id=""), desk.managed.revision

    async def bind(self, reclaim_id: str, request: ReclaimRequest, *, revision: int) -> tuple[Reclaim, int]:
        """Take slots back; the revision of the cluster afterwards comes with it.

        Raises:
            UnknownNameError: If there is no such cluster.
            ConflictError: If the id was used with other content.
            StaleRevisionError: If another write came between.
            InvalidValueError: If more is asked for than there is.
        """
        desk = self._desks.of(request.cluster_id)
        async with desk.lock:
            known = self._desks.reclaims.get(reclaim_id)
            if known is not None:
                if known.request != request:
                    raise ConflictError("reclaim_id", f"{reclaim_id!r} was used for another reclaim; make a new one")
                return known, desk.managed.revision
            managed = desk.at_revision(revision)
            planned = await self._planned(desk, request, reclaim_id=reclaim_id)
            left = planned.there_slots - planned.had_slots
            changed = managed.with_slots(left, now_s=self._clock.now_s()).written()
            text = f"the manager takes back {planned.had_slots} slots"
            await self._rounds.write(desk, changed, text, reclaims=[planned])
            return self._desks.reclaims[reclaim_id], desk.managed.revision

    def of(self, reclaim_id: str) -> Reclaim:
        """How a reclaim stands.

        Raises:
            UnknownNameError: If there is none of this id.
        """
        found = self._desks.reclaims.get(reclaim_id)
        if found is None:
            raise UnknownNameError("reclaim_id", f"no reclaim {reclaim_id[:100]!r} is known here")
        return found

    async def _planned(self, desk: Desk, request: ReclaimRequest, *, reclaim_id: str) -> Reclaim:
        now_s = self._clock.now_s()
        there = desk.managed.slots_at(now_s)
        if request.slots > there:
            raise InvalidValueError("slots", f"{request.slots} are to be taken back, and the cluster has {there}")
        demands = await self._rounds.demands(desk)
        plan = await asyncio.to_thread(
            planned_reclaim,
            desk.managed.cluster,
            demands,
            request,
            capacity=desk.curve(desk.managed, now_s),
            at_s=now_s,
            tenants=self._desks.tenants_by_id(),
            settings=self._settings.arbitration,
        )
        return Reclaim.of_plan(plan, reclaim_id=reclaim_id, there_slots=there)
