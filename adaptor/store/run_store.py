"""The store as the engine sees it: asynchronous, one statement at a time on a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.observation import Observation, ObservedDuration
from adaptor.domain.plan import Plan
from adaptor.domain.run import RunLength
from adaptor.domain.statistics import SuperstepReport
from adaptor.store.history import Recorded, RunSummary
from adaptor.store.run_file import RunFile
from adaptor.store.schema import checkpoint

_log = logging.getLogger(__name__)

RECORDS_PER_CHECKPOINT = 200
"""Events between two checkpoints: about 8 MB of log, which takes some 10 ms to fold in."""

P = ParamSpec("P")
T = TypeVar("T")


class SqliteRunStore:
    """Runs in one SQLite file; a written event survives a power cut.

    Args:
        directory: The state directory, which must exist.

    Raises:
        StateDirectoryError: If the file in it cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self.file = RunFile(directory)
        self._records = 0
        # One thread: SQLite has one writer anyway, and the order of writes stays the order of calls.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._checkpoints = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")

    async def record(self, recorded: Recorded) -> None:
        """Write an event and everything decided on it, at once or not at all."""
        await self._call(self.file.record, recorded)
        self._records += 1
        if self._records % RECORDS_PER_CHECKPOINT == 0:
            self._checkpoints.submit(self._checkpoint)

    async def complete(self, run_id: str, sequence: int) -> None:
        """Note that a slot effect was performed, or has become void."""
        await self._call(self.file.complete, run_id, sequence)

    async def published(self, observation_ids: Sequence[str]) -> None:
        """Note that peers were given these observations."""
        await self._call(self.file.published, observation_ids)

    async def history(self, run_id: str) -> list[Recorded]:
        """Every event of a run with its plan and observation, in order; empty if the run is unknown."""
        return await self._call(self.file.history, run_id)

    async def history_after(self, run_id: str, sequence: int) -> list[Recorded]:
        """The events after a place, each with its plan and observation."""
        return await self._call(self.file.history_after, run_id, sequence)

    async def barrier(self, run_id: str, superstep: int, attempt: int) -> tuple[SuperstepReport, Plan] | None:
        """What was reported of a superstep and planned on it; ``None`` if it was not reported."""
        return await self._call(self.file.barrier, run_id, superstep, attempt)

    async def run(self, run_id: str) -> RunSummary | None:
        """One run in one line; ``None`` if it is unknown."""
        return await self._call(self.file.run, run_id)

    async def runs(self, *, limit: int, before: tuple[float, str] | None, owner: str | None = None) -> list[RunSummary]:
        """Runs, newest first, those before a place in that order and of one owner if one is given."""
        return await self._call(self.file.runs, limit=limit, before=before, owner=owner)

    async def running(self) -> list[RunSummary]:
        """Every run that has neither ended nor been abandoned."""
        return await self._call(self.file.running)

    async def earlier_observations(self, context_key: str, *, limit: int) -> list[ObservedDuration]:
        """Durations of earlier runs of an execution context, the newest `limit`, oldest first."""
        return await self._call(self.file.earlier_observations, context_key, limit=limit)

    async def earlier_lengths(self, context_key: str, *, limit: int) -> list[RunLength]:
        """How long the newest runs of an execution context were that came to their end, oldest first."""
        return await self._call(self.file.earlier_lengths, context_key, limit=limit)

    async def adaptation_costs_s(self, flink_url: str, *, limit: int) -> list[float]:
        """Seconds of the newest rescales on a cluster, oldest first."""
        return await self._call(self.file.adaptation_costs_s, flink_url, limit=limit)

    async def pending_slot_effects(self) -> list[tuple[str, int, RequestRescale | ReleaseSlots]]:
        """Slot effects whose outcome was never noted."""
        return await self._call(self.file.pending_slot_effects)

    async def unpublished(self, *, limit: int) -> list[Observation]:
        """Shareable observations that peers were not given yet, at most `limit`."""
        return await self._call(self.file.unpublished, limit=limit)

    async def unpublished_count(self) -> int:
        """How many shareable observations peers were not given yet."""
        return await self._call(self.file.unpublished_count)

    async def observations_after(self, place: int, *, limit: int) -> tuple[list[Observation], int]:
        """Observations that were stored after a place, at most `limit`, and the place of the last of them."""
        return await self._call(self.file.observations_after, place, limit=limit)

    def _checkpoint(self) -> None:
        try:
            checkpoint(self.file.path)
        except sqlite3.Error as error:
            _log.warning("the log of %s could not be folded in, it is tried again later: %s", self.file.path, error)

    def close(self) -> None:
        """Finish what was called and close the file."""
        self._checkpoints.shutdown(wait=True)
        self._thread.shutdown(wait=True)
        self.file.close()

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))
