"""Blocks kept by a Kubo node, where the swarm can fetch them.

A batch is stored and pinned by one call (`adaptor.sharing.kubo.car` says how), so that Kubo's garbage collection spares
it. Putting 10,000 blocks of 500 bytes took 0.18 s in batches, 1,000 of them one by one 2 s; 500 that are stored by one
call and pinned each by itself with one more took 0.46 s. What is read is this node's alone: nothing waits for a peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping

from adaptor.errors import KuboUnavailableError
from adaptor.sharing.core.cid import Cid, cid_of, cid_text
from adaptor.sharing.kubo.api import KuboApi
from adaptor.sharing.kubo.car import batch_car

BATCH_BLOCKS = 1_000
"""Most blocks of one import: their root stays at 41 kB, far below what Kubo takes for a block."""

BATCH_BYTES = 8_388_608
"""Most bytes of one import, which is held in memory some three times meanwhile: 1,000 blocks of 8 kB."""

LOOKS_AT_ONCE = 32
"""Questions for single blocks on their way at once; more gain nothing on loopback."""


class KuboBlockStore:
    """The store. To be made and closed within one event loop.

    Args:
        api_url: Of the node's API, as ``http://127.0.0.1:5001``.
        timeout_s: Longest wait for one answer; an import of 1,000 blocks took 0.02 s.
        max_block_bytes: Longest block.
    """

    def __init__(self, api_url: str, *, timeout_s: float = 10.0, max_block_bytes: int = 262_144) -> None:
        self._api = KuboApi(api_url, timeout_s=timeout_s, connections=LOOKS_AT_ONCE, max_block_bytes=max_block_bytes)

    async def put(self, blocks: Mapping[Cid, bytes]) -> None:
        """Store and pin blocks; may be repeated.

        Args:
            blocks: Each by its name.

        Raises:
            KuboUnavailableError: Some may not be stored; put them again.
        """
        for batch in _batches(blocks):
            await self._api.import_car(batch_car(batch))

    async def get(self, cid: Cid) -> bytes | None:
        """A block, if this node holds it.

        Raises:
            KuboUnavailableError: The node does not answer as it should, for instance with other bytes.
        """
        block = await self._api.block(cid_text(cid), offline=True, timeout_s=self._api.timeout_s)
        if block is not None and cid_of(block) != cid:
            raise KuboUnavailableError(self._api.url, "gave other bytes than those of the block")
        return block

    async def holds(self, cids: Collection[Cid]) -> set[Cid]:
        """Those of the blocks that this node holds.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        todo = list(set(cids))
        held: set[Cid] = set()

        async def look() -> None:
            while todo:
                cid = todo.pop()
                if await self._api.holds(cid_text(cid)):
                    held.add(cid)

        await _all_or_none([asyncio.ensure_future(look()) for _ in range(min(LOOKS_AT_ONCE, len(todo)))])
        return held

    async def close(self) -> None:
        """End all connections."""
        await self._api.close()


async def _all_or_none(tasks: Collection[asyncio.Future[None]]) -> None:
    """Wait for tasks; at the first that fails, or if the caller is cancelled, the others are ended."""
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _batches(blocks: Mapping[Cid, bytes]) -> Iterator[list[tuple[Cid, bytes]]]:
    batch: list[tuple[Cid, bytes]] = []
    size_bytes = 0
    for cid, block in blocks.items():
        if batch and (len(batch) == BATCH_BLOCKS or size_bytes + len(block) > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append((cid, block))
        size_bytes += len(block)
    if batch:
        yield batch
