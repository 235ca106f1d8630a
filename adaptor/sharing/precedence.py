"""Barrier calls go first: background work of the log is done in short slices, and waits while a barrier is answered.

A job waits for its barrier; nobody waits for the log. Both share one event loop, so the log gives way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from adaptor.sharing.waiting import woken

LONGEST_WAIT_S = 0.1
"""Longest pause of the log between two slices: with barriers without end it still gets a slice ten times a second."""


QUANTUM_S = 0.0015
"""Time for which a thread works on after it gave way: well below what a barrier may cost, and enough that work goes on
while barriers follow each other without a pause."""


class Precedence:
    """Counts the calls that go first."""

    def __init__(self) -> None:
        self._calls = 0
        self._holding = 0
        self._free = asyncio.Event()
        self._free.set()
        self._threads_free = threading.Event()
        self._threads_free.set()
        self._of_thread = threading.local()

    @contextmanager
    def first(self) -> Iterator[None]:
        """Hold back background work while this runs."""
        self._calls += 1
        self._free.clear()
        try:
            with self.before_threads():
                yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._free.set()

    @contextmanager
    def before_threads(self) -> Iterator[None]:
        """Hold back work on threads alone while this runs: what is written goes before what is made of it."""
        self._holding += 1
        self._threads_free.clear()
        try:
            yield
        finally:
            self._holding -= 1
            if not self._holding:
                self._threads_free.set()

    async def turn(self) -> None:
        """Let everything else run, and wait for calls that go first, for a bounded time."""
        await asyncio.sleep(0)
        if self._calls:
            await woken(self._free, within_s=LONGEST_WAIT_S)

    def pause(self) -> None:
        """The same for work on a thread: to be called often, it waits only where the thread worked for a while."""
        if not self._holding or time.monotonic() < getattr(self._of_thread, "until_s", 0.0):
            return
        self._threads_free.wait(LONGEST_WAIT_S)
        self._of_thread.until_s = time.monotonic() + QUANTUM_S
