"""The port for Prometheus: who may read, and that a reader holds nobody up."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from adaptor.access.roles import Role
from adaptor.access.roster import Roster
from adaptor.errors import PortInUseError
from adaptor.metrics.exposition import MOST_READERS, MetricsServer, Readers
from adaptor.metrics.telemetry import Telemetry
from adaptor.testing.callers import TOKENS, one_of_each_role, server_tls


def served(readers: Readers, port: int = 0) -> MetricsServer:
    """A port."""
    return MetricsServer(Telemetry().registry, host="127.0.0.1", port=port, readers=readers)


@pytest.fixture
def plain() -> Iterator[MetricsServer]:
    """One on loopback that asks nobody who he is."""
    server = served(Readers())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[MetricsServer]:
    """One with a certificate and callers."""
    server_tls(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    server = served(Readers(tls=tls, roster=lambda: Roster(one_of_each_role())))
    server.start()
    yield server
    server.stop()


def test_metrics_are_read_over_http(plain: MetricsServer) -> None:
    """At one path alone."""
    answer = requests.get(f"http://{plain.address}/metrics", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "\nadaptor_runs_running 0.0\n" in answer.text
    assert requests.get(f"http://{plain.address}/", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("adaptor_guess", 401),
        (TOKENS[Role.JOB], 401),
        (TOKENS[Role.OBSERVER], 200),
        (TOKENS[Role.MANAGER], 200),
        (TOKENS[Role.ADMINISTRATOR], 200),
    ],
)
def test_a_token_says_who_may_read(guarded: MetricsServer, tmp_path: Path, token: str, status: int) -> None:
    """A refusal says why, and not what was shown."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(
        f"https://{guarded.address}/metrics", headers=headers, verify=str(tmp_path / "ca.pem"), timeout=10
    )
    assert answer.status_code == status
    assert "adaptor_guess" not in answer.text


def test_plain_text_gets_nothing_from_a_port_that_speaks_tls(guarded: MetricsServer) -> None:
    """And the port goes on."""
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{guarded.address}/metrics", timeout=10)


def test_readers_that_say_nothing_hold_up_no_more_than_their_share(plain: MetricsServer) -> None:
    """So many at once; the next is turned away at once, and the port answers again when they are gone."""
    host, port = plain.address.split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(MOST_READERS)]
    try:
        with socket.create_connection((host, int(port)), timeout=10) as turned_away:
            assert turned_away.recv(1) == b""
    finally:
        for one in idle:
            one.close()
    for _ in range(100):
        try:
            assert requests.get(f"http://{plain.address}/metrics", timeout=10).status_code == 200
            return
        except requests.ConnectionError:
            continue  # the threads of those before are about to end
    raise AssertionError("the port never answered again")


def test_a_port_in_use_is_said_to_be_so(plain: MetricsServer) -> None:
    """With the name of the setting."""
    with pytest.raises(PortInUseError, match=r"^metrics.listen: "):
        served(Readers(), int(plain.address.split(":")[1]))
