"""What entries say, written down as rows. What it amounts to is decided afterwards, see `settlement`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

import orjson

from adaptor.domain.shared import SharedContext, SharedObservation
from adaptor.sharing.contributions import read_contribution
from adaptor.sharing.core.cid import cid_text
from adaptor.sharing.core.entry import Entry, Kind
from adaptor.sharing.core.refusal import Refusal, RefusalReason
from adaptor.sharing.core.standing import Standing
from adaptor.sharing.index.authors import Authors
from adaptor.sharing.index.views import MEASUREMENTS
from adaptor.sharing.log_file import StoredEntry
from adaptor.sharing.payload import UnreadablePayloadError
from adaptor.sharing.statements import MembershipOperation, read_membership, read_validation, read_withdrawal

Row = tuple[object, ...]

SECONDS_KEPT = 64
"""Points in time that are remembered as text: entries that arrive together were mostly written together."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which there are no dates."""


@dataclass(slots=True)
class Unsettled:
    """What new rows may have changed the outcome of.

    Attributes:
        twins: Authors and numbers that more than one entry has.
        rulings: Whether the founder said something about a key.
        ballots: Contributions and authors that judged them.
        targets: Contributions, as CID text.
        fresh: New contributions, which nothing can have been said about but what arrived before them.
        own: Contributions of this machine.
    """

    twins: set[tuple[int, int]] = field(default_factory=set)
    rulings: bool = False
    ballots: set[tuple[str, int]] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Rows:
    """Rows to be inserted, by table."""

    entries: list[Row] = field(default_factory=list)
    batches: list[Row] = field(default_factory=list)
    observations: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)
    withdrawals: list[Row] = field(default_factory=list)
    rulings: list[Row] = field(default_factory=list)
    unreadable: list[Row] = field(default_factory=list)


