"""CAR files, version 1, as Kubo imports them: the way to store many blocks with one call.

Blocks travel under *raw* names (codec raw, same hash). Kubo keeps blocks by their hash alone, so each is found under
its dag-cbor name too; but under the raw one Kubo follows no links out of it. That matters where blocks are pinned: a
recursive pin of an entry would reach for its ancestors, each time anew and over the network, whereas a root that names
a batch by raw names is pinned with exactly that batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import PREFIX, Cid, cid_of

RAW_PREFIX = bytes((0x01, 0x55, 0x12, 0x20))
"""Version, codec raw, hash function and digest length, by the multiformats tables."""

_CONTINUED = 0x80
_SEVEN_BITS = 0x7F


def raw_name(cid: bytes) -> Cid:
    """The raw name of a block."""
    return Cid(RAW_PREFIX + cid[len(PREFIX) :])


def batch_root(cids: Iterable[bytes]) -> bytes:
    """A block that links to a batch by raw names."""
    return dag_cbor.array(dag_cbor.link(raw_name(cid)) for cid in sorted(cids))


def batch_car(blocks: Sequence[tuple[Cid, bytes]]) -> bytes:
    """A CAR of a batch, under one root that holds it together; a single block is its own root.

    Args:
        blocks: Each with its name.
    """
    if len(blocks) == 1:
        return _car(raw_name(blocks[0][0]), [(raw_name(blocks[0][0]), blocks[0][1])])
    root = batch_root(cid for cid, _ in blocks)
    name = cid_of(root)
    return _car(name, [(name, root), *((raw_name(cid), block) for cid, block in blocks)])


def _car(root: Cid, blocks: Iterable[tuple[Cid, bytes]]) -> bytes:
    header = dag_cbor.mapping({"roots": dag_cbor.array([dag_cbor.link(root)]), "version": dag_cbor.unsigned(1)})
    return b"".join((_varint(len(header)), header, *(_section(name, block) for name, block in blocks)))


def _section(name: bytes, block: bytes) -> bytes:
    return b"".join((_varint(len(name) + len(block)), name, block))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | _CONTINUED)
        value >>= 7
    out.append(value)
    return bytes(out)
