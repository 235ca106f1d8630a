"""An entry read back: what it says, and every way in which a block is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.entry import SIGNED_PREFIX, Entry, SignedEntry, read_entry, signed
from adaptor.sharing.core.refusal import RefusalReason, RefusedEntryError
from adaptor.testing import logs

REASON = RefusalReason
MANIFEST = logs.a_manifest(parents=3, skips=2, entry_bytes=1500)
LINKS = logs.nobodys(5)


def an_entry(**changes: object) -> Entry:
    """An entry with a parent and one before it."""
    return replace(
        logs.Scribe("ann", MANIFEST).draft(parents=LINKS[:1], previous=LINKS[1], number=2, height=2),
        **changes,  # type: ignore[arg-type]
    )


def block_of(body: bytes) -> bytes:
    """A body with its author's signature."""
    signature = logs.a_key("ann").sign(SIGNED_PREFIX + body)
    return b"\xa2" + dag_cbor.text("sig") + b"\x58\x40" + signature + dag_cbor.text("body") + body


def refusal(block: bytes) -> RefusalReason:
    """Why a block is no entry."""
    with pytest.raises(RefusedEntryError) as caught:
        read_entry(block, log=MANIFEST.log_id, limits=MANIFEST.limits)
    return caught.value.reason


def test_a_signed_entry_reads_back() -> None:
    """With its name."""
    made = signed(an_entry(payload=b"x" * 100), logs.a_key("ann"))
    assert read_entry(made.block, log=MANIFEST.log_id, limits=MANIFEST.limits) == made
    assert made.cid == cid_of(made.block) and block_of(made.entry.body) == made.block


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payload": bytes(1500)}, REASON.TOO_LARGE),
        ({"log": LINKS[0]}, REASON.WRONG_LOG),
        ({"parents": LINKS[:4]}, REASON.TOO_MANY_LINKS),
        ({"skips": LINKS[:3]}, REASON.TOO_MANY_LINKS),
        ({"parents": ()}, REASON.WRONG_HEIGHT),
        ({"height": 1}, REASON.WRONG_HEIGHT),
        ({"number": 1}, REASON.BROKEN_CHAIN),
        ({"previous": None}, REASON.BROKEN_CHAIN),
        ({"parents": LINKS[1::-1]}, REASON.MALFORMED),
        ({"parents": LINKS[:1] * 2}, REASON.MALFORMED),
        ({"height": 0, "parents": ()}, REASON.MALFORMED),
        ({"number": 2**63}, REASON.MALFORMED),
        ({"at_ms": 2**64 - 1}, REASON.MALFORMED),
        ({"author": bytes(32)}, REASON.WRONG_SIGNATURE),
        ({"author": b"\xff" * 32}, REASON.WRONG_SIGNATURE),
    ],
)
def test_a_field_beyond_the_rules_is_refused(changes: dict[str, object], reason: RefusalReason) -> None:
    """Whatever else is right."""
    assert refusal(signed(an_entry(**changes), logs.a_key("ann")).block) is reason


def other_key(one: SignedEntry) -> bytes:
    """Signed by another key."""
    return signed(one.entry, logs.a_key("bob")).block


def flipped(one: SignedEntry) -> bytes:
    """A bit of the signature is another."""
    block = bytearray(one.block)
    block[30] ^= 4
    return bytes(block)


def without_prefix(one: SignedEntry) -> bytes:
    """A signature over the body alone, such as some other protocol might have had made."""
    return one.block.replace(
        logs.a_key("ann").sign(SIGNED_PREFIX + one.entry.body), logs.a_key("ann").sign(one.entry.body)
    )


@pytest.mark.parametrize("forge", [other_key, flipped, without_prefix])
def test_a_signature_that_is_not_the_author_s_is_refused(forge: Callable[[SignedEntry], bytes]) -> None:
    """Of this entry, as an entry."""
    assert refusal(forge(signed(an_entry(), logs.a_key("ann")))) is REASON.WRONG_SIGNATURE


KEY = dag_cbor.text("height")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace(KEY + b"\x02", KEY + b"\x18\x02"),
        lambda body: body.replace(KEY + b"\x02", KEY + b"\x1b" + (2).to_bytes(8, "big")),
        lambda body: body.replace(KEY + b"\x02", KEY + b"\xf9\x40\x00"),
        lambda body: body.replace(KEY + b"\x02", KEY + b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
        lambda body: body.replace(KEY + b"\x02", KEY + b"\xc2\x41\x02"),
        lambda body: body.replace(KEY + b"\x02", KEY + b"\x21"),
        lambda body: b"\xbf" + body[1:] + b"\xff",
        lambda body: b"\xab" + dag_cbor.text("a") + b"\x00" + body[1:],
        lambda body: body + b"\x00",
        lambda body: body[:-1],
        lambda body: body.replace(dag_cbor.text("contribution"), dag_cbor.text("constitution")),
        lambda body: body.replace(dag_cbor.text("contribution"), b"\x6ccontributio\xff"),
    ],
)
def test_a_body_in_other_bytes_than_the_canonical_ones_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    """Every value has exactly one block: no wide numbers, no floats, no open lengths, no more and no fewer fields."""
    body = an_entry().body
    assert spoil(body) != body
    assert refusal(block_of(spoil(body))) is REASON.MALFORMED


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x00",
        b"\xff" * 64,
        b"\x81" * 1400 + b"\x00",
        b"\xa1\x61a" * 400 + b"\x00",
        b"\xc2\x59\x03\xe8" + b"\xff" * 1000,
        b"\xf9\x7e\x00",
        b"\x9b" + b"\xff" * 8,
        b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff",
        dag_cbor.mapping({"sig": dag_cbor.byte_string(bytes(64)), "body": dag_cbor.unsigned(1)}),
        dag_cbor.mapping({"sig": dag_cbor.unsigned(1), "body": an_entry().body}),
    ],
)
def test_bytes_that_are_no_entry_are_refused(block: bytes) -> None:
    """Bombs of nesting, giant numbers, lengths that nothing follows, NaN."""
    assert refusal(block) is REASON.MALFORMED


def test_what_an_entry_needs_are_its_parents_and_the_one_before() -> None:
    """Each once."""
    assert an_entry().needs == (LINKS[0], LINKS[1])
    assert an_entry(previous=LINKS[0]).needs == (LINKS[0],)
    assert an_entry(previous=None).needs == (LINKS[0],)
