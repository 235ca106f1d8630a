"""What a peer's port lets in: proven callers, the four calls of the log, and only so much of them."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from adaptor.api.v1 import peers_pb2
from adaptor.errors import PeerCallError, StateDirectoryError
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.grpc.answers import method
from adaptor.sharing.grpc.limits import ServerLimits
from adaptor.sharing.grpc.proof import LOG as LOG_KEY
from adaptor.sharing.grpc.proof import PEER, PROOF, SECRET_PROOF, TIME, Metadata, Prover
from adaptor.testing.peer_pair import Pair, settled, status
from adaptor.testing.served_log import LOG, an_announcement, an_identity

NOW_S = 1_700_000_000.0
OTHER_LOG = cid_of(b"other rules")
SECRET, WRONG_SECRET = b"s" * 32, b"w" * 32
PULL = peers_pb2.PullRequest(log=LOG).SerializeToString()


def proven(pair: Pair, *, secret: bytes | None = SECRET, at_s: float = NOW_S, **changed: Any) -> Metadata:
    """The metadata of a caller, good unless something is changed."""
    callee, log_id = changed.pop("callee", pair.callee.peer), changed.pop("log_id", LOG)
    made = dict(Prover(pair.caller, secret=secret).metadata(log_id=log_id, callee=callee, now_s=at_s))
    made.update(changed.pop("fields", {}))
    for missing in changed.pop("missing", ()):
        del made[missing]
    return tuple(made.items())


UNPROVEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing said": ({"missing": (PEER, LOG_KEY, TIME, PROOF, SECRET_PROOF)}, "unproven", "who calls"),
    "no name": ({"missing": (PEER,)}, "unproven", "who calls"),
    "no time": ({"missing": (TIME,)}, "unproven", "who calls"),
    "no log": ({"missing": (LOG_KEY,)}, "unproven", "who calls"),
    "no signature": ({"missing": (PROOF,)}, "unproven", "who calls"),
    "a time that is none": ({"fields": {TIME: "-1"}}, "unproven", "who calls"),
    "a huge time": ({"fields": {TIME: "9" * 1000}}, "unproven", "who calls"),
    "a log that is none": ({"fields": {LOG_KEY: b"x"}}, "unproven", "who calls"),
    "another's name": ({"fields": {PEER: bytes(32)}}, "unproven", "not its own"),
    "another signature": ({"fields": {PROOF: bytes(64)}}, "unproven", "not its own"),
    "another time than signed": ({"fields": {TIME: str(int(NOW_S) + 1)}}, "unproven", "not its own"),
    "a proof for another peer": ({"callee": "ab" * 32}, "unproven", "for another peer"),
    "an old proof": ({"at_s": NOW_S - 301}, "unproven", "301 s behind; 300 s are allowed"),
    "a proof of the future": ({"at_s": NOW_S + 301}, "from_the_future", "301 s ahead; 300 s are allowed"),
    "no secret": ({"secret": None}, "unproven", "does not know the secret"),
    "a wrong secret": ({"secret": WRONG_SECRET}, "unproven", "does not know the secret"),
    "half a secret proof": ({"fields": {SECRET_PROOF: b"x"}}, "unproven", "does not know the secret"),
}


@pytest.mark.parametrize("name", UNPROVEN)
async def test_a_caller_who_proves_nothing_is_turned_away_and_counted(pair: Pair, name: str) -> None:
    """UNAUTHENTICATED with what is wrong; the log is not asked."""
    changed, reason, text = UNPROVEN[name]
    server = await pair.serve(secret=SECRET, now_s=lambda: NOW_S)
    channel = await pair.channel(server.address)
    pull = channel.unary_unary(method("Pull"), request_serializer=None, response_deserializer=None)
    code, details = await status(pull(PULL, metadata=proven(pair, **changed)))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert text in details
    assert {one.value: count for one, count in server.refused.items()} == {reason: 1}
    ((peer, reported, _),) = pair.served.refusals
    assert reported.value == reason
    assert peer in (pair.caller.peer, "ipv4:127.0.0.1")
    assert await pull(PULL, metadata=proven(pair))


@pytest.mark.parametrize("at_s", [NOW_S - 299, NOW_S + 299])
async def test_clocks_may_differ_a_little(pair: Pair, at_s: float) -> None:
    """Five minutes, as with Kerberos."""
    server = await pair.serve(secret=SECRET, now_s=lambda: NOW_S)
    transport = pair.transport(secret=SECRET, now_s=lambda: at_s)
    await transport.meet(pair.callee.peer, server.address, an_announcement())
    assert not server.refused


async def test_a_proof_made_for_one_peer_is_worth_nothing_at_another(pair: Pair) -> None:
    """A peer that was called cannot call others in the caller's name."""
    third = an_identity()
    server = await pair.serve(third, now_s=lambda: NOW_S)
    channel = await pair.channel(server.address)
    pull = channel.unary_unary(method("Pull"), request_serializer=None, response_deserializer=None)
    code, _ = await status(pull(PULL, metadata=proven(pair)))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert await pull(PULL, metadata=proven(pair, callee=third.peer))


