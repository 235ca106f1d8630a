"""Blocks that somebody who means harm would make, each with what is wrong with it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.api.v1 import log_pb2
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import SIGNED_PREFIX, Entry, Kind, SignedEntry, signed
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.state import Node

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CHAIN = 40
"""Entries of a chain that leads down to nothing: more than wait of one peer's if others need the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """Something to be told to a peer.

    Attributes:
        blocks: To be given along.
        forged: Names of those that may never be applied.
        hoard: Blocks that are only given when asked for.
        heads: To be named.
        split: Whether each block goes to another peer.
    """

    blocks: tuple[bytes, ...] = ()
    forged: frozenset[Cid] = frozenset()
    hoard: Mapping[Cid, bytes] = field(default_factory=dict)
    heads: tuple[tuple[Cid, int], ...] = ()
    split: bool = False


def invented(chance: random.Random) -> Cid:
    """The name of a block that nobody has."""
    return cid_of(chance.randbytes(32))


class Pen:
    """One author's chain of entries, written without asking the rules.

    Args:
        key: The author's.
        log: Log id.
    """

    def __init__(self, key: Ed25519PrivateKey, log: Cid) -> None:
        self.key = key
        self.author = key.public_key().public_bytes_raw()
        self.log = log
        self.number = 0
        self.previous: Cid | None = None
        self.at_ms = 0
        self.written: dict[int, int] = {}

    def draft(self, parents: Mapping[Cid, Node], *, now_ms: int, payload: bytes = b"") -> Entry:
        """The next entry as the rules want it."""
        height = 1 + max((node.height for node in parents.values()), default=0)
        return Entry(
            log=self.log,
            kind=Kind.CONTRIBUTION,
            author=self.author,
            number=self.number + 1,
            previous=self.previous,
            parents=tuple(sorted(parents)),
            skips=(),
            height=height,
            at_ms=max(now_ms, self.at_ms, *(node.at_ms for node in parents.values()), 0),
            payload=payload,
        )

    def keep(self, one: SignedEntry) -> None:
        """Go on after this entry."""
        self.number, self.previous, self.at_ms = one.entry.number, one.cid, one.entry.at_ms
        hour = one.entry.at_ms // HOUR_MS
        self.written[hour] = self.written.get(hour, 0) + 1


class Forger:
    """Makes forgeries upon what one replica holds.

    Args:
        replica: Gives what is known of the log now.
        manifest: Rules of the log.
        keys: Of a writer, of a writer that floods, of somebody who is no writer where writers are listed, and of one
            who becomes a writer late.
        victims: Public keys of honest authors.
        chance: Of choices.
    """

    def __init__(
        self,
        replica: Callable[[], Replica],
        manifest: Manifest,
        keys: Sequence[Ed25519PrivateKey],
        victims: Sequence[bytes],
        chance: random.Random,
    ) -> None:
        self._replica = replica
        self._manifest = manifest
        self.chance = chance
        self._victims = victims
        log = manifest.log_id
        self.pen, self.flooder, self.stranger, self.candidate = (Pen(key, log) for key in keys)

    def make(self, name: str, now_s: float) -> Forgery:
        """The forgery of this name."""
        return FORGERIES[name](self, int(now_s * 1000))

    def parents(self) -> dict[Cid, Node]:
        """Some of the log's heads, as many as an entry may name."""
        replica = self._replica()
        heads = sorted(replica.heads)[: self._manifest.limits.parents]
        return {cid: replica.applied[cid] for cid in heads}

    def draft(self, now_ms: int) -> Entry:
        """An entry as the rules want it, to be spoilt."""
        return self.pen.draft(self.parents(), now_ms=now_ms, payload=self.chance.randbytes(12))

    def spoilt(self, entry: Entry, key: Ed25519PrivateKey | None = None) -> Forgery:
        """An entry that is signed, yet wrong."""
        return only(signed(entry, key or self.pen.key).block)

    # --- entries that are wrong in themselves ---------------------------------------------------------------

    def wrong_signature(self, now_ms: int) -> Forgery:
        """A bit of the signature is another."""
        block = bytearray(signed(self.draft(now_ms), self.pen.key).block)
        block[20] ^= 1
        return only(bytes(block))

    def key_of_another(self, now_ms: int) -> Forgery:
        """In an honest author's name, signed by somebody else."""
        victim = self.chance.choice(self._victims)
        return self.spoilt(replace(self.draft(now_ms), author=victim, number=1, previous=None))

    def not_canonical(self, now_ms: int) -> Forgery:
        """A number is written longer than need be, and signed so."""
        entry = self.draft(now_ms)
        key = dag_cbor.text("height")
        long = key + b"\x1b" + entry.height.to_bytes(8, "big")
        body = entry.body.replace(key + dag_cbor.unsigned(entry.height), long)
        signature = self.pen.key.sign(SIGNED_PREFIX + body)
        return only(b"\xa2" + dag_cbor.text("sig") + b"\x58\x40" + signature + dag_cbor.text("body") + body)

    def other_log(self, now_ms: int) -> Forgery:
        """Right, but in another log."""
        return self.spoilt(replace(self.draft(now_ms), log=cid_of(b"another manifest")))

    def too_large(self, now_ms: int) -> Forgery:
        """More bytes than the log allows."""
        return self.spoilt(replace(self.draft(now_ms), payload=bytes(self._manifest.limits.entry_bytes)))

    def too_many_parents(self, now_ms: int) -> Forgery:
        """More parents than the log allows."""
        count = self._manifest.limits.parents + 1
        return self.spoilt(replace(self.draft(now_ms), parents=tuple(sorted(self.cids(count)))))

    def bombs(self, _now_ms: int) -> Forgery:
        """Nesting without end, a number of a thousand digits, a number that is none."""
        return join(only(b"\x81" * 1500 + b"\x00"), only(b"\xc2\x59\x04\x00" + b"\xff" * 1024), only(b"\xf9\x7e\x00"))

    # --- entries that are wrong beside others ---------------------------------------------------------------

    def wrong_height(self, now_ms: int) -> Forgery:
        """One too high."""
        entry = self.draft(now_ms)
        return self.spoilt(replace(entry, height=entry.height + 1 + (not entry.parents)))

    def absurd_height(self, now_ms: int) -> Forgery:
        """As high as numbers go."""
        entry = self.draft(now_ms)
        return self.spoilt(replace(entry, height=dag_cbor.MAX_INTEGER, parents=entry.parents or self.cids(1)))

    def invented_parents(self, now_ms: int) -> Forgery:
        """Parents and skip links that nobody has."""
        entry = replace(self.draft(now_ms), parents=tuple(sorted(self.cids(2))), skips=tuple(sorted(self.cids(4))))
        return self.spoilt(replace(entry, height=self._replica().top + 1 + (self._replica().top == 0)))

    def endless_ancestors(self, now_ms: int) -> Forgery:
        """A chain of which only the head is named, and the bottom needs what nobody has."""
        below, chain = self.cids(1)[0], {}
        top = self._replica().top
        for height in range(top + 2, top + 2 + CHAIN):
            entry = replace(self.draft(now_ms), parents=(below,), height=height)
            one = signed(entry, self.pen.key)
            chain[one.cid] = one.block
            below = one.cid
        return Forgery(hoard=chain, forged=frozenset(chain), heads=((below, top + 1 + CHAIN),))

    def backdated(self, now_ms: int) -> Forgery:
        """Before its parents."""
        entry = self.draft(now_ms)
        return self.spoilt(replace(entry, at_ms=0)) if entry.parents else Forgery()

    def far_future(self, now_ms: int) -> Forgery:
        """Tomorrow."""
        return self.spoilt(replace(self.draft(now_ms), at_ms=now_ms + DAY_MS))

    def broken_chain(self, now_ms: int) -> Forgery:
        """Numbers left out, or upon another author's entry."""
        entry = self.draft(now_ms)
        skipping = replace(entry, number=entry.number + 5, previous=entry.previous or self.cids(1)[0])
        upon = next((cid for cid, node in self.parents().items() if node.author != self.pen.author), None)
        stolen = self.spoilt(replace(entry, previous=upon, number=max(2, entry.number))) if upon else Forgery()
        return join(self.spoilt(skipping), stolen)

    def not_the_founder(self, now_ms: int) -> Forgery:
        """A membership entry by somebody who may not write any."""
        payload = log_pb2.Membership(
            operation=log_pb2.MEMBERSHIP_OPERATION_ADD, key=self.stranger.author
        ).SerializeToString()
        return self.spoilt(replace(self.draft(now_ms), kind=Kind.MEMBERSHIP, payload=payload))

    def child_of_refused(self, now_ms: int) -> Forgery:
        """Something wrong, and something upon it that is right but for that; in either order."""
        entry = self.draft(now_ms)
        wrong = signed(replace(entry, height=entry.height + 1 + (not entry.parents)), self.pen.key)
        child = replace(entry, parents=(wrong.cid,), height=wrong.entry.height + 1)
        both = [only(wrong.block), self.spoilt(child)]
        self.chance.shuffle(both)
        return join(*both)

    def stranger_writes(self, now_ms: int) -> Forgery:
        """By a key that nobody admitted; where anybody may write, it is right."""
        one = signed(self.stranger.draft(self.parents(), now_ms=now_ms), self.stranger.key)
        self.stranger.keep(one)
        forged = self._manifest.writers is not None
        return only(one.block) if forged else Forgery(blocks=(one.block,))

    def candidate_writes(self, now_ms: int) -> Forgery:
        """By a key that is admitted late: until then it is refused, but not for ever."""
        one = signed(self.candidate.draft(self.parents(), now_ms=now_ms), self.candidate.key)
        self.candidate.keep(one)
        return Forgery(blocks=(one.block,))

    # --- what is right, and yet meant ill -------------------------------------------------------------------

    def valid(self, now_ms: int) -> Forgery:
        """Nothing is wrong with it."""
        one = signed(self.draft(now_ms), self.pen.key)
        self.pen.keep(one)
        return Forgery(blocks=(one.block,))

    def near_future(self, now_ms: int) -> Forgery:
        """A little further ahead than some clocks allow; later it is right."""
        one = signed(replace(self.draft(now_ms), at_ms=now_ms + 250_000), self.pen.key)
        self.pen.keep(one)
        return Forgery(blocks=(one.block,))

    def equivocation(self, now_ms: int) -> Forgery:
        """Two entries of one number, for different peers. Both are part of the log."""
        first, second = (signed(self.draft(now_ms), self.pen.key) for _ in range(2))
        self.pen.keep(first)
        return Forgery(blocks=(first.block, second.block), split=True)

    def flood(self, now_ms: int) -> Forgery:
        """More entries within an hour than the log allows: those beyond must be refused, and all upon them."""
        pen, most = self.flooder, self._manifest.limits.entries_per_hour
        entries: list[SignedEntry] = []
        forged: set[Cid] = set()
        parents = self.parents()
        while len(forged) < 3:  # noqa: PLR2004 - a few
            one = signed(pen.draft(parents, now_ms=now_ms), pen.key)
            pen.keep(one)
            entries.append(one)
            if pen.written[one.entry.at_ms // HOUR_MS] > most:
                forged.add(one.cid)
            parents = {one.cid: Node(one.entry.height, one.entry.at_ms, pen.author, one.entry.number, 0)}
        blocks = tuple(one.block for one in entries)
        return Forgery(
            blocks=blocks, forged=frozenset(forged), hoard=dict(zip(map(cid_of, blocks), blocks, strict=True))
        )

    def cids(self, count: int) -> tuple[Cid, ...]:
        """So many names of nothing."""
        return tuple(invented(self.chance) for _ in range(count))


def only(block: bytes) -> Forgery:
    """One block that may never be applied."""
    return Forgery(blocks=(block,), forged=frozenset((cid_of(block),)))


def join(*forgeries: Forgery) -> Forgery:
    """Several at once."""
    blocks = tuple(block for one in forgeries for block in one.blocks)
    return Forgery(blocks=blocks, forged=frozenset().union(*(one.forged for one in forgeries)))


FORGERIES: dict[str, Callable[[Forger, int], Forgery]] = {
    method.__name__: method
    for method in (
        Forger.wrong_signature,
        Forger.key_of_another,
        Forger.not_canonical,
        Forger.other_log,
        Forger.too_large,
        Forger.too_many_parents,
        Forger.bombs,
        Forger.wrong_height,
        Forger.absurd_height,
        Forger.invented_parents,
        Forger.endless_ancestors,
        Forger.backdated,
        Forger.far_future,
        Forger.broken_chain,
        Forger.not_the_founder,
        Forger.child_of_refused,
        Forger.stranger_writes,
        Forger.candidate_writes,
        Forger.valid,
        Forger.near_future,
        Forger.equivocation,
        Forger.flood,
    )
}
"""By name: what an adversary can make."""
