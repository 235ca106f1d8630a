"""Connections to peers, each pinned to one certificate that was checked to be the peer's.

gRPC cannot be told how to check a certificate, only what to trust. So the server is asked for its certificate once,
over a handshake that trusts nobody; if the right identity vouches for it, a channel is made that trusts this
certificate and no other. A server that restarts shows a new one: the channel fails, and another is made the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from adaptor.errors import InvalidValueError, PeerCallError
from adaptor.sharing import address as addresses
from adaptor.sharing.certificates import HOST_NAME, ForeignCertificateError, certificate_peer
from adaptor.sharing.grpc.handshake import shown_certificate
from adaptor.sharing.grpc.limits import TransportLimits

RESOLVERS = 2
"""Names looked up at once, on threads of their own: names come from peers, and a slow one must stop nobody else."""

Key = tuple[str, str]
"""A peer and its address."""


class Line:
    """A channel in use or ready for it.

    Attributes:
        answered: Whether a call over it ever was.
        slots: For calls over it at once.
        users: Who hold it now.
        retired: Whether it is to be closed when nobody does.
    """

    def __init__(self, channel: grpc.aio.Channel, *, calls: int) -> None:
        self._channel = channel
        self._methods: dict[str, Any] = {}
        self.answered = False
        self.slots = asyncio.Semaphore(calls)
        self.users = 0
        self.retired = False

    def method(self, path: str) -> Callable[..., grpc.aio.UnaryUnaryCall[bytes, bytes]]:
        """A call, bytes in and bytes out."""
        if path not in self._methods:
            self._methods[path] = self._channel.unary_unary(path, request_serializer=None, response_deserializer=None)
        made: Callable[..., grpc.aio.UnaryUnaryCall[bytes, bytes]] = self._methods[path]
        return made

    async def close(self) -> None:
        """End the connection, and whatever goes over it."""
        await self._channel.close(None)


class Channels:
    """Lines to peers: the ones used last are kept.

    Args:
        limits: Bounds.
    """

    def __init__(self, limits: TransportLimits) -> None:
        self._limits = limits
        self._lines: OrderedDict[Key, Line] = OrderedDict()
        self._dials: dict[Key, asyncio.Task[Line]] = {}
        self._resolver = ThreadPoolExecutor(max_workers=RESOLVERS, thread_name_prefix="peer-names")

    @contextlib.asynccontextmanager
    async def line(self, peer: str, address: str) -> AsyncIterator[Line]:
        """A line to a peer, which stays open as long as somebody uses it.

        Raises:
            PeerCallError: If nobody answers there, or somebody else does.
        """
        key = (peer, address)
        line = self._lines.get(key) or await self._dialled(key)
        if not line.retired:
            self._lines.move_to_end(key)
        line.users += 1
        try:
            yield line
        finally:
            line.users -= 1
            if line.retired and not line.users:
                await line.close()

    async def retire(self, line: Line) -> None:
        """Let nobody begin to use a line."""
        line.retired = True
        for key in [key for key, kept in self._lines.items() if kept is line]:
            del self._lines[key]
        if not line.users:
            await line.close()

    async def close(self) -> None:
        """End all connections."""
        for dial in tuple(self._dials.values()):
            dial.cancel()
        await asyncio.gather(*self._dials.values(), return_exceptions=True)
        for line in tuple(self._lines.values()):
            await self.retire(line)
            await line.close()
        self._resolver.shutdown(wait=False, cancel_futures=True)

    async def _dialled(self, key: Key) -> Line:
        """A new line, made once for all who want it now."""
        dial = self._dials.get(key)
        if dial is None:
            dial = self._dials[key] = asyncio.get_running_loop().create_task(self._dial(*key))
            dial.add_done_callback(lambda done: self._dialled_out(key, done))
        return await asyncio.shield(dial)

    def _dialled_out(self, key: Key, done: asyncio.Task[Line]) -> None:
        del self._dials[key]
        if not done.cancelled():
            done.exception()  # whoever waited has it; there may be nobody left

    async def _dial(self, peer: str, address: str) -> Line:
        try:
            host, port = addresses.host_and_port(address, field="address")
            asked = shown_certificate(host, port, resolver=self._resolver)
            der, ip = await asyncio.wait_for(asked, self._limits.call_s)
            shown = certificate_peer(der)
        except asyncio.TimeoutError as error:
            raise PeerCallError(peer, f"{address} ends no handshake within {self._limits.call_s:g} s") from error
        except OSError as error:
            raise PeerCallError(peer, f"{address} cannot be reached ({_reason(error)})") from error
        except (InvalidValueError, ForeignCertificateError) as error:
            raise PeerCallError(peer, str(error)) from error
        if shown != peer:
            raise PeerCallError(peer, f"at {address} answers another peer, {shown[:16]}")
        line = self._lines[peer, address] = Line(self._channel(der, ip, port), calls=self._limits.calls_per_peer)
        await self._make_room()
        return line

    def _channel(self, der: bytes, ip: str, port: int) -> grpc.aio.Channel:
        pinned = grpc.ssl_channel_credentials(root_certificates=ssl.DER_cert_to_PEM_cert(der).encode())
        scheme = "ipv6" if addresses.ip_version(ip) == 6 else "ipv4"  # noqa: PLR2004 - versions of IP
        return grpc.aio.secure_channel(
            f"{scheme}:{addresses.written(ip, port)}", pinned, options=_options(self._limits)
        )

    async def _make_room(self) -> None:
        """Close what was not used for longest. There are fewer calls than lines, so some line is free."""
        free = [line for line in self._lines.values() if not line.users]
        for line in free[: max(0, len(self._lines) - self._limits.channels)]:
            await self.retire(line)


def _options(limits: TransportLimits) -> list[tuple[str, str | int]]:
    return [
        ("grpc.ssl_target_name_override", HOST_NAME),
        ("grpc.max_send_message_length", limits.request_bytes),
        ("grpc.max_receive_message_length", limits.response_bytes),
        # A proxy for the web is none for peers, and would not see the handshake above.
        ("grpc.enable_http_proxy", 0),
        # Else a new channel would wait for as long as an old one to the same address has to.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.keepalive_time_ms", round(1_000 * limits.keepalive_s)),
        ("grpc.keepalive_timeout_ms", round(1_000 * limits.keepalive_answer_s)),
    ]


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
