"""Peers in one process: calls go straight to the other log, and fail where a test says so."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.errors import PeerCallError
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.messages import Announcement, Page, Position
from adaptor.sharing.shared_log import SharedLog

BYTES_OF_A_MESSAGE = 100
"""What every message counts for: nothing is written as bytes here."""


class LoopNetwork:
    """Finds logs by address.

    Attributes:
        logs: By address.
        cut: Addresses that do not answer.
        calls: How often each kind of call was made.
    """

    def __init__(self) -> None:
        self.logs: dict[str, SharedLog] = {}
        self.cut: set[str] = set()
        self.calls: dict[str, int] = {}

    def transport(self, own: str) -> LoopTransport:
        """The way from one peer to all others."""
        return LoopTransport(self, own)


class LoopTransport:
    """Calls another log of the network."""

    def __init__(self, network: LoopNetwork, own: str) -> None:
        self._network = network
        self._own = own

    async def meet(self, peer: str, address: str, said: Announcement) -> tuple[Announcement, int]:
        """Tell a peer what is held here."""
        return await self._log("meet", peer, address).met(self._own, said, BYTES_OF_A_MESSAGE), BYTES_OF_A_MESSAGE

    async def fetch(self, peer: str, address: str, cids: Sequence[Cid]) -> tuple[list[bytes], int]:
        """Blocks by name."""
        return await self._log("fetch", peer, address).blocks(cids), BYTES_OF_A_MESSAGE

    async def pull(self, peer: str, address: str, after: Position) -> tuple[Page, int]:
        """What a peer applied after a position."""
        return await self._log("pull", peer, address).page(after), BYTES_OF_A_MESSAGE

    async def close(self) -> None:
        """Nothing is open."""

    def _log(self, kind: str, peer: str, address: str) -> SharedLog:
        self._network.calls[kind] = self._network.calls.get(kind, 0) + 1
        if address in self._network.cut or self._own in self._network.cut or address not in self._network.logs:
            raise PeerCallError(peer, "it does not answer")
        return self._network.logs[address]
