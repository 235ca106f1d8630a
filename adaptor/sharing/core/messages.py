"""What peers say to each other, as values; `adaptor.sharing.core.wire` writes and reads them as bytes."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.sharing.core.cid import Cid


@dataclass(frozen=True, slots=True)
class Position:
    """How far a peer got in its own order of application.

    Attributes:
        epoch: Of the peer's store; a position means nothing in another one.
        sequence: Entries applied.
    """

    epoch: bytes
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a peer holds, and what is new.

    Attributes:
        heads: Each with its height.
        position: How far the sender got; ``None`` if it serves no pages.
        blocks: News, each after its parents.
        address: Where the sender can be reached; empty if nowhere.
        peers: Some peers that the sender knows, with their addresses.
    """

    heads: tuple[tuple[Cid, int], ...]
    position: Position | None = None
    blocks: tuple[bytes, ...] = ()
    address: str = ""
    peers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Blocks in the order in which a peer applied them.

    Attributes:
        blocks: Each after its parents.
        position: Where the next page begins.
        more: Whether there is one.
    """

    blocks: tuple[bytes, ...]
    position: Position
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Meet:
    """Tell a peer our heads and news, and hear its heads."""

    peer: str
    announcement: Announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Ask a peer for blocks."""

    peer: str
    cids: tuple[Cid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Ask a peer for what it applied after a position."""

    peer: str
    after: Position


Call = Meet | Fetch | Pull
