"""A listening service with a cluster of eight slots, and somebody who manages it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from adaptor.testing.cluster_calls import TestManager
from adaptor.testing.cluster_store import InMemoryClusterStore
from adaptor.testing.loopback import a_server
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.workshop import Workshop

SMALL_BUFFERS = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536)]
"""A reader's channel without the probing that would let megabytes be on their way to it."""


@pytest.fixture
def shop() -> Workshop:
    """The engine behind the service."""
    silent = InMemoryProvisioner()
    silent.reachable = False
    return Workshop(
        cluster=InMemoryProvisioner(most=8),
        others={"http://other": InMemoryProvisioner(most=8), "http://new": silent},
        managed=InMemoryClusterStore(most_news=10_000),
    )


@pytest.fixture
async def manager(shop: Workshop) -> AsyncIterator[TestManager]:
    """Who manages the cluster."""
    server = a_server(shop)
    await server.start()
    shop.clusters.start()
    async with grpc.aio.insecure_channel(server.address, options=SMALL_BUFFERS) as channel:
        yield TestManager(channel)
    await server.stop(grace_s=0.0)
    await shop.clusters.stop()
    await shop.engine.stop()
