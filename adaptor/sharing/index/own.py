"""What this machine measured itself, beside what is in the log: each superstep once, and marked where it was shared.

An observation that left this machine is known twice, as it was measured and as peers see it. The measured one is
shown, with the id and the standing of its contribution; its row of the log is marked as `doubled` and left out. So
an owner finds own values under their own names, and nothing is counted twice.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import orjson

from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.run import MAX_SUPERSTEPS
from adaptor.domain.shared import (
    MAX_PARALLELISM,
    MAX_UTILISATION,
    Measurement,
    SharedContext,
    SharedObservation,
    harmless,
)
from adaptor.sharing.contributions import SCHEMA_VERSION
from adaptor.sharing.index.authors import OWN_ID
from adaptor.sharing.index.intake import INSERT_BATCH, INSERT_OBSERVATION, context_columns, observation_columns

FIRST_ID = -(2**62)
"""Below all batches of own observations: their ids go up with time as those of contributions do, and stay negative."""

PRIVATE = "private"
"""Standing of what is not in the log."""


class OwnObservations:
    """Rows of this machine's own measurements.

    Args:
        db: The index's file, within a transaction.
        own: This machine's public key.
    """

    def __init__(self, db: sqlite3.Connection, own: bytes) -> None:
        self._db = db
        self._own = own.hex()

    def take(self, observations: Iterable[Observation]) -> list[str]:
        """Add observations that are not there yet; failed supersteps measured nothing.

        Returns:
            Ids of those that were added.
        """
        taken = []
        for one in filter(_readable, observations):
            if self._one("select 1 from _ix_observations where source = ?", one.observation_id) is None:
                batch_id = self._private_batch(one.run_id, one.context)
                row = observation_columns(batch_id, harmless(one.context.program), _measured(one))
                cursor = self._db.execute(f"insert into {INSERT_OBSERVATION}", row)
                self._db.execute(
                    "update _ix_observations set source = ? where observation_id = ?",
                    (one.observation_id, cursor.lastrowid),
                )
                taken.append(one.observation_id)
        return taken

    def sent_with(self, sources: Iterable[str]) -> set[str]:
        """Contributions that these observations left with."""
        rows = (self._one("select contribution from _ix_sent where source = ?", source) for source in sources)
        return {row[0] for row in rows if row is not None}

    def link(self, contribution: str) -> None:
        """Bring what is shown of a contribution of this machine in line with what is known of it."""
        batch = self._one(
            "select batch_id, hidden from _ix_batches where contribution = ? and batch_id > 0", contribution
        )
        visible = batch is not None and not batch[1]
        measured = self._db.execute(
            "select o.observation_id, o.batch_id, o.superstep from _ix_sent s "
            "join _ix_observations o on o.source = s.source where s.contribution = ? order by o.batch_id",
            (contribution,),
        ).fetchall()
        for batch_id, group in groupby(measured, key=lambda row: row[1]):
            private_id = self._private_of(batch_id)
            target = self._shared_batch(private_id, contribution) if visible else private_id
            if target != batch_id:
                self._move([row[0] for row in group], target)
        if visible and measured:
            self._mirror(contribution, batch[0])
            self._mark_doubled(batch[0], [row[2] for row in measured])

    def indexed(self, contributions: Iterable[str]) -> list[str]:
        """Those of the contributions that the index holds; others are linked when it takes them."""
        return [
            one
            for (one,) in self._db.execute(
                "select value from json_each(?) where exists (select 1 from _ix_batches where contribution = value)",
                (orjson.dumps([*contributions]).decode(),),
            )
        ]

    def sent(self) -> list[str]:
        """Every contribution that own observations left with."""
        return [one for (one,) in self._db.execute("select distinct contribution from _ix_sent")]

    def unlink(self) -> None:
        """Show all of them as private, as before any contribution was taken."""
        rows = self._db.execute(
            "select o.observation_id, o.batch_id from _ix_observations o join _ix_batches b using (batch_id) "
            "where o.source is not null and b.contribution is not null order by o.batch_id"
        ).fetchall()
        for batch_id, group in groupby(rows, key=lambda row: row[1]):
            self._move([row[0] for row in group], self._private_of(batch_id))
        self._db.execute("delete from _ix_batches where batch_id < 0 and contribution is not null")

    def _move(self, observation_ids: Sequence[int], batch_id: int) -> None:
        self._db.executemany(
            "update _ix_observations set batch_id = ? where observation_id = ?",
            [(batch_id, one) for one in observation_ids],
        )

    def _mirror(self, contribution: str, batch_id: int) -> None:
        """Show the contribution's standing where its measured observations are."""
        self._db.execute(
            "update _ix_batches set (standing, valid, invalid, abstained, contributed_at) = (select standing, valid, "
            "invalid, abstained, contributed_at from _ix_batches where batch_id = ?) "
            "where contribution = ? and batch_id < 0",
            (batch_id, contribution),
        )

    def _mark_doubled(self, batch_id: int, supersteps: Sequence[int]) -> None:
        self._db.execute("update _ix_observations set doubled = 0 where batch_id = ? and doubled = 1", (batch_id,))
        self._db.executemany(
            "update _ix_observations set doubled = 1 where batch_id = ? and superstep = ?",
            [(batch_id, superstep) for superstep in supersteps],
        )

    def _private_batch(self, run: str, context: ExecutionContext) -> int:
        """The batch of what a run measured in a context and did not share."""
        found = self._one(
            "select batch_id from _ix_batches "
            "where run = ? and context_key = ? and batch_id < 0 and contribution is null",
            run,
            bytes.fromhex(context.key),
        )
        if found is not None:
            return int(found[0])
        batch_id = self._next_id()
        columns = context_columns(_seen(context), key=context.key)
        self._db.execute(
            f"insert into {INSERT_BATCH}",
            (batch_id, None, OWN_ID, self._own, True, *columns, run, SCHEMA_VERSION, 0, None, 0, PRIVATE),
        )
        return batch_id

    def _private_of(self, batch_id: int) -> int:
        """The private batch beside a shared one of the same run and context; itself if it is private."""
        found = self._one(
            "select p.batch_id from _ix_batches b join _ix_batches p on p.run = b.run "
            "and p.context_key = b.context_key and p.batch_id < 0 and p.contribution is null where b.batch_id = ?",
            batch_id,
        )
        return int(found[0])

    def _shared_batch(self, private_id: int, contribution: str) -> int:
        """The batch of what a run measured in a context and shared with a contribution."""
        found = self._one(
            "select b.batch_id from _ix_batches b join _ix_batches p on p.run = b.run "
            "and p.context_key = b.context_key where p.batch_id = ? and b.contribution = ? and b.batch_id < 0",
            private_id,
            contribution,
        )
        if found is not None:
            return int(found[0])
        batch_id = self._next_id()
        self._db.execute(
            "insert into _ix_batches select ?, ?, author_id, author, own, context_key, algorithm, parameters, data, "
            "node_type, flink_version, run, schema_version, observations, contributed_at, hidden, standing, judged, "
            "valid, invalid, abstained from _ix_batches where batch_id = ?",
            (batch_id, contribution, private_id),
        )
        return batch_id

    def _next_id(self) -> int:
        return int(self._one("select coalesce(max(batch_id), ?) + 1 from _ix_batches where batch_id < 0", FIRST_ID)[0])

    def _one(self, sql: str, *values: object) -> Any:
        return self._db.execute(sql, values).fetchone()


def _readable(one: Observation) -> bool:
    return not one.failed and one.parallelism <= MAX_PARALLELISM and one.superstep <= MAX_SUPERSTEPS


def _seen(context: ExecutionContext) -> SharedContext:
    """The context without what would break a terminal."""
    return SharedContext(
        algorithm=harmless(context.program),
        parameters={harmless(key): harmless(value) for key, value in context.parameters.items()},
        data={harmless(key): harmless(value) for key, value in context.data.items()},
        node_type=harmless(context.node_type),
    )


def _measured(one: Observation) -> SharedObservation:
    utilisation = one.flink.cpu_utilisation
    known = utilisation is not None and math.isfinite(utilisation) and 0 <= utilisation <= MAX_UTILISATION
    return SharedObservation(
        superstep=one.superstep,
        parallelism=one.parallelism,
        duration_s=one.duration_s,
        cold=one.cold,
        cpu_utilisation=utilisation if known else None,
        measurement=Measurement.DRIVER_CLOCK,
    )
