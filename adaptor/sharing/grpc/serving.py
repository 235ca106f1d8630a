"""What a server of the log needs of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.messages import Announcement, Page, Position
from adaptor.sharing.core.refusal import RefusalReason


class Serves(Protocol):
    """A log that peers ask. Every method may raise an `AdaptorError`, of which the caller learns nothing."""

    async def met(self, peer: str, said: Announcement, size_bytes: int) -> Announcement:
        """A peer said what it holds, in a message of so many bytes; says what is held here."""
        ...

    async def blocks(self, cids: Sequence[Cid]) -> list[bytes]:
        """Those of the blocks that are held, as many as fit into an answer, at least one if any is."""
        ...

    async def page(self, after: Position | None) -> Page:
        """What was applied here after a position; from the beginning if there is none, or it is of another store."""
        ...

    def manifest(self) -> bytes:
        """The manifest's block."""
        ...

    def gave(self, peer: str, size_bytes: int) -> None:
        """Count bytes given to a peer."""
        ...

    async def refused(self, peer: str, reason: RefusalReason, text: str) -> None:
        """A call was refused. The peer is the caller's name or, where it proved none, where it called from."""
        ...
