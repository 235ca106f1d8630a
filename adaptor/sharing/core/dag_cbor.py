"""Canonical dag-cbor: written here, item by item, and read by libipld.

Writing is ours because libipld writes any bytes that happen to look like a CID as a link, which one signature in
some hundred thousand does. Reading checks what the library does not: a block counts only if writing what was read
gives the same bytes again, so every value has exactly one block and one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import libipld

from adaptor.sharing.core.cid import Cid

_UNSIGNED, _BYTES, _TEXT, _ARRAY, _MAP = 0, 2, 3, 4, 5
_LINK = b"\xd8\x2a\x58\x25\x00"
"""Tag 42, then a byte string of 37 bytes that begins with zero, as the dag-cbor specification wants links."""

NULL = b"\xf6"

_BYTE = tuple(bytes((value,)) for value in range(256))

MAX_INTEGER = 2**63 - 1
"""Largest number read: what SQLite and protobuf hold as well."""


class MalformedBlockError(Exception):
    """A block does not hold what it should; ends at the replica as a refusal."""


def unsigned(value: int) -> bytes:
    """A whole number from 0 to `MAX_INTEGER`."""
    return _head(_UNSIGNED, value)


def byte_string(value: bytes) -> bytes:
    """Bytes."""
    return _head(_BYTES, len(value)) + value


def text(value: str) -> bytes:
    """A text."""
    encoded = value.encode()
    return _head(_TEXT, len(encoded)) + encoded


def link(cid: Cid | None) -> bytes:
    """A link to a block, or null."""
    return NULL if cid is None else _LINK + cid


def links(cids: Sequence[Cid]) -> bytes:
    """An array of links."""
    return _head(_ARRAY, len(cids)) + b"".join([_LINK + cid for cid in cids])


def array(items: Iterable[bytes]) -> bytes:
    """An array of encoded items."""
    encoded = tuple(items)
    return _head(_ARRAY, len(encoded)) + b"".join(encoded)


def mapping(items: Mapping[str, bytes]) -> bytes:
    """A map with encoded values; keys are ordered by length, then by bytes, as dag-cbor wants them."""
    keys = sorted(items, key=lambda key: (len(key.encode()), key.encode()))
    return _head(_MAP, len(keys)) + b"".join(text(key) + items[key] for key in keys)


def read(block: bytes) -> Any:
    """The value of a block.

    Raises:
        MalformedBlockError: If it is no dag-cbor.
    """
    try:
        return libipld.decode_dag_cbor(block)
    except (ValueError, RecursionError, OverflowError) as error:
        raise MalformedBlockError(f"not dag-cbor: {error}") from error


def fields(value: object, names: frozenset[str]) -> dict[str, Any]:
    """The fields of a map that has exactly these keys.

    Raises:
        MalformedBlockError: If it is another value.
    """
    if not isinstance(value, dict) or value.keys() != names:
        raise MalformedBlockError(f"not a map of exactly {', '.join(sorted(names))}")
    return value


def whole_number(value: object, name: str, *, least: int = 0) -> int:
    """A value that must be a whole number.

    Raises:
        MalformedBlockError: If it is not, or lies outside `least` to `MAX_INTEGER`.
    """
    if type(value) is not int or not least <= value <= MAX_INTEGER:
        raise MalformedBlockError(f"{name} is not a whole number from {least} to {MAX_INTEGER}")
    return value


def _head(major: int, value: int) -> bytes:
    if value < 24:  # noqa: PLR2004 - the ranges of RFC 8949, section 3
        return _BYTE[major << 5 | value]
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return _BYTE[major << 5 | extra] + value.to_bytes(size, "big")
    raise OverflowError(f"{value} does not fit into 64 bits")
