"""What a message goes through between two machines: bytes, or, where time matters more, only an estimate of them."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.api.v1 import peers_pb2
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import LENGTH, Cid
from adaptor.sharing.core.messages import Announcement, Call, Fetch, Meet, Page, Position

HEAD_BYTES = LENGTH + 7
"""A head in protobuf: CID, height, and their tags."""

PEER_BYTES = 48
"""A peer with a short address."""

FRAME_BYTES = 100
"""Log id, position and address of an announcement, or the frame of a page."""


class Passage:
    """Turns messages to bytes and back.

    Args:
        log_id: Of the log they are about.
        on_wire: Whether to do so; else they pass as they are.
    """

    def __init__(self, log_id: Cid, *, on_wire: bool) -> None:
        self._log_id = log_id
        self._on_wire = on_wire

    @staticmethod
    def size_bytes(message: Call | Announcement | Page | list[bytes]) -> int:
        """About how many bytes a call or an answer takes."""
        if isinstance(message, Meet):
            message = message.announcement
        if isinstance(message, Announcement):
            blocks = sum(map(len, message.blocks))
            return FRAME_BYTES + HEAD_BYTES * len(message.heads) + PEER_BYTES * len(message.peers) + blocks
        if isinstance(message, Fetch):
            return FRAME_BYTES + LENGTH * len(message.cids)
        if isinstance(message, Page):
            return FRAME_BYTES + sum(map(len, message.blocks))
        return FRAME_BYTES + (sum(map(len, message)) if isinstance(message, list) else 0)

    def announcement(self, said: Announcement) -> tuple[Announcement, int]:
        """An announcement as it arrives, and its bytes."""
        if self._on_wire:
            data = wire.write_announcement(self._log_id, said).SerializeToString()
            return self.read_announcement(data), len(data)
        return said, self.size_bytes(said)

    def read_announcement(self, data: bytes) -> Announcement:
        """The announcement of some bytes.

        Raises:
            MalformedMessageError: If they are none.
        """
        return wire.read_announcement(self._log_id, wire.parsed(peers_pb2.Announcement, data))

    def cids(self, cids: Sequence[Cid], *, most: int) -> tuple[Cid, ...]:
        """Names of blocks as they arrive."""
        if not self._on_wire:
            return tuple(cids)
        data = peers_pb2.FetchRequest(log=self._log_id, cids=cids).SerializeToString()
        return wire.read_cids(wire.parsed(peers_pb2.FetchRequest, data).cids, most=most)

    def blocks(self, blocks: Sequence[bytes]) -> tuple[list[bytes], int]:
        """Blocks as they arrive, and their bytes."""
        given = list(blocks)
        return given, self.size_bytes(given)

    def page(self, page: Page) -> tuple[Page, int]:
        """A page as it arrives, and its bytes."""
        if not self._on_wire:
            return page, self.size_bytes(page)
        position = wire.write_position(page.position)
        message = peers_pb2.PullResponse(blocks=page.blocks, position=position, more=page.more)
        data = message.SerializeToString()
        return wire.read_page(wire.parsed(peers_pb2.PullResponse, data)), len(data)

    def position(self, position: Position) -> Position:
        """A position as it arrives."""
        return wire.read_position(wire.write_position(position)) if self._on_wire else position
