"""Messages from bytes, with nothing taken on trust."""

from __future__ import annotations

import pytest

from adaptor.api.v1 import peers_pb2
from adaptor.sharing.core import wire
from adaptor.sharing.core.messages import Page, Position
from adaptor.sharing.core.wire import MalformedMessageError
from adaptor.testing import logs

LOG = logs.a_manifest().log_id
CID = logs.nobodys(1)[0]
HEAD = peers_pb2.LogHead(cid=CID, height=1)
PLACE = peers_pb2.LogPosition(epoch=bytes(16), sequence=1)


def announcement(**fields: object) -> peers_pb2.Announcement:
    """An announcement of this log."""
    return peers_pb2.Announcement(**{"log": LOG, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "message",
    [
        announcement(log=CID),
        announcement(log=b""),
        announcement(heads=[peers_pb2.LogHead(cid=b"x", height=1)]),
        announcement(heads=[peers_pb2.LogHead(cid=CID, height=0)]),
        announcement(heads=[peers_pb2.LogHead(cid=CID, height=2**64 - 1)]),
        announcement(heads=[HEAD] * (wire.MAX_HEADS + 1)),
        announcement(blocks=[b""] * (wire.MAX_BLOCKS + 1)),
        announcement(position=peers_pb2.LogPosition(epoch=b"short", sequence=1)),
        announcement(position=peers_pb2.LogPosition(epoch=bytes(16), sequence=2**64 - 1)),
        announcement(address="a b:1"),
        announcement(address="a:1\x1b[2J"),
        announcement(address="x" * 500),
        announcement(peers=[peers_pb2.PeerAddress(peer=b"short", address="a:1")]),
        announcement(peers=[peers_pb2.PeerAddress(peer=bytes(32), address="a:1")] * (wire.MAX_PEERS + 1)),
    ],
)
def test_an_announcement_that_makes_no_sense_is_refused(message: peers_pb2.Announcement) -> None:
    """As a whole, with one error."""
    with pytest.raises(MalformedMessageError):
        wire.read_announcement(LOG, message)


def test_peers_at_addresses_that_nobody_could_call_are_left_out() -> None:
    """They are hearsay; the rest of the message is not at fault."""
    said = wire.read_announcement(
        LOG,
        announcement(
            heads=[HEAD],
            peers=[
                peers_pb2.PeerAddress(peer=bytes(32), address="unix:/tmp/x"),
                peers_pb2.PeerAddress(peer=b"\x01" * 32, address="a:1"),
            ],
        ),
    )
    assert said.peers == ((("01" * 32), "a:1"),) and said.heads == ((CID, 1),)
    assert said.position is None


@pytest.mark.parametrize("data", [b"\xff" * 10, b"\x0a\xff", b"\x12\x05hello"])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    """Whatever was expected."""
    with pytest.raises(MalformedMessageError):
        wire.parsed(peers_pb2.Announcement, data)


def test_a_page_reads_back_and_needs_a_position() -> None:
    """Where the next one begins."""
    message = peers_pb2.PullResponse(blocks=[b"x"], position=PLACE, more=True)
    assert wire.read_page(message) == Page(blocks=(b"x",), position=Position(bytes(16), 1), more=True)
    with pytest.raises(MalformedMessageError):
        wire.read_page(peers_pb2.PullResponse(blocks=[b"x"]))


def test_names_are_counted_and_checked() -> None:
    """Before anything is looked up."""
    assert wire.read_cids([CID], most=1) == (CID,)
    for cids in ([CID, CID], [b"x"], [CID[:-1]]):
        with pytest.raises(MalformedMessageError):
            wire.read_cids(cids, most=1)