class Intake:
    """Takes entries.

    Args:
        db: The index's file, within a transaction.
        authors: Who is known.
        pause: Called between entries; may wait for work that goes first.
    """

    def __init__(self, db: sqlite3.Connection, authors: Authors, *, pause: Callable[[], None]) -> None:
        self._db = db
        self._authors = authors
        self._rows = _Rows()
        self._batch = authors.manifest.limits.batch
        self._contexts: dict[int, tuple[SharedContext, Row]] = {}
        self._pause = pause
        self.unsettled = Unsettled()
        self.refusals: list[Refusal] = []

    def take(self, entries: Sequence[StoredEntry]) -> None:
        """Write down what entries say that were not taken before."""
        for one in entries:
            self._pause()
            entry = one.signed.entry
            author_id = self._authors.id_of(self._db, entry.author)
            counts = self._counts(author_id, entry)
            self._rows.entries.append((one.sequence, one.signed.cid, author_id, entry.number, entry.kind.value, counts))
            try:
                self._read(one, author_id, counts)
            except UnreadablePayloadError as error:
                self._refuse(one, str(error))
        self._write()

    def _counts(self, author_id: int, entry: Entry) -> bool:
        """Whether the entry counts as far as it is known now; one with a twin is settled later."""
        top = self._authors.top.get(author_id, 0)
        if entry.number <= top:
            self.unsettled.twins.add((author_id, entry.number))
            return False
        self._authors.top[author_id] = entry.number
        return self._authors.roll.counts(entry.author, entry.number)

    def _read(self, one: StoredEntry, author_id: int, counts: bool) -> None:
        entry = one.signed.entry
        if entry.kind is Kind.CONTRIBUTION:
            self._contribution(one, author_id, counts)
        elif entry.kind is Kind.VALIDATION:
            self._validation(one, author_id)
        elif entry.kind is Kind.WITHDRAWAL:
            for target in map(cid_text, set(read_withdrawal(entry.payload, batch=self._batch))):
                self._rows.withdrawals.append((target, author_id, one.sequence))
                self.unsettled.targets.add(target)
        else:
            self._membership(one)

    def _contribution(self, one: StoredEntry, author_id: int, counts: bool) -> None:
        entry = one.signed.entry
        batch = read_contribution(entry.payload, batch=self._batch)
        contribution = cid_text(one.signed.cid)
        own = entry.author == self._authors.own
        self._rows.batches.append(
            (
                one.sequence,
                contribution,
                author_id,
                entry.author.hex(),
                own,
                *self._context_columns(batch.context),
                batch.run,
                batch.schema_version,
                len(batch.observations),
                time_text(entry.at_ms),
                not counts,
                Standing.OPEN.value,
            )
        )
        self._rows.observations += (
            observation_columns(one.sequence, batch.context.algorithm, observation)
            for observation in batch.observations
        )
        self.unsettled.fresh.add(contribution)
        if own:
            self.unsettled.own.add(contribution)

    def _context_columns(self, context: SharedContext) -> Row:
        """As `context_columns`; contexts that were read as one object are written down once."""
        found = self._contexts.get(id(context))
        if found is None:
            found = self._contexts[id(context)] = (context, context_columns(context))
        return found[1]

    def _validation(self, one: StoredEntry, author_id: int) -> None:
        entry = one.signed.entry
        verdicts = {verdict.target: verdict for verdict in read_validation(entry.payload, batch=self._batch)}
        for target, verdict in zip(map(cid_text, verdicts), verdicts.values(), strict=True):
            findings = [
                {"validator": finding.validator, "text": finding.text} for finding in verdict.assessment.findings
            ]
            judgement = verdict.assessment.judgement.value
            self._rows.verdicts.append((target, author_id, entry.number, one.sequence, judgement, _json(findings)))
            self.unsettled.ballots.add((target, author_id))

    def _membership(self, one: StoredEntry) -> None:
        entry = one.signed.entry
        if entry.author != self._authors.manifest.founder:
            raise UnreadablePayloadError("author: only the founder admits and revokes writers")
        said = read_membership(entry.payload)
        through = None if said.operation is MembershipOperation.ADD else said.through_number
        self._rows.rulings.append((one.sequence, entry.number, said.key, through))
        self.unsettled.rulings = True

    def _refuse(self, one: StoredEntry, text: str) -> None:
        self._rows.unreadable.append((one.sequence, cid_text(one.signed.cid), one.peer, text))
        self.refusals.append(
            Refusal(
                reason=RefusalReason.UNREADABLE_PAYLOAD,
                text=text,
                peer=one.peer,
                cid=one.signed.cid,
                author=one.signed.entry.author,
            )
        )

    def _write(self) -> None:
        for statement, rows in (
            ("_ix_entries values (?, ?, ?, ?, ?, ?)", self._rows.entries),
            (INSERT_BATCH, self._rows.batches),
            (INSERT_OBSERVATION, self._rows.observations),
            (
                "_ix_verdicts (target, author_id, number, sequence, judgement, findings) values (?, ?, ?, ?, ?, ?)",
                self._rows.verdicts,
            ),
            ("_ix_withdrawals values (?, ?, ?)", self._rows.withdrawals),
            ("_ix_rulings values (?, ?, ?, ?)", self._rows.rulings),
            ("_ix_unreadable values (?, ?, ?, ?)", self._rows.unreadable),
        ):
            if rows:
                self._db.executemany(f"insert into {statement}", rows)


INSERT_BATCH = (
    "_ix_batches (batch_id, contribution, author_id, author, own, context_key, algorithm, parameters, data, node_type, "
    "flink_version, run, schema_version, observations, contributed_at, hidden, standing) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

INSERT_OBSERVATION = (
    "_ix_observations (batch_id, algorithm, superstep, parallelism, scale_out, duration_s, cold, cpu_utilisation, "
    "measurement) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def context_columns(context: SharedContext, *, key: str = "") -> tuple[object, ...]:
    """An execution context as columns of a batch.

    Args:
        context: As it is to be seen.
        key: Digest by which it is to be found; its own if there is none.
    """
    return (
        bytes.fromhex(key or context.key),
        context.algorithm,
        _pairs(context.parameters),
        _pairs(context.data),
        context.node_type,
        context.flink_version,
    )


def observation_columns(batch_id: int, algorithm: str, one: SharedObservation) -> tuple[object, ...]:
    """One superstep as a row."""
    return (
        batch_id,
        algorithm,
        one.superstep,
        one.parallelism,
        one.scale_out,
        one.duration_s,
        one.cold,
        one.cpu_utilisation,
        MEASUREMENTS.index(one.measurement),
    )


def time_text(at_ms: int) -> str:
    """A point in time as the views show it, for example ``2026-01-31T12:00:00.000Z``; texts sort as times do."""
    second, ms = divmod(min(at_ms, _LAST_MS), 1000)
    return f"{_second_text(second)}.{ms:03d}Z"


@lru_cache(SECONDS_KEPT)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat(timespec="seconds")


def _pairs(pairs: Mapping[str, str]) -> str:
    return orjson.dumps(dict(pairs), option=orjson.OPT_SORT_KEYS).decode()


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
