"""A Kubo node beside a shared log: tells a swarm of news, fetches blocks from anybody in it, and keeps them there.

The log's own file stays what counts. Blocks are given to the node in the order in which they were applied; how far that
got is kept on disk, and begun again if the node turns out to have lost them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence

from adaptor.api.v1 import peers_pb2
from adaptor.errors import AdaptorError, KuboError, PeerCallError
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.dag_cbor import MalformedBlockError
from adaptor.sharing.core.entry import parse_entry
from adaptor.sharing.core.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from adaptor.sharing.core.messages import Announcement, Page, Position
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.kubo.block_store import KuboBlockStore
from adaptor.sharing.kubo.limits import KuboLimits
from adaptor.sharing.kubo.transport import KuboSwarm
from adaptor.sharing.shared_log import SharedLog
from adaptor.sharing.waiting import ended, survived, woken

_log = logging.getLogger(__name__)

SWARM = "swarm"
"""Name of everybody on the topic, among a log's peers."""

MIRROR_BATCH = 500
"""Entries given to the node at once: one call of some 20 ms."""

CHECK_S = 60.0
"""Time between two looks whether the node still has what it was given."""

CHECKED = 16
"""Newest blocks that are looked for then; a node that lost its blocks lost all of them."""

MIRRORED = "mirrored"
"""Under which the place up to which blocks were given to the node is kept."""


class SwarmTransport:
    """The way to everybody on a log's topic.

    Args:
        log_id: Of the log.
        swarm: The node's swarm.
        knows: Whether a block need not be asked for.
        limits: Bounds.
    """

    def __init__(self, log_id: Cid, swarm: KuboSwarm, *, knows: Callable[[Cid], bool], limits: KuboLimits) -> None:
        self._log_id = log_id
        self._swarm = swarm
        self._knows = knows
        self._limits = limits

    async def meet(self, peer: str, address: str, said: Announcement) -> None:
        """Tell everybody; nobody answers."""
        try:
            await self._swarm.publish(wire.write_announcement(self._log_id, said).SerializeToString())
        except KuboError as error:
            raise PeerCallError(peer, str(error)) from error

    async def fetch(self, peer: str, address: str, cids: Sequence[Cid]) -> tuple[list[bytes], int]:
        """Blocks with those of their ancestors that are not held here, and how many bytes they have."""
        try:
            found = await self._swarm.fetch_below(
                cids,
                links_of=self._wanted_below,
                max_blocks=self._limits.fetch_blocks,
                max_bytes=self._limits.fetch_bytes,
                timeout_s=self._limits.fetch_s,
            )
        except KuboError as error:
            raise PeerCallError(peer, str(error)) from error
        blocks = list(found.values())
        return blocks, sum(map(len, blocks))

    async def pull(self, peer: str, address: str, after: Position) -> tuple[Page, int]:
        """A swarm has no order of its own.

        Raises:
            PeerCallError: Always.
        """
        raise PeerCallError(peer, "a swarm serves no pages")

    async def close(self) -> None:
        """End all calls."""
        await self._swarm.close()

    def _wanted_below(self, block: bytes) -> Iterable[Cid]:
        try:
            entry = parse_entry(block).entry
        except MalformedBlockError:
            return ()
        return [one for one in (*entry.needs, *entry.skips) if not self._knows(one)]


