"""Blocks read ahead of being taken, on threads of their own: nearly all of it is checking signatures.

While a signature is checked the event loop is free, so a page of a log costs others who need the loop next to nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Reading, readings
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.replica import NOTHING_AHEAD
from adaptor.sharing.precedence import Precedence

READ_INLINE = 4
"""Blocks that are not read ahead where there are no more: reading one takes 0.2 ms, another thread as long to begin."""

READ_TOGETHER = 32
"""Blocks read by one thread at a time: 6 ms of work, during which other threads run."""

READERS = 2
"""Threads that read blocks, each with one part at work and one waiting."""


class BlockReader:
    """The threads.

    Args:
        manifest: Rules of the log.
        precedence: Lets barrier calls go first.
    """

    def __init__(self, manifest: Manifest, precedence: Precedence) -> None:
        self._log = manifest.log_id
        self._limits = manifest.limits
        self._precedence = precedence
        self._threads = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="log-reader")

    def close(self) -> None:
        """End the threads; nothing may be read afterwards."""
        self._threads.shutdown(wait=True)

    async def parts(
        self, blocks: Sequence[bytes], *, knows: Callable[[Cid], bool]
    ) -> AsyncIterator[tuple[Sequence[bytes], Mapping[Cid, Reading]]]:
        """The blocks of a message part by part, each with what reading those of it came to that are news.

        Args:
            blocks: Of the message.
            knows: Whether a block need not be read.
        """
        if len(blocks) <= READ_INLINE:
            yield blocks, NOTHING_AHEAD
            return
        parts = (blocks[start : start + READ_TOGETHER] for start in range(0, len(blocks), READ_TOGETHER))
        begun = deque((part, self._begin(part, knows)) for part in islice(parts, 2 * READERS))
        while begun:
            part, read = begun.popleft()
            yield part, await read
            begun.extend((following, self._begin(following, knows)) for following in islice(parts, 1))

    def _begin(self, part: Sequence[bytes], knows: Callable[[Cid], bool]) -> asyncio.Future[Mapping[Cid, Reading]]:
        news = [block for block in part if not knows(cid_of(block))]
        return asyncio.get_running_loop().run_in_executor(self._threads, self._read, news)

    def _read(self, blocks: Sequence[bytes]) -> Mapping[Cid, Reading]:
        return readings(self._giving_way(blocks), log=self._log, limits=self._limits)

    def _giving_way(self, blocks: Sequence[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._precedence.pause()
            yield block
