"""What the server shows, and whom it lets shake hands: certificates from files, read again once they have changed."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc

from adaptor.access.certificates import require_authorities, require_pair
from adaptor.errors import InvalidValueError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the server's TLS comes from.

    Attributes:
        certificate: In PEM, with those between it and its authority, if any.
        key: Its private key in PEM, of mode 600.
        client_ca: Authorities that issue clients' certificates, in PEM; ``None`` asks clients for none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


class ServerTls:
    """TLS of a server.

    Args:
        files: Where it comes from.

    Raises:
        InvalidValueError: If a file cannot be used.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = threading.Lock()  # gRPC asks from threads of its own, at each handshake
        self._seen = self._marks()
        self._configuration = self._read()

    @property
    def knows_clients(self) -> bool:
        """Whether there are authorities that clients' certificates come from."""
        return self._files.client_ca is not None

    def credentials(self, *, demand_certificate: bool) -> grpc.ServerCredentials:
        """For one port.

        Args:
            demand_certificate: Whether a client must show a certificate of one of the authorities. gRPC has no way to
                ask for one without demanding it.
        """
        return grpc.dynamic_ssl_server_credentials(self._configuration, self._changed, demand_certificate)

    def _changed(self) -> grpc.ServerCertificateConfiguration:
        """The files as they are now, or as they were when they could be used last."""
        with self._lock:
            marks = self._marks()
            if marks != self._seen:
                self._seen = marks
                try:
                    self._configuration = self._read()
                    _log.info("the certificates were read again")
                except InvalidValueError as error:
                    _log.error("%s; the certificates read before are used on", error)
            return self._configuration

    def _read(self) -> grpc.ServerCertificateConfiguration:
        files = self._files
        pair = require_pair(files.certificate, files.key)
        authorities = require_authorities(files.client_ca) if files.client_ca else None
        return grpc.ssl_server_certificate_configuration([(pair.key, pair.certificate)], authorities)

    def _marks(self) -> list[tuple[int, int] | None]:
        files = self._files
        return [_mark(path) for path in (files.certificate, files.key, files.client_ca) if path is not None]


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