class KuboLink:
    """What runs between a log and the node beside it.

    Args:
        log: The log.
        api_url: Of the node's API.
        connect: Multiaddresses of other nodes of the swarm.
        limits: Bounds.
    """

    def __init__(self, log: SharedLog, api_url: str, *, connect: Sequence[str], limits: KuboLimits) -> None:
        self.problem = ""
        self._log = log
        self._connect = tuple(connect)
        self._limits = log.exchange.replica.limits
        most_bytes = log.log_manifest.limits.entry_bytes
        self._swarm = _swarm(api_url, log.log_manifest.log_id, limits, max_block_bytes=most_bytes)
        self._store = KuboBlockStore(api_url, timeout_s=limits.timeout_s, max_block_bytes=most_bytes)
        self._transport = SwarmTransport(log.log_manifest.log_id, self._swarm, knows=self._knows, limits=limits)
        self._applied = log.news()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen, to tell, and to give blocks to the node."""
        loop = asyncio.get_running_loop()
        self._log.join_swarm(SWARM, self._transport)
        self._tasks = [loop.create_task(self._listen()), loop.create_task(self._mirror())]

    async def stop(self) -> None:
        """End all of it; the node goes on."""
        await ended(self._tasks)
        await self._swarm.close()
        await self._store.close()

    async def multiaddrs(self) -> tuple[str, ...]:
        """Where other nodes reach this one; nowhere as long as it does not answer."""
        try:
            return await self._swarm.multiaddrs()
        except KuboError as error:
            self.problem = str(error)
            return ()

    def _knows(self, cid: Cid) -> bool:
        return self._log.exchange.replica.knows(cid)

    async def _listen(self) -> None:
        log_id = self._log.log_manifest.log_id
        own = await self._own_name()
        async for sender, payload in self._swarm.messages():
            if sender == own:
                continue
            name = f"kubo:{sender}"
            try:
                said = wire.read_announcement(log_id, wire.parsed(peers_pb2.Announcement, payload))
                await self._log.met(name, said, len(payload), through=SWARM)
            except wire.MalformedMessageError as error:
                await survived(self._log.refused(name, RefusalReason.MALFORMED_MESSAGE, str(error)))
            except AdaptorError as error:
                _log.warning("%s", error)

    async def _own_name(self) -> str:
        """The node's name in its swarm, as soon as it answers; until then nothing can be heard anyway."""
        pause_s = self._limits.retry_s
        while True:
            try:
                own = await self._swarm.identity()
                for multiaddr in self._connect:
                    await survived(self._swarm.connect(multiaddr))
            except KuboError as error:
                self.problem = str(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._limits.retry_max_s)
            else:
                self.problem = ""
                return own

    async def _mirror(self) -> None:
        """Give applied blocks to the node, and begin again if it lost them."""
        loop = asyncio.get_running_loop()
        check_at_s = 0.0
        while True:
            self._applied.clear()
            try:
                if loop.time() >= check_at_s:
                    await self._require_held()
                    check_at_s = loop.time() + CHECK_S
                await self._give()
                self.problem = ""
            except AdaptorError as error:
                self.problem = str(error)
                check_at_s = 0.0
                await asyncio.sleep(self._limits.retry_s)
            await woken(self._applied, within_s=CHECK_S)

    async def _require_held(self) -> None:
        through = await self._through()
        newest = await self._log.entries_after(max(0, through - CHECKED), most=CHECKED)
        wanted = {one.signed.cid for one in newest if one.sequence <= through}
        wanted.add(self._log.log_manifest.log_id)
        if wanted - await self._store.holds(wanted):
            await self._store.put({self._log.log_manifest.log_id: self._log.log_manifest.block})
            await self._keep(0)

    async def _give(self) -> None:
        through = await self._through()
        while entries := await self._log.entries_after(through, most=MIRROR_BATCH):
            await self._store.put({one.signed.cid: one.signed.block for one in entries})
            through = entries[-1].sequence
            await self._keep(through)

    async def _through(self) -> int:
        kept = await self._log.on_file(self._log.file.recall, MIRRORED)
        return int.from_bytes(kept or b"", "big")

    async def _keep(self, through: int) -> None:
        await self._log.on_file(self._log.file.remember, MIRRORED, through.to_bytes(8, "big"))


def _swarm(api_url: str, log_id: Cid, limits: KuboLimits, *, max_block_bytes: int) -> KuboSwarm:
    return KuboSwarm(
        api_url,
        log_id=log_id,
        timeout_s=limits.timeout_s,
        block_timeout_s=limits.block_timeout_s,
        calls_at_once=limits.calls,
        max_block_bytes=max_block_bytes,
        max_payload_bytes=limits.payload_bytes,
        silence_s=limits.silence_s,
    )


async def fetched_manifest(api_url: str, log_id: Cid, *, connect: Sequence[str], limits: KuboLimits) -> Manifest | None:
    """The manifest of a log from a swarm; ``None`` if nobody in it has the manifest.

    Raises:
        KuboError: If the node is of no use.
    """
    swarm = _swarm(api_url, log_id, limits, max_block_bytes=MAX_MANIFEST_BYTES)
    try:
        for multiaddr in connect:
            with contextlib.suppress(KuboError):
                await swarm.connect(multiaddr)
        block = (await swarm.fetch([log_id], timeout_s=limits.fetch_s)).get(log_id)
    finally:
        await swarm.close()
    try:
        return read_manifest(block) if block is not None and cid_of(block) == log_id else None
    except MalformedBlockError:
        return None
