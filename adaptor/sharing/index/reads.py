"""What the index says to people and their programs: pages of observations, votes with their reasons, counts."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaptor.domain.shared import SharedContext, SharedObservation
from adaptor.domain.verdict import Finding, Judgement
from adaptor.errors import InvalidValueError, UnknownContributionError
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.index import schema
from adaptor.sharing.index.rows import IndexedObservation, ObservationFilter, Page, View, Vote, Why
from adaptor.sharing.index.views import MEASUREMENTS

MAX_PAGE = 1000
"""Most observations of a page: about 300 kB of answer."""

CONTEXT = "b.algorithm, b.parameters, b.data, b.node_type, b.flink_version"
MEASURED = "o.superstep, o.parallelism, o.scale_out, o.duration_s, o.cold, o.cpu_utilisation, o.measurement"
"""Columns that `context_of` and `observation_of` read."""

_PAGE = (
    f"select o.batch_id, o.observation_id, {CONTEXT}, {MEASURED}, b.run, coalesce(b.contribution, ''), b.author, "  # noqa: S608
    # `cross` keeps the order of the batches, so that a page needs no sorting.
    "b.own, b.standing from _ix_batches b cross join _ix_observations o on o.batch_id = b.batch_id "
    "where b.hidden = 0 and o.doubled = 0 and "
)


class Reads:
    """Reads the index. For one thread at a time.

    Args:
        path: Of the file.
        db: The file, open.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        self._db.close()

    def filtered(self, wanted: ObservationFilter, *, page_token: str = "", page_size: int = 100) -> Page:
        """One page of the observations that match.

        What is applied meanwhile comes on later pages; only a rebuild of the index makes tokens void.

        Args:
            wanted: Which.
            page_token: From the page before; empty for the first.
            page_size: Most observations, at most `MAX_PAGE`.

        Raises:
            InvalidValueError: If the token is not from a page, or the size is out of bounds.
            StateDirectoryError: If the file fails.
        """
        if not 1 <= page_size <= MAX_PAGE:
            raise InvalidValueError("page_size", f"must lie between 1 and {MAX_PAGE}, got {page_size}")
        conditions, values = _conditions(wanted)
        if page_token:
            conditions.append("(b.batch_id, o.observation_id) > (?, ?)")
            values += _place(page_token)
        order = "order by b.batch_id, o.observation_id limit ?"
        rows = self._rows(f"{_PAGE} {' and '.join(conditions)} {order}", (*values, page_size + 1))
        token = _token(rows[page_size - 1][:2]) if len(rows) > page_size else ""
        return Page(observations=tuple(_indexed(row[2:]) for row in rows[:page_size]), next_page_token=token)

    def why(self, contribution: Cid) -> Why:
        """How a contribution stands, with all verdicts on it.

        Raises:
            UnknownContributionError: If none of this id is to be seen here.
            StateDirectoryError: If the file fails.
        """
        text = cid_text(contribution)
        with self._snapshot():
            found = self._rows("select author, standing from contributions where contribution = ?", (text,))
            if not found:
                raise UnknownContributionError(text)
            rows = self._rows(
                "select author, judgement, counts, findings from verdicts where contribution = ? "
                "order by counts desc, author",
                (text,),
            )
        author, standing = found[0]
        return Why(author=author, standing=standing, votes=tuple(map(_vote, rows)))

    def counts(self) -> dict[str, int]:
        """What the index holds, in number.

        Raises:
            StateDirectoryError: If the file fails.
        """
        held = {
            "entries": "select count(*) from _ix_entries",
            "entries_not_counting": "select count(*) from _ix_entries where counts = 0",
            "unreadable": "select count(*) from _ix_unreadable",
            "authors": "select count(distinct author_id) from _ix_entries",
            "members": "select count(*) from _ix_authors where votes = 1",
            "own_observations": "select count(*) from _ix_observations where source is not null",
        }
        counts = {name: int(self._rows(sql)[0][0]) for name, sql in held.items()}
        counts |= dict.fromkeys(("contributions", "hidden", "observations", *View.ALL.standings), 0)
        for hidden, standing, batches, observations in self._rows(
            "select hidden, standing, count(*), sum(observations) from _ix_batches where batch_id > 0 group by 1, 2"
        ):
            for name in ("hidden",) if hidden else ("contributions", standing):
                counts[name] += batches
            counts["observations"] += 0 if hidden else observations
        return counts

    def _rows(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Any]:
        with schema.failing_as_ours(self.path):
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """All reads within see the same state."""
        self._rows("begin")
        try:
            yield
        finally:
            self._rows("rollback")


def context_of(columns: Sequence[Any]) -> SharedContext:
    """The execution context of the columns `CONTEXT`."""
    algorithm, parameters, data, node_type, flink_version = columns
    return SharedContext(
        algorithm=algorithm,
        parameters=json.loads(parameters),
        data=json.loads(data),
        node_type=node_type,
        flink_version=flink_version,
    )


def observation_of(columns: Sequence[Any]) -> SharedObservation:
    """The superstep of the columns `MEASURED`."""
    superstep, parallelism, scale_out, duration_s, cold, cpu_utilisation, measurement = columns
    return SharedObservation(
        superstep=superstep,
        parallelism=parallelism,
        scale_out=scale_out,
        duration_s=duration_s,
        cold=bool(cold),
        cpu_utilisation=cpu_utilisation,
        measurement=MEASUREMENTS[measurement],
    )


def _conditions(wanted: ObservationFilter) -> tuple[list[str], list[object]]:
    conditions = [f"b.standing in ({', '.join('?' * len(wanted.standings))})"]
    values: list[object] = list(wanted.standings)
    for condition, value in (
        ("b.algorithm = ?", wanted.algorithm),
        ("b.node_type = ?", wanted.node_type),
        ("b.author = ?", wanted.author),
        ("o.parallelism >= ?", wanted.min_parallelism),
        ("o.parallelism <= ?", wanted.max_parallelism),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return conditions, values


def _token(place: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode()


def _place(token: str) -> list[int]:
    try:
        batch_id, observation_id = json.loads(base64.urlsafe_b64decode(token))
        place = [int(batch_id), int(observation_id)]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        place = [2**63]
    if any(abs(one) >= 2**63 for one in place):
        raise InvalidValueError("page_token", "is not one that a page gave")
    return place


def _indexed(row: Sequence[Any]) -> IndexedObservation:
    run, contribution, author, own, standing = row[12:]
    return IndexedObservation(
        context=context_of(row[:5]),
        observation=observation_of(row[5:12]),
        run=run,
        contribution=contribution,
        author=author,
        own=bool(own),
        standing=standing,
    )


def _vote(row: Sequence[Any]) -> Vote:
    author, judgement, counts, findings = row
    return Vote(
        author=author,
        judgement=Judgement(judgement),
        counts=bool(counts),
        findings=tuple(Finding(validator=one["validator"], text=one["text"]) for one in json.loads(findings)),
    )
