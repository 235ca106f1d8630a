"""The SQL: every statement of the store, synchronous, for one thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import BarrierReached, Event, RescaleSucceeded, RunFinished, RunStarted
from adaptor.domain.observation import Observation, ObservedDuration, Origin
from adaptor.domain.plan import Plan
from adaptor.domain.run import Mechanism, RunLength, RunSpec, RunState
from adaptor.domain.statistics import SuperstepReport
from adaptor.errors import StateDirectoryError
from adaptor.store import codec
from adaptor.store.history import Recorded, RunSummary
from adaptor.store.schema import open_file

FILE_NAME = "adaptor.sqlite"


class RunFile:
    """The store's file and its statements.

    Args:
        directory: The state directory.
        read_only: Whether every write is refused by SQLite itself.

    Raises:
        StateDirectoryError: If the file cannot be used.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self.path = directory / FILE_NAME
        self.connection = open_file(self.path, read_only=read_only)

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        self.connection.close()

    # --- writing ---------------------------------------------------------------------------------------------

    def record(self, recorded: Recorded) -> None:
        """Write an event and everything decided on it, at once or not at all."""
        with self._transaction():
            self._write_run(recorded)
            self._write_event(recorded)
            if recorded.observation:
                self._write_observation(recorded.observation)
            if recorded.slot_effect:
                self._execute(
                    "insert into slot_effects values (?, ?, ?)",
                    (recorded.run_id, recorded.sequence, codec.slot_effect_json(recorded.slot_effect)),
                )
            if recorded.completes is not None:
                self._complete(recorded.run_id, recorded.completes)

    def complete(self, run_id: str, sequence: int) -> None:
        """Note that the slot effect recorded at this place was performed, or has become void."""
        with self._transaction():
            self._complete(run_id, sequence)

    def published(self, observation_ids: Sequence[str]) -> None:
        """Note that peers were given these observations."""
        with self._transaction():
            self.connection.executemany(
                "delete from outbox where observation_id = ?", [(one,) for one in observation_ids]
            )

    def _complete(self, run_id: str, sequence: int) -> None:
        self._execute("delete from slot_effects where run_id = ? and sequence = ?", (run_id, sequence))

    def _write_run(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, RunStarted):
            spec = event.spec
            self._execute(
                "insert into runs values (?, ?, ?, ?, ?, ?, ?, 0, ?)",
                (
                    spec.run_id,
                    codec.dumps(spec, RunSpec),
                    spec.context.key,
                    spec.flink_url,
                    RunState.RUNNING.value,
                    event.at_s,
                    event.at_s,
                    recorded.plan.parallelism if recorded.plan else spec.start_parallelism,
                ),
            )
            return
        state = event.state if isinstance(event, RunFinished) else None
        if isinstance(event, BarrierReached):
            state = RunState.RUNNING
        self._execute(
            "update runs set state = coalesce(?, state), updated_at_s = coalesce(?, updated_at_s), "
            "supersteps = supersteps + ?, parallelism = coalesce(?, parallelism) where run_id = ?",
            (
                state.value if state else None,
                event.at_s if state else None,
                int(isinstance(event, BarrierReached) and not event.report.failed),
                recorded.plan.parallelism if recorded.plan else None,
                recorded.run_id,
            ),
        )
        if isinstance(event, RescaleSucceeded):
            self._execute(
                # What a rescale in place costs is kept with the attached jobs: another mechanism, another distribution.
                "insert into adaptation_costs (flink_url, duration_s) select flink_url, ? from runs where run_id = ? "
                "and coalesce(json_extract(cast(spec as text), '$.mechanism'), ?) = ?",
                (event.duration_s, recorded.run_id, Mechanism.DRIVER_LOOP.value, Mechanism.DRIVER_LOOP.value),
            )

    def _write_event(self, recorded: Recorded) -> None:
        event = recorded.event
        report = event.report if isinstance(event, BarrierReached) else None
        self._execute(
            "insert into events values (?, ?, ?, ?, ?, ?, ?)",
            (
                recorded.run_id,
                recorded.sequence,
                type(event).__name__,
                report.superstep if report else None,
                report.attempt if report else None,
                codec.event_json(event),
                codec.dumps(recorded.plan, Plan) if recorded.plan else None,
            ),
        )

    def _write_observation(self, one: Observation) -> None:
        self._execute(
            "insert into observations values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.observation_id,
                one.run_id,
                one.context.key,
                one.superstep,
                one.attempt,
                one.parallelism,
                one.duration_s,
                one.cold,
                one.failed,
                one.shareable,
                codec.dumps(one, Observation),
            ),
        )
        if one.shareable and not one.failed:
            self._execute("insert into outbox (observation_id) values (?)", (one.observation_id,))

    # --- reading ---------------------------------------------------------------------------------------------

    def history(self, run_id: str) -> list[Recorded]:
        """Every event of a run with its plan, in order; empty if the run is unknown."""
        return list(self._history(run_id, after=0))

    def history_after(self, run_id: str, sequence: int) -> list[Recorded]:
        """The events after a place, each with its plan and observation."""
        return list(self._history(run_id, after=sequence))

    def _history(self, run_id: str, *, after: int) -> Iterator[Recorded]:
        rows = self._rows(
            "select e.sequence, e.body, e.plan, o.body from events e left join observations o "
            "on e.kind = 'BarrierReached' and o.observation_id = e.run_id || '/' || e.superstep || '/' || e.attempt "
            "where e.run_id = ? and e.sequence > ? order by e.sequence",
            (run_id, after),
        )
        for sequence, event, plan, observation in rows:
            yield Recorded(
                run_id=run_id,
                sequence=sequence,
                event=self._sound(codec.event_of, event),
                plan=self._sound(codec.loads, plan, Plan) if plan else None,
                observation=self._sound(codec.loads, observation, Observation) if observation else None,
            )

    def barrier(self, run_id: str, superstep: int, attempt: int) -> tuple[SuperstepReport, Plan] | None:
        """What was reported of a superstep and planned on it; ``None`` if it was not reported."""
        rows = self._rows(
            "select body, plan from events where run_id = ? and superstep = ? and attempt = ? and kind = ?",
            (run_id, superstep, attempt, BarrierReached.__name__),
        )
        if not rows:
            return None
        [(body, plan)] = rows
        event: Event = self._sound(codec.event_of, body)
        assert isinstance(event, BarrierReached)  # noqa: S101 - the query asked for nothing else
        return event.report, self._sound(codec.loads, plan, Plan)

    def runs(self, *, limit: int, before: tuple[float, str] | None, owner: str | None = None) -> list[RunSummary]:
        """Runs, newest first, those before a place in that order and of one owner if one is given."""
        started, run_id = before or (float("inf"), "")
        rows = self._rows(
            "select spec, state, started_at_s, updated_at_s, supersteps, parallelism from runs "
            "where (started_at_s, run_id) < (?, ?) "
            "and (? is null or coalesce(json_extract(cast(spec as text), '$.owner'), '') = ?) "
            "order by started_at_s desc, run_id desc limit ?",
            (min(started, 1e300), run_id, owner, owner, limit),
        )
        return [self._summary(row) for row in rows]

    def run(self, run_id: str) -> RunSummary | None:
        """One run in one line; ``None`` if it is unknown."""
        rows = self._rows(
            "select spec, state, started_at_s, updated_at_s, supersteps, parallelism from runs where run_id = ?",
            (run_id,),
        )
        return self._summary(rows[0]) if rows else None

    def running(self) -> list[RunSummary]:
        """Every run that has neither ended nor been abandoned."""
        rows = self._rows(
            "select spec, state, started_at_s, updated_at_s, supersteps, parallelism from runs where state = ?",
            (RunState.RUNNING.value,),
        )
        return [self._summary(row) for row in rows]

    def earlier_observations(self, context_key: str, *, limit: int) -> list[ObservedDuration]:
        """Durations of earlier runs of an execution context, the newest `limit`, oldest first."""
        rows = self._rows(
            "select parallelism, duration_s, cold, superstep from observations where context_key = ? and not failed "
            "order by rowid desc limit ?",
            (context_key, limit),
        )
        return [
            ObservedDuration(
                parallelism=p, duration_s=d, cold=bool(cold), origin=Origin.EARLIER_RUN, superstep=superstep
            )
            for p, d, cold, superstep in reversed(rows)
        ]

    def earlier_lengths(self, context_key: str, *, limit: int) -> list[RunLength]:
        """How long the newest runs of an execution context were that came to their end, oldest first."""
        rows = self._rows(
            "select supersteps, json_extract(spec, '$.max_supersteps') from runs "
            "where context_key = ? and state = ? and supersteps > 0 order by started_at_s desc, run_id desc limit ?",
            (context_key, RunState.FINISHED.value, limit),
        )
        return [RunLength(supersteps=supersteps, limit=most) for supersteps, most in reversed(rows)]

    def adaptation_costs_s(self, flink_url: str, *, limit: int) -> list[float]:
        """Seconds of the newest rescales on a cluster, oldest first."""
        rows = self._rows(
            "select duration_s from adaptation_costs where flink_url = ? order by id desc limit ?", (flink_url, limit)
        )
        return [duration for (duration,) in reversed(rows)]

    def pending_slot_effects(self) -> list[tuple[str, int, RequestRescale | ReleaseSlots]]:
        """Slot effects whose outcome was never noted: run, place and effect, those of a run in order."""
        rows = self._rows("select run_id, sequence, body from slot_effects order by run_id, sequence", ())
        return [(run_id, sequence, self._sound(codec.slot_effect_of, body)) for run_id, sequence, body in rows]

    def unpublished(self, *, limit: int) -> list[Observation]:
        """Shareable observations that peers were not given yet, at most `limit`."""
        rows = self._rows(
            # `cross` keeps SQLite from going through all observations first.
            "select o.body from outbox b cross join observations o on o.observation_id = b.observation_id "
            "order by b.id limit ?",
            (limit,),
        )
        return [self._sound(codec.loads, body, Observation) for (body,) in rows]

    def observations_after(self, place: int, *, limit: int) -> tuple[list[Observation], int]:
        """Observations that were stored after a place, in order, at most `limit`, and the place of the last of them."""
        rows = self._rows(
            "select rowid, body from observations where rowid > ? order by rowid limit ?",
            (place, limit),
        )
        return [self._sound(codec.loads, body, Observation) for _, body in rows], rows[-1][0] if rows else place

    def unpublished_count(self) -> int:
        """How many shareable observations peers were not given yet."""
        return int(self._rows("select count(*) from outbox", ())[0][0])

    def _summary(self, row: Sequence[Any]) -> RunSummary:
        spec, state, started, updated, supersteps, parallelism = row
        return RunSummary(
            spec=self._sound(codec.loads, spec, RunSpec),
            state=RunState(state),
            started_at_s=started,
            updated_at_s=updated,
            supersteps=supersteps,
            parallelism=parallelism,
        )

    # --- the file --------------------------------------------------------------------------------------------

    def _execute(self, sql: str, values: Sequence[object]) -> sqlite3.Cursor:
        return self.connection.execute(sql, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self.connection:
                yield
        except sqlite3.Error as error:
            raise StateDirectoryError(f"state_dir: {self.path} cannot be written ({error})") from error

    def _rows(self, sql: str, values: Sequence[object]) -> list[Any]:
        try:
            return self._execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StateDirectoryError(f"state_dir: {self.path} cannot be read ({error})") from error

    def _sound(self, parse: Any, *arguments: Any) -> Any:
        """A parsed value; a value that cannot be parsed means that the file is damaged or newer than we are."""
        try:
            return parse(*arguments)
        except Exception as error:
            raise StateDirectoryError(f"state_dir: {self.path} holds a value that cannot be read ({error})") from error
