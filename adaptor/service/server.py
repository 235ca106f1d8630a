"""The gRPC server: runs, sharing, attached streams, managed clusters, health and reflection on one port."""

from __future__ import annotations

import contextlib
import socket

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

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
from adaptor.errors import InvalidValueError, PortInUseError
from adaptor.service.attachment_service import AttachmentService
from adaptor.service.boundary import Boundary
from adaptor.service.cluster_service import ClusterService
from adaptor.service.run_service import RunService
from adaptor.service.sharing_service import SharingService

SERVICE_NAMES = (
    runs_pb2.DESCRIPTOR.services_by_name["RunService"].full_name,
    sharing_pb2.DESCRIPTOR.services_by_name["SharingService"].full_name,
    attachments_pb2.DESCRIPTOR.services_by_name["AttachmentService"].full_name,
    clusters_pb2.DESCRIPTOR.services_by_name["ClusterService"].full_name,
)

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Server:
    """A listening server.

    Args:
        runs: Answers for the engine.
        sharing: Answers for this machine's part in a shared log.
        attachments: Answers for attached streams.
        clusters: Answers for managed clusters.
        listen: Address and port, for example ``127.0.0.1:4400``; port 0 takes a free one.
        allow_remote: Whether an address beyond loopback was asked for on purpose.
        default_deadline_s: Longest time of a call whose caller set no deadline.
        max_message_bytes: Largest request.

    Raises:
        InvalidValueError: If the address is malformed, or beyond loopback without `allow_remote`.
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
        allow_remote: bool,
        default_deadline_s: float,
        max_message_bytes: int,
    ) -> None:
        host, port = _host_and_port(listen, allow_remote=allow_remote)
        self._server = grpc.aio.server(
            interceptors=[Boundary(default_deadline_s)],
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", max_message_bytes)],
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
        self.address = f"{host}:{self._bind(host, port)}"

    def _bind(self, host: str, port: int) -> int:
        _require_free(host, port)
        try:
            return int(self._server.add_insecure_port(f"{host}:{port}"))
        except RuntimeError as error:
            raise PortInUseError(f"listen: {host}:{port} cannot be listened on ({error})") from error

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()
        for service in ("", *SERVICE_NAMES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, *, grace_s: float) -> None:
        """Refuse new calls and give those in flight some seconds to end."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)


def _host_and_port(listen: str, *, allow_remote: bool) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the largest port there is
        raise InvalidValueError("listen", f"{listen!r} is not an address and port; write for example 127.0.0.1:4400")
    if host not in LOOPBACK and not allow_remote:
        raise InvalidValueError(
            "listen",
            f"{host} is beyond loopback, where anybody could command your runs; "
            "set service.allow_remote if that is meant",
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
