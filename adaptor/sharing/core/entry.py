"""An entry of the log: what it says, how it is signed, and how a block is read back and checked.

A block is a map of two fields, ``body`` and ``sig``. The signature covers a fixed prefix and the body's bytes as they
stand in the block, so checking it needs no second way of writing; that the bytes are canonical is checked apart, by
writing the body again.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of, is_cid
from adaptor.sharing.core.dag_cbor import MalformedBlockError
from adaptor.sharing.core.limits import LogLimits
from adaptor.sharing.core.refusal import RefusalReason, RefusedEntryError

SIGNED_PREFIX = b"adaptor log entry 1\x00"
"""Makes a signature good for log entries alone, whatever else the key may ever sign."""

SIGNATURE_BYTES = 64
KEY_BYTES = 32

_SIG_HEAD = b"\xa2" + dag_cbor.text("sig") + b"\x58\x40"
_BODY_KEY = dag_cbor.text("body")
_BODY_START = len(_SIG_HEAD) + SIGNATURE_BYTES + len(_BODY_KEY)
_PARTS = frozenset({"sig", "body"})
_NAMES = frozenset({"log", "kind", "author", "number", "previous", "parents", "skips", "height", "at_ms", "payload"})


class Kind(enum.Enum):
    """What an entry is for."""

    CONTRIBUTION = "contribution"
    VALIDATION = "validation"
    WITHDRAWAL = "withdrawal"
    MEMBERSHIP = "membership"


_KINDS = {kind.value: kind for kind in Kind}
_KIND_TEXTS = {kind: dag_cbor.text(kind.value) for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry, not yet signed.

    Attributes:
        log: CID of the manifest.
        kind: What it is for.
        author: Public key of who writes it, 32 bytes.
        number: How many entries its author wrote into this log, itself included.
        previous: The author's entry before; ``None`` for his first.
        parents: All heads its author knew, ascending.
        skips: Earlier entries far below, for fetching many at once; hints, which decide nothing.
        height: One more than the highest parent; 1 without parents.
        at_ms: Milliseconds since the epoch by the author's clock, never before a parent's.
        payload: A message of ``log.proto``, by kind.
    """

    log: Cid
    kind: Kind
    author: bytes
    number: int
    previous: Cid | None
    parents: tuple[Cid, ...]
    skips: tuple[Cid, ...]
    height: int
    at_ms: int
    payload: bytes

    @property
    def body(self) -> bytes:
        """The entry in canonical dag-cbor. Keys stand in the order that dag-cbor wants: by length, then by bytes."""
        return b"".join(
            (
                b"\xaa",
                _KEY_LOG,
                dag_cbor.link(self.log),
                _KEY_KIND,
                _KIND_TEXTS[self.kind],
                _KEY_AT,
                dag_cbor.unsigned(self.at_ms),
                _KEY_SKIPS,
                dag_cbor.links(self.skips),
                _KEY_AUTHOR,
                dag_cbor.byte_string(self.author),
                _KEY_HEIGHT,
                dag_cbor.unsigned(self.height),
                _KEY_NUMBER,
                dag_cbor.unsigned(self.number),
                _KEY_PARENTS,
                dag_cbor.links(self.parents),
                _KEY_PAYLOAD,
                dag_cbor.byte_string(self.payload),
                _KEY_PREVIOUS,
                dag_cbor.link(self.previous),
            )
        )

    @property
    def needs(self) -> tuple[Cid, ...]:
        """Entries that must be applied before this one."""
        if self.previous is None or self.previous in self.parents:
            return self.parents
        return (*self.parents, self.previous)


