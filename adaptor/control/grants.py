"""What a managed cluster's runs ask for once all that binds them is counted, and what changes when they get it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from adaptor.domain.allocation import Share
from adaptor.domain.capacity import Capacity
from adaptor.domain.cluster import MAX_PRIORITY, LeaseExpiry
from adaptor.domain.demand import Claim, Demand
from adaptor.domain.managed import ManagedCluster, RunGrant
from adaptor.domain.reclaim import Reclaim
from adaptor.domain.run import RunSpec


def claim_of(run: RunSpec) -> Claim:
    """In whose name a run asks."""
    return Claim(tenant_id=run.tenant, priority=run.priority, pausable=run.pausable)


def asked(
    demand: Demand, *, managed: ManagedCluster, reclaims: Iterable[Reclaim], grant: RunGrant | None, at_s: float
) -> Demand:
    """The demand that arbitration is given: no more than a lapsed lease, a manager's word or a reclaim leave.

    Args:
        demand: What the run could use.
        managed: Its cluster.
        reclaims: Of the cluster, those under way.
        grant: What the run has so far.
        at_s: Now, in seconds since the epoch.
    """
    demand = demand.as_of(at_s)
    if grant and grant.paused:
        demand = replace(demand, held_slots=0, waiting_since_s=grant.waiting_since_s)
    most = min([float(demand.most_slots), *(one.most_slots(demand.run_id) for one in reclaims)])
    if managed.expired(at_s) and managed.expiry is LeaseExpiry.LEAST:
        most = min(most, demand.least_slots)
    fixed = managed.fixed.get(demand.run_id)
    if fixed is None:
        return demand.limited_to(int(most))
    limited = demand.limited_to(int(min(most, fixed)))
    # What a manager fixed goes first among the runs of tenants of equal priority, and is taken as it is.
    claim = replace(demand.claim, priority=MAX_PRIORITY)
    return replace(limited, wanted_slots=limited.most_slots, claim=claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one run holds of its cluster.

    Attributes:
        needed_slots: Slots that its newest plan asks for.
        held_slots: Slots that it holds.
        grant: What it may use; ``None`` before its first grant.
        paused: Whether it waits for slots.
    """

    needed_slots: int
    held_slots: int
    grant: RunGrant | None
    paused: bool


def grants_of(
    shares: Iterable[Share], holdings: Mapping[str, Holding], *, managed: ManagedCluster, free_slots: int, at_s: float
) -> list[RunGrant]:
    """Grants after an arbitration; a run that waits goes on as soon as what its plan needs is free.

    Args:
        shares: Of the cluster's runs.
        holdings: By run.
        managed: The cluster.
        free_slots: Slots that nobody holds.
        at_s: Now, in seconds since the epoch.
    """
    grants = []
    for share in sorted(shares, key=lambda one: (_waiting_since_s(holdings[one.run_id].grant), one.run_id)):
        holding = holdings[share.run_id]
        needed = holding.needed_slots
        paused = holding.paused and not (0 < needed <= min(share.slots, free_slots))
        if holding.paused and not paused:
            free_slots -= needed
        grants.append(_grant(share, holding, managed=managed, paused=paused, at_s=at_s))
    return grants


def _grant(share: Share, holding: Holding, *, managed: ManagedCluster, paused: bool, at_s: float) -> RunGrant:
    before = holding.grant
    since = before.at_s if before and before.slots == share.slots else at_s
    waiting = (before.waiting_since_s if before and before.paused else None) or at_s
    return RunGrant(
        cluster_id=managed.cluster_id,
        share=share,
        at_s=since,
        fixed=share.run_id in managed.fixed,
        paused=paused,
        waiting_since_s=waiting if paused else None,
        told=before.told if before else 0,
    )


def _waiting_since_s(grant: RunGrant | None) -> float:
    return (grant.waiting_since_s or 0.0) if grant else 0.0


def matters(before: RunGrant | None, after: RunGrant) -> bool:
    """Whether a grant must be written: what it says of chances and reasons may change without it."""
    if before is None:
        return True
    return (before.slots, before.fixed, before.paused, before.told, before.cluster_id) != (
        after.slots,
        after.fixed,
        after.paused,
        after.told,
        after.cluster_id,
    )


def bounded(capacity: Capacity, *, allowed_slots: int, held_slots: int) -> Capacity:
    """Slots that a run may count on, of those that there are for it, once it may use so many.

    Args:
        capacity: What there is besides what others hold.
        allowed_slots: What it may use.
        held_slots: What it holds, which stays its own up to what it may use.
    """
    return replace(
        capacity,
        existing_slots=min(allowed_slots, max(capacity.existing_slots, held_slots)),
        obtainable_slots=min(allowed_slots, max(capacity.obtainable_slots, held_slots)),
    )
