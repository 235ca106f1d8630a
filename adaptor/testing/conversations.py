"""What peers say to an exchange, and what it wants to be done: short words for tests of `Exchange`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptor.sharing.core.entry import Kind, SignedEntry
from adaptor.sharing.core.exchange import Exchange, Step
from adaptor.sharing.core.messages import Announcement, Fetch, Meet, Page, Position, Pull
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.core.state import Changes
from adaptor.testing import logs
from adaptor.testing.logs import NOW_S

EPOCH = b"e" * 16
"""Of the store of whoever speaks."""

ANN, BOB, BAD = (logs.public(name).hex() for name in ("ann", "bob", "bad"))


def said(*heads: SignedEntry, sequence: int = 0, address: str = "there:1", **more: object) -> Announcement:
    """What a peer says that has these heads and so many entries."""
    named = tuple((one.cid, one.entry.height) for one in heads)
    return replace(
        Announcement(heads=named, position=Position(EPOCH, sequence), address=address),
        **more,  # type: ignore[arg-type]
    )


def met(exchange: Exchange, what: Announcement, *, peer: str = ANN, size: int = 100, now_s: float = NOW_S) -> Step:
    """A peer speaks."""
    return exchange.met(peer, what, size_bytes=size, now_s=now_s)


def meets(step: Step) -> dict[str, Announcement]:
    """Who is told what."""
    return {call.peer: call.announcement for call in step.calls if isinstance(call, Meet)}


def fetches(step: Step) -> list[Fetch]:
    """Calls for blocks."""
    return [call for call in step.calls if isinstance(call, Fetch)]


def pulls(step: Step) -> list[Pull]:
    """Calls for pages."""
    return [call for call in step.calls if isinstance(call, Pull)]


def page(entries: Sequence[SignedEntry], *, upto: int, more: bool = False) -> Page:
    """A page of a peer."""
    return Page(blocks=tuple(one.block for one in entries), position=Position(EPOCH, upto), more=more)


def refused(step: Step) -> list[tuple[RefusalReason, str]]:
    """What was refused of whom."""
    return [(one.reason, one.peer) for one in step.changes.refusals]


def written(exchange: Exchange, count: int = 1, *, size: int = 0, name: str = "me") -> Step:
    """This replica writes entries."""
    changes = Changes()
    for _ in range(count):
        exchange.replica.append(Kind.CONTRIBUTION, bytes(size), key=logs.a_key(name), now_s=NOW_S, changes=changes)
    return exchange.appended(changes, now_s=NOW_S)


def acquainted(exchange: Exchange, *names: str) -> None:
    """These peers are known, and have been heard."""
    for name in names:
        met(exchange, said(address=f"{name}:1"), peer=logs.public(name).hex())
