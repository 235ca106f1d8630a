"""Spreads requests over time: at most so many a second reach one cluster, whatever the number of its streams.

A rescale under way goes first: where hundreds of streams wait for their look, its steps would each wait seconds, and
the gap would be measured as roughly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Pace:
    """Gives out turns.

    Args:
        per_s: Requests a second.
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
        self._urgent: deque[tuple[asyncio.Future[None], int]] = deque()
        self._others: deque[tuple[asyncio.Future[None], int]] = deque()
        self._giving: asyncio.Task[None] | None = None

    async def turn(self, *, requests: int = 1, urgent: bool = False) -> None:
        """Wait for the next turn; turns that nobody took are not saved up.

        Args:
            requests: How many requests will be made; the turn after this one waits for all of them.
            urgent: Whether to go before those that are not.
        """
        if not (self._urgent or self._others) and self._next_s <= self._clock():
            self._take(requests)
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._others).append((waiting, requests))
        if self._giving is None or self._giving.done():
            self._giving = asyncio.create_task(self._give())
        await waiting

    def _take(self, requests: int) -> None:
        self._next_s = max(self._next_s, self._clock()) + requests * self._interval_s

    async def _give(self) -> None:
        """Give out turns until nobody waits; who gave up is passed over."""
        while queue := self._urgent or self._others:
            wait_s = self._next_s - self._clock()
            if wait_s > 0 and not queue[0][0].done():
                await self._sleep(wait_s)
                continue
            waiting, requests = queue.popleft()
            if not waiting.done():
                self._take(requests)
                waiting.set_result(None)