async def test_a_log_that_is_not_held_is_not_found(pair: Pair) -> None:
    """Whatever is asked about it, with or without its secret."""
    server = await pair.serve(secret=SECRET)
    transport = pair.transport(log_id=OTHER_LOG)
    with pytest.raises(PeerCallError, match="not_found: this peer does not hold the log"):
        await transport.meet(pair.callee.peer, server.address, an_announcement())
    with pytest.raises(PeerCallError, match="not_found"):
        await transport.describe(server.address, OTHER_LOG, pair.callee.peer)
    assert [(peer, reason.value) for peer, reason, _ in pair.served.refusals] == [(pair.caller.peer, "wrong_log")] * 2


async def test_a_request_about_another_log_than_proven_is_malformed(pair: Pair) -> None:
    """The proof is for one log; so is the call."""
    server = await pair.serve(now_s=lambda: NOW_S)
    channel = await pair.channel(server.address)
    requests = {
        "Meet": peers_pb2.Announcement(log=OTHER_LOG),
        "Fetch": peers_pb2.FetchRequest(log=OTHER_LOG),
        "Pull": peers_pb2.PullRequest(log=OTHER_LOG),
        "Describe": peers_pb2.DescribeRequest(log=OTHER_LOG),
    }
    for name, request in requests.items():
        call = channel.unary_unary(method(name), request_serializer=None, response_deserializer=None)
        code, details = await status(call(request.SerializeToString(), metadata=proven(pair)))
        assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed: it is about another log")
    await settled(lambda: len(pair.served.refusals) == 4)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("Meet", b"\xff"),
        ("Fetch", peers_pb2.FetchRequest(log=LOG, cids=[b"x"]).SerializeToString()),
        ("Fetch", peers_pb2.FetchRequest(log=LOG, cids=[LOG] * 1025).SerializeToString()),
        ("Pull", peers_pb2.PullRequest(log=LOG, after=peers_pb2.LogPosition(epoch=b"x")).SerializeToString()),
        ("Describe", b"\x0a\xff"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_with_the_callers_name(
    pair: Pair, name: str, request_: bytes
) -> None:
    """INVALID_ARGUMENT and a refusal on record."""
    server = await pair.serve(now_s=lambda: NOW_S)
    call = (await pair.channel(server.address)).unary_unary(
        method(name), request_serializer=None, response_deserializer=None
    )
    code, details = await status(call(request_, metadata=proven(pair)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("malformed: ")
    ((peer, reason, _),) = pair.served.refusals
    assert (peer, reason.value) == (pair.caller.peer, "malformed_message")


async def test_nothing_but_the_log_is_served(pair: Pair) -> None:
    """Neither health, nor reflection, nor the service that commands runs."""
    server = await pair.serve(now_s=lambda: NOW_S)
    channel = await pair.channel(server.address)
    for path in (
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/adaptor.v1.RunService/ListRuns",
        "/adaptor.v1.PeerService/Other",
        "/",
    ):
        call = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
        code, _ = await status(call(health_pb2.HealthCheckRequest().SerializeToString(), metadata=proven(pair)))
        assert code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_caller_without_tls_gets_no_answer(pair: Pair) -> None:
    """Not even a status of ours."""
    server = await pair.serve()
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = channel.unary_unary(method("Pull"), request_serializer=None, response_deserializer=None)
        code, _ = await status(call(PULL, metadata=proven(pair), timeout=5.0))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert not server.refused


async def test_a_caller_who_never_ends_his_request_is_ended(pair: Pair) -> None:
    """By the port's own limit: his deadline may be a year."""
    server = await pair.serve(now_s=lambda: NOW_S, limits=ServerLimits(call_s=0.2))
    channel = await pair.channel(server.address)
    call = channel.stream_unary(method("Pull"), request_serializer=None, response_deserializer=None)
    code, _ = await status(asyncio.wait_for(call(metadata=proven(pair)), 5.0))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    ((peer, _, text),) = pair.served.refusals
    assert (peer, text) == (pair.caller.peer, "no request within 0.2 s")


async def test_a_log_that_takes_too_long_is_not_waited_for_and_not_broken_off(pair: Pair) -> None:
    """What was begun is written as a whole, late or not."""
    go = asyncio.Event()
    pair.served.before = go.wait
    server = await pair.serve(limits=ServerLimits(call_s=0.2))
    with pytest.raises(PeerCallError, match="busy"):
        await pair.transport().meet(pair.callee.peer, server.address, an_announcement())
    go.set()
    await settled(lambda: pair.served.heard)


async def test_one_caller_cannot_take_all_places(pair: Pair) -> None:
    """A second one is answered while the first is told to wait; afterwards he may again."""
    go, asked = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await go.wait()

    server = await pair.serve(limits=ServerLimits(calls_per_peer=2))
    pair.served.before = wait
    greedy, other = pair.transport(), pair.transport(an_identity())
    target = (pair.callee.peer, server.address)
    calls = [asyncio.ensure_future(greedy.pull(*target, None)) for _ in range(4)]
    await settled(lambda: sum(call.done() for call in calls) == 2)
    pair.served.before = None
    await other.pull(*target, None)
    go.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, PeerCallError) and "too many calls at once" in one.problem for one in outcomes) == 2
    await greedy.pull(*target, None)


async def test_callers_who_hang_up_cannot_pile_up_work(pair: Pair) -> None:
    """What they began goes on, so it is bounded as well, under however many names."""
    go = asyncio.Event()
    pair.served.before = go.wait
    server = await pair.serve(limits=ServerLimits(calls=4, call_s=5.0))
    problems = []
    for _ in range(8):
        try:
            hasty = pair.transport(an_identity(), call_s=0.2)
            await hasty.pull(pair.callee.peer, server.address, None)
        except PeerCallError as error:
            problems.append(error.problem)
    assert [one for one in problems if "at once" in one] == problems[4:]
    go.set()
    await settled(lambda: not server._calls._work)
    pair.served.before = None
    await pair.transport().pull(pair.callee.peer, server.address, None)


async def test_connections_at_once_are_bounded(pair: Pair) -> None:
    """A further one is cut, and those there are go on."""
    server = await pair.serve(limits=ServerLimits(connections=2))
    transport = pair.transport()
    await transport.pull(pair.callee.peer, server.address, None)
    host, _, port = server.address.rpartition(":")
    open_ones = [await asyncio.open_connection(host, int(port)) for _ in range(4)]
    cut = [asyncio.ensure_future(reader.read(1)) for reader, _ in open_ones]
    await settled(lambda: any(one.done() for one in cut))
    await transport.pull(pair.callee.peer, server.address, None)
    for one in cut:
        one.cancel()
    await asyncio.gather(*cut, return_exceptions=True)
    for _, writer in open_ones:
        writer.close()


async def test_a_flood_of_refusals_is_counted_but_not_all_reported(pair: Pair) -> None:
    """Reports end on the disk; in the next minute there are more."""
    now_s = [NOW_S]
    server = await pair.serve(now_s=lambda: now_s[0], limits=ServerLimits(refusals_per_minute=3))
    channel = await pair.channel(server.address)
    pull = channel.unary_unary(method("Pull"), request_serializer=None, response_deserializer=None)
    for _ in range(10):
        await status(pull(PULL))
    assert sum(server.refused.values()) == 10
    assert len(pair.served.refusals) == 3
    now_s[0] += 60.0
    await status(pull(PULL))
    assert len(pair.served.refusals) == 4


async def test_faults_of_the_log_are_not_told_to_peers(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk and a bug alike; the log of this machine has them."""
    server, transport = await pair.serve(), pair.transport()

    def fail(error: Exception) -> None:
        raise error

    pair.served.before = lambda: fail(StateDirectoryError("state_dir: /home/secret is full"))
    with pytest.raises(PeerCallError, match="internal: this peer cannot answer now"):
        await transport.pull(pair.callee.peer, server.address, None)
    pair.served.before = lambda: fail(ZeroDivisionError("a bug"))
    with pytest.raises(PeerCallError, match="internal: adaptor failed on this call"):
        await transport.pull(pair.callee.peer, server.address, None)
    assert "/home/secret is full" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text
    pair.served.before = None
    await transport.pull(pair.callee.peer, server.address, None)
