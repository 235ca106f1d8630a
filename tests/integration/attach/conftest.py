"""A scripted cluster with one stream that is too narrow, and what looks after it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from adaptor.experiments.scripted_stream import ScriptedStream, ScriptedStreams
from adaptor.experiments.scripted_stream_server import ScriptedStreamServer
from adaptor.testing.attached import JOB, AttachShop


@pytest.fixture
def stream() -> ScriptedStream:
    """2,000 records a second come and one subtask processes 1,000."""
    now_s = time.time()
    return ScriptedStream(job_id=JOB, rate=2000.0, capacity=1000.0, created_s=now_s, looked_s=now_s)


@pytest.fixture
def server(stream: ScriptedStream) -> Iterator[ScriptedStreamServer]:
    """The cluster of that stream, with four slots."""
    with ScriptedStreamServer(ScriptedStreams(streams={JOB: stream})) as listening:
        yield listening


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[AttachShop]:
    """What looks after streams."""
    made = AttachShop(tmp_path)
    yield made
    await made.close()
