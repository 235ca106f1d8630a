"""A swarm of Kubo nodes as a way to peers: messages to all over pubsub, blocks from anybody over bitswap.

Nothing here is reliable, and nothing that uses it may think so: a message may be lost, repeated, late or forged, and a
block may not come. What comes as a block is what it claims to be, or is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence

from adaptor.domain.checks import require_positive
from adaptor.errors import InvalidValueError, KuboUnavailableError
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.kubo.api import KuboApi
from adaptor.sharing.kubo.gathering import Gathering, GatheringLimits, LinksOf
from adaptor.sharing.kubo.messages import Message, MessageReader

_log = logging.getLogger(__name__)

PUBLISH_ATTEMPTS = 3
"""Kubo may refuse one of two messages that leave it at the same moment; ours wait for each other, others' may not."""

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
"""Waits between tries, doubling: a node that restarts is back within a second or two."""

OTHER_CALLS = 4
"""Connections beside those for blocks: the subscription, a message, and a question or two."""


def topic_of(log_id: bytes) -> str:
    """The topic on which replicas of a log speak."""
    return f"/adaptor/log/1/{cid_text(log_id)}"


class KuboSwarm:
    """The swarm as one node sees it. To be made and closed within one event loop.

    Args:
        api_url: Of the node's API, as ``http://127.0.0.1:5001``.
        log_id: Of the log; replicas of others do not hear it.
        timeout_s: Longest wait for an answer of the node itself.
        block_timeout_s: Longest wait for one block of a peer's.
        calls_at_once: Blocks asked for at once: 32 brought 1,300 a second on two cores, 128 and 512 some 2,500.
        max_block_bytes: Longest block.
        max_payload_bytes: Longest message; Kubo itself passes on at most 1 MiB.
        silence_s: Silence after which the subscription is renewed, for a node that hangs is silent too: four rounds
            of the anti-entropy of one peer.
    """

    def __init__(
        self,
        api_url: str,
        *,
        log_id: bytes,
        timeout_s: float = 10.0,
        block_timeout_s: float = 10.0,
        calls_at_once: int = 128,
        max_block_bytes: int = 262_144,
        max_payload_bytes: int = 524_288,
        silence_s: float = 120.0,
    ) -> None:
        require_positive("calls_at_once", calls_at_once)
        require_positive("silence_s", silence_s, unit="seconds")
        self.topic = topic_of(log_id)
        self._api = KuboApi(
            api_url, timeout_s=timeout_s, connections=calls_at_once + OTHER_CALLS, max_block_bytes=max_block_bytes
        )
        self._block_timeout_s = block_timeout_s
        self._calls_at_once = calls_at_once
        self._silence_s = silence_s
        self._reader = MessageReader(max_payload_bytes)
        self._publishing = asyncio.Lock()
        self._closed = asyncio.Event()
        self._own: str | None = None

    @property
    def unreadable(self) -> int:
        """Messages so far that could not be read."""
        return self._reader.unreadable

    async def identity(self) -> str:
        """This node's name in the swarm.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        self._own = await self._api.identity()
        return self._own

    async def multiaddrs(self) -> tuple[str, ...]:
        """Where other nodes reach this one.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        return await self._api.multiaddrs()

    async def connect(self, multiaddr: str) -> None:
        """Open a connection to another node.

        Args:
            multiaddr: Where it is, ending in its name: ``/ip4/10.0.0.7/tcp/4001/p2p/12D3...``.

        Raises:
            PeerCallError: It cannot be reached.
            KuboUnavailableError: The own node does not answer as it should.
        """
        await self._api.connect(multiaddr)

    async def peers(self) -> tuple[str, ...]:
        """Names of the nodes that this one is connected to.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        return await self._api.peers()

    async def publish(self, payload: bytes) -> None:
        """Give a message to everybody who listens; that it arrives is not said.

        Raises:
            InvalidValueError: It is too long.
            KuboUnavailableError: The node did not take it, several times.
        """
        if len(payload) > self._reader.max_payload_bytes:
            raise InvalidValueError(
                "payload", f"has {len(payload)} bytes, the limit is {self._reader.max_payload_bytes}"
            )
        async with self._publishing:
            for attempt in range(1, PUBLISH_ATTEMPTS + 1):
                try:
                    return await self._api.publish(self.topic, payload)
                except KuboUnavailableError:
                    if attempt == PUBLISH_ATTEMPTS or self._closed.is_set():
                        raise
                await self._pause(FIRST_PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    async def messages(self) -> AsyncGenerator[Message, None]:
        """What others say, with who says it, until the swarm is closed; for one reader.

        Whenever the subscription ends it is renewed. What is said in between is lost, as messages may be.
        """
        pause_s = FIRST_PAUSE_S
        while not self._closed.is_set():
            try:
                own = self._own or await self.identity()
                self._reader.restart()
                async with contextlib.aclosing(self._api.subscription(self.topic, silence_s=self._silence_s)) as chunks:
                    async for chunk in chunks:
                        pause_s = FIRST_PAUSE_S
                        for sender, payload in self._reader.read(chunk):
                            if sender != own:
                                yield sender, payload
            except KuboUnavailableError as error:
                if pause_s == FIRST_PAUSE_S and not self._closed.is_set():
                    _log.info("listening to the swarm again: %s", error)
            # The node may come back as another one.
            self._own = None
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def fetch(self, cids: Sequence[Cid], *, timeout_s: float) -> dict[Cid, bytes]:
        """Blocks by name, from whoever has them.

        Args:
            cids: Their names.
            timeout_s: Longest time for all of them.

        Returns:
            Those that came, each what its name says.

        Raises:
            KuboUnavailableError: None came, and the own node does not answer as it should.
        """
        limits = GatheringLimits(
            blocks=len(cids),
            size_bytes=max(1, len(cids)) * self._api.max_block_bytes,
            timeout_s=timeout_s,
            calls=self._calls_at_once,
        )
        return await Gathering(self._block, _nothing, limits).run(cids)

    async def fetch_below(
        self, heads: Iterable[Cid], *, links_of: LinksOf, max_blocks: int, max_bytes: int, timeout_s: float
    ) -> dict[Cid, bytes]:
        """Blocks with their ancestors, for who lacks many.

        Args:
            heads: Where to begin.
            links_of: Names of the blocks below a block that are wanted; none of what is held already.
            max_blocks: Most blocks.
            max_bytes: Most bytes in all.
            timeout_s: Longest time.

        Returns:
            What came within these bounds, in that order, which is no order of the log.

        Raises:
            KuboUnavailableError: None came, and the own node does not answer as it should.
        """
        limits = GatheringLimits(
            blocks=max_blocks, size_bytes=max_bytes, timeout_s=timeout_s, calls=self._calls_at_once
        )
        return await Gathering(self._block, links_of, limits).run(heads)

    async def close(self) -> None:
        """End all calls and connections, and `messages`."""
        self._closed.set()
        await self._api.close()

    async def _block(self, cid: Cid) -> bytes | None:
        return await self._api.block(cid_text(cid), offline=False, timeout_s=self._block_timeout_s)

    async def _pause(self, pause_s: float) -> None:
        """Wait, unless the swarm is closed meanwhile."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closed.wait(), pause_s)


def _nothing(_: bytes) -> Iterable[Cid]:
    return ()
