"""What rows amount to: which entries count, how contributions stand. Done for what changed, with the rules of the core.

Whatever came first, the outcome is that of `standing.outcomes` over all entries: each step here computes a value of
a row from other rows, and everything that depends on a changed value is computed again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from adaptor.domain.verdict import Judgement
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.standing import Tally, is_vote, tally
from adaptor.sharing.index.authors import OWN_ID, Authors
from adaptor.sharing.index.intake import Unsettled


class Settlement:
    """Brings all outcomes up to date.

    Args:
        db: The index's file, within a transaction.
        authors: Who is known; gets the new roll.
        unsettled: What may have changed; grows by what follows from that.
    """

    def __init__(self, db: sqlite3.Connection, authors: Authors, unsettled: Unsettled) -> None:
        self._db = db
        self._authors = authors
        self._unsettled = unsettled

    def settle(self) -> set[str]:
        """Do it.

        Returns:
            Contributions of this machine whose standing or visibility may have changed.
        """
        unsettled = self._unsettled
        for author_id, number in unsettled.twins:
            self._recount(author_id, "and number = ?", number)
        if unsettled.rulings:
            self._call_the_roll()
        for target, author_id in unsettled.ballots:
            self._settle_ballot(target, author_id)
        unsettled.targets.update(self._named(unsettled.fresh))
        for target in unsettled.targets:
            self._settle_target(target)
        return unsettled.own

    def _named(self, fresh: Collection[str]) -> Iterable[str]:
        """Those of new contributions that something was said about; the others stand as they were written down."""
        return self._column(
            "select value from json_each(?) where exists (select 1 from _ix_verdicts where target = value) "
            "or exists (select 1 from _ix_withdrawals where target = value)",
            orjson.dumps([*fresh]).decode(),
        )

    def _call_the_roll(self) -> None:
        """Compute whose entries count and who votes, and everything of authors for whom that changed."""
        before, after = self._authors.roll, self._authors.called(self._db)
        self._authors.roll = after
        for key in before.named | after.named:
            author_id = self._authors.id_of(self._db, key)
            if before.through(key) != after.through(key):
                self._recount(author_id)
            if before.votes(key) != after.votes(key):
                self._db.execute("update _ix_authors set votes = ? where author_id = ?", (after.votes(key), author_id))
                self._unsettled.targets.update(
                    self._column("select target from _ix_verdicts where author_id = ? and current = 1", author_id)
                )

    def _recount(self, author_id: int, condition: str = "", *values: object) -> None:
        """Compute which entries of an author count."""
        author, last = self._authors.keys[author_id], 0
        changed = []
        rows = self._db.execute(
            "select sequence, number, kind, counts from _ix_entries "  # noqa: S608 - the condition is ours
            f"where author_id = ? {condition} order by number, cid",
            (author_id, *values),
        )
        for sequence, number, kind, counted in rows:
            # Of twins the first one here has the smallest CID.
            counts = number != last and self._authors.roll.counts(author, number)
            last = number
            if counts != bool(counted):
                changed.append((counts, sequence))
                self._note(sequence, Kind(kind), author_id)
        self._db.executemany("update _ix_entries set counts = ? where sequence = ?", changed)

    def _note(self, sequence: int, kind: Kind, author_id: int) -> None:
        """Remember what depends on whether an entry counts."""
        unsettled = self._unsettled
        if kind is Kind.CONTRIBUTION:
            unsettled.targets.update(self._column("select contribution from _ix_batches where batch_id = ?", sequence))
        elif kind is Kind.WITHDRAWAL:
            unsettled.targets.update(self._column("select target from _ix_withdrawals where sequence = ?", sequence))
        elif kind is Kind.VALIDATION:
            targets = self._column("select target from _ix_verdicts where sequence = ?", sequence)
            unsettled.ballots.update((target, author_id) for target in targets)
        else:
            unsettled.rulings = True

    def _settle_ballot(self, target: str, author_id: int) -> None:
        """Compute which verdict of an author on a contribution is his word."""
        before = self._one(
            "select verdict_id from _ix_verdicts where target = ? and author_id = ? and current = 1", target, author_id
        )
        after = self._one(
            "select v.verdict_id from _ix_verdicts v join _ix_entries e using (sequence) "
            "where v.target = ? and v.author_id = ? and e.counts = 1 order by v.number desc limit 1",
            target,
            author_id,
        )
        if before != after:
            for verdict, current in ((before, False), (after, True)):
                if verdict is not None:
                    self._db.execute("update _ix_verdicts set current = ? where verdict_id = ?", (current, *verdict))
            self._unsettled.targets.add(target)

    def _settle_target(self, target: str) -> None:
        """Compute whether a contribution is to be seen, and how it stands."""
        row = self._one(
            "select b.batch_id, b.author_id, e.counts, b.hidden, b.judged, b.valid, b.invalid, b.abstained, b.standing "
            "from _ix_batches b join _ix_entries e on e.sequence = b.batch_id where b.contribution = ?",
            target,
        )
        if row is None:
            return
        batch_id, author_id, counts, *before = row
        ballots = self._ballots(target)
        votes = self._tally(ballots, contributor=self._authors.keys[author_id])
        after = [
            int(not counts or self._withdrawn(target, author_id)),
            int(OWN_ID in ballots),
            votes.valid,
            votes.invalid,
            votes.abstained,
            votes.standing(self._authors.manifest.quorum).value,
        ]
        if after == before:
            return
        self._db.execute(
            "update _ix_batches set hidden = ?, judged = ?, valid = ?, invalid = ?, abstained = ?, standing = ? "
            "where batch_id = ?",
            (*after, batch_id),
        )
        if author_id == OWN_ID:
            self._unsettled.own.add(target)

    def _withdrawn(self, target: str, author_id: int) -> bool:
        found = self._one(
            "select 1 from _ix_withdrawals w join _ix_entries e using (sequence) "
            "where w.target = ? and w.author_id = ? and e.counts = 1 limit 1",
            target,
            author_id,
        )
        return found is not None

    def _ballots(self, target: str) -> dict[int, Judgement]:
        rows = self._db.execute(
            "select author_id, judgement from _ix_verdicts where target = ? and current = 1", (target,)
        )
        return {author_id: Judgement(judgement) for author_id, judgement in rows}

    def _tally(self, ballots: Mapping[int, Judgement], *, contributor: bytes) -> Tally:
        keys, roll = self._authors.keys, self._authors.roll
        return tally(
            judgement
            for voter, judgement in ballots.items()
            if is_vote(keys[voter], contributor=contributor, roll=roll)
        )

    def _one(self, sql: str, *values: object) -> Any:
        return self._db.execute(sql, values).fetchone()

    def _column(self, sql: str, *values: object) -> Iterable[Any]:
        return [value for (value,) in self._db.execute(sql, values)]
