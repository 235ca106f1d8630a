"""Waiting for an event or some time."""

from __future__ import annotations

import asyncio


async def woken(event: asyncio.Event, *, within_s: float) -> None:
    """Wait for an event or some time; unlike `asyncio.wait_for` before Python 3.12, lose no cancellation."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=within_s)
    finally:
        waiting.cancel()
