"""Two replicas on loopback; an index of a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adaptor.sharing.index import Index, IndexReader
from adaptor.testing.indexes import LISTED
from adaptor.testing.log_entries import OWN, Entries
from adaptor.testing.peer_pair import Pair, settled


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """One that serves and one that calls; everything is closed afterwards, and nothing goes on running."""
    before = asyncio.all_tasks()
    made = Pair()
    yield made
    await made.close()
    await settled(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an index is."""
    return tmp_path / "index.db"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    """An empty index."""
    with closing(Index(path, LISTED, OWN)) as index:
        yield index


@pytest.fixture
def reader(index: Index) -> Iterator[IndexReader]:
    """Of the index."""
    with closing(IndexReader(index.path)) as reader:
        yield reader


@pytest.fixture
def log() -> Entries:
    """What is to be in the index."""
    return Entries(LISTED)
