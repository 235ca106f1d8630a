"""The log on disk: blocks and everything a replica must remember, in one SQLite file, one transaction a step.

What this machine writes itself is forced to disk before it is told to anybody: an entry that peers hold and its author
forgot would be followed by another one of the same number. What peers gave can be fetched again, so a power cut may
take the last of it, in whole steps; the file is never inconsistent.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from adaptor.errors import StateDirectoryError
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Kind, SignedEntry, known_entry
from adaptor.sharing.core.manifest import Manifest, read_manifest
from adaptor.sharing.core.messages import Position
from adaptor.sharing.core.peers import Peer
from adaptor.sharing.core.refusal import Refusal
from adaptor.sharing.core.state import Changes, LogState, Missing, Node, Waiting, header
from adaptor.sharing.core.writers import Writers

VERSION = 1
"""Of the tables; kept in SQLite's own `user_version`."""

_TABLES = """
create table about (name text primary key, value blob) without rowid;
create table blocks (cid blob primary key, block blob not null) without rowid;
create table entries (
    sequence integer primary key,
    cid blob not null unique,
    author blob not null,
    number integer not null,
    kind text not null,
    height integer not null,
    at_ms integer not null,
    in_hour integer not null,
    peer text not null
);
create table heads (cid blob primary key) without rowid;
create table waiting (cid blob primary key, peer text not null) without rowid;
create table missing (
    cid blob primary key,
    since_s real not null,
    attempts integer not null,
    next_try_s real not null,
    peers text not null,
    height integer not null
) without rowid;
create table refused (id integer primary key, cid blob not null unique);
create table refusals (
    peer text not null,
    reason text not null,
    count integer not null,
    last_text text not null,
    last_at_s real not null,
    primary key (peer, reason)
) without rowid;
create table peers (
    peer text primary key,
    address text not null,
    swarm integer not null,
    cursor_epoch blob,
    cursor_sequence integer,
    last_heard_s real not null,
    bytes_in integer not null,
    bytes_out integer not null,
    refusals integer not null
) without rowid;
-- What left this machine: each observation with the contribution that holds it.
create table sent (observation_id text primary key, cid blob not null, at_s real not null) without rowid;
create index sent_by_contribution on sent (cid);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCount:
    """How often one peer was refused for one reason."""

    peer: str
    reason: str
    count: int
    last_text: str
    last_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentObservation:
    """One observation that left this machine."""

    observation_id: str
    contribution: Cid
    at_s: float


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An applied entry with its place in this replica's order."""

    sequence: int
    signed: SignedEntry
    peer: str


