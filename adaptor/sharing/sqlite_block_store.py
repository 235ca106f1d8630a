"""Blocks in the log's own file: the block store that needs nothing else, and from which peers are served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.log_file import LogFile

OnFile = Callable[..., Awaitable[Any]]
"""Runs a method of the file on the file's thread."""


class SqliteBlockStore:
    """The store.

    Args:
        file: Where the blocks lie.
        on_file: Runs a method of it on its thread.
    """

    def __init__(self, file: LogFile, on_file: OnFile) -> None:
        self._file = file
        self._on_file = on_file

    async def put(self, blocks: Mapping[Cid, bytes]) -> None:
        """Keep blocks; may be repeated.

        Raises:
            StateDirectoryError: If they could not be written.
        """
        await self._on_file(self._file.put_blocks, tuple(blocks.items()))

    async def get(self, cid: Cid) -> bytes | None:
        """A block, if it is held.

        Raises:
            StateDirectoryError: If the file fails.
        """
        found: dict[Cid, bytes] = await self._on_file(self._file.blocks, (cid,))
        return found.get(cid)

    async def holds(self, cids: Collection[Cid]) -> set[Cid]:
        """Those of the blocks that are held.

        Raises:
            StateDirectoryError: If the file fails.
        """
        return set(await self._on_file(self._file.blocks, tuple(cids)))
