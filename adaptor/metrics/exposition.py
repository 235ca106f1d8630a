"""Gives the metrics away over HTTP: a port of its own, threads of its own.

No scrape waits for the service, and the service for no scrape.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry

from adaptor.access.roles import Role
from adaptor.access.roster import Evidence, Roster
from adaptor.errors import CallerUnknownError, PortInUseError

_log = logging.getLogger(__name__)

PATH = "/metrics"

READERS = frozenset({Role.OBSERVER, Role.MANAGER, Role.ADMINISTRATOR})
"""Who may read metrics, as they may list clusters."""

MOST_READERS = 4
"""Requests at once; a Prometheus makes one, a pair of them two. Others are told to come back."""

READ_S = 5.0
"""Longest wait for a reader to say what it wants, or to take it: half of Prometheus' time-out as delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who may read.

    Attributes:
        tls: What the port shows; ``None`` speaks plain text.
        roster: The callers that are known now; ``None`` asks nobody who he is.
    """

    tls: ssl.SSLContext | None = None
    roster: Callable[[], Roster] | None = None


class MetricsServer:
    """Listens for Prometheus.

    Args:
        registry: What is given away.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        readers: Who may read.

    Attributes:
        address: Where it listens.

    Raises:
        PortInUseError: If the port is taken.
    """

    def __init__(self, registry: CollectorRegistry, *, host: str, port: int, readers: Readers) -> None:
        handler = type("Handler", (_Handler,), {"registry": registry, "readers": readers})
        try:
            self._server = _Server((host.strip("[]"), port), handler, readers.tls)
        except OSError as error:
            raise PortInUseError(f"metrics.listen: {host}:{port} cannot be listened on ({error.strerror})") from error
        self.address = f"{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Any, tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._places = threading.BoundedSemaphore(MOST_READERS)
        self._tls = tls
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection; its handshake is left to its own thread."""
        connection, peer = super().get_request()
        connection.settimeout(READ_S)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if one is free."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make place for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's signature
        """A reader that went away, or does not speak TLS, is no fault of ours."""
        _log.debug("a reader of metrics went away", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    registry: ClassVar[CollectorRegistry]
    readers: ClassVar[Readers]
    server_version = "adaptor"
    sys_version = ""

    def do_GET(self) -> None:
        """The metrics, to whoever may read them."""
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"metrics are at {PATH}\n".encode(), "text/plain")
            return
        problem = self._problem()
        if problem:
            _log.warning("refused %s to a reader at %s: %s", PATH, self.client_address[0], problem)
            self._answer(HTTPStatus.UNAUTHORIZED, f"{problem}\n".encode(), "text/plain", ("WWW-Authenticate", "Bearer"))
            return
        encode, kind = choose_encoder(self.headers.get("Accept", ""))
        self._answer(HTTPStatus.OK, encode(self.registry), kind)

    def _problem(self) -> str:
        """Why this reader may not read; nothing if it may."""
        if self.readers.roster is None:
            return ""
        evidence = Evidence(
            encrypted=self.readers.tls is not None, authorization=tuple(self.headers.get_all("Authorization", ()))
        )
        try:
            entry = self.readers.roster().identify(evidence, now_s=time.time())
        except CallerUnknownError as error:
            return error.problem
        return "" if entry.role in READERS else f"{entry.name!r} is here as {entry.role.value}, which may not read"

    def _answer(self, status: HTTPStatus, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""
