"""HTTP that is bounded in time and size, whatever the other side does.

Three traps of the layers below are closed here. A socket's timeout bounds each receive, so a server that sends one
byte a second holds its caller for hours: `DeadlineSocket` lets the timeout bound everything received after it was
set, status line and headers included (over TLS, where sockets cannot be exchanged, only the body is bounded so and
a header may take longer). A redirect may lead anywhere: it is an answer that is not Flink's. And proxies or
credentials of the environment do not apply to a cluster that was named by its address.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from adaptor.errors import FlinkAnswerError, FlinkUnreachableError, InvalidValueError

_CHUNK_BYTES = 65_536
"""Most bytes taken at once; an answer about a job of four vertices has about 10 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it came.

    Attributes:
        status: HTTP status.
        body: The whole body.
    """

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How adaptor shows itself to a cluster behind TLS or a proxy that asks who is calling.

    Attributes:
        ca_file: Certificates to trust instead of the system's.
        client_certificate: Certificate to show, with its key in the same file unless `client_key` names one.
        client_key: Key of the certificate.
        authorization_file: File whose one line is sent as it is in the header ``Authorization``, for example
            ``Bearer <token>``; it is read anew for every request, so that a token may be exchanged.
    """

    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    authorization_file: Path | None = None

    @property
    def certificate(self) -> str | tuple[str, str] | None:
        """What `requests` takes as the client's certificate."""
        if self.client_certificate is None:
            return None
        return (str(self.client_certificate), str(self.client_key)) if self.client_key else str(self.client_certificate)

    def headers(self) -> dict[str, str]:
        """The headers that say who is calling.

        Raises:
            InvalidValueError: The file cannot be read, or holds more than one line.
        """
        if self.authorization_file is None:
            return {}
        try:
            line = self.authorization_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidValueError("authorization_file", f"{self.authorization_file} cannot be read") from error
        if not line or len(line.splitlines()) != 1:
            raise InvalidValueError("authorization_file", f"{self.authorization_file} must hold one line")
        return {"Authorization": line}


class DeadlineSocket(socket.socket):
    """A socket whose timeout bounds all that is received after it was set, not each single receive."""

    _ends_s: float | None = None

    def settimeout(self, value: float | None) -> None:
        """Let everything received from now on take `value` seconds in all."""
        self._ends_s = None if value is None else time.monotonic() + value
        super().settimeout(value)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive as the base class does, within what is left of the time.

        Raises:
            TimeoutError: The time is over.
        """
        if self._ends_s is not None:
            left_s = self._ends_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            super().settimeout(left_s)
        return super().recv_into(*args, **kwargs)


class _DeadlineConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        timeout_s = self.sock.gettimeout()
        self.sock = DeadlineSocket(fileno=self.sock.detach())
        self.sock.settimeout(timeout_s)


class _DeadlinePool(urllib3.HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {**pools, "http": _DeadlinePool}

    def close(self) -> None:
        """Close idle connections now; urllib3 itself leaves that to the garbage collector."""
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 - it is no mapping that can be iterated over
            pool = pools.get(key)
            if pool is not None:
                pool.close()
        super().close()


class BoundedSession:
    """Pooled connections to one server; may be used by several threads at once.

    Args:
        base_url: What all addresses begin with.
        timeout_s: Longest time for one answer, from connecting to its last byte.
        max_answer_bytes: Longest answer.
        max_connections: Connections kept open while idle; more are opened when needed and closed after use.
        access: How the caller shows itself.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        max_answer_bytes: int,
        max_connections: int,
        access: Access | None = None,
    ) -> None:
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._session = requests.Session()
        self._session.trust_env = False
        self._access = access or Access()
        self._session.cert = self._access.certificate
        self._session.verify = str(self._access.ca_file) if self._access.ca_file else True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _DeadlineAdapter(pool_connections=1, pool_maxsize=max_connections)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def get(self, url: str) -> Answer:
        """Return the answer to one GET; see `send`."""
        return self.send("GET", url)

    def send(self, method: str, url: str, document: Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to one request.

        Args:
            method: Of HTTP.
            url: Where to.
            document: Sent as JSON, where given.

        Raises:
            FlinkUnreachableError: Refused, broken off, or not complete in time.
            FlinkAnswerError: Longer than allowed, or a redirect.
            InvalidValueError: The file with the authorization is of no use.
        """
        ends_s = time.monotonic() + self._timeout_s
        try:
            with self._session.request(
                method,
                url,
                json=document,
                stream=True,
                allow_redirects=False,
                timeout=urllib3.Timeout(total=self._timeout_s),  # type: ignore[arg-type]  # stubs lack it
                headers={"Accept": "application/json", "Accept-Encoding": "identity", **self._access.headers()},
            ) as response:
                if response.is_redirect:
                    raise FlinkAnswerError(url, f"HTTP {response.status_code}, a redirect")
                return Answer(status=response.status_code, body=self._body(response, url=url, ends_s=ends_s))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise FlinkUnreachableError(self._base_url, _problem(error, self._timeout_s)) from error

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _body(self, response: requests.Response, *, url: str, ends_s: float) -> bytes:
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise FlinkAnswerError(url, f"the answer is longer than {self._max_answer_bytes} bytes")
            if time.monotonic() > ends_s:
                raise FlinkUnreachableError(self._base_url, f"no complete answer within {self._timeout_s:g} s")
        return bytes(body)


def _problem(error: Exception, timeout_s: float) -> str:
    """What happened, in the words of the innermost cause; the layers above it only wrap and repeat."""
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None) or cause.__cause__ or cause.__context__) is not None:
        if not isinstance(inner, BaseException):
            break
        cause = inner
    if isinstance(cause, TimeoutError):
        return f"no complete answer within {timeout_s:g} s"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