(
    _KEY_LOG,
    _KEY_KIND,
    _KEY_AT,
    _KEY_SKIPS,
    _KEY_AUTHOR,
    _KEY_HEIGHT,
    _KEY_NUMBER,
    _KEY_PARENTS,
    _KEY_PAYLOAD,
    _KEY_PREVIOUS,
) = map(
    dag_cbor.text,
    ("log", "kind", "at_ms", "skips", "author", "height", "number", "parents", "payload", "previous"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEntry:
    """An entry with its block and name.

    Attributes:
        cid: Name of the block.
        block: Signature and body.
        entry: What the body says.
    """

    cid: Cid
    block: bytes
    entry: Entry


def signed(entry: Entry, key: Ed25519PrivateKey) -> SignedEntry:
    """The entry as a block.

    Args:
        entry: What is to be said.
        key: Of `entry.author`.
    """
    body = entry.body
    block = _SIG_HEAD + key.sign(SIGNED_PREFIX + body) + _BODY_KEY + body
    return SignedEntry(cid=cid_of(block), block=block, entry=entry)


Reading = SignedEntry | RefusedEntryError
"""What reading a block came to."""


def readings(blocks: Iterable[bytes], *, log: Cid, limits: LogLimits) -> dict[Cid, Reading]:
    """What reading each of the blocks comes to, by its name.

    Most of it is checking signatures, during which other threads run; so it can be done ahead, beside other work.
    """
    found: dict[Cid, Reading] = {}
    for block in blocks:
        try:
            one = read_entry(block, log=log, limits=limits)
        except RefusedEntryError as error:
            found[cid_of(block)] = error
        else:
            found[one.cid] = one
    return found


def read_entry(block: bytes, *, log: Cid, limits: LogLimits) -> SignedEntry:
    """The entry of a block, checked as far as it can be without its parents.

    Raises:
        RefusedEntryError: If it is no entry of this log, breaks a limit, or is not signed by its author.
    """
    if len(block) > limits.entry_bytes:
        raise RefusedEntryError(RefusalReason.TOO_LARGE, f"{len(block)} bytes, the log's limit is {limits.entry_bytes}")
    try:
        one = parse_entry(block)
    except MalformedBlockError as error:
        raise RefusedEntryError(RefusalReason.MALFORMED, str(error)) from error
    _require_legal(one.entry, log=log, limits=limits)
    try:
        Ed25519PublicKey.from_public_bytes(one.entry.author).verify(
            block[len(_SIG_HEAD) : len(_SIG_HEAD) + SIGNATURE_BYTES], SIGNED_PREFIX + block[_BODY_START:]
        )
    except (InvalidSignature, ValueError) as error:
        raise RefusedEntryError(RefusalReason.WRONG_SIGNATURE, "the signature is not its author's") from error
    return one


def _require_legal(entry: Entry, *, log: Cid, limits: LogLimits) -> None:
    if entry.log != log:
        raise RefusedEntryError(RefusalReason.WRONG_LOG, "an entry of another log")
    if len(entry.parents) > limits.parents or len(entry.skips) > limits.skips:
        raise RefusedEntryError(
            RefusalReason.TOO_MANY_LINKS,
            f"{len(entry.parents)} parents and {len(entry.skips)} skip links, the log's limits are "
            f"{limits.parents} and {limits.skips}",
        )
    if entry.height < 1 or (entry.height == 1) != (not entry.parents):
        raise RefusedEntryError(RefusalReason.WRONG_HEIGHT, f"height {entry.height} with {len(entry.parents)} parents")
    if (entry.number == 1) != (entry.previous is None):
        raise RefusedEntryError(RefusalReason.BROKEN_CHAIN, f"number {entry.number} and its previous entry disagree")


def parse_entry(block: bytes) -> SignedEntry:
    """The entry of a block, without asking whether its author signed it.

    Raises:
        MalformedBlockError: If it is none, or not canonical.
    """
    entry, signature = _decoded(block)
    if not isinstance(signature, bytes) or block != _SIG_HEAD + signature + _BODY_KEY + entry.body:
        raise MalformedBlockError("not canonical dag-cbor")
    return SignedEntry(cid=cid_of(block), block=block, entry=entry)


def known_entry(cid: Cid, block: bytes) -> SignedEntry:
    """The entry of a block that was checked before it was kept under its name.

    Raises:
        MalformedBlockError: If the block is not the one of that name.
    """
    if cid_of(block) != cid:
        raise MalformedBlockError("not the block of its name")
    return SignedEntry(cid=cid, block=block, entry=_decoded(block)[0])


def _decoded(block: bytes) -> tuple[Entry, Any]:
    """The entry of a block and its signature, which may be anything."""
    value = dag_cbor.fields(dag_cbor.read(block), _PARTS)
    body = dag_cbor.fields(value["body"], _NAMES)
    kind = body["kind"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MalformedBlockError(f"kind {str(kind)[:40]!r} is unknown")
    if not isinstance(body["payload"], bytes):
        raise MalformedBlockError("payload is not bytes")
    if not isinstance(body["author"], bytes) or len(body["author"]) != KEY_BYTES:
        raise MalformedBlockError(f"author is not {KEY_BYTES} bytes")
    previous = body["previous"]
    if not is_cid(body["log"]) or not (previous is None or is_cid(previous)):
        raise MalformedBlockError("log or previous is no link")
    entry = Entry(
        log=Cid(body["log"]),
        kind=_KINDS[kind],
        author=body["author"],
        number=dag_cbor.whole_number(body["number"], "number", least=1),
        previous=previous,
        parents=_links(body["parents"], "parents"),
        skips=_links(body["skips"], "skips"),
        height=dag_cbor.whole_number(body["height"], "height", least=1),
        at_ms=dag_cbor.whole_number(body["at_ms"], "at_ms"),
        payload=body["payload"],
    )
    return entry, value["sig"]


def _links(value: Any, name: str) -> tuple[Cid, ...]:
    if not isinstance(value, list) or not all(map(is_cid, value)):
        raise MalformedBlockError(f"{name} is no list of links")
    if len(value) > 1 and value != sorted(set(value)):
        raise MalformedBlockError(f"{name} are not ascending, each once")
    return tuple(value)
