"""Clusters whose slots somebody else brings: adaptor uses what is there and asks for no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adaptor.domain.capacity import Capacity
from adaptor.domain.objective import MAX_PARALLELISM
from adaptor.errors import ProvisionError
from adaptor.flink.client import FlinkClient


class FixedProvisioner:
    """A cluster at an address; its slots are what Flink says.

    Args:
        flink_url: Address of the cluster's REST API.
        connect: Makes a client for it.
    """

    def __init__(self, flink_url: str, connect: Callable[[str], FlinkClient]) -> None:
        self._client = connect(flink_url)

    async def capacity(self) -> Capacity:
        """Slots that are registered; no more can be had.

        Raises:
            FlinkError: If Flink cannot be asked.
        """
        overview = await asyncio.to_thread(self._client.overview)
        return Capacity(
            existing_slots=overview.slots_total,
            obtainable_slots=overview.slots_total,
            slots_per_task_manager=max(1, overview.slots_total // max(1, overview.task_managers)),
        )

    async def provide(self, slots: int) -> Capacity:
        """See whether there are as many slots as wanted; surplus ones are left alone.

        Raises:
            ProvisionError: If there are fewer.
            FlinkError: If Flink cannot be asked.
        """
        capacity = await self.capacity()
        if capacity.existing_slots < slots:
            raise ProvisionError(
                f"{slots} slots are wanted and the cluster has {capacity.existing_slots}; add TaskManagers to it"
            )
        return capacity

    async def restore(self) -> None:
        """Do nothing: who started the cluster puts back what dies."""


class UnknownCluster:
    """No cluster was named: only the run's bounds limit its parallelism."""

    async def capacity(self) -> Capacity:
        """As many slots as Flink could ever use."""
        return Capacity(existing_slots=MAX_PARALLELISM, obtainable_slots=MAX_PARALLELISM)

    async def provide(self, slots: int) -> Capacity:  # noqa: ARG002 - the port's signature
        """Do nothing."""
        return await self.capacity()

    async def restore(self) -> None:
        """Do nothing."""
