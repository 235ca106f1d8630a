"""Blocks of dag-cbor taken apart, so that one item can be changed and the block stays well-formed."""

from __future__ import annotations

import random
import struct
from typing import Any

from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of, is_cid
from adaptor.sharing.core.dag_cbor import MalformedBlockError

_ITEMS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 24, 2**31, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 0.0, -0.0, 1e300),
    *(float("nan"), float("inf"), "", "a", "contribution", "\x1b[2J", "a" * 201, b"", b"a", b"k" * 32, b"s" * 64),
    *(cid_of(b""), cid_of(b"1"), [], [[]], [cid_of(b"1")] * 2, {}, {"a": 1}),
)
"""One or more of every kind that CBOR knows, and of what entries hold."""

_MOST_COPIES = 600
"""Most copies of an item: above any limit of links."""

_MOST_ITEMS = 2000
"""Most items of a list after copying: what fits into an input as links."""


def with_one_item_changed(rng: random.Random, block: bytes) -> bytes:
    """The block with one item dropped, repeated or replaced; as it is, if it is no dag-cbor or nested too deeply."""
    try:
        return _encoded(_changed(rng, dag_cbor.read(block)))
    except (MalformedBlockError, RecursionError):
        return block


def _changed(rng: random.Random, value: Any) -> Any:
    deeper = rng.random() < 0.9  # noqa: PLR2004 - mostly deeper
    if isinstance(value, dict) and value and deeper:
        key = rng.choice([*value])
        if rng.random() < 0.05:  # noqa: PLR2004 - another key now and then
            return {**{name: item for name, item in value.items() if name != key}, "other": value[key]}
        return {**value, key: _changed(rng, value[key])}
    if isinstance(value, list) and value and deeper:
        place = rng.randrange(len(value))
        copies = min(rng.choice((2, 17, _MOST_COPIES)), _MOST_ITEMS // len(value))
        middle = rng.choice(([], [value[place]] * copies, [_changed(rng, value[place])]))
        return [*value[:place], *middle, *value[place + 1 :]]
    if type(value) is int and rng.random() < 0.5:  # noqa: PLR2004 - neighbours are likelier to pass
        return max(0, value + rng.choice((-1, 1)))
    return rng.choice(_ITEMS)


def _encoded(value: Any) -> bytes:  # noqa: PLR0911 - one line for each kind
    if value is None:
        return dag_cbor.NULL
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return dag_cbor.unsigned(value) if 0 <= value < 2**64 else b"\x3b" + (-1 - value & 2**64 - 1).to_bytes(8, "big")
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        return dag_cbor.text(value)
    if isinstance(value, bytes):
        return dag_cbor.link(Cid(value)) if is_cid(value) else dag_cbor.byte_string(value)
    if isinstance(value, list):
        return dag_cbor.array(map(_encoded, value))
    return dag_cbor.mapping({key: _encoded(item) for key, item in value.items()})
