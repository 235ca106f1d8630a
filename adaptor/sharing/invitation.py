"""An invitation: all that a newcomer needs to join a log, in one line that survives being copied.

The line is ``adaptor1:`` and, in base32 so that no program breaks it or minds its case, a canonical dag-cbor value and
a checksum. The checksum finds what was cut off or mistyped. It proves nothing, and need not: peers prove who they are,
and the log's id is the hash of its rules.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from adaptor.errors import InvalidValueError
from adaptor.sharing.address import is_callable
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, is_cid
from adaptor.sharing.core.dag_cbor import MalformedBlockError

PREFIX = "adaptor1:"
"""The digit is the version of what follows."""

SECRET_BYTES = 32
"""Of the log's secret: as much as a key of HMAC with SHA-256 can use."""

SWARM_KEY_BYTES = 32
"""Of the key of a private swarm, as Kubo wants it."""

MAX_PEERS = 16
"""Any one of them is enough to begin with; the others are for when it sleeps."""

MAX_MULTIADDRS = 16
MAX_MULTIADDR = 255
"""A DNS name with port and peer id takes less."""

MAX_CHARACTERS = 16_384
"""All of the above at its longest takes 15,200."""

_KEY_BYTES = 32
_CHECK_BYTES = 4
"""A damaged line passes once in 4 billion."""

_FIELD = "invitation"
_NAMES = frozenset({"log", "peers", "secret", "swarm", "swarm_key"})
_FOREIGN = re.compile("[^a-z2-7]")
_MULTIADDR = re.compile(r"(/[!-.0-~]+)+")
_HEX_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a newcomer is told.

    Attributes:
        log_id: Of the log.
        peers: A few that hold it, each with its address.
        secret: Without which no peer answers; ``None`` if the log has none.
        swarm: Multiaddresses of Kubo nodes that hold the log.
        swarm_key: Of their private swarm; ``None`` if it has none.
    """

    log_id: Cid
    peers: tuple[tuple[str, str], ...] = ()
    secret: bytes | None = field(default=None, repr=False)
    swarm: tuple[str, ...] = ()
    swarm_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not is_cid(self.log_id):
            _refuse("its log has no id")
        if not self.peers and not self.swarm:
            _refuse("it names nobody who holds the log")
        if len(self.peers) > MAX_PEERS or len(self.swarm) > MAX_MULTIADDRS:
            _refuse(f"it names more than {MAX_PEERS} peers or {MAX_MULTIADDRS} multiaddresses")
        for peer, address in self.peers:
            _require_peer(peer, address)
        if not all(len(one) <= MAX_MULTIADDR and _MULTIADDR.fullmatch(one) for one in self.swarm):
            _refuse("a multiaddress is none; one looks like /ip4/10.0.0.7/tcp/4001/p2p/12D3Koo...")
        for name, key, size in (
            ("secret", self.secret, SECRET_BYTES),
            ("swarm_key", self.swarm_key, SWARM_KEY_BYTES),
        ):
            if key is not None and len(key) != size:
                _refuse(f"its {name} has not {size} bytes")

    def __str__(self) -> str:
        """Without what it hides; `text` is the invitation itself."""
        return repr(self)

    @property
    def text(self) -> str:
        """The invitation as one line. Whoever reads it can join."""
        body = dag_cbor.mapping(
            {
                "log": dag_cbor.link(self.log_id),
                "peers": dag_cbor.array(
                    dag_cbor.array((dag_cbor.byte_string(bytes.fromhex(peer)), dag_cbor.text(address)))
                    for peer, address in self.peers
                ),
                "secret": _optional(self.secret),
                "swarm": dag_cbor.array(map(dag_cbor.text, self.swarm)),
                "swarm_key": _optional(self.swarm_key),
            }
        )
        return PREFIX + base64.b32encode(body + _check(body)).decode().lower().rstrip("=")


def parse_invitation(text: str) -> Invitation:
    """The invitation of a line.

    Args:
        text: Space around it and the case of its letters do not matter.

    Raises:
        InvalidValueError: If it is none, is damaged, or is of another version; the message says which, and repeats
            nothing of it.
    """
    body = _body(text.strip().lower())
    try:
        value = dag_cbor.fields(dag_cbor.read(body), _NAMES)
        invitation = Invitation(
            log_id=value["log"],
            peers=tuple(map(_peer, _list(value["peers"]))),
            secret=_bytes_or_none(value["secret"]),
            swarm=tuple(map(_text, _list(value["swarm"]))),
            swarm_key=_bytes_or_none(value["swarm_key"]),
        )
    except MalformedBlockError:
        _refuse("its content is not that of an invitation; it was made by a newer adaptor, or by something else")
    if _body(invitation.text) != body:
        _refuse("its content is not in the one form that it may have")
    return invitation


def _body(text: str) -> bytes:
    name, colon, encoded = text.partition(":")
    if not colon or not re.fullmatch("adaptor[0-9]{1,4}", name):
        _refuse(f"it does not begin with {PREFIX}; copy the whole line that `adaptor share invite` printed")
    if name + colon != PREFIX:
        _refuse(f"it is of version {name.removeprefix('adaptor')}, and this adaptor knows version 1")
    if len(text) > MAX_CHARACTERS:
        _refuse(f"it has {len(text)} characters, the limit is {MAX_CHARACTERS}")
    if foreign := _FOREIGN.search(encoded):
        _refuse(f"character {len(PREFIX) + foreign.start() + 1} cannot be part of it; copy it again, as one line")
    try:
        whole = base64.b32decode(encoded.upper() + "=" * (-len(encoded) % 8))
    except (binascii.Error, ValueError):
        whole = b""
    body, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
    if not body or check != _check(body):
        _refuse("it is damaged: some character is missing or wrong; copy it again")
    return body


def _check(body: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + body).digest()[:_CHECK_BYTES]


def _require_peer(peer: str, address: str) -> None:
    if not _HEX_KEY.fullmatch(peer):
        _refuse("the name of a peer is not a public key in hex")
    if not is_callable(address):
        _refuse(f"{address[:80]!r} is no address that a peer could be called at")


def _peer(value: object) -> tuple[str, str]:
    key, address = (*_list(value), None, None)[:2]
    if len(_list(value)) != 2 or not isinstance(key, bytes):  # noqa: PLR2004 - a pair
        raise MalformedBlockError("a peer is a key and an address")
    return key.hex(), _text(address)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedBlockError("not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedBlockError("not a text")
    return value


def _bytes_or_none(value: object) -> bytes | None:
    if not isinstance(value, bytes | None):
        raise MalformedBlockError("not bytes")
    return value


def _optional(value: bytes | None) -> bytes:
    return dag_cbor.NULL if value is None else dag_cbor.byte_string(value)


def _refuse(problem: str) -> NoReturn:
    raise InvalidValueError(_FIELD, problem)
