"""Two replicas on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adaptor.testing.peer_pair import Pair, settled


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """One that serves and one that calls; everything is closed afterwards, and nothing goes on running."""
    before = asyncio.all_tasks()
    made = Pair()
    yield made
    await made.close()
    await settled(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})
