"""Weighted max-min fairness in whole TaskManagers: who has least for its weight gets the next one."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adaptor.arbitration.claimant import Claimant


@dataclass(slots=True)
class Pool:
    """TaskManagers that are still to be had, as they are handed out.

    Attributes:
        spare: In number.
        quotas: What each tenant may still have of them; tenants that are missing have no limit.
    """

    spare: int
    quotas: dict[str, int]

    def room(self, tenant_id: str) -> int:
        """What a run of that tenant could have."""
        return min(self.spare, self.quotas.get(tenant_id, self.spare))

    def take(self, tenant_id: str, units: int) -> None:
        """Hand out; more than there is room for may be noted where a run cannot stop, nothing is left then."""
        self.spare -= units
        if tenant_id in self.quotas:
            self.quotas[tenant_id] -= units


def fill_fairly(claimants: Sequence[Claimant], *, shares: dict[str, int], pool: Pool) -> None:
    """Raise shares towards what each run wants, the least for its weight first.

    Args:
        claimants: Of one priority, ascending by run id, which settles what is equal.
        shares: TaskManagers by run id; changed.
        pool: What is left; changed.
    """
    wanting = {one.run_id: one for one in claimants if shares[one.run_id] < one.wanted_units}
    heap = [(_next_level(one, shares), run_id) for run_id, one in wanting.items()]
    heapq.heapify(heap)
    while heap and pool.spare > 0:
        _, run_id = heapq.heappop(heap)
        one = wanting[run_id]
        units = _step(one, shares)
        if units > pool.room(one.tenant.tenant_id):
            continue
        shares[run_id] += units
        pool.take(one.tenant.tenant_id, units)
        if shares[run_id] < one.wanted_units:
            heapq.heappush(heap, (_next_level(one, shares), run_id))


def _step(one: Claimant, shares: Mapping[str, int]) -> int:
    """TaskManagers that a run gets next: one, or its least together."""
    return max(1, one.least_units - shares[one.run_id])


def _next_level(one: Claimant, shares: Mapping[str, int]) -> float:
    """What it would then have for its weight."""
    return (shares[one.run_id] + _step(one, shares)) / one.weight
