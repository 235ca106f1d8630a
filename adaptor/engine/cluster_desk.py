"""Managed clusters in memory: what their managers said, their runs, and what each run was granted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adaptor.arbitration.barrier import slots_at_barrier
from adaptor.control.grants import Holding
from adaptor.control.run_record import RunRecord
from adaptor.domain.cluster import CapacityCurve, CapacityStep, Tenant
from adaptor.domain.cluster_news import ClusterBook, ClusterNews, ClusterStatus
from adaptor.domain.demand import Demand
from adaptor.domain.managed import ManagedCluster, ManagedTenant, RunGrant
from adaptor.domain.reclaim import Reclaim, ReclaimState
from adaptor.domain.run import RunSpec
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import InvalidValueError, StaleRevisionError, UnknownNameError


class Member:
    """A run of a managed cluster.

    Args:
        spec: What its owner said.
        sequence: Place of its newest event.
        grant: What it may use, if it was granted anything yet.
        record: The run after that event, if it is at hand.
        needed_slots: Slots that its newest plan asks for, where it is not.

    Attributes:
        spec: What its owner said.
        record: The run after its newest event; ``None`` until it is read from the store.
        sequence: Place of that event.
        demand: What slots mean to it; ``None`` until it was worked out, or if nothing is left of the run.
        demand_slots: Slots of the cluster that the demand was worked out for; 0 if it must be worked out anew.
        grant: What it may use; ``None`` before its first grant.
        paused: Whether it waits for slots.
        paused_since_s: Since when its newest barrier made it wait, in seconds since the epoch.
        unpaused: Set as soon as it does not wait any more.
    """

    def __init__(
        self,
        spec: RunSpec,
        sequence: int,
        *,
        grant: RunGrant | None = None,
        record: RunRecord | None = None,
        needed_slots: int = 0,
    ) -> None:
        self.spec = spec
        self.record = record
        self._needed_slots = needed_slots
        self.sequence = sequence
        self.demand: Demand | None = None
        self.demand_slots = 0
        self.grant = grant
        self.paused = grant is not None and grant.paused
        self.paused_since_s: float | None = None
        self.unpaused = asyncio.Event()

    @property
    def needed_slots(self) -> int:
        """Slots that its newest plan asks for."""
        return self.record.granted_slots if self.record else self._needed_slots

    def wait(self, since_s: float) -> None:
        """Let it wait for slots from a time on, in seconds since the epoch."""
        self.paused, self.paused_since_s = True, since_s

    def resume(self) -> None:
        """Let a run that waits go on."""
        self.paused = False
        self.unpaused.set()
        self.unpaused = asyncio.Event()


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A grant with what stands beside it.

    Attributes:
        grant: What the run may use.
        held_slots: Slots that it holds.
        tenant_id: Whom it counts for.
        renew_by_s: When the manager's lease ends, in seconds since the epoch; ``None`` for never.
    """

    grant: RunGrant
    held_slots: int
    tenant_id: str
    renew_by_s: float | None


