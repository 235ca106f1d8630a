"""A log in memory that a peers' port can serve, which remembers who said what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.messages import Announcement, Page, Position
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.grpc.server import PeerServer
from adaptor.sharing.identity import Identity, load_or_create

MANIFEST = b"the rules of a log"
LOG = cid_of(MANIFEST)
EPOCH = b"epoch of a store"
HEARD_WITHIN_S = 10.0


def an_identity(path: Path | None = None) -> Identity:
    """A new one, or the one in a file."""
    return load_or_create(path) if path else Identity(Ed25519PrivateKey.generate())


def an_announcement(*blocks: bytes, height: int = 1) -> Announcement:
    """News of some blocks."""
    heads = tuple((cid_of(block), height) for block in blocks)
    return Announcement(heads=heads, position=Position(EPOCH, height), blocks=blocks, address="127.0.0.1:4401")


@dataclass
class ServedLog:
    """A log of blocks.

    Attributes:
        held: Blocks in the order of application.
        page_blocks: Blocks of a page.
        heard: What was said, by whom, in how many bytes.
        refusals: Reports of refused calls.
        before: Awaited before each answer: may wait, or raise.
    """

    held: Sequence[bytes] = ()
    page_blocks: int = 100
    heard: list[tuple[str, Announcement, int]] = field(default_factory=list)
    refusals: list[tuple[str, RefusalReason, str]] = field(default_factory=list)
    before: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        self._news = asyncio.Event()

    async def met(self, peer: str, said: Announcement, size_bytes: int) -> Announcement:
        """Remember what was said; names the last block as the head."""
        await self._wait()
        self.heard.append((peer, said, size_bytes))
        self._news.set()
        return Announcement(
            heads=tuple((cid_of(block), 1) for block in self.held[-1:]), position=self._at(len(self.held))
        )

    async def blocks(self, cids: Iterable[Cid]) -> list[bytes]:
        """Those that are held."""
        await self._wait()
        by_name = {cid_of(block): block for block in self.held}
        return [by_name[cid] for cid in cids if cid in by_name]

    async def page(self, after: Position | None) -> Page:
        """The next blocks."""
        await self._wait()
        start = after.sequence if after is not None and after.epoch == EPOCH else 0
        end = min(start + self.page_blocks, len(self.held))
        return Page(blocks=tuple(self.held[start:end]), position=self._at(end), more=end < len(self.held))

    def manifest(self) -> bytes:
        """The rules."""
        return MANIFEST

    def gave(self, peer: str, size_bytes: int) -> None:
        """Bytes went to a peer."""

    async def refused(self, peer: str, reason: RefusalReason, text: str) -> None:
        """Remember a refused call."""
        self.refusals.append((peer, reason, text))

    async def hears(self) -> Announcement:
        """What was said last, as soon as something was."""
        await asyncio.wait_for(self._news.wait(), HEARD_WITHIN_S)
        return self.heard[-1][1]

    def forget(self) -> None:
        """Begin to listen anew."""
        self.heard.clear()
        self._news.clear()

    async def _wait(self) -> None:
        waited = self.before() if self.before else None
        if asyncio.iscoroutine(waited):
            await waited

    @staticmethod
    def _at(sequence: int) -> Position:
        return Position(EPOCH, sequence)


def a_port(log: ServedLog, identity: Identity, **fields: object) -> PeerServer:
    """A port on loopback that serves it."""
    return PeerServer(log, identity=identity, **{"log_id": LOG, **fields})  # type: ignore[arg-type]
