"""The gRPC server: runs, sharing, attached streams, managed clusters, health and reflection on one port."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from adaptor.access.roster import Roster
from adaptor.api.v1 import (
    attachments_pb2,
    attachments_pb2_grpc,
    clusters_pb2,
    clusters_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
    sharing_pb2,
    sharing_pb2_grpc,
)
from adaptor.errors import AdaptorError, InvalidValueError, PortInUseError
from adaptor.service.attachment_service import AttachmentService
from adaptor.service.boundary import Boundary
from adaptor.service.cluster_service import ClusterService
from adaptor.service.guard import CallLimits, Clock, Guard
from adaptor.service.run_service import RunService
from adaptor.service.sharing_service import SharingService
from adaptor.service.tls import ServerTls

SERVICE_NAMES = (
    runs_pb2.DESCRIPTOR.services_by_name["RunService"].full_name,
    sharing_pb2.DESCRIPTOR.services_by_name["SharingService"].full_name,
    attachments_pb2.DESCRIPTOR.services_by_name["AttachmentService"].full_name,
    clusters_pb2.DESCRIPTOR.services_by_name["ClusterService"].full_name,
)

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


MAX_STREAMS = 10_000
"""Calls at once on one connection; a watcher of every run of a large service needs one each."""


def _unheard(kind: type[AdaptorError]) -> None:
    """Nobody counts refusals."""


def _uncounted(method: str, duration_s: float) -> None:
    """Nobody counts calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """How callers get in.

    Attributes:
        clock: Tells the time.
        tls: What the server shows; ``None`` speaks plain text, which loopback alone may.
        roster: The callers that are known now; ``None`` asks nobody who he is, which loopback alone may.
        limits: How often each may call.
        mutual_listen: A second address on which clients must show a certificate; if empty, and there are authorities
            for those, they must show one on the first.
        on_refused: Told the class of each error that a refusal was.
        on_called: Told the name of each other call, and its seconds.
    """

    clock: Clock
    tls: ServerTls | None = None
    roster: Callable[[], Roster] | None = None
    limits: CallLimits = field(default_factory=CallLimits)
    mutual_listen: str = ""
    on_refused: Callable[[type[AdaptorError]], None] = _unheard
    on_called: Callable[[str, float], None] = _uncounted

    def __post_init__(self) -> None:
        if self.roster is not None and self.tls is None:
            raise InvalidValueError(
                "tls.certificate", "must be set where callers are known: tokens are not taken over plain text"
            )
        if self.mutual_listen and not (self.tls and self.tls.knows_clients):
            raise InvalidValueError(
                "tls.client_ca", "must be set with service.mutual_listen: it says whose certificates count"
            )
        if self.tls is not None and self.tls.knows_clients and self.roster is None:
            raise InvalidValueError("access.file", "must be set with tls.client_ca: it says in which role clients come")

    @property
    def guarded(self) -> bool:
        """Whether an address beyond loopback may be listened on."""
        return self.tls is not None and self.roster is not None


class Server:
    """A listening server.

    Args:
        runs: Answers for the engine.
        sharing: Answers for this machine's part in a shared log.
        attachments: Answers for attached streams.
        clusters: Answers for managed clusters.
        listen: Address and port, for example ``127.0.0.1:4400``; port 0 takes a free one.
        entrance: How callers get in.
        default_deadline_s: Longest time of a call whose caller set no deadline.
        max_message_bytes: Largest request.

    Attributes:
        address: Where it listens.
        mutual_address: Where clients must show a certificate; empty if that is nowhere, or everywhere.

    Raises:
        InvalidValueError: If an address is malformed, or beyond loopback while anybody could come in.
        PortInUseError: If the port is taken.
    """

    def __init__(
        self,
        runs: RunService,
        sharing: SharingService,
        attachments: AttachmentService,
        clusters: ClusterService,
        *,
        listen: str,
        entrance: Entrance,
        default_deadline_s: float,
        max_message_bytes: int,
    ) -> None:
        guard = Guard(
            roster=entrance.roster,
            owner_of=runs.owner,
            limits=entrance.limits,
            clock=entrance.clock,
            on_refused=entrance.on_refused,
            on_called=entrance.on_called,
        )
        self._server = grpc.aio.server(
            interceptors=[guard, Boundary(default_deadline_s)],
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_concurrent_streams", MAX_STREAMS),
            ],
        )
        runs_pb2_grpc.add_RunServiceServicer_to_server(runs, self._server)
        sharing_pb2_grpc.add_SharingServiceServicer_to_server(sharing, self._server)
        attachments_pb2_grpc.add_AttachmentServiceServicer_to_server(attachments, self._server)
        clusters_pb2_grpc.add_ClusterServiceServicer_to_server(clusters, self._server)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs lack it
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        demand = entrance.tls is not None and entrance.tls.knows_clients and not entrance.mutual_listen
        self.address = self._listen(listen, entrance, demand_certificate=demand)
        self.mutual_address = ""
        if entrance.mutual_listen:
            self.mutual_address = self._listen(entrance.mutual_listen, entrance, demand_certificate=True)

    def _listen(self, listen: str, entrance: Entrance, *, demand_certificate: bool) -> str:
        host, port = host_and_port(listen, guarded=entrance.guarded)
        _require_free(host, port)
        try:
            if entrance.tls is None:
                bound = self._server.add_insecure_port(f"{host}:{port}")
            else:
                credentials = entrance.tls.credentials(demand_certificate=demand_certificate)
                bound = self._server.add_secure_port(f"{host}:{port}", credentials)
        except RuntimeError as error:
            raise PortInUseError(f"listen: {host}:{port} cannot be listened on ({error})") from error
        return f"{host}:{bound}"

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()
        for service in ("", *SERVICE_NAMES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, *, grace_s: float) -> None:
        """Refuse new calls and give those in flight some seconds to end."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)


def host_and_port(listen: str, *, guarded: bool, field: str = "listen") -> tuple[str, int]:
    """Host and port of an address to listen on.

    Args:
        listen: As the setting has it.
        guarded: Whether what comes is encrypted and from callers that are known, so that it may be beyond loopback.
        field: Name of the setting.

    Raises:
        InvalidValueError: If it is none, or may not be.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the largest port there is
        raise InvalidValueError(field, f"{listen!r} is not an address and port; write for example 127.0.0.1:4400")
    if host not in LOOPBACK and not guarded:
        raise InvalidValueError(
            field,
            f"{host} is beyond loopback, where anybody could read along and command your runs; set tls.certificate, "
            "tls.key and access.file (docs/security.md shows how)",
        )
    return host, int(port)


def _require_free(host: str, port: int) -> None:
    """Fail early and clearly: gRPC's own error does not say that the port is taken."""
    if port == 0:
        return
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise PortInUseError(
                f"listen: {host}:{port} cannot be listened on ({error.strerror}); "
                "stop what uses it, or give another --listen"
            ) from error
