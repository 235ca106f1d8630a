"""What every block store promises, whichever back end stands behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.kubo.block_store import KuboBlockStore
from adaptor.sharing.log_file import LogFile
from adaptor.sharing.ports import BlockStore
from adaptor.sharing.sqlite_block_store import SqliteBlockStore
from adaptor.testing.kubo_nodes import Nodes

MANIFESTS = [
    Manifest(name=f"log {number}", founder=bytes(32), writers=None, quorum=1, salt=bytes(32)).block
    for number in range(300)
]
BLOCKS: dict[Cid, bytes] = {cid_of(block): block for block in MANIFESTS}


@pytest.fixture(params=["sqlite", pytest.param("kubo", marks=pytest.mark.e2e)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlockStore]:
    if request.param == "sqlite":
        file = LogFile(tmp_path / "log.db")

        async def on_file(function: Callable[..., Any], *arguments: object) -> Any:
            return function(*arguments)

        yield SqliteBlockStore(file, on_file)
        file.close()
        return
    with Nodes(tmp_path) as nodes:
        status = await asyncio.to_thread(nodes.running, "one")
        kubo = KuboBlockStore(status.api_url)
        yield kubo
        await kubo.close()


async def test_what_was_put_is_there_and_nothing_else(store: BlockStore) -> None:
    first, second, *_ = BLOCKS
    await store.put({first: BLOCKS[first]})
    assert await store.get(first) == BLOCKS[first]
    assert await store.get(second) is None
    assert await store.holds([first, second]) == {first}


async def test_putting_again_changes_nothing(store: BlockStore) -> None:
    for _ in range(3):
        await store.put(BLOCKS)
    assert await store.holds(list(BLOCKS)) == set(BLOCKS)
    for cid in list(BLOCKS)[::50]:
        assert await store.get(cid) == BLOCKS[cid]


async def test_nothing_at_all_may_be_put_and_asked_for(store: BlockStore) -> None:
    await store.put({})
    assert await store.holds([]) == set()
