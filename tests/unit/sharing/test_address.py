"""Addresses come from anybody, and only a host with a port is one."""

from __future__ import annotations

import pytest

from adaptor.errors import InvalidValueError
from adaptor.sharing.address import host_and_port, is_any_host, is_callable, written


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:4401", "127.0.0.1", 4401),
        ("[::1]:1", "::1", 1),
        ("localhost:65535", "localhost", 65535),
        ("adaptor-0.adaptor.ns.svc.cluster.local:4401", "adaptor-0.adaptor.ns.svc.cluster.local", 4401),
    ],
)
def test_a_host_and_a_port_are_told_apart(address: str, host: str, port: int) -> None:
    """And put together again."""
    assert host_and_port(address, field="listen") == (host, port)
    assert written(host, port) == address
    assert is_callable(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        ":1",
        "a",
        "a:",
        "a:0",
        "a:65536",
        "a:-1",
        "a:1 ",
        "a:\u0661",
        "a b:1",
        "::1:1",
        "[::1]",
        "[a]:1",
        "[127.0.0.1]:1",
        "[fe80::1%eth0]:1",
        "127.0.0.256:1",
        "127.1:1",
        "http://a:1",
        "unix:/tmp/socket:1",
        "dns:///a:1",
        "-a:1",
        "a..b:1",
        "a" * 64 + ":1",
        "a." * 130 + "b:1",
        "ä:1",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    """Above all what gRPC would take for another kind of target."""
    assert not is_callable(address)
    with pytest.raises(InvalidValueError, match="listen: "):
        host_and_port(address, field="listen")


def test_port_zero_and_all_interfaces_are_for_listening_only() -> None:
    """Nobody could call them."""
    assert host_and_port("0.0.0.0:0", field="listen", least_port=0) == ("0.0.0.0", 0)
    assert is_any_host("0.0.0.0")
    assert is_any_host("::")
    assert not is_callable("[::]:4401")
