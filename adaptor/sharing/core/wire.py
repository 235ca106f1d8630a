"""Messages between peers as bytes, by ``peers.proto``: written, and read with nothing taken on trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from adaptor.api.v1 import peers_pb2
from adaptor.sharing.address import is_callable
from adaptor.sharing.core.cid import Cid, is_cid
from adaptor.sharing.core.dag_cbor import MAX_INTEGER
from adaptor.sharing.core.messages import Announcement, Page, Position

EPOCH_BYTES = 16
KEY_BYTES = 32
MAX_PEERS = 64
MAX_HEADS = 4096
MAX_BLOCKS = 4096
"""What a message may hold at all; what a replica takes of it is bounded by its own limits."""

M = TypeVar("M", bound=Message)


class MalformedMessageError(Exception):
    """A peer's message is not what it should be; ends as a refusal that names the peer."""


def parsed(kind: type[M], data: bytes) -> M:
    """The protobuf message of some bytes.

    Raises:
        MalformedMessageError: If they are none.
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise MalformedMessageError(f"not a {kind.DESCRIPTOR.name}") from error
    return message


def write_announcement(log_id: Cid, said: Announcement) -> peers_pb2.Announcement:
    """The message of an announcement."""
    return peers_pb2.Announcement(
        log=log_id,
        heads=[peers_pb2.LogHead(cid=cid, height=height) for cid, height in said.heads],
        position=write_position(said.position) if said.position else None,
        blocks=said.blocks,
        address=said.address,
        peers=[peers_pb2.PeerAddress(peer=bytes.fromhex(peer), address=address) for peer, address in said.peers],
    )


def read_announcement(log_id: Cid, message: peers_pb2.Announcement) -> Announcement:
    """The announcement of a message.

    Raises:
        MalformedMessageError: If it is of another log, or a field makes no sense.
    """
    if message.log != log_id:
        raise MalformedMessageError("it is about another log")
    if len(message.heads) > MAX_HEADS or len(message.peers) > MAX_PEERS:
        raise MalformedMessageError(f"at most {MAX_HEADS} heads and {MAX_PEERS} peers")
    if not all(is_cid(head.cid) and 1 <= head.height <= MAX_INTEGER for head in message.heads):
        raise MalformedMessageError("a head is not a CID of 36 bytes with a height")
    return Announcement(
        heads=tuple((Cid(head.cid), head.height) for head in message.heads),
        position=read_position(message.position) if message.HasField("position") else None,
        blocks=read_blocks(message.blocks),
        address=_address(message.address),
        peers=tuple((_peer(one.peer), one.address) for one in message.peers if is_callable(one.address)),
    )


def write_position(position: Position) -> peers_pb2.LogPosition:
    """The message of a position."""
    return peers_pb2.LogPosition(epoch=position.epoch, sequence=position.sequence)


def read_position(message: peers_pb2.LogPosition) -> Position:
    """The position of a message.

    Raises:
        MalformedMessageError: If it is none.
    """
    if len(message.epoch) != EPOCH_BYTES or message.sequence > MAX_INTEGER:
        raise MalformedMessageError(f"a position has an epoch of {EPOCH_BYTES} bytes and a sequence below 2^63")
    return Position(message.epoch, message.sequence)


def read_page(message: peers_pb2.PullResponse) -> Page:
    """The page of a message.

    Raises:
        MalformedMessageError: If it is none.
    """
    return Page(blocks=read_blocks(message.blocks), position=read_position(message.position), more=message.more)


def read_cids(cids: Iterable[bytes], *, most: int) -> tuple[Cid, ...]:
    """The CIDs of a message.

    Raises:
        MalformedMessageError: If one is none, or there are more than `most`.
    """
    given = tuple(cids)
    if len(given) > most or not all(map(is_cid, given)):
        raise MalformedMessageError(f"at most {most} CIDs of 36 bytes")
    return tuple(map(Cid, given))


def read_blocks(blocks: Sequence[bytes]) -> tuple[bytes, ...]:
    """The blocks of a message: each may be refused by itself, so their number is bounded as well as their bytes.

    Raises:
        MalformedMessageError: If there are too many.
    """
    if len(blocks) > MAX_BLOCKS:
        raise MalformedMessageError(f"at most {MAX_BLOCKS} blocks")
    return tuple(blocks)


def _peer(key: bytes) -> str:
    if len(key) != KEY_BYTES:
        raise MalformedMessageError(f"a peer is a key of {KEY_BYTES} bytes")
    return key.hex()


def _address(text: str) -> str:
    if text and not is_callable(text):
        raise MalformedMessageError("the sender's address is none that a peer could be called at")
    return text
