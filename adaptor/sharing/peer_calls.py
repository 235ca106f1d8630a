"""Calls to peers on their way: one announcement to a peer at a time, and the newest news behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from adaptor.errors import PeerCallError
from adaptor.sharing.core.messages import Call, Fetch, Meet
from adaptor.sharing.core.peers import Peer
from adaptor.sharing.ports import Transport
from adaptor.sharing.waiting import ended, survived

Outcome = Callable[[Call, object, int], Awaitable[None]]
"""Told what a call brought and in how many bytes; the answer is ``None`` where there is none."""


class PeerCalls:
    """Makes the calls that an exchange asks for.

    Args:
        transport_of: The way to a peer.
        answered: Told what a call brought.
        failed: Told of a call that came to nothing.
        inline_bytes: Most bytes of blocks in one announcement.
    """

    def __init__(
        self,
        *,
        transport_of: Callable[[str], tuple[Peer, Transport] | None],
        answered: Outcome,
        failed: Callable[[Call, PeerCallError], Awaitable[None]],
        inline_bytes: int,
    ) -> None:
        self._transport_of = transport_of
        self._answered = answered
        self._failed = failed
        self._inline_bytes = inline_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, Meet | None] = {}

    def make(self, call: Call) -> None:
        """Begin a call; an announcement waits for the one before it to the same peer, and swallows those between."""
        if isinstance(call, Meet):
            if call.peer in self._waiting:
                self._waiting[call.peer] = self._joined(self._waiting[call.peer], call)
                return
            self._waiting[call.peer] = None
        task = asyncio.get_running_loop().create_task(self._run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End every call."""
        await ended(tuple(self._tasks))

    async def _run(self, call: Call) -> None:
        """Make the call; whatever happens to it, it is told once how it ended, or its place would be taken for ever."""
        outcome: list[tuple[object, int] | PeerCallError] = []
        await survived(self._try(call, outcome))
        self._next(call)
        ended_so = outcome[0] if outcome else PeerCallError(call.peer, "the call could not be made here")
        if isinstance(ended_so, PeerCallError):
            await self._failed(call, ended_so)
        else:
            await self._answered(call, *ended_so)

    async def _try(self, call: Call, outcome: list[tuple[object, int] | PeerCallError]) -> None:
        found = self._transport_of(call.peer)
        if found is None:
            outcome.append(PeerCallError(call.peer, "its address is unknown"))
            return
        try:
            outcome.append(await self._made(call, *found))
        except PeerCallError as error:
            outcome.append(error)

    @staticmethod
    async def _made(call: Call, peer: Peer, transport: Transport) -> tuple[object, int]:
        if isinstance(call, Meet):
            met = await transport.meet(peer.peer, peer.address, call.announcement)
            return met if met is not None else (None, 0)
        if isinstance(call, Fetch):
            return await transport.fetch(peer.peer, peer.address, call.cids)
        return await transport.pull(peer.peer, peer.address, call.after)

    def _next(self, call: Call) -> None:
        if isinstance(call, Meet):
            waiting = self._waiting.pop(call.peer)
            if waiting is not None:
                self.make(waiting)

    def _joined(self, before: Meet | None, call: Meet) -> Meet:
        """The newer announcement with the blocks of both, if they fit; else the peer is to ask for them."""
        if before is None:
            return call
        blocks = (*before.announcement.blocks, *call.announcement.blocks)
        if sum(map(len, blocks)) > self._inline_bytes:
            blocks = ()
        return replace(call, announcement=replace(call.announcement, blocks=blocks))
