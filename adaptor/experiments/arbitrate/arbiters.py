"""Ways to share a cluster's slots out among its runs: adaptor's own, and three that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adaptor.arbitration.allocate import allocate
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.cluster import CapacityCurve, Cluster, Tenant
from adaptor.domain.demand import Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an arbiter sees.

    Attributes:
        cluster: Whose slots are shared out.
        demands: Of all runs that have not ended.
        capacity: Now and as announced.
        at_s: Now.
        tenants: By id.
        settings: Of arbitration.
    """

    cluster: Cluster
    demands: Sequence[Demand]
    capacity: CapacityCurve
    at_s: float
    tenants: Mapping[str, Tenant]
    settings: ArbitrationSettings


Arbiter = Callable[[Scene], dict[str, int]]
"""Slots for each run from its next barrier on, by run id."""


def adaptor(scene: Scene) -> dict[str, int]:
    """What production decides."""
    found = allocate(
        scene.cluster,
        scene.demands,
        capacity=scene.capacity,
        at_s=scene.at_s,
        tenants=scene.tenants,
        settings=scene.settings,
    )
    return {share.run_id: share.slots for share in found.shares}


def first_come(scene: Scene) -> dict[str, int]:
    """Each what it wants, in the order in which they came."""
    return _in_order(scene, sorted(scene.demands, key=_arrival))


def by_priority(scene: Scene) -> dict[str, int]:
    """Each what it wants, by priority, then weight, then in the order in which they came."""

    def rank(demand: Demand) -> tuple[float, ...]:
        return (-demand.claim.priority, -demand.claim.weight, demand.started_at_s)

    return _in_order(scene, sorted(scene.demands, key=rank))


def equal_share(scene: Scene) -> dict[str, int]:
    """Each as many as the others, but no more than it can use."""
    shares, room = {one.run_id: 0 for one in scene.demands}, _Room(scene)
    wanting = sorted(scene.demands, key=_arrival)
    while wanting:
        served = [one for one in wanting if room.take(one, scene.cluster.slots_per_task_manager)]
        for one in served:
            shares[one.run_id] += scene.cluster.slots_per_task_manager
        wanting = [one for one in served if shares[one.run_id] < one.most_slots]
    return shares


ARBITERS: dict[str, Arbiter] = {
    "adaptor": adaptor,
    "first come": first_come,
    "equal share": equal_share,
    "priority": by_priority,
}
"""By the names they have in reports."""


class _Room:
    """Slots that are left, of the cluster and of each quota."""

    def __init__(self, scene: Scene) -> None:
        per = scene.cluster.slots_per_task_manager
        self._per = per
        self._left = scene.capacity.at(scene.at_s) // per * per
        self._quotas = {
            name: one.quota_slots // per * per for name, one in scene.tenants.items() if one.quota_slots is not None
        }

    def of(self, demand: Demand) -> int:
        """Slots that a run could have."""
        return min(self._left, self._quotas.get(demand.claim.tenant_id, self._left))

    def take(self, demand: Demand, slots: int) -> bool:
        """Take them if they are there."""
        if slots > self.of(demand):
            return False
        self._left -= slots
        if demand.claim.tenant_id in self._quotas:
            self._quotas[demand.claim.tenant_id] -= slots
        return True


def _in_order(scene: Scene, demands: Sequence[Demand]) -> dict[str, int]:
    room, shares = _Room(scene), {}
    for one in demands:
        slots = min(one.wanted_slots, room.of(one))
        shares[one.run_id] = slots if slots >= one.least_slots and room.take(one, slots) else 0
    return shares


def _arrival(demand: Demand) -> tuple[float, str]:
    return demand.started_at_s, demand.run_id
