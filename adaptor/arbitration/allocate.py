"""The shares of a cluster's runs. The rules stand in the docstring of the package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from adaptor.arbitration.admission import AreaLedger, worth_pursuing
from adaptor.arbitration.claimant import Claimant, claimant
from adaptor.arbitration.explanation import explained
from adaptor.arbitration.fairness import Pool, fill_fairly
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.arbitration.targets import targets_met
from adaptor.domain.allocation import Allocation
from adaptor.domain.cluster import CapacityCurve, Cluster, Tenant
from adaptor.domain.demand import Demand

_USUAL = ArbitrationSettings()


def allocate(
    cluster: Cluster,
    demands: Iterable[Demand],
    *,
    capacity: CapacityCurve,
    at_s: float,
    tenants: Mapping[str, Tenant] | None = None,
    settings: ArbitrationSettings = _USUAL,
) -> Allocation:
    """Share out a cluster's slots.

    Args:
        cluster: Whose.
        demands: Of all its runs, in any order, one for each run.
        capacity: Of it, now and as announced; a loss counts in time for the last barrier before it.
        at_s: Now, in seconds since the epoch.
        tenants: By id; one that is missing has no quota, priority 0 and weight 1.
        settings: Of arbitration.

    Returns:
        A share for each run, to be obeyed from its next barrier on, see `slots_at_barrier`. The same input gives the
        same shares, whatever the order of `demands`.
    """
    per = cluster.slots_per_task_manager
    known = tenants or {}
    claimants = [
        claimant(
            demand,
            tenant=known.get(demand.claim.tenant_id) or Tenant(tenant_id=demand.claim.tenant_id),
            slots_per_task_manager=per,
            settings=settings,
            at_s=at_s,
        )
        for demand in sorted(demands, key=_run_id)
    ]
    slots = capacity.least_between(at_s, at_s + lead_s(claimants, settings=settings))
    quotas = _quotas(claimants, per)
    ledger = AreaLedger(
        capacity,
        at_s,
        standing=[one for one in claimants if one.must],
        quotas=quotas,
        slots_per_task_manager=per,
    )
    shares, met = shares_of(claimants, ledger, units=slots // per, quotas=quotas)
    weights = sum(one.weight for one in claimants if one.has_target)
    return Allocation(
        cluster_id=cluster.cluster_id,
        at_s=at_s,
        capacity_slots=slots // per * per,
        shares=explained(claimants, shares, slots_per_task_manager=per),
        weighted_targets=weights,
        weighted_targets_met=met,
    )


def shares_of(
    claimants: Sequence[Claimant], ledger: AreaLedger, *, units: int, quotas: Mapping[str, int]
) -> tuple[dict[str, int], float]:
    """TaskManagers for each run, by run id, and the weighted targets that are pursued.

    Args:
        claimants: Ascending by run id.
        ledger: Of slot-seconds, nothing being promised yet.
        units: TaskManagers that there are.
        quotas: TaskManagers that each tenant may have; tenants that are missing have no limit.
    """
    pool = Pool(spare=units, quotas=dict(quotas))
    shares = _least_first(claimants, pool)
    by_rank = sorted(claimants, key=lambda one: (*(-level for level in one.rank), one.run_id))
    late: list[list[Claimant]] = []
    met = 0.0
    for _, group in groupby(by_rank, key=lambda one: one.rank):
        ranked = list(group)
        targeted = [one for one in ranked if one.has_target]
        plan = worth_pursuing(targeted, ledger)
        met += plan.value
        pursued = [one for one in targeted if one.run_id in plan.options]
        others = [one for one in targeted if one.run_id not in plan.options]
        for those, certain in ((pursued, False), (others, False), (targeted, True)):
            found = targets_met(those, least=shares, spare=pool.spare, quotas=pool.quotas, certain=certain)
            _take_all(found, those, shares, pool)
        fill_fairly([one for one in pursued if not one.option(shares[one.run_id]).value], shares=shares, pool=pool)
        fill_fairly([one for one in ranked if not one.has_target], shares=shares, pool=pool)
        late.append([one for one in others if not one.option(shares[one.run_id]).value])
    for ranked in late:
        fill_fairly(ranked, shares=shares, pool=pool)
    return shares, met


def lead_s(claimants: Sequence[Claimant], *, settings: ArbitrationSettings) -> float:
    """Seconds from now in which every run reaches a barrier twice: once to be told, and once it is too late."""
    longest = 0.0
    for one in claimants:
        if one.held_units:
            barrier, superstep = one.demand.barrier_in_s, one.demand.superstep_s
            longest = max(longest, (barrier.high if barrier else 0.0) + (superstep.high if superstep else 0.0))
    return min(longest, settings.longest_lead_s)


def _run_id(demand: Demand) -> str:
    return demand.run_id


def _quotas(claimants: Iterable[Claimant], per: int) -> dict[str, int]:
    """TaskManagers that each tenant with a quota may have."""
    tenants = {one.tenant.tenant_id: one.tenant for one in claimants}
    return {key: one.quota_slots // per for key, one in tenants.items() if one.quota_slots is not None}


def _least_first(claimants: Sequence[Claimant], pool: Pool) -> dict[str, int]:
    """The least of runs that must have it: those that waited too long first, then by priority."""
    shares = {one.run_id: 0 for one in claimants}
    order = sorted(
        (one for one in claimants if one.must),
        key=lambda one: (-one.waited_s, *(-level for level in one.rank), one.run_id),
    )
    for one in order:
        if one.least_units <= pool.room(one.tenant.tenant_id):
            shares[one.run_id] = one.least_units
            pool.take(one.tenant.tenant_id, one.least_units)
    return shares


def _take_all(found: Mapping[str, int], claimants: Iterable[Claimant], shares: dict[str, int], pool: Pool) -> None:
    for one in claimants:
        pool.take(one.tenant.tenant_id, found[one.run_id] - shares[one.run_id])
        shares[one.run_id] = found[one.run_id]
