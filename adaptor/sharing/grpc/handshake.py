"""Asks a server for its certificate: a TLS handshake that trusts nobody, bounded in bytes; the caller bounds its time.

It is done by hand over a plain socket, so that giving up at any moment leaves nothing open.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import Executor
from typing import Any

from adaptor.sharing.address import ip_version

MAX_BYTES = 65_536
"""Most that a server may send before its handshake is done; ours send 1,500."""

_CHUNK = 16_384


async def shown_certificate(host: str, port: int, *, resolver: Executor) -> tuple[bytes, str]:
    """The certificate that a server shows, and the IP address at which it did.

    Args:
        host: Name or IP address.
        port: Of TCP.
        resolver: Where names are looked up.

    Raises:
        OSError: If nobody answers there, or not in TLS.
    """
    failure: OSError | None = None
    for family, where in await _places(host, port, resolver):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                await asyncio.get_running_loop().sock_connect(connection, where)
                return await _certificate(connection), str(where[0])
        except OSError as error:
            failure = error
    raise failure or OSError(f"{host} has no address")


async def _places(host: str, port: int, resolver: Executor) -> list[tuple[int, Any]]:
    version = ip_version(host)
    if version:
        return [(socket.AF_INET6 if version == 6 else socket.AF_INET, (host, port))]  # noqa: PLR2004 - of IP
    found = await asyncio.get_running_loop().run_in_executor(resolver, _looked_up, host, port)
    return [(family, where) for family, _, _, _, where in found]


def _looked_up(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is no name") from error


async def _certificate(connection: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _trusting_nobody().wrap_bio(incoming, outgoing)
    received = 0
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            await loop.sock_sendall(connection, outgoing.read())
            chunk = await loop.sock_recv(connection, _CHUNK)
            received += len(chunk)
            if not chunk or received > MAX_BYTES:
                raise ConnectionError("the handshake was broken off, or does not end") from None
            incoming.write(chunk)
        else:
            await loop.sock_sendall(connection, outgoing.read())
            return tls.getpeercert(binary_form=True) or b""


def _trusting_nobody() -> ssl.SSLContext:
    """Settings that take any certificate, as it is only to be looked at; gRPC then accepts no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    return context
