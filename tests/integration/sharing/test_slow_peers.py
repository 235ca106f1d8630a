"""Peers that answer byte by byte, or stop in the middle: the call ends by its deadline, wherever they are slow."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adaptor.errors import PeerCallError
from adaptor.sharing.certificates import server_credentials
from adaptor.testing.peer_pair import Pair
from adaptor.testing.served_log import an_announcement

CALL_S = 0.3
DRIP_S = 0.02

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what comes and says nothing."""
    while await reader.read(65536):
        pass


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: the beginning of an HTTP/2 frame, or of a TLS record, that never ends."""
    for byte in b"\x16\x03\x03\x3f\xff" + bytes(10_000):
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(DRIP_S)


async def dripping_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Settings as they should be, and then an answer of which a byte comes now and then."""
    writer.write(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
    for byte in b"\x00\x40\x00\x00\x00\x00\x00\x00\x01" + bytes(10_000):
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(DRIP_S)


@contextlib.asynccontextmanager
async def listening(behaviour: Behaviour, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    """A server that behaves so."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await behaviour(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def tls(pair: Pair, tmp_path: Path) -> ssl.SSLContext:
    """The callee's certificate, for servers that are not gRPC."""
    shown = server_credentials(pair.callee, now_s=time.time())
    path = tmp_path / "server.pem"
    path.write_bytes(shown.key + shown.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.parametrize("behaviour", [silent, dripping])
async def test_a_handshake_that_does_not_end_is_given_up(pair: Pair, behaviour: Behaviour) -> None:
    """It is not even known who is there."""
    async with listening(behaviour, None) as address:
        await ends_in_time(pair, address)


@pytest.mark.parametrize("behaviour", [silent, dripping, dripping_frame])
async def test_an_answer_that_does_not_end_is_given_up(pair: Pair, tls: ssl.SSLContext, behaviour: Behaviour) -> None:
    """By a peer who proved who it is."""
    async with listening(behaviour, tls) as address:
        await ends_in_time(pair, address)


async def test_a_handshake_without_end_is_bounded_in_bytes(pair: Pair) -> None:
    """Whoever sends a lot instead of little is cut as well."""

    async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = b"\x16\x03\x03\x40\x00" + b"\x00" * 0x4000
        while True:
            writer.write(record)
            await writer.drain()

    async with listening(flooding, None) as address:
        with pytest.raises(PeerCallError, match="cannot be reached"):
            await pair.transport().meet(pair.callee.peer, address, an_announcement())


async def ends_in_time(pair: Pair, address: str) -> None:
    """Every call, one after the other and at once, ends as an error within its time."""
    transport = pair.transport(call_s=CALL_S)
    began_s = time.monotonic()
    for calls in (1, 5):
        outcomes = await asyncio.gather(
            *(transport.meet(pair.callee.peer, address, an_announcement()) for _ in range(calls)),
            return_exceptions=True,
        )
        assert all(isinstance(one, PeerCallError) for one in outcomes)
    # Two rounds; the rest is for a machine that is busy.
    assert time.monotonic() - began_s < 2 * CALL_S + 5.0
    await transport.close()
