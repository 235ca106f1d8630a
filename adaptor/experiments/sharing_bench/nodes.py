"""A Kubo node for each peer of the benchmark: private, on loopback, on free ports, and gone afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from adaptor.local.kubo.binary import find_kubo
from adaptor.local.kubo.node import KuboNode

ANSWER_S = 10.0
"""Longest wait for a node's answer about itself; it takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that runs.

    Attributes:
        api_url: Of its API.
        pid: Of its process.
    """

    api_url: str
    pid: int

    def bytes_in(self) -> int:
        """What it took from other nodes so far, by its own count."""
        said = requests.post(f"{self.api_url}/api/v0/stats/bw", timeout=ANSWER_S).json()
        return int(said["TotalIn"])


@asynccontextmanager
async def running_nodes(folder: Path, count: int) -> AsyncIterator[Sequence[Node]]:
    """So many nodes, which know nothing of each other yet.

    Args:
        folder: For their repositories.
        count: How many; none are none.

    Raises:
        KuboMissingError: If there is no Kubo on this machine; the message says how to get one.
        KuboNodeError: If a node does not start.
    """
    binary = find_kubo() if count else None
    async with AsyncExitStack() as stack:
        started = []
        for number in range(count):
            node = KuboNode(folder / f"kubo-{number}", binary=binary)
            stack.push_async_callback(asyncio.to_thread, node.stop)
            status = await asyncio.to_thread(node.start)
            started.append(Node(status.api_url, status.pid or 0))
        yield started