class Desk:
    """One managed cluster.

    Args:
        managed: As its manager left it.
        ledger: Who holds how much.

    Attributes:
        managed: As its manager left it.
        members: Its runs, by id.
        reclaims: Those under way, by id.
        lock: Held by whoever changes grants.
        news: What watchers are to be told with the next write.
        gone: Runs that ended since the last write.
        stirred: Whether anything happened since the last arbitration.
        begun: Whether its runs were granted something yet; until then they use what there is.
        removed: Whether it is managed no more.
    """

    def __init__(self, managed: ManagedCluster, ledger: SlotLedger) -> None:
        self.managed = managed
        self.members: dict[str, Member] = {}
        self.reclaims: dict[str, Reclaim] = {}
        self.lock = asyncio.Lock()
        self.news: list[ClusterNews] = []
        self.gone: list[str] = []
        self.stirred = True
        self.begun = True
        self.removed = False
        self._ledger = ledger

    def at_revision(self, revision: int) -> ManagedCluster:
        """The cluster, if nobody wrote since that revision.

        Raises:
            StaleRevisionError: If somebody did, or the cluster was removed meanwhile.
        """
        current = 0 if self.removed else self.managed.revision
        if revision != current:
            raise StaleRevisionError(f"cluster {self.managed.cluster_id!r}", given=revision, current=current)
        return self.managed

    @property
    def flink_url(self) -> str:
        """Address of the cluster."""
        return self.managed.cluster.flink_url

    @property
    def held_slots(self) -> int:
        """Slots that anybody holds."""
        return self._ledger.granted(self.flink_url)

    @property
    def held(self) -> Mapping[str, int]:
        """Slots that each run holds."""
        return {run_id: self._ledger.granted_to(run_id) for run_id in self.members}

    def holdings(self) -> dict[str, Holding]:
        """What each run holds and may use."""
        held = self.held
        return {
            run_id: Holding(needed_slots=one.needed_slots, held_slots=held[run_id], grant=one.grant, paused=one.paused)
            for run_id, one in self.members.items()
        }

    def curve(self, managed: ManagedCluster, now_s: float) -> CapacityCurve:
        """Slots that its runs can share: streams and runs that are not granted anything keep what they hold."""
        held = self.held
        others = self.held_slots - sum(held[run_id] for run_id, one in self.members.items() if one.demand)
        steps = managed.curve(now_s).steps
        return CapacityCurve(
            tuple(CapacityStep(from_s=step.from_s, slots=max(0, step.slots - others)) for step in steps)
        )

    def allowed_slots(self, run_id: str, now_s: float) -> int:
        """Slots that a run may use at its barrier; of one that was not granted anything yet, what is free."""
        others = self._ledger.granted(self.flink_url, but=run_id)
        capacity, member = self.managed.slots_at(now_s), self.members.get(run_id)
        if member is None or member.grant is None:
            return max(0, capacity - others)
        share = member.grant.slots
        # What it holds is its own up to its share, whoever else holds too much.
        own = min(share, self._ledger.granted_to(run_id))
        return slots_at_barrier(
            share_slots=share,
            capacity_slots=max(capacity, others + own),
            held_by_others=others,
            slots_per_task_manager=self.managed.cluster.slots_per_task_manager,
            least_slots=member.spec.bounds.min_parallelism,
            # One that cannot wait goes on after a bounded wait all the same, and Flink lets its job wait for slots; it
            # holds none until then, so that nobody brings slots that the manager did not give.
            pausable=True,
        )

    def status(self, now_s: float) -> ClusterStatus:
        """How the cluster stands."""
        managed = self.managed
        said, problem = managed.capacity.at(now_s), ""
        if managed.flink_slots is not None and managed.flink_slots < said:
            problem = f"Flink has {managed.flink_slots} of the {said} slots"
        if managed.expired(now_s):
            problem = "; ".join(filter(None, [problem, "the manager's lease has expired"]))
        return ClusterStatus(
            managed=managed,
            held_slots=self.held_slots,
            granted_slots=sum(one.grant.slots for one in self.members.values() if one.grant),
            runs=len(self.members),
            wanted_slots=sum(one.demand.wanted_slots for one in self.members.values() if one.demand),
            reclaims=tuple(one for one in self.reclaims.values() if one.state is ReclaimState.OPEN),
            problem=problem,
        )

    def tell(self, news: ClusterNews) -> None:
        """Have watchers told with the next write."""
        self.news.append(news)
        self.stirred = True


class Desks:
    """Every managed cluster and every tenant.

    Args:
        ledger: Who holds how much.

    Attributes:
        tenants: By id.
        reclaims: All that are kept, by id.
    """

    def __init__(self, ledger: SlotLedger) -> None:
        self.ledger = ledger
        self.tenants: dict[str, ManagedTenant] = {}
        self.reclaims: dict[str, Reclaim] = {}
        self._by_id: dict[str, Desk] = {}
        self._by_url: dict[str, Desk] = {}

    def __iter__(self) -> Iterator[Desk]:
        return iter([self._by_id[name] for name in sorted(self._by_id)])

    def load(self, book: ClusterBook) -> None:
        """Take up what is kept."""
        self.tenants = {one.tenant.tenant_id: one for one in book.tenants}
        self.reclaims = {one.reclaim_id: one for one in book.reclaims}
        for managed in book.clusters:
            desk = self.add(managed)
            desk.reclaims = {
                one.reclaim_id: one
                for one in book.reclaims
                if one.state is ReclaimState.OPEN and one.request.cluster_id == managed.cluster_id
            }

    def add(self, managed: ManagedCluster) -> Desk:
        """Begin to manage a cluster."""
        desk = Desk(managed, self.ledger)
        self._by_id[managed.cluster_id] = self._by_url[managed.cluster.flink_url] = desk
        return desk

    def remove(self, desk: Desk) -> None:
        """Manage a cluster no more."""
        desk.removed = True
        del self._by_id[desk.managed.cluster_id]
        del self._by_url[desk.flink_url]

    def find(self, cluster_id: str) -> Desk | None:
        """The cluster of this id, if there is one."""
        return self._by_id.get(cluster_id)

    def of(self, cluster_id: str) -> Desk:
        """The cluster of this id.

        Raises:
            InvalidValueError: If no id is given.
            UnknownNameError: If there is no such cluster.
        """
        if not cluster_id:
            raise InvalidValueError("cluster_id", "must be given")
        desk = self._by_id.get(cluster_id)
        if desk is None:
            raise UnknownNameError(
                "cluster_id",
                f"no cluster {cluster_id[:100]!r} is managed here; `adaptor cluster list` names those that are",
            )
        return desk

    def at(self, flink_url: str) -> Desk | None:
        """The cluster at this address, if it is managed."""
        return self._by_url.get(flink_url)

    def member(self, run_id: str) -> Member | None:
        """A run, whatever its cluster; ``None`` if no managed cluster has it."""
        return next((desk.members[run_id] for desk in self._by_id.values() if run_id in desk.members), None)

    def tenants_by_id(self) -> dict[str, Tenant]:
        """Every tenant as arbitration knows it."""
        return {name: one.tenant for name, one in self.tenants.items()}
