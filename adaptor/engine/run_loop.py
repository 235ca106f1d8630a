"""Runs in memory: the record of each, its place in the store, and who waits for news."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from adaptor.control.run_record import RunRecord, record_after
from adaptor.engine.ports import RunStore
from adaptor.errors import UnknownRunError
from adaptor.store.history import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsAwaited:
    """How far the slots of a run's newest plan are.

    Attributes:
        settled: Whether nothing more will come of itself.
        existing_slots: Slots that exist for the run now.
        paused: Whether the manager of its cluster leaves it none for now.
    """

    settled: bool
    existing_slots: int
    paused: bool


class RunLoop:
    """A run that the engine works on; `lock` is held by whoever changes it.

    Attributes:
        record: What is known of the run; ``None`` until its start is recorded.
        sequence: Place of its newest event in the store.
        lock: One event at a time.
        asked_at_s: When its driver last asked for slots, in seconds since the epoch: a sign of life.
        settled: Done as soon as the slots of the newest rescale are settled; ``None`` if there was none.
    """

    def __init__(self, record: RunRecord | None, sequence: int) -> None:
        self.record = record
        self.sequence = sequence
        self.lock = asyncio.Lock()
        self.asked_at_s = 0.0
        self.settled: asyncio.Future[None] | None = None
        self._news = asyncio.Event()

    @classmethod
    def of_history(cls, history: Sequence[Recorded]) -> RunLoop:
        """A run as its recorded events, at least one, left it."""
        plans = [recorded.plan for recorded in history if recorded.plan]
        record = record_after((recorded.event for recorded in history), plans[-1] if plans else None)
        return cls(record, history[-1].sequence)

    @property
    def news(self) -> asyncio.Event:
        """Set at the next change; take it before reading the store, then wait for it."""
        return self._news

    def advance(self, record: RunRecord, sequence: int) -> None:
        """Take the run one event further and wake whoever watches."""
        self.record, self.sequence = record, sequence
        self._news.set()
        self._news = asyncio.Event()


class RunLoops:
    """Every run that the engine works on, loaded from the store when it is first asked for.

    Args:
        store: Keeps all runs.
        max_loaded: Runs kept in memory before ended ones are dropped.
    """

    def __init__(self, store: RunStore, *, max_loaded: int) -> None:
        self._store = store
        self._max_loaded = max_loaded
        self._loops: dict[str, RunLoop] = {}

    async def known(self, run_id: str) -> RunLoop:
        """A run that was started. Of others nothing is kept, however often they are asked for.

        Raises:
            UnknownRunError: If there is no such run.
        """
        if run_id not in self._loops:
            history = await self._store.history(run_id)
            if history:
                self._loops.setdefault(run_id, RunLoop.of_history(history))
        if run_id not in self._loops:
            raise UnknownRunError(run_id)
        return self._loops[run_id]

    async def owner(self, run_id: str) -> str | None:
        """Who started a run; ``None`` if it is not known."""
        try:
            record = (await self.known(run_id)).record
        except UnknownRunError:
            return None
        return record.spec.owner if record else None

    async def known_or_new(self, run_id: str) -> RunLoop:
        """A run that was started, or one that is about to be."""
        try:
            return await self.known(run_id)
        except UnknownRunError:
            return self._loops.setdefault(run_id, RunLoop(None, 0))

    def drop_ended(self) -> None:
        """Forget runs that have ended if there are too many; the store still knows them."""
        if len(self._loops) <= self._max_loaded:
            return
        ended = [run_id for run_id, loop in self._loops.items() if loop.record and loop.record.state.ended]
        for run_id in ended:
            del self._loops[run_id]


def known_record(loop: RunLoop, run_id: str) -> RunRecord:
    """What is known of a run.

    Raises:
        UnknownRunError: If it was never started.
    """
    if loop.record is None:
        raise UnknownRunError(run_id)
    return loop.record
