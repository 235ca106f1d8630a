"""Calls peers: bounded in time and size, and whatever goes wrong with a peer is one error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from adaptor.api.v1 import peers_pb2
from adaptor.errors import PeerCallError
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.messages import Announcement, Page, Position
from adaptor.sharing.core.wire import MalformedMessageError
from adaptor.sharing.grpc.answers import method
from adaptor.sharing.grpc.channels import Channels, Line
from adaptor.sharing.grpc.limits import TransportLimits
from adaptor.sharing.grpc.proof import Prover
from adaptor.sharing.identity import Identity

MAX_DETAILS = 300
"""Most characters of a peer's own words that are passed on."""

T = TypeVar("T")


class _BrokenLineError(PeerCallError):
    """A line that had been good is no more; tried once again over a new one."""


def _uncounted(_: str, __: int) -> None:
    """Nobody counts."""


class GrpcTransport:
    """The way from this replica to peers with an address.

    Args:
        identity: Of this replica.
        log_id: Of the log.
        secret: Of the log's invitation; ``None`` if there is none.
        limits: Bounds.
        now_s: Seconds since the epoch.
        gave: Told how many bytes went to which peer.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        log_id: Cid,
        secret: bytes | None = None,
        limits: TransportLimits | None = None,
        now_s: Callable[[], float] = time.time,
        gave: Callable[[str, int], None] = _uncounted,
    ) -> None:
        self._gave = gave
        self._limits = limits or TransportLimits()
        self._log_id = log_id
        self._prover = Prover(identity, secret=secret)
        self._channels = Channels(self._limits)
        self._slots = asyncio.Semaphore(self._limits.calls)
        self._now_s = now_s
        self._calls: set[asyncio.Task[bytes]] = set()
        self._closed = False

    async def meet(self, peer: str, address: str, said: Announcement) -> tuple[Announcement, int]:
        """Tell a peer what is held here.

        Returns:
            What it holds, and the bytes of its answer.

        Raises:
            PeerCallError: If the call comes to nothing.
        """
        request = wire.write_announcement(self._log_id, said)
        answer = await self._asked(peer, address, "Meet", request)
        return _understood(
            peer, lambda: wire.read_announcement(self._log_id, wire.parsed(peers_pb2.Announcement, answer))
        ), len(answer)

    async def fetch(self, peer: str, address: str, cids: Sequence[Cid]) -> tuple[list[bytes], int]:
        """Blocks by name; those that the peer lacks, or that do not fit into its answer, are left out.

        Returns:
            The blocks, which may be others than those asked for, and the bytes of the answer.

        Raises:
            PeerCallError: If the call comes to nothing.
        """
        request = peers_pb2.FetchRequest(log=self._log_id, cids=cids)
        answer = await self._asked(peer, address, "Fetch", request)
        found = _understood(peer, lambda: wire.read_blocks(wire.parsed(peers_pb2.FetchResponse, answer).blocks))
        return list(found), len(answer)

    async def pull(self, peer: str, address: str, after: Position | None) -> tuple[Page, int]:
        """What a peer applied after a position, or from the beginning.

        Returns:
            A page, and the bytes that it came in.

        Raises:
            PeerCallError: If the call comes to nothing.
        """
        request = peers_pb2.PullRequest(log=self._log_id, after=wire.write_position(after) if after else None)
        answer = await self._asked(peer, address, "Pull", request)
        return _understood(peer, lambda: wire.read_page(wire.parsed(peers_pb2.PullResponse, answer))), len(answer)

    async def describe(self, address: str, log_id: Cid, peer: str) -> bytes:
        """The block of a log's manifest, which is the one that the log's id names.

        Raises:
            PeerCallError: If the call comes to nothing, or the peer gives another block.
        """
        answer = await self._asked(peer, address, "Describe", peers_pb2.DescribeRequest(log=log_id), log_id=log_id)
        manifest = _understood(peer, lambda: wire.parsed(peers_pb2.DescribeResponse, answer)).manifest
        if cid_of(manifest) != log_id:
            raise PeerCallError(peer, "what it gave is not the manifest of this log", malformed=True)
        return manifest

    async def close(self) -> None:
        """End all calls and connections; later calls fail."""
        self._closed = True
        for call in tuple(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._channels.close()

    async def _asked(self, peer: str, address: str, name: str, request: Message, *, log_id: Cid | None = None) -> bytes:
        """The answer to a call; the call is a task of its own, so that nothing in it can take longer than allowed."""
        if self._closed:
            raise PeerCallError(peer, "no call is made any more")
        written = request.SerializeToString()
        self._gave(peer, len(written))
        asking = self._ask(peer, address, method(name), written, log_id or self._log_id)
        call = asyncio.get_running_loop().create_task(asking)
        self._calls.add(call)
        call.add_done_callback(self._ended)
        try:
            await asyncio.wait({call}, timeout=self._limits.call_s)
        finally:
            call.cancel()
        if not call.done():
            raise PeerCallError(peer, self._late())
        if call.cancelled():
            raise PeerCallError(peer, "the call was ended here")
        return call.result()

    async def _ask(self, peer: str, address: str, path: str, request: bytes, log_id: Cid) -> bytes:
        until_s = asyncio.get_running_loop().time() + self._limits.call_s
        over_a_line = partial(self._over_a_line, peer, address, path, request, log_id=log_id, until_s=until_s)
        async with self._slots:
            try:
                return await over_a_line()
            except _BrokenLineError:
                # The peer may have restarted, with a new certificate. All calls may be repeated.
                return await over_a_line()

    async def _over_a_line(
        self, peer: str, address: str, path: str, request: bytes, *, log_id: Cid, until_s: float
    ) -> bytes:
        async with self._channels.line(peer, address) as line, line.slots:
            metadata = self._prover.metadata(log_id=log_id, callee=peer, now_s=self._now_s())
            left_s = until_s - asyncio.get_running_loop().time()
            try:
                return await self._answer(line, path, request, metadata, left_s)
            except grpc.aio.AioRpcError as error:
                raise self._failed(peer, error, broken=line.answered) from error

    async def _answer(self, line: Line, path: str, request: bytes, metadata: Any, left_s: float) -> bytes:
        try:
            answer = await line.method(path)(request, timeout=max(left_s, 0.0), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                await self._channels.retire(line)
            raise
        except asyncio.CancelledError:
            await self._channels.retire(line)
            raise
        line.answered = True
        return answer

    def _failed(self, peer: str, error: grpc.aio.AioRpcError, *, broken: bool) -> PeerCallError:
        code = error.code()
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return PeerCallError(peer, self._late())
        said = "".join(filter(str.isprintable, error.details() or ""))[:MAX_DETAILS]
        kind = _BrokenLineError if broken and code is grpc.StatusCode.UNAVAILABLE else PeerCallError
        return kind(peer, f"{code.name.lower()}: {said}" if said else code.name.lower())

    def _late(self) -> str:
        return f"no answer within {self._limits.call_s:g} s"

    def _ended(self, call: asyncio.Task[bytes]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # whoever asked has it; he may have given up


def _understood(peer: str, read: Callable[[], T]) -> T:
    """What an answer says.

    Raises:
        PeerCallError: If it is malformed.
    """
    try:
        return read()
    except MalformedMessageError as error:
        raise PeerCallError(peer, str(error), malformed=True) from error
