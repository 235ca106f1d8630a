"""Three real nodes share blocks and news: one is killed while others write, and comes back without its blocks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import requests

from adaptor.errors import KuboUnavailableError, PeerCallError
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of, cid_text
from adaptor.sharing.kubo.car import batch_car
from adaptor.testing.kubo_nodes import Nodes, Replica, address_of

pytestmark = pytest.mark.e2e

LOG_ID = cid_of(b"a log of tests")
FETCH_S = 30.0
ENTRY_BYTES = 400
SKIP = 16


def entries(count: int, *, writer: int = 0) -> dict[Cid, bytes]:
    """A chain of blocks as of one writer, with skip links as the log has them; the last is the head."""
    made: dict[Cid, bytes] = {}
    names: list[Cid] = []
    for height in range(count):
        links = [names[-1]] if names else []
        step = SKIP
        while step <= height and height % step == 0:
            links.append(names[height - step])
            step *= SKIP
        filling = f"{writer}/{height}/".encode().ljust(ENTRY_BYTES, b".")
        block = dag_cbor.array([dag_cbor.array(map(dag_cbor.link, links)), dag_cbor.byte_string(filling)])
        names.append(cid_of(block))
        made[names[-1]] = block
    return made


def links_of(block: bytes) -> Iterable[Cid]:
    return [Cid(one) for one in dag_cbor.read(block)[0]]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with Nodes(tmp_path) as made:
        yield made


def collect_garbage(replica: Replica) -> None:
    answer = requests.post(f"{replica.status.api_url}/api/v0/repo/gc", timeout=30)
    assert answer.status_code == 200


def as_kubo_reads_it(replica: Replica, cid: Cid) -> object:
    url = f"{replica.status.api_url}/api/v0/dag/get"
    return requests.post(url, params={"arg": cid_text(cid), "offline": "true"}, timeout=10).json()


async def test_blocks_put_on_one_node_are_fetched_from_another(nodes: Nodes) -> None:
    """Local reads know only what is local; what was fetched is what was put."""
    blocks = entries(300)
    lacking = cid_of(b"nobody has this")
    async with (
        Replica(nodes.running("a"), LOG_ID) as one,
        Replica(nodes.running("b"), LOG_ID) as other,
    ):
        await one.store.put(blocks)
        assert await one.store.holds([*blocks, lacking]) == set(blocks)
        first = next(iter(blocks))
        assert await one.store.get(first) == blocks[first]
        assert await other.store.get(first) is None
        assert await other.store.holds(blocks) == set()
        await other.swarm.connect(address_of(one.status))
        assert await other.swarm.peers() == (await one.swarm.identity(),)
        assert await other.swarm.fetch(list(blocks), timeout_s=FETCH_S) == blocks
        assert await other.swarm.fetch([lacking, first], timeout_s=1.0) == {first: blocks[first]}


async def test_a_newcomer_walks_down_from_the_head(nodes: Nodes) -> None:
    """To the first entry, or to the bounds that it sets."""
    blocks = entries(2_000)
    head = list(blocks)[-1]
    async with (
        Replica(nodes.running("a"), LOG_ID) as one,
        Replica(nodes.running("b"), LOG_ID) as newcomer,
    ):
        await one.store.put(blocks)
        await newcomer.swarm.connect(address_of(one.status))
        below = newcomer.swarm.fetch_below
        part = await below([head], links_of=links_of, max_blocks=100, max_bytes=10**9, timeout_s=FETCH_S)
        assert len(part) == 100
        some = await below([head], links_of=links_of, max_blocks=10**6, max_bytes=50_000, timeout_s=FETCH_S)
        assert len(part) < len(some) < len(blocks)
        all_ = await below([head], links_of=links_of, max_blocks=10**6, max_bytes=10**9, timeout_s=FETCH_S)
        assert all_ == blocks


async def test_what_was_put_survives_garbage_collection_and_nothing_else_does(nodes: Nodes) -> None:
    """A batch, and a lone block; not what Kubo merely fetched for somebody."""
    batch, lone, fetched = entries(50), entries(1, writer=1), entries(20, writer=2)
    async with (
        Replica(nodes.running("a"), LOG_ID) as one,
        Replica(nodes.running("b"), LOG_ID) as other,
    ):
        await one.store.put(batch)
        await one.store.put(lone)
        await other.store.put(fetched)
        await one.swarm.connect(address_of(other.status))
        assert await one.swarm.fetch(list(fetched), timeout_s=FETCH_S) == fetched
        assert await one.store.holds(fetched) == set(fetched)
        collect_garbage(one)
        assert await one.store.holds([*batch, *lone, *fetched]) == {*batch, *lone}


async def test_pinning_an_entry_does_not_reach_for_its_ancestors(nodes: Nodes) -> None:
    """They are elsewhere, and a recursive pin by its own name would wait for them."""
    blocks = entries(10)
    newest = list(blocks)[-2:]
    async with Replica(nodes.running("a"), LOG_ID) as one:
        await asyncio.wait_for(one.store.put({cid: blocks[cid] for cid in newest}), 5.0)
        assert await one.store.holds(blocks) == set(newest)


async def test_bytes_under_a_wrong_name_are_not_stored(nodes: Nodes) -> None:
    """Kubo hashes what it imports."""
    async with Replica(nodes.running("a"), LOG_ID) as one:
        with pytest.raises(KuboUnavailableError):
            await one.store.put({cid_of(b"one thing"): b"another thing"})
        assert batch_car([(cid_of(b"\x80"), b"\x80")])
        assert await one.store.holds([cid_of(b"one thing")]) == set()


async def test_news_reaches_those_who_listen_to_the_same_log(nodes: Nodes) -> None:
    """Any bytes, many at once, each once, with the sender's name; not those of another log, and not one's own."""
    async with (
        Replica(nodes.running("a"), LOG_ID) as one,
        Replica(nodes.running("b"), LOG_ID) as other,
        Replica(one.status, cid_of(b"another log")) as stranger,
    ):
        await other.swarm.connect(address_of(one.status))
        listening = other.swarm.messages()
        first = asyncio.ensure_future(listening.__anext__())
        own = asyncio.ensure_future(one.swarm.messages().__anext__())
        while not first.done():  # until the nodes know of each other's interest
            await stranger.swarm.publish(b"of another log")
            await one.swarm.publish(b"first")
            await asyncio.wait([first], timeout=0.1)
        sender = await one.swarm.identity()
        assert await first == (sender, b"first")
        payloads = {bytes([number]) * (number * 100) for number in range(1, 51)}
        await asyncio.gather(*(one.swarm.publish(payload) for payload in payloads))
        got: set[bytes] = set()
        while got != payloads:
            name, payload = await asyncio.wait_for(listening.__anext__(), FETCH_S)
            assert name == sender
            if payload != b"first":
                assert payload not in got
                got.add(payload)
        assert not own.done()
        own.cancel()
        await asyncio.wait([own])
        await listening.aclose()


async def test_one_is_killed_while_others_write_and_comes_back_without_its_blocks(nodes: Nodes, tmp_path: Path) -> None:
    """The others do not notice; it starts anew, from one that did not write first."""
    before, meanwhile = entries(200), entries(200, writer=1)
    victim = nodes.node("c")
    async with Replica(nodes.running("a"), LOG_ID) as one, Replica(nodes.running("b"), LOG_ID) as two:
        await two.swarm.connect(address_of(one.status))
        await one.store.put(before)
        async with Replica(victim.start(), LOG_ID) as third:
            await third.swarm.connect(address_of(one.status))
            fetching = asyncio.ensure_future(third.swarm.fetch(list(before), timeout_s=FETCH_S))
            await asyncio.sleep(0)
            nodes.kill("c")
            await two.store.put(meanwhile)
            cut_short = await _outcome(fetching)
            assert isinstance(cut_short, KuboUnavailableError) or cut_short.items() <= before.items()
            with pytest.raises(KuboUnavailableError):
                await third.store.put(meanwhile)
            with pytest.raises(KuboUnavailableError):
                await third.swarm.publish(b"news")
        with pytest.raises(PeerCallError):
            await two.swarm.connect(address_of(third.status))
        await two.store.put(await two.swarm.fetch(list(before), timeout_s=FETCH_S))
        shutil.rmtree(victim.repository.folder)
        async with Replica(victim.start(), LOG_ID) as back:
            assert await back.store.holds([*before, *meanwhile]) == set()
            await back.swarm.connect(address_of(two.status))
            heads = [list(before)[-1], list(meanwhile)[-1]]
            found = await back.swarm.fetch_below(
                heads, links_of=links_of, max_blocks=1_000, max_bytes=10**7, timeout_s=FETCH_S
            )
            assert found == before | meanwhile
            await back.store.put(found)
            assert await back.store.holds(found) == set(found)


async def test_listeners_survive_a_restart_of_their_node(nodes: Nodes) -> None:
    """The subscription is renewed at the same address, whoever asks again for news gets them."""
    node = nodes.node("b")
    async with (
        Replica(nodes.running("a"), LOG_ID) as one,
        Replica(node.start(), LOG_ID) as other,
    ):
        listening = asyncio.ensure_future(other.swarm.messages().__anext__())
        nodes.kill("b")
        again = await asyncio.to_thread(node.start)
        assert again.api_url == other.status.api_url
        await one.swarm.connect(address_of(again))
        while not listening.done():
            await one.swarm.publish(b"news")
            await asyncio.wait([listening], timeout=0.2)
        assert (await listening)[1] == b"news"


async def test_a_name_is_found_by_people_too(nodes: Nodes) -> None:
    """The same text that `ipfs block get` takes."""
    block = dag_cbor.array([])
    async with Replica(nodes.running("a"), LOG_ID) as one:
        await one.store.put({cid_of(block): block})
        assert as_kubo_reads_it(one, cid_of(block)) == []


async def _outcome(task: asyncio.Future[dict[Cid, bytes]]) -> dict[Cid, bytes] | KuboUnavailableError:
    try:
        return await task
    except KuboUnavailableError as error:
        return error
