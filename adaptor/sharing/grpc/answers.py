"""What each call is answered with: bytes in, the log asked, bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from adaptor.api.v1 import peers_pb2
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.wire import MalformedMessageError
from adaptor.sharing.grpc.limits import ServerLimits
from adaptor.sharing.grpc.serving import Serves

SERVICE = peers_pb2.DESCRIPTOR.services_by_name["PeerService"].full_name

Answer = Callable[[str, bytes], Awaitable[bytes]]


def method(name: str) -> str:
    """The path of a call, as gRPC sends it."""
    return f"/{SERVICE}/{name}"


class Answers:
    """Answers the calls of proven callers.

    Args:
        serves: The log.
        log_id: Its id.
        limits: Bounds of answers.
    """

    def __init__(self, serves: Serves, *, log_id: Cid, limits: ServerLimits) -> None:
        self._serves = serves
        self._log_id = log_id
        self._limits = limits
        self.by_method: dict[str, Answer] = {
            method("Meet"): self._meet,
            method("Fetch"): self._fetch,
            method("Pull"): self._pull,
            method("Describe"): self._describe,
        }

    async def _meet(self, peer: str, request: bytes) -> bytes:
        said = wire.read_announcement(self._log_id, wire.parsed(peers_pb2.Announcement, request))
        held = await self._serves.met(peer, said, len(request))
        return wire.write_announcement(self._log_id, held).SerializeToString()

    async def _fetch(self, _: str, request: bytes) -> bytes:
        asked = wire.parsed(peers_pb2.FetchRequest, request)
        self._require_log(asked.log)
        cids = wire.read_cids(asked.cids, most=self._limits.cids)
        blocks = await self._serves.blocks(tuple(dict.fromkeys(cids)))
        return peers_pb2.FetchResponse(blocks=self._fitting(blocks)).SerializeToString()

    async def _pull(self, _: str, request: bytes) -> bytes:
        asked = wire.parsed(peers_pb2.PullRequest, request)
        self._require_log(asked.log)
        page = await self._serves.page(wire.read_position(asked.after) if asked.HasField("after") else None)
        return peers_pb2.PullResponse(
            blocks=page.blocks, position=wire.write_position(page.position), more=page.more
        ).SerializeToString()

    async def _describe(self, _: str, request: bytes) -> bytes:
        self._require_log(wire.parsed(peers_pb2.DescribeRequest, request).log)
        return peers_pb2.DescribeResponse(manifest=self._serves.manifest()).SerializeToString()

    def _fitting(self, blocks: Sequence[bytes]) -> list[bytes]:
        """As many blocks as fit, and the first one in any case; the caller asks again for the others."""
        fitting: list[bytes] = []
        left = self._limits.answer_bytes
        for block in blocks:
            left -= len(block)
            if left < 0 and fitting:
                break
            fitting.append(block)
        return fitting

    def _require_log(self, log: bytes) -> None:
        if log != self._log_id:
            raise MalformedMessageError("it is about another log")
