"""Clusters under management as they are kept: what managers said, and what runs were granted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adaptor.domain.allocation import Share
from adaptor.domain.checks import require_finite, require_not_negative
from adaptor.domain.cluster import CapacityCurve, CapacityStep, Cluster, Lease, LeaseExpiry, Tenant
from adaptor.errors import InvalidValueError

MOST_ANNOUNCED = 1000
"""Steps of announced capacity: a month of changes every three quarters of an hour."""

LONGEST_S = 10 * 366 * 86400.0
"""Furthest ahead that anything is announced or leased: ten years; beyond it a time was given in another unit."""

HOLDER = "manager"
"""Who holds a lease: a cluster has one manager, whoever speaks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedCluster:
    """A cluster as its manager left it.

    Attributes:
        cluster: What it is.
        node_types: Kinds of worker, for people.
        revision: Raised by each write of a manager.
        capacity: Slots now and as announced, less what was reclaimed.
        lease_s: Seconds within which the manager renews its lease; 0 if it need not.
        expiry: What becomes of grants when it does not.
        lease: The lease; ``None`` if it never expires.
        lapsed: Whether its end was acted on.
        fixed: Slots that the manager fixed, by run.
        flink_slots: Slots that Flink could give when it was last asked; ``None`` if it never answered.
        acted_slots: Slots that were last acted on.
    """

    cluster: Cluster
    revision: int
    capacity: CapacityCurve
    node_types: tuple[str, ...] = ()
    lease_s: float = 0.0
    expiry: LeaseExpiry = LeaseExpiry.KEEP
    lease: Lease | None = None
    lapsed: bool = False
    fixed: Mapping[str, int] = field(default_factory=dict)
    flink_slots: int | None = None
    acted_slots: int = 0

    def __post_init__(self) -> None:
        require_not_negative("lease_s", self.lease_s, unit="seconds")
        if self.lease_s > LONGEST_S:
            raise InvalidValueError("lease_s", f"must be at most {LONGEST_S:.0f} seconds, got {self.lease_s:g}")

    @property
    def cluster_id(self) -> str:
        """Its id."""
        return self.cluster.cluster_id

    def slots_at(self, at_s: float) -> int:
        """Slots that may be used at a time: as the manager said, or as Flink has where that is less."""
        said = self.capacity.at(at_s)
        return said if self.flink_slots is None else min(said, self.flink_slots)

    def curve(self, now_s: float) -> CapacityCurve:
        """Slots from now on; what Flink has counts for now alone: what is announced comes with machines of its own."""
        now = CapacityStep(from_s=now_s, slots=self.slots_at(now_s))
        return CapacityCurve((now, *self.announced(now_s)))

    def announced(self, now_s: float) -> tuple[CapacityStep, ...]:
        """What is to come."""
        return tuple(step for step in self.capacity.steps if step.from_s > now_s)

    def most_slots(self, now_s: float) -> int:
        """Most slots that there are, or will be as announced."""
        return max(step.slots for step in self.curve(now_s).steps)

    def with_capacity(self, slots: int, *, now_s: float) -> ManagedCluster:
        """The same with so many slots from now on; whoever says so is there, so the lease begins anew."""
        return self.with_slots(slots, now_s=now_s).renewed(now_s, self.lease_s)

    def with_slots(self, slots: int, *, now_s: float) -> ManagedCluster:
        """The same with so many slots from now on; what is announced stays."""
        return replace(self, capacity=CapacityCurve((CapacityStep(from_s=now_s, slots=slots), *self.announced(now_s))))

    def with_announced(self, changes: Iterable[CapacityChange], *, now_s: float) -> ManagedCluster:
        """The same with these changes to come, in place of those that were announced before.

        Raises:
            InvalidValueError: If one is in the past, two are at one time, or they lead below zero.
        """
        steps, slots = [CapacityStep(from_s=now_s, slots=self.capacity.at(now_s))], self.capacity.at(now_s)
        for change in sorted(changes, key=lambda one: one.at_s):
            change.require_ahead(now_s)
            slots = change.slots_after(slots)
            if change.at_s <= steps[-1].from_s:
                raise InvalidValueError(
                    "announced.at_s", f"two changes are at {change.at_s:.0f}; give one for each time"
                )
            steps.append(CapacityStep(from_s=change.at_s, slots=slots))
        if len(steps) > MOST_ANNOUNCED + 1:
            raise InvalidValueError("announced", f"must be at most {MOST_ANNOUNCED} changes, got {len(steps) - 1}")
        return replace(self, capacity=CapacityCurve(tuple(steps)))

    def renewed(self, now_s: float, term_s: float) -> ManagedCluster:
        """The same with its lease renewed now; 0 seconds stand for one that never ends."""
        lease = Lease(holder=HOLDER, renewed_at_s=now_s, term_s=term_s) if term_s else None
        return replace(self, lease=lease, lapsed=False)

    def expired(self, now_s: float) -> bool:
        """Whether the manager let its lease end."""
        return self.lease is not None and self.lease.expired(now_s)

    def written(self) -> ManagedCluster:
        """The same after one more write of a manager."""
        return replace(self, revision=self.revision + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityChange:
    """A change of capacity that a manager announces.

    Attributes:
        at_s: From when on, in seconds since the epoch.
        total_slots: Slots in all; ``None`` if it says how many more.
        more_slots: Slots more, or fewer if negative; 0 if it says how many in all.
    """

    at_s: float
    total_slots: int | None = None
    more_slots: int = 0

    def __post_init__(self) -> None:
        require_finite("announced.at_s", self.at_s)

    def require_ahead(self, now_s: float) -> None:
        """Refuse a time that has passed, or is too far ahead to be meant.

        Raises:
            InvalidValueError: If so.
        """
        if self.at_s <= now_s:
            raise InvalidValueError(
                "announced.at_s",
                f"{self.at_s:.0f} is {now_s - self.at_s:.0f} s in the past; set the capacity for what holds now",
            )
        if self.at_s > now_s + LONGEST_S:
            raise InvalidValueError("announced.at_s", f"{self.at_s:g} is not a time in seconds since the epoch")

    def slots_after(self, before: int) -> int:
        """Slots from then on.

        Raises:
            InvalidValueError: If more would be taken than there are.
        """
        slots = before + self.more_slots if self.total_slots is None else self.total_slots
        if slots < 0:
            raise InvalidValueError("announced.more_slots", f"{self.more_slots} of {before} slots would leave {slots}")
        return slots


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedTenant:
    """A tenant as a manager left it."""

    tenant: Tenant
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGrant:
    """What a run of a managed cluster may use.

    Attributes:
        cluster_id: The cluster.
        share: How much, and why.
        at_s: Since when, in seconds since the epoch.
        fixed: Whether a manager fixed it.
        paused: Whether the run waits for slots.
        waiting_since_s: Since when; ``None`` if it does not.
        told: Place of the newest of the run's events that watchers were told of.
    """

    cluster_id: str
    share: Share
    at_s: float
    fixed: bool = False
    paused: bool = False
    waiting_since_s: float | None = None
    told: int = 0

    @property
    def run_id(self) -> str:
        """The run."""
        return self.share.run_id

    @property
    def slots(self) -> int:
        """Slots that it may use from its next barrier on."""
        return self.share.slots
