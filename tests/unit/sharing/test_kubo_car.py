"""A batch becomes a CAR whose root holds exactly that batch."""

from __future__ import annotations

import hashlib

import libipld
from hypothesis import given
from hypothesis import strategies as st

from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.kubo.car import batch_car, batch_root, raw_name

LINK_TAG_AND_HEAD = 37


def sections(car: bytes) -> list[bytes]:
    """The parts of a CAR, by its specification: each with its length before it."""
    found, at = [], 0
    while at < len(car):
        length = shift = 0
        while True:
            byte = car[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(car[at : at + length])
        at += length
    return found


@given(st.sets(st.binary(min_size=1, max_size=400), min_size=1, max_size=30))
def test_a_car_carries_every_block_under_its_raw_name(blocks: set[bytes]) -> None:
    """Codec raw, so that a pin follows no links out of a block."""
    batch = [(cid_of(block), block) for block in sorted(blocks)]
    header, *rest = sections(batch_car(batch))
    roots = libipld.decode_dag_cbor(header)
    assert roots["version"] == 1
    named = {one[:36]: one[36:] for one in rest}
    for cid, block in batch:
        assert named[raw_name(cid)] == block
        assert raw_name(cid)[4:] == hashlib.sha256(block).digest()
    (root,) = roots["roots"]
    assert root in named
    if len(batch) > 1:
        assert set(libipld.decode_dag_cbor(named[root])) == {raw_name(cid) for cid, _ in batch}
        assert root == cid_of(named[root])


def test_a_single_block_is_its_own_root() -> None:
    """So that a lone entry costs one block, not two."""
    block = b"\x80"
    header, section = sections(batch_car([(cid_of(block), block)]))
    assert libipld.decode_dag_cbor(header)["roots"] == [raw_name(cid_of(block))]
    assert section == raw_name(cid_of(block)) + block


def test_the_same_batch_has_the_same_root_in_any_order() -> None:
    """Putting a batch again pins nothing new."""
    cids = [cid_of(bytes([one])) for one in range(9)]
    assert batch_root(cids) == batch_root(reversed(cids))
