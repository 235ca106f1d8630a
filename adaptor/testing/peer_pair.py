"""Two replicas on loopback: one that serves a log in memory, and one that calls it, as it should or otherwise."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import grpc

from adaptor.sharing.address import host_and_port
from adaptor.sharing.certificates import HOST_NAME
from adaptor.sharing.grpc.handshake import shown_certificate
from adaptor.sharing.grpc.limits import TransportLimits
from adaptor.sharing.grpc.server import PeerServer
from adaptor.sharing.grpc.transport import GrpcTransport
from adaptor.sharing.identity import Identity
from adaptor.testing.served_log import LOG, ServedLog, a_port, an_identity

Status = tuple[grpc.StatusCode, str]


class Pair:
    """A replica that serves and one that calls.

    Attributes:
        served: The log at the one side.
        callee: Who serves it.
        caller: Who calls.
    """

    def __init__(self) -> None:
        self.served = ServedLog()
        self.callee, self.caller = an_identity(), an_identity()
        self._servers: list[PeerServer] = []
        self._transports: list[GrpcTransport] = []
        self._channels: list[grpc.aio.Channel] = []

    async def serve(
        self, identity: Identity | None = None, *, log: ServedLog | None = None, **fields: Any
    ) -> PeerServer:
        """A port that serves the log, the callee's unless told otherwise."""
        server = a_port(log or self.served, identity or self.callee, **fields)
        await server.start()
        self._servers.append(server)
        return server

    def transport(self, identity: Identity | None = None, **fields: Any) -> GrpcTransport:
        """A way to peers, the caller's unless told otherwise; fields of limits may be given as such."""
        limits = TransportLimits(**{key: fields.pop(key) for key in tuple(fields) if hasattr(TransportLimits, key)})
        made = GrpcTransport(identity or self.caller, **{"log_id": LOG, "limits": limits, **fields})
        self._transports.append(made)
        return made

    async def channel(self, address: str) -> grpc.aio.Channel:
        """A connection that trusts whoever is there, for calls that our own transport would not make."""
        der, _ = await shown_certificate(*host_and_port(address, field="address"), resolver=None)  # type: ignore[arg-type]
        pinned = grpc.ssl_channel_credentials(root_certificates=ssl.DER_cert_to_PEM_cert(der).encode())
        options = [("grpc.ssl_target_name_override", HOST_NAME), ("grpc.use_local_subchannel_pool", 1)]
        made = grpc.aio.secure_channel(address, pinned, options=options)
        self._channels.append(made)
        return made

    async def close(self) -> None:
        """End everything."""
        for channel in self._channels:
            await channel.close(None)
        for transport in self._transports:
            await transport.close()
        for server in self._servers:
            await server.stop(grace_s=0.0)


async def settled(holds: Callable[[], object], within_s: float = 5.0) -> None:
    """Wait until something holds."""
    until_s = asyncio.get_running_loop().time() + within_s
    while not holds():
        if asyncio.get_running_loop().time() > until_s:
            raise AssertionError("it never came to hold")
        await asyncio.sleep(0.005)


async def status(call: Any) -> Status:
    """How a call was refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("it was answered")
