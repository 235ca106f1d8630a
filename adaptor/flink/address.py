"""Addresses that no cluster has and that a service should not be talked into asking."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from adaptor.errors import InvalidValueError

_METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data")
"""Names under which clouds serve a machine's credentials, to whoever asks from it."""

_METADATA_ADDRESSES = (ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200"))
"""The same for addresses that are not link-local."""


def require_no_metadata_address(flink_url: str) -> None:
    """Refuse a link-local address, or one at which a cloud serves credentials.

    Raises:
        InvalidValueError: If it is one.
    """
    try:
        host = (urlsplit(flink_url).hostname or "").rstrip(".")
    except ValueError as error:
        raise InvalidValueError("flink_url", f"{flink_url!r} is no address") from error
    if host in _METADATA_NAMES or _is_metadata(host):
        raise InvalidValueError(
            "flink_url", f"{host} is link-local or serves a cloud's credentials; attach.allow_metadata allows it"
        )


def _is_metadata(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local or address in _METADATA_ADDRESSES
