"""What the index says to models and validators: bounded rows, with the same share for every author.

Where there are more rows than wanted, each author gets his share, the newest of his rows, so one who writes a lot
crowds out nobody. Where there are more authors than wanted, those known longest are taken: keys made for the purpose
come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adaptor.domain.shared import SharedBatch
from adaptor.sharing.core.cid import Cid, cid_text, parse_cid
from adaptor.sharing.index.columns import Columns
from adaptor.sharing.index.reads import CONTEXT, MEASURED, Reads
from adaptor.sharing.index.rows import TrainingRows, View
from adaptor.sharing.residual import KnownObservation
from adaptor.sharing.validators import REST_AUTHORS, REST_ROWS_PER_AUTHOR

TRAINING_ROWS = 10_000
"""Rows that models get if they do not say: fitting so many takes some seconds."""

MAX_ALGORITHMS = 100
"""Names that are given if nobody says how many: more than anybody runs."""

MAX_AUTHORS = 64
"""Most authors that models learn from: as many as validators compare with."""

EQUAL_ROWS = 64
"""Most rows that are looked at for one superstep that may have been copied: the oldest are enough to find the source,
unless 64 others happen to have measured the very same before."""

_AUTHORS = """
with recursive found (author_id) as (
    select min(author_id) from _ix_batches where {having} and hidden = 0
    union all
    select (select min(author_id) from _ix_batches where {having} and hidden = 0 and author_id > found.author_id)
    from found where found.author_id is not null
)
select author_id from found where author_id is not null limit :authors
"""
"""Authors by id, by one seek each instead of a look at everything they wrote."""

_OF_CONTEXT = "context_key = :context_key"
_OF_ALGORITHM = "algorithm = :algorithm"
_ELSEWHERE = " and b.context_key <> :context_key"
_OTHERS = "b.batch_id > 0 and b.batch_id <> :this"

_NEWEST = (
    "select {columns} from _ix_batches b cross join _ix_observations o on o.batch_id = b.batch_id "
    "where b.{having} and b.author_id = :author_id and b.hidden = 0 and {condition} "
    "order by b.batch_id desc, o.observation_id desc limit :rows"
)

_EQUAL = (
    "select {columns} from _ix_observations o join _ix_batches b on b.batch_id = o.batch_id "
    "where o.algorithm = :algorithm and o.parallelism = :parallelism and o.duration_s = :duration_s "
    "and o.superstep = :superstep and o.batch_id > 0 and o.batch_id < :this and b.hidden = 0 "
    "order by o.batch_id limit :most"
)

_KNOWN = "b.author_id, b.run, b.context_key, o.superstep, o.parallelism, o.duration_s, o.cold, b.batch_id"


class Learning(Reads):
    """Reads for models and validators. Every method may raise `StateDirectoryError`."""

    def algorithms(self, *, limit: int = MAX_ALGORITHMS) -> list[str]:
        """Names of algorithms, those that this machine ran first, then by how much was measured of them.

        Args:
            limit: Most of them.
        """
        rows = self._rows(
            "select algorithm from _ix_batches where hidden = 0 group by algorithm "
            "order by max(own) desc, sum(observations) desc, algorithm limit ?",
            (limit,),
        )
        return [algorithm for (algorithm,) in rows]

    def training_rows(
        self,
        *,
        algorithm: str | None = None,
        context_key: str = "",
        view: View = View.NOT_REFUTED,
        own: bool = True,
        limit: int = TRAINING_ROWS,
    ) -> TrainingRows:
        """What models may learn from: of every author his share of the newest, the context's own first.

        Args:
            algorithm: Name of the algorithm; ``None`` for rows of the context alone.
            context_key: Of the context that is to be predicted; empty for none.
            view: Which contributions count.
            own: Whether what this machine measured belongs to it, shared or not.
            limit: Most rows.
        """
        standings = ", ".join(f"'{one}'" for one in (*view.standings, *(("private",) if own else ())))
        condition = f"o.doubled = 0 and b.standing in ({standings})" + ("" if own else " and b.own = 0")
        columns = f"b.batch_id, {CONTEXT}, coalesce(b.contribution, ''), b.author, b.own, {MEASURED}"
        values = {"context_key": bytes.fromhex(context_key), "algorithm": algorithm}
        places = (_OF_CONTEXT,) if algorithm is None else (_OF_CONTEXT, _OF_ALGORITHM)
        with self._snapshot():
            ids = self._authors(places, values, most=MAX_AUTHORS)
            return Columns().of(self._shares(columns, places, condition, values, ids=ids, limit=limit))

    def unjudged(self, *, limit: int) -> list[Cid]:
        """Contributions of others that this machine has not judged and no quorum has decided, the oldest first.

        Args:
            limit: Most of them.
        """
        rows = self._rows(
            "select contribution from _ix_batches indexed by _ix_batches_unjudged "
            "where own = 0 and hidden = 0 and judged = 0 and standing = 'open' order by batch_id limit ?",
            (limit,),
        )
        return [parse_cid(text, field="contribution") for (text,) in rows]

    def rest(self, batch: SharedBatch, contribution: Cid) -> list[KnownObservation]:
        """What validators compare a contribution with: rows of other contributions that count.

        Args:
            batch: The contribution.
            contribution: Its id.

        Returns:
            Of the same algorithm, at most `REST_ROWS_PER_AUTHOR` of each of `REST_AUTHORS`, those of the same context
            first; and those that equal one of the contribution's supersteps and were applied before it.
        """
        places = (_OF_CONTEXT, _OF_ALGORITHM)
        with self._snapshot():
            this = self._place_of(contribution)
            values = {
                "algorithm": batch.context.algorithm,
                "context_key": bytes.fromhex(batch.context.key),
                "this": this,
            }
            ids = self._authors(places, values, most=REST_AUTHORS)
            rows = [
                row
                for author_id in ids
                for row in self._newest(
                    _KNOWN, places, _OTHERS, values, author_id=author_id, limit=REST_ROWS_PER_AUTHOR
                )
            ]
            rows += self._equal_rows(batch, this)
            keys = dict(self._rows("select author_id, key from _ix_authors"))
        return [_known(row, keys, this) for row in rows]

    def _place_of(self, contribution: Cid) -> int:
        rows = self._rows(
            "select batch_id from _ix_batches where contribution = ? and batch_id > 0", (cid_text(contribution),)
        )
        # One that is not here yet came after everything that is.
        return int(rows[0][0]) if rows else 2**63 - 1

    def _equal_rows(self, batch: SharedBatch, this: int) -> Iterator[Any]:
        sql = _EQUAL.format(columns=_KNOWN)
        for one in batch.observations:
            yield from self._rows(
                sql,
                {
                    "algorithm": batch.context.algorithm,
                    "parallelism": one.parallelism,
                    "duration_s": one.duration_s,
                    "superstep": one.superstep,
                    "this": this,
                    "most": EQUAL_ROWS,
                },
            )

    def _authors(self, places: Sequence[str], values: Mapping[str, object], *, most: int) -> list[int]:
        """Authors of what is in the first place, then in the next, each once."""
        found: dict[int, None] = {}
        for having in places:
            rows = self._rows(_AUTHORS.format(having=having), {**values, "authors": most})
            found |= dict.fromkeys(author_id for (author_id,) in rows)
        return list(found)[:most]

    def _shares(
        self,
        columns: str,
        places: Sequence[str],
        condition: str,
        values: Mapping[str, object],
        *,
        ids: Sequence[int],
        limit: int,
    ) -> Iterator[Any]:
        """The newest rows of each author, his share of the limit; what one leaves goes to those after him."""
        for done, author_id in enumerate(ids):
            share = -(-limit // (len(ids) - done))
            for row in self._newest(columns, places, condition, values, author_id=author_id, limit=share):
                limit -= 1
                yield row

    def _newest(
        self,
        columns: str,
        places: Sequence[str],
        condition: str,
        values: Mapping[str, object],
        *,
        author_id: int,
        limit: int,
    ) -> Iterator[Any]:
        """The newest rows of an author, those of the first place before those of the next."""
        elsewhere = ""
        for having in places:
            sql = _NEWEST.format(columns=columns, having=having + elsewhere, condition=condition)
            rows = self._rows(sql, {**values, "author_id": author_id, "rows": limit})
            yield from rows
            limit -= len(rows)
            elsewhere = _ELSEWHERE


def _known(row: Sequence[Any], keys: Mapping[int, bytes], this: int) -> KnownObservation:
    author_id, run, context_key, superstep, parallelism, duration_s, cold, batch_id = row
    return KnownObservation(
        author=keys[author_id],
        run=run,
        context_key=context_key.hex(),
        superstep=superstep,
        parallelism=parallelism,
        duration_s=duration_s,
        cold=bool(cold),
        before=batch_id < this,
    )
