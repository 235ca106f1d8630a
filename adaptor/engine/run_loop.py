"""One run in memory: its record, its place in the store, and who waits for news of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adaptor.control.run_record import RunRecord, record_after
from adaptor.store.history import Recorded


class RunLoop:
    """A run that the engine works on; `lock` is held by whoever changes it.

    Attributes:
        record: What is known of the run.
        sequence: Place of its newest event in the store.
        lock: One event at a time.
        rescale: The newest rescale in flight, or a finished one.
    """

    def __init__(self, record: RunRecord | None, sequence: int) -> None:
        self.record = record
        self.sequence = sequence
        self.lock = asyncio.Lock()
        self.rescale: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @classmethod
    def of_history(cls, history: Sequence[Recorded]) -> RunLoop:
        """A run as its recorded events left it; an unknown one if there are none."""
        if not history:
            return cls(None, 0)
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
