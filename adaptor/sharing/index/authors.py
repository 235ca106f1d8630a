"""Who is known to the index: ids of keys, and what the roll says of each."""

from __future__ import annotations

import sqlite3

from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.standing import Roll, Ruling

OWN_ID = 1
"""Id of this machine's key, which is the first to be known."""


class Authors:
    """Keys with their ids in the file, and the roll; kept in memory, because every entry asks for them.

    Ids are given in the order in which keys are met, members of the manifest first. Where only some authors can be
    read, those of the lowest ids are, so keys made later cannot crowd them out.

    Args:
        db: The index's file.
        manifest: Rules of the log.
        own: This machine's public key.
    """

    def __init__(self, db: sqlite3.Connection, manifest: Manifest, own: bytes) -> None:
        self.manifest = manifest
        self.own = own
        self.keys: dict[int, bytes] = dict(db.execute("select author_id, key from _ix_authors"))
        self.ids = {key: author_id for author_id, key in self.keys.items()}
        self.top: dict[int, int] = dict(db.execute("select author_id, max(number) from _ix_entries group by author_id"))
        self.roll = self.called(db)
        if not self.ids:
            for key in (own, manifest.founder, *(manifest.writers or ())):
                self.id_of(db, key)

    def id_of(self, db: sqlite3.Connection, key: bytes) -> int:
        """The id of a key, given now if it has none."""
        author_id = self.ids.get(key)
        if author_id is None:
            author_id = len(self.ids) + 1
            db.execute("insert into _ix_authors values (?, ?, ?, ?)", (author_id, key, key.hex(), self.roll.votes(key)))
            self.ids[key] = author_id
            self.keys[author_id] = key
        return author_id

    def called(self, db: sqlite3.Connection) -> Roll:
        """The roll by all rulings that count."""
        rows = db.execute(
            "select r.number, r.key, r.through_number from _ix_rulings r join _ix_entries e using (sequence) "
            "where e.counts = 1"
        )
        return Roll(
            self.manifest, (Ruling(number=number, key=key, through_number=through) for number, key, through in rows)
        )
