"""Work without end in the background: waiting for something to do, and going on after a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Coroutine
from typing import Any, TypeVar

from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)

T = TypeVar("T")


async def woken(event: asyncio.Event, *, within_s: float) -> None:
    """Wait for an event or some time; unlike `asyncio.wait_for` before Python 3.12, lose no cancellation."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=within_s)
    finally:
        waiting.cancel()


async def survived(work: Awaitable[object]) -> None:
    """Do something that is tried again later if it goes wrong; the log says so."""
    try:
        await work
    except AdaptorError as error:
        _log.warning("%s", error)
    except Exception:  # noqa: BLE001 - a loop boundary: one fault must not end the sharing of a service
        _log.exception("unexpected fault in background work")


class Unbroken:
    """Work that goes to its end even if whoever waits for it is cancelled.

    Attributes:
        tasks: What is under way.
    """

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it, and wait for what comes of it."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; there may be nobody left


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel work and wait until it is over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
