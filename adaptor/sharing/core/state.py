"""What a replica knows, and what a step changes of it: everything that must be on disk before it is acted on.

`LogState` is what is loaded at start; `Changes` is what one step adds. Whoever runs a replica writes all changes of a
step at once or not at all, and only then delivers, answers or calls: so a crash at any point leaves a state from
before or after a step, and blocks that are on disk without their step having been written are only blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Entry, Kind
from adaptor.sharing.core.refusal import Refusal

SELF = "self"
"""Stands for this replica where a peer is named."""


@dataclass(frozen=True, slots=True)
class Node:
    """What is kept in memory of an applied entry.

    Attributes:
        height: Of the entry.
        at_ms: Its time.
        author: Its author's key.
        number: Which entry of its author it is.
        in_hour: How many entries its author wrote in that hour so far, itself included.
    """

    height: int
    at_ms: int
    author: bytes
    number: int
    in_hour: int


@dataclass(frozen=True, slots=True)
class Applied:
    """An entry that became part of the log.

    Attributes:
        sequence: Place in the order in which this replica applied, from 1, without gaps.
        cid: Name of its block, which is on disk.
        entry: What it says; without its payload if it had to wait (see `header`).
        node: What is kept of it in memory.
        peer: Who gave it.
    """

    sequence: int
    cid: Cid
    entry: Entry
    node: Node
    peer: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A checked entry whose parents are not all applied; its block is on disk.

    Attributes:
        entry: What it says; without its payload unless that is needed here (see `header`).
        peer: Who gave it.
        size_bytes: Of its block.
    """

    entry: Entry
    peer: str
    size_bytes: int


def header(entry: Entry) -> Entry:
    """The entry without its payload, except where the payload decides what becomes of other entries.

    Payloads are most of the log's bytes, and thousands of entries may wait at once.
    """
    return entry if entry.kind is Kind.MEMBERSHIP else replace(entry, payload=b"")


@dataclass(frozen=True, slots=True)
class Missing:
    """A block that is known to exist and not held.

    Attributes:
        since_s: When it was first heard of, seconds since the epoch.
        attempts: Tries that failed.
        next_try_s: When it may be asked for again.
        peers: Who spoke of it, the newest first; who names a block should have it.
        height: Upper bound of its height.
    """

    since_s: float
    attempts: int
    next_try_s: float
    peers: tuple[str, ...]
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What a replica starts from.

    Attributes:
        epoch: Made by chance when the store was made; positions in it mean something only together with it.
        applied: Every applied entry, in the order of application.
        heads: Applied entries that are nobody's parent.
        waiting: Entries without all of their parents.
        missing: Blocks to be fetched.
        refused: Blocks refused for good, the newest last.
    """

    epoch: bytes
    applied: Mapping[Cid, Node] = field(default_factory=dict)
    heads: frozenset[Cid] = frozenset()
    waiting: Mapping[Cid, Waiting] = field(default_factory=dict)
    missing: Mapping[Cid, Missing] = field(default_factory=dict)
    refused: Sequence[Cid] = ()


@dataclass(slots=True)
class Changes:
    """What one step changes; filled while it runs, then read only.

    What goes is to be removed before what is new is added: a block may do both within a step.

    Attributes:
        blocks: New checked blocks, applied or waiting.
        applied: New entries of the log, parents first.
        waiting: New waiting entries.
        dropped: Blocks that are needed no more.
        not_waiting: Entries that wait no more: applied or dropped.
        missing: New or changed missing blocks.
        found: Blocks that are missing no more.
        refusals: What was not taken.
        refused: Blocks refused for good that are to be remembered, the newest last.
        forgotten: Blocks refused for good that are remembered no more.
        heads: All heads after the step, if they changed.
    """

    blocks: dict[Cid, bytes] = field(default_factory=dict)
    applied: list[Applied] = field(default_factory=list)
    waiting: dict[Cid, Waiting] = field(default_factory=dict)
    dropped: list[Cid] = field(default_factory=list)
    not_waiting: list[Cid] = field(default_factory=list)
    missing: dict[Cid, Missing] = field(default_factory=dict)
    found: list[Cid] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    refused: dict[Cid, None] = field(default_factory=dict)
    forgotten: list[Cid] = field(default_factory=list)
    heads: frozenset[Cid] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not (
            self.blocks
            or self.applied
            or self.waiting
            or self.dropped
            or self.not_waiting
            or self.missing
            or self.found
            or self.refusals
            or self.heads is not None
        )
