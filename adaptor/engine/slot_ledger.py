"""Who was granted how many slots of which cluster, and bringing the cluster to that."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from adaptor.domain.capacity import Capacity
from adaptor.domain.run import RunSpec
from adaptor.engine.ports import Provisioners
from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """Slots that a run's newest plan asks for."""

    flink_url: str
    slots: int


class SlotLedger:
    """Who was granted how many slots of which cluster.

    Args:
        provisioners: Finds a cluster's provisioner.
        idle_slots: Slots that stay on a cluster that no run uses.
    """

    def __init__(self, provisioners: Provisioners, *, idle_slots: int) -> None:
        self._provisioners = provisioners
        self._idle_slots = idle_slots
        self._grants: dict[str, Grant] = {}

    def grant(self, run_id: str, *, flink_url: str, slots: int) -> None:
        """Note what a run may use from now on; none takes it off the ledger."""
        if slots:
            self._grants[run_id] = Grant(flink_url, slots)
        else:
            self._grants.pop(run_id, None)

    def clusters(self) -> frozenset[str]:
        """Addresses of the clusters that runs use."""
        return frozenset(grant.flink_url for grant in self._grants.values())

    def granted_to(self, run_id: str) -> int:
        """Slots that one run holds."""
        grant = self._grants.get(run_id)
        return grant.slots if grant else 0

    async def capacity_of(self, flink_url: str) -> Capacity:
        """Slots of a cluster, whoever holds them.

        Raises:
            AdaptorError: If the cluster cannot be asked.
        """
        return await self._provisioners(flink_url).capacity()

    async def capacity_for(self, run_id: str, flink_url: str) -> Capacity:
        """Slots that one run may count on: what others were granted is not among them.

        Raises:
            AdaptorError: If the cluster cannot be asked.
        """
        capacity = await self._provisioners(flink_url).capacity()
        others = self.granted(flink_url, but=run_id)
        return Capacity(
            existing_slots=max(0, capacity.existing_slots - others),
            obtainable_slots=max(0, capacity.obtainable_slots - others),
            slots_per_task_manager=capacity.slots_per_task_manager,
        )

    async def capacity_or(self, run: RunSpec, *, otherwise: Capacity) -> Capacity:
        """Slots that a run may count on, or what was known before where the cluster cannot be asked."""
        try:
            return await self.capacity_for(run.run_id, run.flink_url)
        except AdaptorError as error:
            _log.warning("run %s: slots are unknown, planning with what was seen last: %s", run.run_id, error)
            return otherwise

    async def settle(self, flink_url: str) -> Capacity:
        """Bring a cluster to the slots that its runs were granted.

        Raises:
            AdaptorError: If they did not come.
        """
        return await self._provisioners(flink_url).provide(max(self._idle_slots, self.granted(flink_url)))

    async def restore(self, flink_url: str) -> None:
        """Put back what died on a cluster.

        Raises:
            AdaptorError: If that failed.
        """
        await self._provisioners(flink_url).restore()

    def granted(self, flink_url: str, *, but: str = "") -> int:
        """Slots that runs hold on a cluster, one of them left out if it is named."""
        return sum(
            grant.slots for run_id, grant in self._grants.items() if grant.flink_url == flink_url and run_id != but
        )
