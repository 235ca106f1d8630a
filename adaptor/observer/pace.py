"""Spreads requests over time: at most so many a second reach one cluster, whatever the number of its streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Pace:
    """Gives out turns.

    Args:
        per_s: Turns a second.
        clock: Seconds that never go back.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        per_s: float,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval_s = 1 / per_s
        self._clock = clock
        self._sleep = sleep
        self._next_s = clock()

    async def turn(self) -> None:
        """Wait for the next turn; turns that nobody took are not saved up."""
        now_s = self._clock()
        self._next_s = max(self._next_s, now_s)
        wait_s = self._next_s - now_s
        self._next_s += self._interval_s
        if wait_s > 0:
            await self._sleep(wait_s)
