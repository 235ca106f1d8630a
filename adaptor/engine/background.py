"""Work beside the calls: tasks that are kept, logged when they fail, and ended together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)


class Background:
    """Every task of one engine."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something that ends by itself; if it fails the log says so."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def repeat(
        self, work: Callable[[], Awaitable[None]], *, interval_s: float, wake: asyncio.Event | None = None
    ) -> None:
        """Begin something that is done again and again.

        Args:
            work: What to do; what goes wrong once is logged and tried again.
            interval_s: Time between two tries.
            wake: Ends that time early when set.
        """
        self.spawn(_repeat(work, interval_s=interval_s, wake=wake or asyncio.Event()))

    async def stop(self) -> None:
        """Cancel whatever is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("background work failed", exc_info=error)


async def _repeat(work: Callable[[], Awaitable[None]], *, interval_s: float, wake: asyncio.Event) -> None:
    while True:
        try:
            await work()
        except AdaptorError as error:
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001 - the loop boundary of the engine: one fault must not end the service
            _log.exception("unexpected fault in background work")
        await _woken(wake, within_s=interval_s)
        wake.clear()


async def _woken(wake: asyncio.Event, *, within_s: float) -> None:
    """Wait for an event or some time; unlike `asyncio.wait_for` before Python 3.12, lose no cancellation."""
    waiting = asyncio.ensure_future(wake.wait())
    try:
        await asyncio.wait({waiting}, timeout=within_s)
    finally:
        waiting.cancel()
