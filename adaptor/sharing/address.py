"""Where a peer listens: a host and a port in one text, which may come from anybody."""

from __future__ import annotations

import ipaddress
import re

from adaptor.errors import InvalidValueError

MAX_PORT = 65_535
MAX_HOST = 253
"""Longest name of DNS in text, RFC 1035."""

_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def host_and_port(address: str, *, field: str, least_port: int = 1) -> tuple[str, int]:
    """The two parts of an address; an IPv6 host comes without its brackets.

    Args:
        address: For example ``10.0.0.7:4401``, ``[::1]:4401`` or ``adaptor.example.org:4401``.
        field: Name of the setting or message field, for the error.
        least_port: 0 where a free port may be asked for.

    Raises:
        InvalidValueError: If it is anything else, such as a URL or a path of a socket.
    """
    host, _, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    version = ip_version(bare)
    known = version == 6 if bare != host else version == 4 or _is_name(bare)  # noqa: PLR2004 - versions of IP
    if not known or not _PORT.fullmatch(port) or not least_port <= int(port) <= MAX_PORT:
        raise InvalidValueError(
            field, f"{address[:80]!r} is not an address and port; write for example 127.0.0.1:4401 or [::1]:4401"
        )
    return bare, int(port)


def ip_version(host: str) -> int:
    """4 or 6; 0 for a name, and for an IPv6 address of one network interface, which means nothing elsewhere."""
    try:
        return 0 if "%" in host else ipaddress.ip_address(host).version
    except ValueError:
        return 0


def is_any_host(host: str) -> bool:
    """Whether a host stands for all addresses of a machine: one to listen on, but none to call."""
    return ip_version(host) > 0 and ipaddress.ip_address(host).is_unspecified


def is_callable(address: str) -> bool:
    """Whether a text that came from anybody is an address that a peer could be called at."""
    try:
        host, _ = host_and_port(address, field="address")
    except InvalidValueError:
        return False
    return not is_any_host(host)


def written(host: str, port: int) -> str:
    """The address of a host without brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    # A last label of digits alone would be an IP address that is mistyped, or one written in an odd way.
    return 0 < len(host) <= MAX_HOST and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdecimal()
