"""What a shared log needs of the world: a way to its peers, and a place for blocks that others can read from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.messages import Announcement, Page, Position


class Transport(Protocol):
    """Calls peers. Every method ends within a bounded time and may raise `PeerCallError`."""

    async def meet(self, peer: str, address: str, said: Announcement) -> tuple[Announcement, int] | None:
        """Tell a peer what is held here.

        Returns:
            What it holds and the bytes of its answer; ``None`` where there is no answer, as from a swarm.
        """
        ...

    async def fetch(self, peer: str, address: str, cids: Sequence[Cid]) -> tuple[list[bytes], int]:
        """Blocks by name, those that the peer has, and how many bytes they came in."""
        ...

    async def pull(self, peer: str, address: str, after: Position) -> tuple[Page, int]:
        """What a peer applied after a position, and how many bytes it came in."""
        ...

    async def close(self) -> None:
        """End all calls and connections."""
        ...


class BlockStore(Protocol):
    """Keeps blocks by name. Every method may raise an `AdaptorError`."""

    async def put(self, blocks: Mapping[Cid, bytes]) -> None:
        """Keep blocks; may be repeated."""
        ...

    async def get(self, cid: Cid) -> bytes | None:
        """A block, if it is held."""
        ...

    async def holds(self, cids: Collection[Cid]) -> set[Cid]:
        """Those of the blocks that are held."""
        ...
