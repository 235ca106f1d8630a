"""Protobuf messages taken apart without their schema, so that one field can be changed and all lengths stay right."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from functools import lru_cache

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types, by protobuf's encoding."""

_SIZES = {_FIXED64: 8, _FIXED32: 4}

_NUMBERS = (0, 1, 2, 3, 127, 128, 1_000_000, 1_000_001, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)

DOUBLES = tuple(
    struct.pack("<d", value)
    for value in (float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 1.7976931348623157e308, -1.0, 1e9, 1e-6, 0.5)
)
"""Where arithmetic breaks, and the ends of what may be measured."""

_TEXTS = (
    b"",
    b" ",
    b"a",
    b"\x00",
    b"\x1b[2J",
    b"\xff\xfe",
    b"a" * 64,
    b"a" * 201,
    "\u202e".encode(),
    "\U0001f600".encode(),
)

LONGEST = 65_536
"""Most bytes of an input: a quarter of an entry's limit; every decoder is linear or refuses before."""

_MOST_COPIES = 600
"""Most copies of a field: above any limit of a list in a log."""


_KEPT = 4096
"""Messages that stay taken apart: the seeds of a chunk with what is in them, which are changed again and again."""


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    kind: int
    value: int | bytes
    encoded: bytes

    def holding(self, value: int | bytes) -> bytes:
        """The field with another value, encoded."""
        tag = _varint(self.number << 3 | self.kind)
        if isinstance(value, int):
            return tag + _varint(value)
        return tag + (_varint(len(value)) if self.kind == _BYTES else b"") + value


def with_one_field_changed(rng: random.Random, data: bytes) -> bytes:
    """The message with one field dropped, repeated, moved, or holding another value; as it is, if it is no message."""
    fields = _taken_apart(data)
    if not fields:
        return data
    encoded = [field.encoded for field in fields]
    place = rng.randrange(len(fields))
    chance = rng.random()
    if chance < 0.1:  # noqa: PLR2004 - mostly values are changed
        del encoded[place]
    elif chance < 0.2:  # noqa: PLR2004
        copies = rng.choice((1, 1, 2, 20, _MOST_COPIES))
        encoded[place:place] = [encoded[place]] * min(copies, LONGEST // len(encoded[place]))
    elif chance < 0.25:  # noqa: PLR2004
        rng.shuffle(encoded)
    else:
        encoded[place] = fields[place].holding(_changed(rng, fields[place]))
    return b"".join(encoded)


def _changed(rng: random.Random, field: _Field) -> int | bytes:
    if isinstance(field.value, int):
        return rng.choice(_NUMBERS) if rng.random() < 0.5 else rng.randrange(300)  # noqa: PLR2004
    if field.kind == _FIXED64:
        return rng.choice(DOUBLES) if rng.random() < 0.5 else struct.pack("<d", 10 ** rng.uniform(-12, 12))  # noqa: PLR2004
    if field.kind == _BYTES and rng.random() < 0.7 and _taken_apart(field.value):  # noqa: PLR2004 - mostly deeper
        return with_one_field_changed(rng, field.value)
    return rng.choice(_TEXTS) if field.kind == _BYTES else rng.randbytes(len(field.value))


@lru_cache(_KEPT)
def _taken_apart(data: bytes) -> tuple[_Field, ...] | None:
    """The fields of a message; ``None`` if it is none."""
    fields, place = [], 0
    while place < len(data):
        start = place
        tag, place = _number_at(data, place)
        kind = tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, place = _number_at(data, place)
        else:
            size = _SIZES.get(kind, -1)
            if kind == _BYTES:
                size, place = _number_at(data, place)
            if size < 0 or tag >> 3 == 0 or place + size > len(data):
                return None
            value = data[place : place + size]
            place += size
        fields.append(_Field(tag >> 3, kind, value, data[start:place]))
    return tuple(fields) if place == len(data) else None


def _number_at(data: bytes, place: int) -> tuple[int, int]:
    """A varint and the place after it; beyond the end of the data if it has none."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        value |= (data[place] & 0x7F) << shift
        place += 1
        if data[place - 1] < 0x80:  # noqa: PLR2004 - the continuation bit
            return value & 2**64 - 1, place
    return value & 2**64 - 1, len(data) + 1


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
