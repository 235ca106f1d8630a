"""Small logs for tests: authors who write as the rules want it, replicas, and everything one needs to break a rule."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.api.v1 import log_pb2
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Entry, Kind, SignedEntry, signed
from adaptor.sharing.core.exchange import Exchange
from adaptor.sharing.core.limits import LogLimits, ReplicaLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.peers import AddressBook
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.state import Changes, LogState
from adaptor.sharing.core.writers import Writers

NOW_S = 1_800_000_000.0
NOW_MS = int(NOW_S * 1000)
FOUNDER = "founder"
PEER = "ab" * 32
"""Somebody who gives blocks."""


def a_key(name: str) -> Ed25519PrivateKey:
    """The key of somebody."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def public(name: str) -> bytes:
    """The public key of somebody."""
    return a_key(name).public_key().public_bytes_raw()


def a_manifest(*, writers: Sequence[str] | None = None, **limits: int) -> Manifest:
    """The rules of a log: anybody may write, or the named alone."""
    return Manifest(
        name="test",
        founder=public(FOUNDER),
        writers=None if writers is None else tuple(map(public, writers)),
        quorum=2,
        salt=bytes(32),
        limits=LogLimits(**limits),
    )


class Scribe:
    """Somebody who writes entries one after another.

    Args:
        name: Whose key signs.
        manifest: Of the log.
    """

    def __init__(self, name: str, manifest: Manifest) -> None:
        self.name = name
        self.manifest = manifest
        self.last: SignedEntry | None = None

    def draft(self, *parents: SignedEntry, **changes: Any) -> Entry:
        """The next entry, with what is to be other than the rules want it."""
        last = self.last
        before = [*parents, *((last,) if last else ())]
        fields: dict[str, Any] = {
            "log": self.manifest.log_id,
            "kind": Kind.CONTRIBUTION,
            "author": public(self.name),
            "number": 1 + (last.entry.number if last else 0),
            "previous": last.cid if last else None,
            "parents": tuple(sorted({one.cid for one in parents})),
            "skips": (),
            "height": 1 + max((one.entry.height for one in parents), default=0),
            "at_ms": max((NOW_MS, *(one.entry.at_ms for one in before))),
            "payload": b"",
        }
        return Entry(**{**fields, **changes})

    def write(self, *parents: SignedEntry, **changes: Any) -> SignedEntry:
        """The next entry, signed."""
        self.last = self.wrong(*parents, **changes)
        return self.last

    def wrong(self, *parents: SignedEntry, **changes: Any) -> SignedEntry:
        """An entry after which nothing goes on: the next one of this scribe's takes no notice of it."""
        return signed(self.draft(*parents, **changes), a_key(self.name))

    def chain(self, length: int, *parents: SignedEntry) -> list[SignedEntry]:
        """Entries, each upon the one before."""
        found: list[SignedEntry] = []
        for _ in range(length):
            found.append(self.write(*(found[-1:] or parents)))
        return found


def a_membership(name: str, *, revoked_after: int | None = None) -> dict[str, Any]:
    """Fields of an entry that admits or revokes somebody."""
    add, revoke = log_pb2.MEMBERSHIP_OPERATION_ADD, log_pb2.MEMBERSHIP_OPERATION_REVOKE
    said = log_pb2.Membership(
        operation=add if revoked_after is None else revoke, key=public(name), through_number=revoked_after or 0
    )
    return {"kind": Kind.MEMBERSHIP, "payload": said.SerializeToString()}


def a_replica(manifest: Manifest, state: LogState | None = None, **limits: Any) -> Replica:
    """A replica, empty or of this state."""
    return Replica(manifest, ReplicaLimits(**limits), state or LogState(epoch=bytes(16)), Writers(manifest))


def given(replica: Replica, *blocks: SignedEntry | bytes, peer: str = PEER, now_s: float = NOW_S) -> Changes:
    """What a replica makes of blocks that come in one message."""
    changes = Changes()
    raw = [one if isinstance(one, bytes) else one.block for one in blocks]
    replica.receive(raw, peer=peer, now_s=now_s, changes=changes)
    return changes


def an_exchange(
    manifest: Manifest, *, name: str = "me", seed: int = 0, state: LogState | None = None, **limits: Any
) -> Exchange:
    """The conversation of a replica, with an empty address book."""
    replica = a_replica(manifest, state, **limits)
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    book = AddressBook(replica.limits, own=public(name).hex(), chance=chance)
    return Exchange(replica, book, chance=chance, address=f"{name}:1")


def in_order(replica: Replica) -> list[Cid]:
    """Entries as every replica orders them."""
    return sorted(replica.applied, key=lambda cid: (replica.applied[cid].height, cid))


def names(entries: Iterable[SignedEntry]) -> list[Cid]:
    """Their CIDs."""
    return [one.cid for one in entries]


def nobodys(count: int, *, seed: int = 0) -> tuple[Cid, ...]:
    """Names of blocks that nobody has, ascending."""
    return tuple(sorted(cid_of(f"{seed} {i}".encode()) for i in range(count)))


def reasons(changes: Changes, peer: str = PEER) -> set[RefusalReason]:
    """Why things were refused, all of them of one peer.

    Raises:
        AssertionError: If something of anybody else was refused.
    """
    if others := {one.peer for one in changes.refusals} - {peer}:
        raise AssertionError(f"refused of {others}")
    return {one.reason for one in changes.refusals}


def appended(replica: Replica, count: int = 1, *, name: str = "me", now_s: float = NOW_S) -> Changes:
    """Entries that a replica writes itself."""
    changes = Changes()
    for _ in range(count):
        replica.append(Kind.CONTRIBUTION, b"", key=a_key(name), now_s=now_s, changes=changes)
    return changes