class LogFile:
    """One log in one file. Every method may raise `sqlite3.Error`, which the caller turns into an error of ours.

    Args:
        path: Of the file, made if it is missing.

    Raises:
        StateDirectoryError: If it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Cross-thread use is safe: whoever owns the file lets one thread at a time in.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            version = self._db.execute("pragma user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(f"begin; {_TABLES} pragma user_version = {VERSION}; commit;")
            elif version > VERSION:
                raise StateDirectoryError(f"state_dir: {path} was written by a newer adaptor (version {version})")
        except sqlite3.Error as error:
            raise StateDirectoryError(f"state_dir: {path} cannot be used ({error}); it was left as it is") from error

    # --- what the log is ------------------------------------------------------------------------------------

    def found(
        self,
        manifest: Manifest,
        *,
        epoch: bytes,
        kept: Mapping[str, bytes] = MappingProxyType({}),
        peers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Note which log this is, all at once; may be repeated with the same manifest.

        Args:
            manifest: Rules of the log.
            epoch: Kept from the first time.
            kept: Small values, as by `remember`.
            peers: Peers to begin with, each with its address.
        """
        self._db.execute("begin immediate")
        with self._db:
            for name, value in {"manifest": manifest.block, **kept}.items():
                self.remember(name, value)
            self._db.execute("insert or ignore into about values ('epoch', ?)", (epoch,))
            rows = (_row(Peer(peer, address)) for peer, address in peers)
            self._db.executemany("insert or ignore into peers values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    @property
    def manifest(self) -> Manifest | None:
        """Rules of the log; ``None`` if none was founded or joined yet."""
        block = self.recall("manifest")
        return read_manifest(block) if block is not None else None

    def remember(self, name: str, value: bytes) -> None:
        """Keep a small value."""
        self._db.execute("insert or replace into about values (?, ?)", (name, value))

    def recall(self, name: str) -> bytes | None:
        """A small value that was kept."""
        row = self._db.execute("select value from about where name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def load(self, manifest: Manifest) -> tuple[LogState, Writers]:
        """What a replica starts from, and who may write by the membership entries applied so far."""
        writers = Writers(manifest)
        for one in self._stored("kind = ?", (Kind.MEMBERSHIP.value,)):
            writers.admit(one.signed.entry)
        authors: dict[bytes, bytes] = {}
        rows = self._db.execute("select cid, height, at_ms, author, number, in_hour from entries order by sequence")
        state = LogState(
            epoch=self.recall("epoch") or b"",
            applied={
                Cid(cid): Node(height, at_ms, authors.setdefault(author, author), number, in_hour)
                for cid, height, at_ms, author, number, in_hour in rows
            },
            heads=frozenset(Cid(cid) for (cid,) in self._db.execute("select cid from heads")),
            waiting=self._waiting(),
            missing={
                Cid(cid): Missing(since_s, attempts, next_try_s, tuple(json.loads(peers)), height)
                for cid, since_s, attempts, next_try_s, peers, height in self._db.execute("select * from missing")
            },
            refused=[Cid(cid) for (cid,) in self._db.execute("select cid from refused order by id")],
        )
        return state, writers

    def peers(self) -> list[Peer]:
        """Peers of earlier."""
        rows = self._db.execute("select * from peers")
        return [
            Peer(
                peer=peer,
                address=address,
                swarm=bool(swarm),
                cursor=None if epoch is None else Position(epoch, sequence),
                last_heard_s=last_heard_s,
                bytes_in=bytes_in,
                bytes_out=bytes_out,
                refusals=refusals,
            )
            for peer, address, swarm, epoch, sequence, last_heard_s, bytes_in, bytes_out, refusals in rows
        ]

    # --- what a step changes --------------------------------------------------------------------------------

    def write(
        self,
        changes: Changes,
        *,
        peers: Iterable[Peer] = (),
        forgotten: Iterable[str] = (),
        sent: Sequence[SentObservation] = (),
        now_s: float,
        durable: bool = False,
    ) -> None:
        """Write everything a step changed, at once or not at all.

        Args:
            changes: Of the step.
            peers: Peers of whom something changed.
            forgotten: Names of peers that are known no more.
            sent: Observations that the step's own entries hold.
            now_s: Seconds since the epoch.
            durable: Whether it must survive a power cut: own entries must.
        """
        if durable:
            self._db.execute("pragma synchronous = full")
        try:
            self._db.execute("begin immediate")
            with self._db:
                self._remove(changes)
                self._add(changes, now_s)
                self._db.executemany("delete from peers where peer = ?", _each(forgotten))
                self._db.executemany(
                    "insert or replace into peers values (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, peers)
                )
                rows = ((one.observation_id, one.contribution, one.at_s) for one in sent)
                self._db.executemany("insert or replace into sent values (?, ?, ?)", rows)
        finally:
            if durable:
                self._db.execute("pragma synchronous = normal")

    def _remove(self, changes: Changes) -> None:
        self._db.executemany("delete from waiting where cid = ?", _each(changes.not_waiting))
        self._db.executemany("delete from missing where cid = ?", _each(changes.found))
        self._db.executemany("delete from blocks where cid = ?", _each(changes.dropped))
        self._db.executemany("delete from refused where cid = ?", _each(changes.forgotten))

    def _add(self, changes: Changes, now_s: float) -> None:
        db = self._db
        db.executemany("insert or replace into blocks values (?, ?)", changes.blocks.items())
        waiting = ((cid, one.peer) for cid, one in changes.waiting.items())
        db.executemany("insert or replace into waiting values (?, ?)", waiting)
        missing = (
            (cid, one.since_s, one.attempts, one.next_try_s, json.dumps(one.peers), one.height)
            for cid, one in changes.missing.items()
        )
        db.executemany("insert or replace into missing values (?, ?, ?, ?, ?, ?)", missing)
        applied = (
            (
                one.sequence,
                one.cid,
                one.node.author,
                one.node.number,
                one.entry.kind.value,
                one.node.height,
                one.node.at_ms,
                one.node.in_hour,
                one.peer,
            )
            for one in changes.applied
        )
        db.executemany("insert into entries values (?, ?, ?, ?, ?, ?, ?, ?, ?)", applied)
        if changes.heads is not None:
            db.execute("delete from heads")
            db.executemany("insert into heads values (?)", _each(changes.heads))
        db.executemany("insert into refused (cid) values (?)", _each(changes.refused))
        self._add_refusals(changes.refusals, now_s)

    def _add_refusals(self, refusals: Sequence[Refusal], now_s: float) -> None:
        counts = Counter((one.peer, one.reason.value) for one in refusals)
        texts = {(one.peer, one.reason.value): one.text for one in refusals}
        self._db.executemany(
            "insert into refusals values (?, ?, ?, ?, ?) on conflict do update "
            "set count = count + excluded.count, last_text = excluded.last_text, last_at_s = excluded.last_at_s",
            ((*key, count, texts[key], now_s) for key, count in counts.items()),
        )

    # --- what is read ---------------------------------------------------------------------------------------

    def blocks(self, cids: Sequence[Cid]) -> dict[Cid, bytes]:
        """Those of the blocks that are held."""
        found = {}
        for cid in cids:
            row = self._db.execute("select block from blocks where cid = ?", (cid,)).fetchone()
            if row is not None:
                found[cid] = row[0]
        return found

    def put_blocks(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """Keep blocks outside of any step."""
        self._db.execute("begin immediate")
        with self._db:
            self._db.executemany("insert or replace into blocks values (?, ?)", blocks)

    def page(self, after: int, *, most: int, most_bytes: int) -> tuple[list[bytes], int, bool]:
        """Blocks in the order of application after a place.

        Returns:
            The blocks, the place of the last of them, and whether there are more.
        """
        query = "select sequence, block from entries join blocks using (cid) where sequence > ? order by 1 limit ?"
        rows = self._db.execute(query, (after, most + 1))
        blocks: list[bytes] = []
        size, last = 0, after
        for sequence, block in rows:
            size += len(block)
            if len(blocks) == most or (blocks and size > most_bytes):
                return blocks, last, True
            blocks.append(block)
            last = sequence
        return blocks, last, False

    def entries_after(self, sequence: int, *, most: int) -> list[StoredEntry]:
        """Applied entries after a place, in the order of application."""
        return list(self._stored("sequence > ? order by sequence limit ?", (sequence, most)))

    def refusal_counts(self) -> list[RefusalCount]:
        """Every peer's refusals by reason, the latest first."""
        rows = self._db.execute("select * from refusals order by last_at_s desc")
        return [
            RefusalCount(peer=peer, reason=reason, count=count, last_text=text, last_at_s=at_s)
            for peer, reason, count, text, at_s in rows
        ]

    def sent(self, *, limit: int, after: str = "") -> list[SentObservation]:
        """What left this machine, by observation id."""
        rows = self._db.execute(
            "select * from sent where observation_id > ? order by observation_id limit ?", (after, limit)
        )
        return [SentObservation(observation_id=one, contribution=Cid(cid), at_s=at_s) for one, cid, at_s in rows]

    def sent_of(self, observation_ids: Iterable[str]) -> list[SentObservation]:
        """Those of the observations that left this machine."""
        query = "select * from sent where observation_id = ?"
        rows = (self._db.execute(query, (one,)).fetchone() for one in observation_ids)
        return [SentObservation(observation_id=r[0], contribution=Cid(r[1]), at_s=r[2]) for r in rows if r]

    def sent_with(self, contributions: Iterable[Cid]) -> list[SentObservation]:
        """Observations that left this machine with these contributions."""
        query = "select * from sent where cid = ?"
        rows = (row for one in contributions for row in self._db.execute(query, (one,)))
        return [SentObservation(observation_id=i, contribution=Cid(cid), at_s=at_s) for i, cid, at_s in rows]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _stored(self, condition: str, values: tuple[object, ...]) -> Iterator[StoredEntry]:
        query = f"select sequence, cid, block, peer from entries join blocks using (cid) where {condition}"  # noqa: S608 - ours
        for sequence, cid, block, peer in self._db.execute(query, values):
            yield StoredEntry(sequence, known_entry(cid, block), peer)

    def _waiting(self) -> dict[Cid, Waiting]:
        rows = self._db.execute("select cid, peer, block from waiting join blocks using (cid)")
        return {Cid(cid): Waiting(header(known_entry(cid, block).entry), peer, len(block)) for cid, peer, block in rows}


def _each(values: Iterable[object]) -> Iterator[tuple[object]]:
    return ((value,) for value in values)


def _row(peer: Peer) -> tuple[object, ...]:
    cursor = peer.cursor
    return (
        peer.peer,
        peer.address,
        peer.swarm,
        None if cursor is None else cursor.epoch,
        None if cursor is None else cursor.sequence,
        peer.last_heard_s,
        peer.bytes_in,
        peer.bytes_out,
        peer.refusals,
    )
