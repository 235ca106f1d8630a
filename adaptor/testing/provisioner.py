"""A cluster of nothing but numbers, which can be made slow, stubborn or unreachable."""

from __future__ import annotations

import asyncio

from adaptor.domain.capacity import Capacity
from adaptor.errors import FlinkUnreachableError, ProvisionError


class InMemoryProvisioner:
    """Slots as a number.

    Args:
        existing: Slots at the beginning.
        most: Most slots that can be had.

    Attributes:
        existing: Slots now.
        most: Most slots that can be had.
        busy: Slots with tasks, which are never taken.
        broken: Whether asking for more slots fails.
        reachable: Whether the cluster answers at all.
        open: While it is cleared, `provide` waits.
        provided: Every number asked for, in order.
        restores: How often `restore` was called.
    """

    def __init__(self, *, existing: int = 1, most: int = 4) -> None:
        self.existing = existing
        self.most = most
        self.busy = 0
        self.broken = False
        self.reachable = True
        self.open = asyncio.Event()
        self.open.set()
        self.provided: list[int] = []
        self.restores = 0
        self._wanted = existing

    async def capacity(self) -> Capacity:
        """Slots there are and could be."""
        if not self.reachable:
            raise FlinkUnreachableError("http://flink", "connection refused")
        return Capacity(existing_slots=self.existing, obtainable_slots=self.most)

    async def provide(self, slots: int) -> Capacity:
        """Bring the cluster to so many slots; those with tasks stay."""
        self.provided.append(slots)
        await self.open.wait()
        self._wanted = slots
        self._bring(slots)
        self.existing = max(slots, min(self.busy, self.existing))
        return await self.capacity()

    async def restore(self) -> None:
        """Put back what died."""
        self.restores += 1
        self._bring(self._wanted)
        self.existing = max(self.existing, self._wanted)

    def _bring(self, slots: int) -> None:
        if slots > self.existing and (self.broken or not self.reachable or slots > self.most):
            raise ProvisionError(f"{slots} slots are wanted, {self.existing} exist and no more came")
