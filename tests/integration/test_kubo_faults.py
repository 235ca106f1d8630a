"""The adapters against a node that is ill: every call ends in time, in our own errors, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from adaptor.errors import InvalidValueError, KuboError, KuboUnavailableError, PeerCallError
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.kubo.api import multibase
from adaptor.sharing.kubo.block_store import KuboBlockStore
from adaptor.sharing.kubo.transport import PUBLISH_ATTEMPTS, KuboSwarm

TIMEOUT_S = 0.2
BLOCK = b"\x83\x01\x02\x03"
CID = cid_of(BLOCK)
OTHER = cid_of(b"\x80")

HANG = b"hang"
"""In place of an answer: none, with the connection open."""

Behaviour = Callable[[str], bytes | list[bytes]]


def http(body: bytes, status: str = "200 OK", *, headers: str = "Content-Type: application/json\r\n") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def error(message: str, status: str = "500 Internal Server Error") -> bytes:
    return http(json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode(), status)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


def message(payload: bytes, sender: str = "other") -> bytes:
    return (
        json.dumps({"from": sender, "data": multibase(payload), "seqno": "uAA", "topicIDs": ["uAA"]}).encode() + b"\n"
    )


SICK = {
    "500": error("boom"),
    "500 without a word": http(b"", "500 Internal Server Error"),
    "502": http(b"<html>bad gateway</html>", "502 Bad Gateway", headers="Content-Type: text/html\r\n"),
    "403": http(b"403 - Forbidden", "403 Forbidden"),
    "404": http(b"404 page not found", "404 Not Found"),
    "redirect": http(b"", "302 Found", headers="Location: http://127.0.0.1:1/\r\n"),
    "garbage": b"\x00\xff garbage\r\n\r\n",
    "not JSON": http(b"{]"),
    "other JSON": http(b"[1, null]"),
    "null": http(b"null"),
    "cut in the head": b"HTTP/1.1 200 OK\r\nContent-",
    "cut in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{",
    "cut in a chunk": STREAM + b"ff\r\n{",
    "closes at once": b"",
    "hangs": HANG,
    "hangs in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{" + HANG,
}


class SickKubo:
    """A server that answers as it is told."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.asked: list[str] = []
        self._done = asyncio.Event()
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> SickKubo:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._done.set()
        self._server.close()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._answer(await reader.readuntil(b"\r\n\r\n"), writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        command = head.split(b" ")[1].decode().split("?")[0].removeprefix("/api/v0/")
        self.asked.append(command)
        answer = self.behaviour(command)
        for part in answer if isinstance(answer, list) else [answer]:
            writer.write(part.removesuffix(HANG))
            await writer.drain()
            if part.endswith(HANG):
                await self._done.wait()


@contextlib.asynccontextmanager
async def sick(behaviour: Behaviour) -> AsyncIterator[tuple[SickKubo, KuboBlockStore, KuboSwarm]]:
    async with SickKubo(behaviour) as kubo:
        store = KuboBlockStore(kubo.url, timeout_s=TIMEOUT_S)
        swarm = KuboSwarm(
            kubo.url,
            log_id=OTHER,
            timeout_s=TIMEOUT_S,
            block_timeout_s=TIMEOUT_S,
            silence_s=TIMEOUT_S,
            max_block_bytes=100,
        )
        try:
            yield kubo, store, swarm
        finally:
            await store.close()
            await swarm.close()


CALLS: dict[str, Callable[[KuboBlockStore, KuboSwarm], Awaitable[object]]] = {
    "put": lambda store, _: store.put({CID: BLOCK}),
    "get": lambda store, _: store.get(CID),
    "holds": lambda store, _: store.holds([CID, OTHER]),
    "identity": lambda _, swarm: swarm.identity(),
    "peers": lambda _, swarm: swarm.peers(),
    "publish": lambda _, swarm: swarm.publish(b"news"),
    "fetch": lambda _, swarm: swarm.fetch([CID], timeout_s=5.0),
}


@pytest.mark.parametrize("illness", SICK)
@pytest.mark.parametrize("call", CALLS)
async def test_an_ill_node_is_an_error_of_ours_in_time(call: str, illness: str) -> None:
    """Or, for what it gives as a block or a list, no block: it is believed in nothing."""
    async with sick(lambda _: SICK[illness]) as (_, store, swarm):
        try:
            outcome = await asyncio.wait_for(CALLS[call](store, swarm), 5.0)
        except KuboUnavailableError as caught:
            assert "Kubo at http://127.0.0.1:" in str(caught)
        else:
            assert call == "fetch"
            assert outcome == {}


@pytest.mark.parametrize("call", CALLS)
async def test_a_node_that_is_not_there_is_an_error_of_ours(call: str) -> None:
    """Its port is closed."""
    async with sick(lambda _: b"") as (kubo, *_):
        url = kubo.url
    store, swarm = KuboBlockStore(url, timeout_s=TIMEOUT_S), KuboSwarm(url, log_id=OTHER, timeout_s=TIMEOUT_S)
    with pytest.raises(KuboUnavailableError):
        await CALLS[call](store, swarm)
    await store.close()
    await swarm.close()


@pytest.mark.parametrize("said", ["block was not found locally (offline): ipld: could not find x", "ipld: not found"])
async def test_a_block_that_is_not_there_is_none_and_not_an_error(said: str) -> None:
    """As Kubo says it."""
    async with sick(lambda _: error(said)) as (_, store, swarm):
        assert await store.get(CID) is None
        assert await store.holds([CID]) == set()
        assert await swarm.fetch([CID], timeout_s=5.0) == {}


async def test_peers_that_have_no_block_are_not_the_nodes_fault() -> None:
    """Kubo gave up in the time it was given."""
    async with sick(lambda _: error("context deadline exceeded")) as (_, __, swarm):
        assert await swarm.fetch([CID], timeout_s=5.0) == {}


async def test_other_bytes_than_the_blocks_are_never_given_on() -> None:
    """Of this node they are an illness, of the swarm they are nothing."""
    async with sick(lambda _: http(b"other bytes")) as (_, store, swarm):
        with pytest.raises(KuboUnavailableError, match="other bytes"):
            await store.get(CID)
        assert await swarm.fetch([CID, OTHER], timeout_s=5.0) == {}


async def test_a_block_without_end_is_not_read_to_its_end() -> None:
    """It stops at the longest that a block may be."""
    endless = [STREAM, *[chunked(b"x" * 1_000)] * 1_000, HANG]
    async with sick(lambda _: endless) as (_, __, swarm):
        assert await swarm.fetch([CID], timeout_s=5.0) == {}


@pytest.mark.parametrize(
    "said",
    [
        b'{"Root":{"Cid":{"/":"bafy"},"PinErrorMsg":"pin: disk is full"}}\n',
        b'{"Message":"import failed","Code":0,"Type":"error"}',
        b"{}",
    ],
)
async def test_a_batch_that_was_not_pinned_was_not_put(said: bytes) -> None:
    """Though the status is 200."""
    async with sick(lambda _: http(said)) as (_, store, __):
        with pytest.raises(KuboUnavailableError):
            await store.put({CID: BLOCK, OTHER: b"\x80"})


async def test_a_node_that_cannot_reach_another_is_not_ill_itself() -> None:
    """The peer is."""
    async with sick(lambda _: error("failed to dial")) as (_, __, swarm):
        with pytest.raises(PeerCallError, match="failed to dial") as caught:
            await swarm.connect("/ip4/127.0.0.1/tcp/1/p2p/12D3KooWOther")
        assert caught.value.peer == "12D3KooWOther"


async def test_a_message_that_was_refused_is_sent_again() -> None:
    """Kubo may refuse one of two that leave it at the same moment."""
    answers = [error("validation ignored"), http(b"", headers="Content-Type: text/plain\r\n")]
    async with sick(lambda _: answers.pop(0)) as (kubo, __, swarm):
        await swarm.publish(b"news")
        assert kubo.asked == ["pubsub/pub"] * 2


async def test_a_message_is_not_sent_for_ever() -> None:
    """The last refusal is the outcome."""
    async with sick(lambda _: error("validation ignored")) as (kubo, __, swarm):
        with pytest.raises(KuboUnavailableError, match="validation ignored"):
            await swarm.publish(b"news")
        assert len(kubo.asked) == PUBLISH_ATTEMPTS


async def test_messages_leave_one_after_another() -> None:
    """However many are to be sent at once."""
    at_once = most = 0

    async with sick(lambda _: b"") as (_, __, swarm):

        async def publish(*_: object) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1

        swarm._api.publish = publish  # type: ignore[method-assign]
        await asyncio.gather(*(swarm.publish(b"news") for _ in range(20)))
    assert most == 1


async def test_too_long_a_message_is_refused_before_it_is_sent() -> None:
    """The node would drop it in silence."""
    async with sick(lambda _: b"") as (kubo, __, swarm):
        with pytest.raises(InvalidValueError, match="payload"):
            await swarm.publish(b"x" * 600_000)
        assert kubo.asked == []


def subscription(*streams: list[bytes]) -> Behaviour:
    """One stream for each subscription, and silence after the last."""
    left = [*streams]
    identity = http(b'{"ID": "own", "Addresses": []}')
    return lambda command: identity if command == "id" else (left.pop(0) if left else [STREAM + HANG])


async def heard(swarm: KuboSwarm, count: int) -> list[tuple[str, bytes]]:
    messages = swarm.messages()
    try:
        return [await asyncio.wait_for(messages.__anext__(), 5.0) for _ in range(count)]
    finally:
        await messages.aclose()


async def test_an_undecodable_message_does_not_end_the_subscription() -> None:
    """It is counted; those after it are heard, and own ones are not."""
    stream = [STREAM, chunked(b'{"from": 1}\n'), chunked(message(b"own", "own")), chunked(message(b"news")), HANG]
    async with sick(subscription(stream)) as (kubo, __, swarm):
        assert await heard(swarm, 1) == [("other", b"news")]
        assert swarm.unreadable == 1
        assert kubo.asked.count("pubsub/sub") == 1


@pytest.mark.parametrize(
    "end",
    [
        [STREAM + b"0\r\n\r\n"],
        [STREAM + b"ff\r\n{"],
        [STREAM + b"zz\r\n"],
        [STREAM, chunked(message(b"cut")[:-9])],
        [STREAM + HANG],
        [SICK["500"]],
        [SICK["garbage"]],
        [SICK["closes at once"]],
        [HANG],
    ],
)
async def test_a_subscription_that_ends_is_renewed(end: list[bytes]) -> None:
    """Orderly, cut, truncated in a message, refused, silent: messages go on."""
    news = [STREAM, chunked(message(b"news")), HANG]
    async with sick(subscription(end, [*end], news)) as (kubo, __, swarm):
        assert await heard(swarm, 1) == [("other", b"news")]
        assert kubo.asked.count("pubsub/sub") == 3


async def test_closing_the_swarm_ends_its_messages() -> None:
    """Also while it waits for one, and nobody has to be cancelled."""
    async with sick(subscription([STREAM, chunked(message(b"first")), HANG])) as (_, __, swarm):
        got: list[bytes] = []
        first = asyncio.Event()

        async def listen() -> None:
            async for _, payload in swarm.messages():
                got.append(payload)
                first.set()

        listening = asyncio.ensure_future(listen())
        await asyncio.wait_for(first.wait(), 5.0)
        await swarm.close()
        await asyncio.wait_for(listening, 5.0)
    assert got == [b"first"]


async def test_a_call_after_the_end_is_an_error_of_ours() -> None:
    """Not aiohttp's."""
    async with sick(lambda _: b"") as (_, store, swarm):
        await store.close()
        await swarm.close()
        for call in CALLS.values():
            with pytest.raises(KuboError):
                await call(store, swarm)


async def test_a_cancelled_call_ends_at_once_and_leaves_nothing() -> None:
    """Where aioipfs asks for a version it would swallow the cancellation."""
    async with sick(lambda _: HANG) as (kubo, store, swarm):
        for call in CALLS.values():
            kubo.asked.clear()
            task = asyncio.ensure_future(call(store, swarm))
            while not kubo.asked:  # noqa: ASYNC110 - until the call has arrived
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
