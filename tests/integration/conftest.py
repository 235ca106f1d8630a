"""A listening service around an engine of fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from adaptor.api.v1 import runs_pb2_grpc
from adaptor.testing.loopback import a_server
from adaptor.testing.workshop import Workshop


@pytest.fixture
def shop() -> Workshop:
    """The engine behind the service."""
    return Workshop()


@pytest.fixture
async def channel(shop: Workshop) -> AsyncIterator[grpc.aio.Channel]:
    """A connection to a listening server."""
    server = a_server(shop)
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as connected:
        yield connected
    await server.stop(grace_s=0.0)
    await shop.engine.stop()


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> runs_pb2_grpc.RunServiceStub:
    """What a job calls."""
    return runs_pb2_grpc.RunServiceStub(channel)
