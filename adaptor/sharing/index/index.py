"""The index while it is kept: applied entries in, rows out, each step at once or not at all.

The place in the log is written in the transaction of the rows that follow from it. So whoever feeds the index asks
for `position`, gives what comes after it, and need remember nothing: after a crash the same entries are given again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path

from adaptor.domain.observation import Observation
from adaptor.sharing.core.cid import cid_text
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.refusal import Refusal
from adaptor.sharing.index import schema
from adaptor.sharing.index.authors import Authors
from adaptor.sharing.index.intake import Intake
from adaptor.sharing.index.own import OwnObservations
from adaptor.sharing.index.settlement import Settlement
from adaptor.sharing.log_file import SentObservation, StoredEntry

REBUILD_ENTRIES = 1000
"""Entries that a rebuild holds in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRow:
    """A peer, for the view of that name.

    Attributes:
        peer: Public key in hex, or the name of a swarm.
        address: Where it can be reached; empty if unknown.
        heard_at: When it was last heard, as `time_text` writes it; ``None`` for never.
        heads: Heads that it named last.
        unknown_heads: Those of them that are not part of the log here.
        bytes_in: Bytes taken from it.
        bytes_out: Bytes given to it.
        refusals: What was refused of it, in number.
        failures: Calls that failed since the last that did not.
    """

    peer: str
    address: str = ""
    heard_at: str | None = None
    heads: int = 0
    unknown_heads: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refusals: int = 0
    failures: int = 0


class Index:
    """The index of one log on this machine. For one thread at a time; readers have connections of their own.

    Args:
        path: Of the file; its directory must exist.
        manifest: Rules of the log.
        own: This machine's public key, 32 bytes.
        pause: Called between entries; may wait for work that goes first.

    Raises:
        StateDirectoryError: If the file cannot be used.
    """

    def __init__(self, path: Path, manifest: Manifest, own: bytes, *, pause: Callable[[], None] = lambda: None) -> None:
        self._pause = pause
        self.path = path
        self._db = schema.open_index(path, log=cid_text(manifest.log_id), own=own.hex())
        self._manifest = manifest
        self._own = own
        self._authors: Authors | None = None
        # Kept in memory as well, because other threads ask for them while this one writes.
        self._position = self._about("position")
        self._own_position = self._about("own_position")

    @property
    def position(self) -> int:
        """Sequence of the last entry that was applied; 0 if none was."""
        return self._position

    @property
    def own_position(self) -> int:
        """What `apply_own` was told last; 0 if it never was."""
        return self._own_position

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        self._db.close()

    def apply(self, entries: Sequence[StoredEntry]) -> list[Refusal]:
        """Take applied entries; those at or before `position` were taken already and are passed over.

        Args:
            entries: In the order of application, without gaps.

        Returns:
            What could not be read. It is part of the log all the same, and says nothing.

        Raises:
            ValueError: If entries between `position` and these are missing.
            StateDirectoryError: If they could not be written; then nothing changed.
        """
        position = self._position
        fresh = [one for one in entries if one.sequence > position]
        if not fresh:
            return []
        if [one.sequence for one in fresh] != list(range(position + 1, position + 1 + len(fresh))):
            raise ValueError(f"entries from {fresh[0].sequence} do not follow {position} without gaps")
        with self._step() as authors:
            refusals, own = self._take(fresh, authors)
            rows = OwnObservations(self._db, self._own)
            for contribution in own:
                rows.link(contribution)
            self._note("position", fresh[-1].sequence)
        self._position = fresh[-1].sequence
        return refusals

    def apply_own(self, observations: Sequence[Observation], *, through: int) -> None:
        """Take observations of this machine's run store; those that are there already are passed over.

        Args:
            observations: In any order.
            through: Place in the run store up to which all were given, for `own_position`.

        Raises:
            StateDirectoryError: If they could not be written; then nothing changed.
        """
        with self._step():
            rows = OwnObservations(self._db, self._own)
            for contribution in rows.sent_with(rows.take(observations)):
                rows.link(contribution)
            self._note("own_position", through)
        self._own_position = through

    def put_sent(self, sent: Sequence[SentObservation]) -> None:
        """Note which contributions own observations left this machine with; may be repeated.

        Raises:
            StateDirectoryError: If it could not be written; then nothing changed.
        """
        pairs = [(one.observation_id, cid_text(one.contribution)) for one in sent]
        with self._step():
            self._db.executemany("insert or ignore into _ix_sent values (?, ?)", pairs)
            rows = OwnObservations(self._db, self._own)
            for contribution in rows.indexed({contribution for _, contribution in pairs}):
                rows.link(contribution)

    def put_peers(self, rows: Iterable[PeerRow]) -> None:
        """Replace what is known of peers.

        Raises:
            StateDirectoryError: If it could not be written; then nothing changed.
        """
        with self._step():
            self._db.execute("delete from _ix_peers")
            self._db.executemany("insert into _ix_peers values (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, rows))

    def rebuild(self, entries: Iterable[StoredEntry]) -> list[Refusal]:
        """Make everything that follows from the log again; readers see what was before until it is done.

        Args:
            entries: All of the log, in the order of application.

        Returns:
            What could not be read.

        Raises:
            StateDirectoryError: If it could not be written; then nothing changed.
        """
        refusals: list[Refusal] = []
        last, left = 0, iter(entries)
        with self._step():
            rows = OwnObservations(self._db, self._own)
            rows.unlink()
            schema.empty_log_tables(self._db)
            self._authors = authors = Authors(self._db, self._manifest, self._own)
            while part := list(islice(left, REBUILD_ENTRIES)):
                refusals += self._take(part, authors)[0]
                last = part[-1].sequence
            schema.create_indices(self._db)
            for contribution in rows.sent():
                rows.link(contribution)
            self._note("position", last)
        self._position = last
        return refusals

    def _take(self, entries: Sequence[StoredEntry], authors: Authors) -> tuple[list[Refusal], set[str]]:
        intake = Intake(self._db, authors, pause=self._pause)
        intake.take(entries)
        return intake.refusals, Settlement(self._db, authors, intake.unsettled).settle()

    def _about(self, name: str) -> int:
        with schema.failing_as_ours(self.path):
            row = self._db.execute("select value from _ix_about where name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def _note(self, name: str, value: int) -> None:
        self._db.execute("insert or replace into _ix_about values (?, ?)", (name, value))

    @contextmanager
    def _step(self) -> Iterator[Authors]:
        """All or nothing, in the file and in memory."""
        done = False
        try:
            with schema.failing_as_ours(self.path), schema.transaction(self._db):
                if self._authors is None:
                    self._authors = Authors(self._db, self._manifest, self._own)
                yield self._authors
            done = True
        finally:
            if not done:
                self._authors = None
