"""Bytes that nobody should have sent: good ones changed in the ways that break decoders.

Everything follows from the random number generator that is given, so an input is found again by its seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from adaptor.experiments.block_items import with_one_item_changed
from adaptor.experiments.wire_fields import DOUBLES, LONGEST, with_one_field_changed

BOMB_DEPTH = 20_000
"""Deepest nesting of a bomb: twenty times Python's own limit of recursion."""

MOST_CHANGES = 4
"""Most changes made to one input: with more, hardly anything behind the first check is reached."""

_LENGTHS = (
    b"\xff\xff\xff\xff\x0f",  # protobuf: 2^32 - 1
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # protobuf: 2^64 - 1
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  # protobuf: more bytes than a number has
    b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",  # CBOR: bytes
    b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",  # CBOR: text
    b"\x9b\x00\x00\x00\xff\xff\xff\xff\xff",  # CBOR: array
    b"\x9a\x7f\xff\xff\xff",  # CBOR: array, still addressable
    b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",  # CBOR: map
    b"\x9f",  # CBOR: array without an end
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",  # CBOR: 2^64 - 1
    b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",  # CBOR: -2^64
    b"\xc2\x58\xff" + b"\xff" * 255,  # CBOR: a giant integer
    b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",  # CBOR: NaN
    b"\xf9\x7c\x00",  # CBOR: infinity
)

_LAYERS = (b"\x81", b"\xa1\x61a", b"\xd8\x2a", b"\x82\x80", b"\x9f", b"\x0b", b"\x1b", b"\x12\x7f", b"\xc6")
"""One layer of nesting each: CBOR arrays, maps and tags, protobuf groups and messages."""


def mutated(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One input made from the seeds.

    Args:
        rng: Decides everything.
        seeds: At least one.
    """
    if rng.random() < 0.02:  # noqa: PLR2004 - one in fifty owes nothing to the seeds
        return rng.randbytes(rng.randrange(64)) if rng.random() < 0.5 else _bomb(rng)  # noqa: PLR2004
    data = bytearray(rng.choice(seeds))
    for _ in range(min(rng.randint(1, MOST_CHANGES), rng.randint(1, MOST_CHANGES))):
        rng.choice(_CHANGES)(rng, data, seeds)
    return bytes(data[:LONGEST])


def _bomb(rng: random.Random) -> bytes:
    layer = rng.choice(_LAYERS)
    return (layer * int(BOMB_DEPTH ** rng.random()))[:LONGEST]


def _place(rng: random.Random, data: bytearray) -> int:
    return rng.randrange(len(data) + 1)


def _flip(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _truncate(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    del data[_place(rng, data) :]


def _cut(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    start = _place(rng, data)
    del data[start : start + rng.randint(1, 16)]


def _repeat(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    start = _place(rng, data)
    part = bytes(data[start : start + rng.randint(1, 64)])
    data[start:start] = part * rng.choice((1, 1, 2, 50))


def _splice(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    start = rng.randrange(len(other) + 1)
    place = _place(rng, data)
    data[place : place + rng.choice((0, 0, 8, len(data)))] = other[start : start + rng.randint(1, 256)]


def _tamper_length(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    length, place = rng.choice(_LENGTHS), _place(rng, data)
    data[place : place + rng.choice((0, 1, 2, len(length)))] = length


def _tamper_number(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """A special double over eight bytes; after a protobuf tag for doubles if there is one."""
    del seeds
    tags = [place for place, byte in enumerate(data) if byte & 7 == 1]
    place = rng.choice(tags) + 1 if tags else _place(rng, data)
    data[place : place + 8] = rng.choice(DOUBLES)


def _nest(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    place = _place(rng, data)
    data[place:place] = rng.choice(_LAYERS) * rng.randint(1, 300)


def _change_field(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    data[:] = with_one_field_changed(rng, before := bytes(data))
    if data == before:
        data[:] = with_one_item_changed(rng, before)


_CHANGES = (
    *(_flip, _overwrite, _truncate, _cut, _repeat, _splice, _tamper_length, _tamper_number, _nest),
    *(_change_field,) * 5,
)
