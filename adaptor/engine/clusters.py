"""What managers of clusters call. Each write names the revision it rests on, and is on disk before it is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from adaptor.domain.cluster import CapacityCurve, Cluster, LeaseExpiry
from adaptor.domain.cluster_news import ClusterNews, ClusterStatus, ClusterWrite
from adaptor.domain.demand import Demand
from adaptor.domain.managed import CapacityChange, ManagedCluster, RunGrant
from adaptor.domain.reclaim import ReclaimState
from adaptor.domain.run import Mechanism, RunSpec
from adaptor.engine.cluster_desk import Desk, Desks, Granted, Member
from adaptor.engine.cluster_rounds import ClusterBackEnds, Rounds
from adaptor.engine.cluster_settings import ClusterSettings
from adaptor.engine.managed_grants import ManagedGrants, cluster_news, must_wait_after
from adaptor.engine.reclaims import Reclaims
from adaptor.engine.run_loop import RunLoop
from adaptor.engine.tenants import Tenants
from adaptor.errors import (
    ConflictError,
    InvalidValueError,
    NewsGoneError,
    OutOfOrderError,
    StaleRevisionError,
    UnknownRunError,
)
from adaptor.store.history import RunSummary

NEWS_PAGE = 100
"""News read from the store at once: about 100 kB."""


class Clusters:
    """All managed clusters of one service.

    Args:
        back_ends: Stores, slots and clock.
        settings: Bounds.

    Attributes:
        grants: What the engine asks.
        tenants: What is called about tenants.
        reclaims: What is called about slots taken back.
    """

    def __init__(self, back_ends: ClusterBackEnds, settings: ClusterSettings) -> None:
        self._store = back_ends.store
        self._clock = back_ends.clock
        self._runs = back_ends.runs
        self._settings = settings
        self._desks = desks = Desks(back_ends.ledger)
        self._rounds = rounds = Rounds(desks, back_ends, settings)
        self.tenants = Tenants(desks, rounds, back_ends)
        self.reclaims = Reclaims(desks, rounds, back_ends, settings)
        self.grants = ManagedGrants(desks, rounds, ledger=back_ends.ledger, clock=back_ends.clock)

    # --- life of the engine ----------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Take up what a process before this one left; before the engine does, which asks for grants.

        Raises:
            StateDirectoryError: If the stores cannot be read.
        """
        book = await self._store.book()
        self._desks.load(book)
        grants = {one.run_id: one for one in book.grants}
        for summary in await self._runs.running():
            desk, grant = self._desks.at(summary.spec.flink_url), grants.pop(summary.spec.run_id, None)
            if desk is not None and grant is not None:
                await self._take_up(desk, summary, grant)
            elif desk is not None:
                await self._take_in(desk, summary.spec)
        for grant in grants.values():
            if (left := self._desks.find(grant.cluster_id)) is not None:
                left.gone.append(grant.run_id)

    async def _take_up(self, desk: Desk, summary: RunSummary, grant: RunGrant) -> None:
        """A run as it was left: its record is read when it is needed, what watchers were not told of is told."""
        untold = await self._runs.history_after(summary.spec.run_id, grant.told)
        member = Member(
            summary.spec,
            untold[-1].sequence if untold else grant.told,
            grant=grant,
            needed_slots=summary.parallelism,
        )
        desk.members[summary.spec.run_id] = member
        for recorded in untold:
            desk.news += cluster_news(desk.managed.cluster_id, recorded)
            member.paused = must_wait_after(recorded, otherwise=member.paused)
            member.paused_since_s = recorded.event.at_s if member.paused else None

    async def _take_in(self, desk: Desk, spec: RunSpec) -> None:
        """A run that was there before its cluster was managed; the slots of attached jobs are not handed out."""
        if spec.mechanism is not Mechanism.DRIVER_LOOP:
            return
        loop = RunLoop.of_history(await self._runs.history(spec.run_id))
        known = desk.members.get(spec.run_id)
        if loop.record is not None and (known is None or known.sequence < loop.sequence):
            desk.members[spec.run_id] = Member(spec, loop.sequence, record=loop.record)

    def start(self) -> None:
        """Begin to arbitrate."""
        self._rounds.start()

    async def stop(self) -> None:
        """End the background work."""
        await self._rounds.stop()

    # --- clusters --------------------------------------------------------------------------------------------

    async def register(
        self, wanted: ManagedCluster, *, capacity_slots: int | None, expiry: LeaseExpiry | None, revision: int
    ) -> ClusterStatus:
        """Manage a cluster, or change what is known of it.

        Args:
            wanted: What its manager says; its capacity, lease and grants do not count.
            capacity_slots: Slots from now on; ``None`` for what Flink has, or for no change.
            expiry: What becomes of grants when the lease ends; ``None`` for the service's setting.
            revision: That it rests on; 0 for a cluster that is not known.

        Raises:
            ConflictError: If the address is another cluster's, or the cluster is known and no revision is named.
            StaleRevisionError: If another write came between.
        """
        wanted = replace(wanted, expiry=expiry or self._settings.expiry)
        known = self._desks.find(wanted.cluster_id)
        there = self._desks.at(wanted.cluster.flink_url)
        if there is not None and there is not known:
            raise ConflictError("flink_url", f"it is the address of cluster {there.managed.cluster_id!r}")
        if known is None:
            return await self._begin(wanted, capacity_slots, revision=revision)
        if not revision:
            raise ConflictError(
                "cluster_id", f"cluster {wanted.cluster_id!r} is known; name the revision to change what is known of it"
            )
        if known.flink_url != wanted.cluster.flink_url:
            raise ConflictError("flink_url", "the address of a cluster stays; remove the cluster and register it anew")
        async with known.lock:
            managed = known.at_revision(revision)
            changed = replace(
                managed,
                cluster=wanted.cluster,
                node_types=wanted.node_types,
                lease_s=wanted.lease_s,
                expiry=wanted.expiry,
            ).renewed(self._clock.now_s(), wanted.lease_s)
            if capacity_slots is not None:
                changed = changed.with_slots(capacity_slots, now_s=self._clock.now_s())
            await self._rounds.write(known, changed.written(), "the cluster was changed")
            return known.status(self._clock.now_s())

    async def _begin(self, wanted: ManagedCluster, capacity_slots: int | None, *, revision: int) -> ClusterStatus:
        if revision:
            raise StaleRevisionError(f"cluster {wanted.cluster_id!r}, which is not known,", given=revision, current=0)
        now_s = self._clock.now_s()
        desk = self._desks.add(replace(wanted, revision=0))
        desk.begun = False
        async with desk.lock:
            try:
                flink_slots = await self._rounds.flink_slots(desk)
                slots = flink_slots if capacity_slots is None else capacity_slots
                if slots is None:
                    raise InvalidValueError(
                        "capacity_slots", "must be given: Flink does not answer, so nobody knows how many slots it has"
                    )
                for summary in await self._runs.running():
                    if summary.spec.flink_url == desk.flink_url:
                        await self._take_in(desk, summary.spec)
                begun = replace(wanted, revision=1, flink_slots=flink_slots, capacity=CapacityCurve.constant(0))
                await self._rounds.write(desk, begun.with_capacity(slots, now_s=now_s), "the cluster is managed")
                desk.begun = True
            except BaseException:
                self._desks.remove(desk)
                raise
        return desk.status(now_s)

    def clusters(self) -> list[ClusterStatus]:
        """Every cluster, in the order of ids."""
        return [desk.status(self._clock.now_s()) for desk in self._desks]

    def cluster(self, cluster_id: str) -> ClusterStatus:
        """One cluster.

        Raises:
            UnknownNameError: If there is none of this id.
        """
        return self._desks.of(cluster_id).status(self._clock.now_s())

    async def remove(self, cluster_id: str, *, revision: int) -> int:
        """Manage a cluster no more; runs go on with what there is.

        Returns:
            How many runs go on.

        Raises:
            UnknownNameError: If there is none of this id.
            StaleRevisionError: If another write came between.
        """
        desk = self._desks.of(cluster_id)
        async with desk.lock:
            desk.at_revision(revision)
            ended = [replace(one, state=ReclaimState.SUPERSEDED) for one in desk.reclaims.values()]
            news = self._rounds.status_news(desk, "the cluster is not managed any more")
            write = ClusterWrite(removed_clusters=(cluster_id,), reclaims=tuple(ended), news=(*desk.news, news))
            await self._store.write(write)
            self._desks.remove(desk)
            self._desks.reclaims |= {one.reclaim_id: one for one in ended}
            self._rounds.release(desk)
            return len(desk.members)

    # --- capacity and lease ----------------------------------------------------------------------------------

    async def set_capacity(self, cluster_id: str, slots: int, *, revision: int) -> tuple[ClusterStatus, str]:
        """Say how many slots may be used from now on.

        Returns:
            How the cluster stands, and what takes effect only later, in words.

        Raises:
            UnknownNameError: If there is no such cluster.
            StaleRevisionError: If another write came between.
        """
        desk = self._desks.of(cluster_id)
        async with desk.lock:
            managed = desk.at_revision(revision)
            changed = managed.with_capacity(slots, now_s=self._clock.now_s())
            ended = [replace(one, state=ReclaimState.SUPERSEDED) for one in desk.reclaims.values()]
            await self._rounds.write(desk, changed.written(), f"the manager set {slots} slots", reclaims=ended)
            above = desk.held_slots - slots
            remark = f"{above} slots more than that are in use until the next barriers" if above > 0 else ""
            return desk.status(self._clock.now_s()), remark

    async def announce(self, cluster_id: str, changes: Sequence[CapacityChange], *, revision: int) -> ClusterStatus:
        """Say how many slots there will be, in place of what was announced before.

        Raises:
            UnknownNameError: If there is no such cluster.
            StaleRevisionError: If another write came between.
            InvalidValueError: If a change is in the past, or makes no sense.
        """
        desk = self._desks.of(cluster_id)
        async with desk.lock:
            managed = desk.at_revision(revision)
            changed = managed.with_announced(changes, now_s=self._clock.now_s())
            await self._rounds.write(desk, changed.written(), f"{len(changes)} changes of capacity are announced")
            return desk.status(self._clock.now_s())

    async def renew_lease(self, cluster_id: str, *, lease_s: float) -> float | None:
        """Say that the manager is still there.

        Args:
            cluster_id: The cluster.
            lease_s: Seconds until the lease ends; 0 for the cluster's own.

        Returns:
            When it ends, in seconds since the epoch; ``None`` for never.

        Raises:
            UnknownNameError: If there is no such cluster.
            OutOfOrderError: If it has ended.
        """
        desk = self._desks.of(cluster_id)
        async with desk.lock:
            now_s, managed = self._clock.now_s(), desk.managed
            if managed.lease is not None and managed.expired(now_s):
                ago_s = now_s - managed.lease.expires_at_s
                raise OutOfOrderError(
                    "lease_s",
                    f"the lease of {cluster_id!r} expired {ago_s:.0f} s ago, and grants "
                    f"{'were kept' if managed.expiry is LeaseExpiry.KEEP else 'fell to the least'}; read the cluster "
                    "and set its capacity, which begins a new lease",
                )
            renewed = managed.renewed(now_s, replace(managed, lease_s=lease_s).lease_s or managed.lease_s)
            await self._store.write(ClusterWrite(clusters=(renewed,)))
            desk.managed = renewed
            return renewed.lease.expires_at_s if renewed.lease else None

    # --- demand and grants -----------------------------------------------------------------------------------

    async def demand(self, cluster_id: str, *, run_id: str = "") -> tuple[Cluster, list[tuple[Demand, RunSpec]]]:
        """The cluster, and what slots would mean to its runs, in the order of run ids.

        Raises:
            UnknownNameError: If there is no such cluster.
            UnknownRunError: If a run is named that it does not have.
        """
        desk = self._desks.of(cluster_id)
        if run_id and run_id not in desk.members:
            raise UnknownRunError(run_id)
        async with desk.lock:
            await self._rounds.work_out(desk, [run_id] if run_id else desk.members)
        held, now_s = desk.held, self._clock.now_s()
        return desk.managed.cluster, [
            (replace(one.demand.as_of(now_s), held_slots=held.get(name, 0)), one.spec)
            for name, one in sorted(desk.members.items())
            if one.demand is not None and run_id in ("", name)
        ]

    def granted(self, cluster_id: str) -> list[Granted]:
        """What each run was granted, with what it holds, in the order of run ids.

        Raises:
            UnknownNameError: If there is no such cluster.
        """
        desk = self._desks.of(cluster_id)
        held, lease = desk.held, desk.managed.lease
        return [
            Granted(
                grant=one.grant,
                held_slots=held[name],
                tenant_id=one.spec.tenant,
                renew_by_s=lease.expires_at_s if lease else None,
            )
            for name, one in sorted(desk.members.items())
            if one.grant
        ]

    async def fix_grant(self, cluster_id: str, run_id: str, slots: int | None, *, revision: int) -> tuple[Granted, int]:
        """Fix what a run gets, or leave it to arbitration again.

        Returns:
            What it gets, and the revision of the cluster afterwards.

        Raises:
            UnknownNameError: If there is no such cluster.
            UnknownRunError: If the cluster has no such run.
            StaleRevisionError: If another write came between.
            InvalidValueError: If the run cannot use so many slots.
        """
        desk = self._desks.of(cluster_id)
        async with desk.lock:
            managed = desk.at_revision(revision)
            member = desk.members.get(run_id)
            if member is None:
                raise UnknownRunError(run_id)
            if slots is not None:
                _require_usable(slots, member)
            fixed = {name: count for name, count in managed.fixed.items() if name in desk.members and name != run_id}
            fixed |= {run_id: slots} if slots is not None else {}
            text = f"{run_id} is left to arbitration" if slots is None else f"{run_id} gets {slots} slots"
            await self._rounds.write(desk, replace(managed, fixed=fixed).written(), text)
            found = next(one for one in self.granted(cluster_id) if one.grant.run_id == run_id)
            return found, desk.managed.revision

    async def watch(self, cluster_id: str, *, after: int | None) -> AsyncIterator[tuple[int, ClusterNews]]:
        """What happens, each with its place; without end.

        Args:
            cluster_id: Only this cluster; empty for all, and for what concerns none.
            after: Place after which to begin; ``None`` begins with how every cluster stands now.

        Raises:
            UnknownNameError: If there is no such cluster.
            NewsGoneError: If what came after the place is not kept any more.
        """
        if cluster_id:
            self._desks.of(cluster_id)
        _, newest = await self._store.kept_news()
        if after is None:
            after = newest
            for desk in self._desks:
                if cluster_id in ("", desk.managed.cluster_id):
                    yield newest, self._rounds.status_news(desk, "how it stands")
        while True:
            changed = self._rounds.news
            gone, newest = await self._store.kept_news()
            if after < gone:
                raise NewsGoneError
            page = await self._store.news_after(after, cluster_id=cluster_id, limit=NEWS_PAGE)
            for place, news in page:
                after = place
                yield place, news
            if not page:
                # Whatever else was kept by then is about other clusters.
                after = max(after, newest)
                await changed.wait()


def _require_usable(slots: int, member: Member) -> None:
    bounds = member.spec.bounds
    if not bounds.min_parallelism <= slots <= bounds.max_parallelism:
        raise InvalidValueError(
            "slots",
            f"the run can use {bounds.min_parallelism} to {bounds.max_parallelism} slots, not {slots}",
        )
