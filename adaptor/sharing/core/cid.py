"""Names of blocks: CIDv1 of dag-cbor under SHA-256, in their 36 binary bytes; text only where people read them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NewType

import libipld

from adaptor.errors import InvalidValueError

Cid = NewType("Cid", bytes)
"""The 36 bytes of a CID: version 1, codec dag-cbor, SHA-256, length 32, digest."""

PREFIX = bytes((0x01, 0x71, 0x12, 0x20))
"""Version, codec, hash function and digest length, by the multiformats tables."""

LENGTH = len(PREFIX) + 32


def cid_of(block: bytes) -> Cid:
    """The name of a block."""
    return Cid(PREFIX + hashlib.sha256(block).digest())


def is_cid(value: object) -> bool:
    """Whether a value is the CID of a dag-cbor block under SHA-256."""
    return isinstance(value, bytes) and len(value) == LENGTH and value.startswith(PREFIX)


def cid_text(cid: bytes) -> str:
    """The CID as people write it: base32 with the multibase prefix ``b``."""
    return str(libipld.encode_cid(cid))


def parse_cid(text: str, *, field: str) -> Cid:
    """The CID of a text.

    Raises:
        InvalidValueError: If it is not a CIDv1 of dag-cbor under SHA-256 in base32.
    """
    body = text[1:].upper()
    try:
        value = base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError):
        value = b""
    if not text.startswith("b") or not is_cid(value) or cid_text(value) != text:
        raise InvalidValueError(field, f"{text[:80]!r} is not an id; one looks like bafyrei... and has 59 characters")
    return Cid(value)
