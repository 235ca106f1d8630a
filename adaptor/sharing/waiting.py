"""Work without end in the background: waiting for something to do, and going on after a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection
from typing import Any

from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)


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


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel work and wait until it is over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
