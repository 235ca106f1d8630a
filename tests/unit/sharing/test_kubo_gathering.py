"""Gathering ends within its bounds, brings what came, and takes nobody's word for what a block is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from adaptor.errors import KuboUnavailableError
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.kubo.gathering import FAILURES, Gathering, GatheringLimits

LIMITS = GatheringLimits(blocks=1_000, size_bytes=1_000_000, timeout_s=5.0, calls=16)


def chain(length: int) -> dict[Cid, bytes]:
    """Blocks that each link to the one before; the last is the head."""
    made: dict[Cid, bytes] = {}
    for number in range(length):
        block = dag_cbor.array([dag_cbor.unsigned(number), *map(dag_cbor.link, list(made)[-1:])])
        made[cid_of(block)] = block
    return made


def links_of(block: bytes) -> Iterable[Cid]:
    return [Cid(one) for one in dag_cbor.read(block) if isinstance(one, bytes)]


class Peers:
    """Answers from what is there; the rest never comes."""

    def __init__(self, blocks: dict[Cid, bytes]) -> None:
        self.blocks = blocks
        self.asked: list[Cid] = []
        self.at_once = 0
        self.most_at_once = 0
        self.cancelled = 0
        self.busy = asyncio.Event()

    async def __call__(self, cid: Cid) -> bytes | None:
        self.asked.append(cid)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if cid not in self.blocks:
                self.busy.set()
                await asyncio.Event().wait()
            return self.blocks[cid]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1


def limits(**changes: float) -> GatheringLimits:
    values = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}
    return GatheringLimits(**{**values, **changes})


async def test_a_chain_is_walked_down_from_its_head() -> None:
    """Every block once."""
    blocks = chain(100)
    peers = Peers(blocks)
    assert await Gathering(peers, links_of, LIMITS).run([list(blocks)[-1]]) == blocks
    assert len(peers.asked) == 100


async def test_no_more_calls_than_allowed_are_on_their_way() -> None:
    """However many blocks are wanted."""
    blocks = chain(200)
    peers = Peers(blocks)
    assert len(await Gathering(peers, lambda _: (), LIMITS).run(blocks)) == 200
    assert peers.most_at_once == LIMITS.calls


async def test_endless_ancestors_end_at_the_number_of_blocks() -> None:
    """What came is returned."""
    blocks = chain(300)
    peers = Peers(blocks)
    found = await Gathering(peers, links_of, limits(blocks=50)).run([list(blocks)[-1]])
    assert len(found) == len(peers.asked) == 50


async def test_endless_ancestors_end_at_the_number_of_bytes() -> None:
    """Plus at most the calls that were on their way."""
    blocks = chain(300)
    found = await Gathering(Peers(blocks), links_of, limits(size_bytes=1_000)).run([list(blocks)[-1]])
    assert 1_000 <= sum(map(len, found.values())) <= 1_000 + LIMITS.calls * 64


async def test_what_came_in_time_is_returned_and_the_rest_is_given_up() -> None:
    """No call is left behind."""
    blocks = chain(10)
    lacking = cid_of(b"nobody has this")
    peers = Peers(blocks)
    found = await Gathering(peers, lambda _: (), limits(timeout_s=0.05)).run([*blocks, lacking])
    assert found == blocks
    assert (peers.cancelled, peers.at_once) == (1, 0)


async def test_other_bytes_than_those_of_the_name_are_dropped() -> None:
    """And their links are not followed."""
    good, other = chain(2).items()
    forged = {good[0]: other[1]}
    assert await Gathering(Peers(forged), links_of, LIMITS).run([good[0]]) == {}


async def test_a_node_that_always_fails_is_not_asked_for_every_block() -> None:
    """Its error is the outcome if nothing came."""
    asked = 0

    async def failing(_: Cid) -> bytes | None:
        nonlocal asked
        asked += 1
        raise KuboUnavailableError("http://127.0.0.1:1", "no connection")

    with pytest.raises(KuboUnavailableError):
        await Gathering(failing, links_of, LIMITS).run(chain(500))
    assert asked <= FAILURES + LIMITS.calls


async def test_nothing_wanted_is_nothing_asked() -> None:
    """And it does not wait."""
    assert await Gathering(Peers({}), links_of, LIMITS).run([]) == {}


async def test_whoever_gives_up_leaves_no_call_behind() -> None:
    """A cancelled gathering ends its calls before it ends."""
    peers = Peers({})
    task = asyncio.ensure_future(Gathering(peers, links_of, LIMITS).run(chain(5)))
    await peers.busy.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (peers.cancelled, peers.at_once) == (5, 0)


async def test_a_fault_in_what_reads_links_is_not_hidden() -> None:
    """It is a bug, not a peer."""
    blocks = chain(3)

    def broken(_: bytes) -> Iterable[Cid]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Gathering(Peers(blocks), broken, LIMITS).run(blocks)
