"""What every way to peers promises, whichever back end stands behind it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from adaptor.api.v1 import peers_pb2
from adaptor.errors import PeerCallError
from adaptor.local.kubo.node import NodeStatus
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.messages import Announcement, Position
from adaptor.sharing.grpc.limits import TransportLimits
from adaptor.sharing.grpc.transport import GrpcTransport
from adaptor.sharing.kubo.limits import KuboLimits
from adaptor.sharing.ports import Transport
from adaptor.sharing.swarm import SWARM, SwarmTransport
from adaptor.testing.kubo_nodes import Nodes, Replica, address_of
from adaptor.testing.served_log import EPOCH, LOG, ServedLog, a_port, an_announcement, an_identity

BLOCKS = [bytes((number,)) * 450 for number in range(50)]
CALL_S = 5.0
BUSY_S = 5.0
"""What a machine that is shared may take longer."""

STRAGGLERS_S = 0.5
"""Time for messages that were sent while the nodes found each other."""

MESH_S = 30.0
"""Longest wait until two nodes that know each other pass messages on; on a quiet machine it takes a second."""


class Way(Protocol):
    """A peer with a log, and a way to it.

    Attributes:
        served: The log at its other end.
        peer: Name of who holds it.
        address: Where that is.
    """

    served: ServedLog
    peer: str
    address: str

    @property
    def transport(self) -> Transport:
        """The way."""
        ...

    async def kill(self) -> None:
        """Let the peer die."""
        ...

    async def close(self) -> None:
        """End both."""
        ...


class GrpcWay:
    """Straight to the other adaptor."""

    def __init__(self, served: ServedLog) -> None:
        self.served = served
        identity = an_identity()
        self._port = a_port(served, identity)
        self.peer, self.address = identity.peer, self._port.address
        self.transport = GrpcTransport(an_identity(), log_id=LOG, limits=TransportLimits(call_s=CALL_S))

    async def begin(self) -> GrpcWay:
        """Let the peer listen."""
        await self._port.start()
        return self

    async def kill(self) -> None:
        """The port is closed, and calls are broken off."""
        await self._port.stop(grace_s=0.0)

    async def close(self) -> None:
        """End both."""
        await self.transport.close()
        await self._port.stop(grace_s=0.0)


async def over_grpc(served: ServedLog) -> Way:
    """The embedded transport."""
    return await GrpcWay(served).begin()


class KuboWay:
    """To everybody in a swarm of two nodes, in which the other one serves the log."""

    peer = SWARM
    address = ""

    def __init__(self, served: ServedLog, folder: Path, nodes: Nodes, own: NodeStatus, other: NodeStatus) -> None:
        self.served = served
        self._folder = folder
        self._nodes = nodes
        self._own, self._other = Replica(own, LOG), Replica(other, LOG)
        self.transport = SwarmTransport(
            LOG, self._own.swarm, knows=lambda _: False, limits=KuboLimits(fetch_s=CALL_S, block_timeout_s=1.0)
        )
        self._listening: asyncio.Task[None] | None = None

    async def begin(self, other: NodeStatus) -> KuboWay:
        """Let the nodes know each other, and the other one hold the blocks and listen."""
        await self._other.store.put({cid_of(block): block for block in self.served.held})
        await self._own.swarm.connect(address_of(other))
        self._listening = asyncio.create_task(self._listen())
        until_s = time.monotonic() + MESH_S
        while not self.served.heard:
            assert time.monotonic() < until_s
            await self._own.swarm.publish(b"")
            await asyncio.sleep(0.1)
        await asyncio.sleep(STRAGGLERS_S)
        self.served.forget()
        return self

    async def _listen(self) -> None:
        async for sender, payload in self._other.swarm.messages():
            said = wire.read_announcement(LOG, wire.parsed(peers_pb2.Announcement, payload)) if payload else _NOTHING
            await self.served.met(sender, said, len(payload))

    async def kill(self) -> None:
        """A swarm has no single peer; what can die is the own node."""
        await asyncio.to_thread(self._nodes.kill, "own")

    async def close(self) -> None:
        """End both."""
        assert self._listening is not None
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        for replica in (self._own, self._other):
            await replica.store.close()
            await replica.swarm.close()
        await asyncio.to_thread(self._nodes.__exit__)
        shutil.rmtree(self._folder)


_NOTHING = Announcement(heads=())


async def over_kubo(served: ServedLog) -> Way:
    """The transport at scale."""
    folder = Path(tempfile.mkdtemp(prefix="adaptor-nodes-"))
    nodes = Nodes(folder)
    try:
        own = await asyncio.to_thread(nodes.running, "own")
        other = await asyncio.to_thread(nodes.running, "other")
        return await KuboWay(served, folder, nodes, own, other).begin(other)
    except BaseException:
        await asyncio.to_thread(nodes.__exit__)
        shutil.rmtree(folder)
        raise


WAYS: dict[str, Callable[[ServedLog], Awaitable[Way]]] = {"grpc": over_grpc, "kubo": over_kubo}


@pytest.fixture(params=["grpc", pytest.param("kubo", marks=pytest.mark.e2e)])
async def way(request: pytest.FixtureRequest) -> AsyncIterator[Way]:
    """A way to a peer that holds some blocks."""
    made = await WAYS[request.param](ServedLog(held=BLOCKS))
    yield made
    await made.close()


async def test_an_announcement_arrives_as_it_was_told(way: Way) -> None:
    """Heads, position, news, address and other peers."""
    said = Announcement(
        heads=tuple((cid_of(block), height) for height, block in enumerate(BLOCKS, start=1)),
        position=Position(EPOCH, 2**40),
        blocks=(b"", *BLOCKS),
        address="adaptor.example.org:4401",
        peers=(("ab" * 32, "10.0.0.7:4401"), ("cd" * 32, "[fd00::1]:1")),
    )
    await way.transport.meet(way.peer, way.address, said)
    assert await way.served.hears() == said


async def test_an_empty_announcement_arrives_too(way: Way) -> None:
    """Of a peer that holds nothing and does not listen."""
    await way.transport.meet(way.peer, way.address, Announcement(heads=()))
    assert await way.served.hears() == Announcement(heads=())


async def test_announcements_at_once_all_arrive(way: Way) -> None:
    """In any order."""
    told = [an_announcement(block) for block in BLOCKS[:20]]
    await asyncio.gather(*(way.transport.meet(way.peer, way.address, said) for said in told))
    until_s = time.monotonic() + BUSY_S
    while len(way.served.heard) < len(told):
        assert time.monotonic() < until_s
        await asyncio.sleep(0.01)
    heard = [said for _, said, _ in way.served.heard]
    assert all(said in heard for said in told)


async def test_blocks_come_by_name(way: Way) -> None:
    """Each as it is held, and the bytes that came are at least theirs."""
    cids = [cid_of(block) for block in BLOCKS[5:15]]
    blocks, size_bytes = await way.transport.fetch(way.peer, way.address, cids)
    assert sorted(blocks) == BLOCKS[5:15]
    assert size_bytes >= sum(map(len, blocks))


async def test_blocks_that_nobody_has_are_left_out(way: Way) -> None:
    """They are no reason to withhold the others."""
    cids = [cid_of(b"nobody has this"), cid_of(BLOCKS[0]), cid_of(b"nor this")]
    blocks, _ = await way.transport.fetch(way.peer, way.address, cids)
    assert blocks == BLOCKS[:1]


async def test_a_dead_peer_is_an_error_within_the_bound(way: Way) -> None:
    """One that was called before, and every time."""
    cids = [cid_of(BLOCKS[0])]
    await way.transport.fetch(way.peer, way.address, cids)
    await way.kill()
    began_s = time.monotonic()
    for _ in range(2):
        with pytest.raises(PeerCallError) as failed:
            await way.transport.fetch(way.peer, way.address, [cid_of(BLOCKS[1])])
        assert failed.value.peer == way.peer
    assert time.monotonic() - began_s < 2 * CALL_S + BUSY_S


async def test_closing_ends_calls_and_leaves_nothing_running(way: Way) -> None:
    """It may be done again; a call afterwards is an error."""
    before = asyncio.all_tasks()
    await way.transport.fetch(way.peer, way.address, [cid_of(BLOCKS[0])])
    call = asyncio.ensure_future(way.transport.fetch(way.peer, way.address, [cid_of(BLOCKS[1])]))
    await asyncio.sleep(0)
    await way.transport.close()
    await way.transport.close()
    await asyncio.wait({call}, timeout=BUSY_S)
    assert call.done()
    assert call.exception() is None or isinstance(call.exception(), PeerCallError)
    with pytest.raises(PeerCallError):
        await way.transport.fetch(way.peer, way.address, [cid_of(BLOCKS[0])])
    await way.kill()
    until_s = time.monotonic() + BUSY_S
    while not asyncio.all_tasks() <= before:
        assert time.monotonic() < until_s
        await asyncio.sleep(0.01)
