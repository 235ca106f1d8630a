"""Gives shareable observations to peers, each once, from a durable list of those not given yet."""

from __future__ import annotations

import asyncio

from adaptor.engine.ports import Publisher, RunStore


class Outbox:
    """The durable outbox; `deliver` empties it.

    Args:
        store: Keeps the list.
        publisher: The sharing port.
        batch: Most observations given at once.
    """

    def __init__(self, store: RunStore, publisher: Publisher, *, batch: int) -> None:
        self._store = store
        self._publisher = publisher
        self._batch = batch
        self.news = asyncio.Event()

    def wake(self) -> None:
        """Say that there may be something to give."""
        self.news.set()

    async def deliver(self) -> None:
        """Give everything that was not given yet. A crash in between gives again, which peers must bear.

        Raises:
            AdaptorError: If peers did not take it; it stays in the list.
        """
        while self._publisher.ready and (observations := await self._store.unpublished(limit=self._batch)):
            await self._publisher.publish(observations)
            await self._store.published([one.observation_id for one in observations])
