"""The port that peers call: TLS only, the log and nothing more."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable

import grpc

from adaptor.errors import InvalidValueError, PortInUseError
from adaptor.sharing import address
from adaptor.sharing.certificates import server_credentials
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.grpc.answers import Answers
from adaptor.sharing.grpc.calls import Calls
from adaptor.sharing.grpc.limits import ServerLimits
from adaptor.sharing.grpc.proof import Door
from adaptor.sharing.grpc.serving import Serves
from adaptor.sharing.identity import Identity

LOOPBACK = "127.0.0.1:0"
"""Where it listens unless told otherwise: on any free port, for this machine alone."""

MAX_METADATA_BYTES = 8_192
"""gRPC's own default; a proof takes 300."""


class PeerServer:
    """Answers peers about one log.

    Args:
        serves: The log.
        identity: Of this replica.
        log_id: Of the log.
        secret: Of the log's invitation, without which nobody is answered; ``None`` if there is none.
        listen: Address and port; port 0 takes a free one. Beyond loopback only where somebody wrote that down.
        advertise: Address and port that peers are told; empty stands for `listen`.
        limits: Bounds.
        now_s: Seconds since the epoch.

    Attributes:
        address: What peers are told.

    Raises:
        InvalidValueError: If an address is none, or none that a peer could call.
        PortInUseError: If it cannot be listened on.
    """

    def __init__(
        self,
        serves: Serves,
        *,
        identity: Identity,
        log_id: Cid,
        secret: bytes | None = None,
        listen: str = LOOPBACK,
        advertise: str = "",
        limits: ServerLimits | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        limits = limits or ServerLimits()
        host, port = address.host_and_port(listen, field="sharing.listen", least_port=0)
        _require_callable(host, advertise)
        _require_free(host, port)
        door = Door(identity.public_key, log_id=log_id, secret=secret, clock_skew_s=limits.clock_skew_s)
        answers = Answers(serves, log_id=log_id, limits=limits)
        self._calls = Calls(answers, door=door, serves=serves, limits=limits, now_s=now_s)
        self._server = grpc.aio.server(
            handlers=[self._calls], options=_options(limits), maximum_concurrent_rpcs=limits.calls
        )
        port = self._bind(host, port, identity=identity, now_s=now_s())
        self.address = advertise or address.written(host, port)

    @property
    def refused(self) -> Counter[RefusalReason]:
        """How many calls were refused since the start, by reason."""
        return self._calls.refused

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def stop(self, *, grace_s: float) -> None:
        """Refuse new calls and give those in flight some seconds to end."""
        await self._server.stop(grace_s)
        await self._calls.end(grace_s=grace_s)

    def _bind(self, host: str, port: int, *, identity: Identity, now_s: float) -> int:
        shown = server_credentials(identity, now_s=now_s)
        where = address.written(host, port)
        credentials = grpc.ssl_server_credentials([(shown.key, shown.certificate)])
        try:
            return int(self._server.add_secure_port(where, credentials))
        except RuntimeError as error:
            raise _taken(where, str(error)) from error


def _require_callable(host: str, advertise: str) -> None:
    if advertise:
        told, _ = address.host_and_port(advertise, field="sharing.advertise")
        if address.is_any_host(told):
            raise InvalidValueError("sharing.advertise", f"{told} stands for any address; peers need one to call")
    elif address.is_any_host(host):
        raise InvalidValueError(
            "sharing.advertise", f"must be set where sharing.listen is {host}, which no peer could call"
        )


def _require_free(host: str, port: int) -> None:
    """Fail early and clearly: gRPC's own error does not say why."""
    family = socket.AF_INET6 if address.ip_version(host) == 6 else socket.AF_INET  # noqa: PLR2004 - versions of IP
    try:
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise _taken(address.written(host, port), error.strerror or str(error)) from error


def _taken(where: str, why: str) -> PortInUseError:
    return PortInUseError(
        f"sharing.listen: {where} cannot be listened on ({why}); stop what uses it, or give another address"
    )


def _options(limits: ServerLimits) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", limits.request_bytes),
        ("grpc.max_send_message_length", limits.response_bytes),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        # A call's stream ends here a little later than at the caller, who may have begun the next one by then.
        ("grpc.max_concurrent_streams", 2 * limits.calls_per_peer),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.server_handshake_timeout_ms", _ms(limits.call_s)),
        ("grpc.max_connection_idle_ms", _ms(limits.idle_s)),
        ("grpc.max_connection_age_ms", _ms(limits.connection_s)),
        ("grpc.max_connection_age_grace_ms", _ms(2 * limits.call_s)),
        ("grpc.keepalive_time_ms", _ms(limits.keepalive_s)),
        ("grpc.keepalive_timeout_ms", _ms(limits.keepalive_answer_s)),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(limits.keepalive_s / 2)),
    ]


def _ms(seconds: float) -> int:
    return max(1, round(1_000 * seconds))
