"""Barrier calls go first: background work of the log is done in short slices, and waits while a barrier is answered.

A job waits for its barrier; nobody waits for the log. Both share one event loop, so the log gives way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from adaptor.sharing.waiting import woken

LONGEST_WAIT_S = 0.1
"""Longest pause of the log between two slices: with barriers without end it still gets a slice ten times a second."""


class Precedence:
    """Counts the calls that go first."""

    def __init__(self) -> None:
        self._calls = 0
        self._free = asyncio.Event()
        self._free.set()

    @contextmanager
    def first(self) -> Iterator[None]:
        """Hold back background work while this runs."""
        self._calls += 1
        self._free.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._free.set()

    async def turn(self) -> None:
        """Let everything else run, and wait for calls that go first, for a bounded time."""
        await asyncio.sleep(0)
        if self._calls:
            await woken(self._free, within_s=LONGEST_WAIT_S)
