"""Entries that arrive at a service from a peer in another process, as load beside whatever else is measured."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adaptor.experiments.sharing_bench.peer_process import PeerProcess
from adaptor.experiments.sharing_bench.records import BATCH
from adaptor.sharing.participation import Participation

WRITE_S_PER_RECORD = 0.02
"""Longest time for the peer to write a record: twenty times what it should take."""

LOOK_S = 0.02
"""Pause between two looks at whether everything has arrived."""


class Arrival:
    """Entries on their way to a service.

    Args:
        sharing: The service's part in the log.
        expected: How many entries come.
    """

    def __init__(self, sharing: Participation, expected: int) -> None:
        self._sharing = sharing
        self.expected = expected
        self.began_s = time.perf_counter()

    @property
    def arrived(self) -> int:
        """Entries that are applied at the service."""
        return len(self._sharing.open.log.exchange.replica.applied)

    @property
    def indexed(self) -> int:
        """Entries that its queries find."""
        return self._sharing.open.digest.position

    @property
    def going_on(self) -> bool:
        """Whether there is still something to be taken in."""
        return self.indexed < self.expected

    async def completed(self, *, within_s: float) -> float | None:
        """Wait until everything is taken in; seconds since the service joined, ``None`` if it takes longer."""
        until_s = time.perf_counter() + within_s
        while self.going_on:
            if time.perf_counter() > until_s:
                return None
            await asyncio.sleep(LOOK_S)
        return time.perf_counter() - self.began_s


@asynccontextmanager
async def arriving(sharing: Participation, entries: int) -> AsyncIterator[Arrival]:
    """Let a peer write entries, one for each record, and a service join its log, which then fetches them.

    Args:
        sharing: The service's part, in no log so far.
        entries: How many.
    """
    with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder:
        peer = await PeerProcess.start("peer", Path(folder), {"sharing.listen": "127.0.0.1:0"})
        try:
            await peer.call("create", entries_per_hour=entries)
            limit_s = max(60.0, WRITE_S_PER_RECORD * entries)
            await peer.call("publish", answer_s=limit_s, first=0, count=entries, batch=BATCH, apart=True)
            invited = await peer.call("invite")
            arrival = Arrival(sharing, entries)
            await sharing.join(invited["invitation"])
            yield arrival
        finally:
            await peer.stop()
