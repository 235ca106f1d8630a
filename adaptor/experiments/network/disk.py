"""A simulated disk of one replica: what a step changes is there as a whole or, if the machine dies meanwhile, not.

Blocks may come to disk without the step they belong to: that is what a torn write leaves where blocks have a store of
their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Entry, Kind
from adaptor.sharing.core.exchange import Step
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.messages import Page, Position
from adaptor.sharing.core.peers import AddressBook, Peer
from adaptor.sharing.core.state import LogState, Missing, Node, Waiting
from adaptor.sharing.core.writers import Writers


@dataclass(slots=True)
class Disk:
    """One replica's disk.

    Attributes:
        epoch: Of the store.
        blocks: Blocks by name, those of torn writes as well.
        order: Applied entries in the order of application.
        nodes: What is kept of each.
        memberships: Applied membership entries, in order.
        heads: Applied entries that nobody builds upon.
        waiting: Entries without all of their parents.
        missing: Blocks to be fetched.
        refused: Blocks refused for good, the newest last.
        peers: What lasts of each peer.
    """

    epoch: bytes
    blocks: dict[Cid, bytes] = field(default_factory=dict)
    order: list[Cid] = field(default_factory=list)
    nodes: dict[Cid, Node] = field(default_factory=dict)
    memberships: list[Entry] = field(default_factory=list)
    heads: frozenset[Cid] = frozenset()
    waiting: dict[Cid, Waiting] = field(default_factory=dict)
    missing: dict[Cid, Missing] = field(default_factory=dict)
    refused: dict[Cid, None] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)

    def write(self, step: Step, book: AddressBook) -> None:
        """Write a step as a whole: what goes first, then what comes."""
        changes = step.changes
        for cid in changes.not_waiting:
            self.waiting.pop(cid, None)
        for cid in changes.found:
            self.missing.pop(cid, None)
        for cid in changes.dropped:
            self.blocks.pop(cid, None)
        for cid in changes.forgotten:
            self.refused.pop(cid, None)
        self.blocks.update(changes.blocks)
        self.waiting.update(changes.waiting)
        self.refused.update(changes.refused)
        self.missing.update(changes.missing)
        for one in changes.applied:
            self.order.append(one.cid)
            self.nodes[one.cid] = one.node
            if one.entry.kind is Kind.MEMBERSHIP:
                self.memberships.append(one.entry)
        if changes.heads is not None:
            self.heads = changes.heads
        self._write_peers(step.peers, book)

    def tear(self, step: Step) -> None:
        """Write the blocks of a step and nothing else of it."""
        self.blocks.update(step.changes.blocks)

    def state(self, manifest: Manifest) -> tuple[LogState, Writers]:
        """What a replica starts from."""
        writers = Writers(manifest)
        for entry in self.memberships:
            writers.admit(entry)
        state = LogState(
            epoch=self.epoch,
            applied={cid: self.nodes[cid] for cid in self.order},
            heads=self.heads,
            waiting=dict(self.waiting),
            missing=dict(self.missing),
            refused=list(self.refused),
        )
        return state, writers

    def known_peers(self) -> list[Peer]:
        """Peers of earlier."""
        return [_lasting(one) for one in self.peers.values()]

    def some_blocks(self, cids: Sequence[Cid], *, most_bytes: int) -> list[bytes]:
        """Blocks that are held, as many as fit, at least one if any is."""
        given: list[bytes] = []
        size = 0
        for block in (self.blocks[cid] for cid in cids if cid in self.blocks):
            size += len(block)
            if given and size > most_bytes:
                break
            given.append(block)
        return given

    def page(self, after: Position | None, *, most: int, most_bytes: int) -> Page:
        """What was applied after a position."""
        start = after.sequence if after is not None and after.epoch == self.epoch else 0
        blocks = self.some_blocks(self.order[start : start + most], most_bytes=most_bytes)
        last = min(start, len(self.order)) + len(blocks)
        return Page(blocks=tuple(blocks), position=Position(self.epoch, last), more=last < len(self.order))

    def _write_peers(self, names: Iterable[str], book: AddressBook) -> None:
        for name in sorted(names):
            one = book.get(name)
            if one is None:
                self.peers.pop(name, None)
            else:
                self.peers[name] = _lasting(one)


def _lasting(one: Peer) -> Peer:
    return Peer(
        one.peer,
        one.address,
        one.swarm,
        one.cursor,
        last_heard_s=one.last_heard_s,
        bytes_in=one.bytes_in,
        bytes_out=one.bytes_out,
        refusals=one.refusals,
    )
