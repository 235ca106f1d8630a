"""Which ports a node takes: those that were asked for, else those of its last start, else free ones.

A node that keeps its port is found again by peers that know its address.
"""

from __future__ import annotations

import contextlib
import socket
from ipaddress import ip_address

from adaptor.errors import PortInUseError
from adaptor.local.kubo.configuration import Ports
from adaptor.local.kubo.settings import LOOPBACK, KuboSettings


def chosen_ports(settings: KuboSettings, last: Ports | None) -> Ports:
    """Ports that are free now.

    Args:
        settings: What was asked for.
        last: Of the last start, if they are to be taken again.

    Raises:
        PortInUseError: A port that was asked for is taken.
    """
    swarm = _chosen(settings.listen, settings.swarm_port, last.swarm if last else 0, name="swarm_port")
    return Ports(swarm=swarm, api=_chosen((LOOPBACK,), settings.api_port, last.api if last else 0, name="api_port"))


def _chosen(hosts: tuple[str, ...], asked: int, last: int, *, name: str) -> int:
    if asked:
        if not all(_is_free(host, asked) for host in hosts):
            raise PortInUseError(f"{name}: {asked} is taken by another process; choose another port, or none")
        return asked
    if last and all(_is_free(host, last) for host in hosts):
        return last
    with _socket(hosts[0]) as probe:
        probe.bind((hosts[0], 0))
        return int(probe.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), _socket(host) as probe:
        # As Kubo does: connections of the last start that are closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
        return True
    return False


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET)  # noqa: PLR2004
