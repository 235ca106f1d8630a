"""Calls between adaptors over TLS: what is said arrives, and what a peer does wrong is one error in bounded time."""

from __future__ import annotations

import asyncio
import logging

import grpc
import pytest
from google.protobuf.message import Message

from adaptor.api.v1 import peers_pb2
from adaptor.errors import InvalidValueError, PeerCallError, PortInUseError
from adaptor.sharing.certificates import server_credentials
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.messages import Position
from adaptor.sharing.grpc.limits import ServerLimits, TransportLimits
from adaptor.testing.peer_pair import Pair, settled
from adaptor.testing.served_log import EPOCH, LOG, MANIFEST, ServedLog, a_port, an_announcement, an_identity

BLOCKS = [b"block %d" % number for number in range(250)]
SECRET = b"a secret of thirty-two bytes ..."


async def test_every_call_is_answered_and_says_how_many_bytes_came(pair: Pair) -> None:
    """With the caller's proven name at the other side."""
    pair.served.held = BLOCKS
    server, transport = await pair.serve(), pair.transport()
    peer, address = pair.callee.peer, server.address
    said = an_announcement(b"one", b"two")

    held, size_bytes = await transport.meet(peer, address, said)
    assert held.heads == ((cid_of(BLOCKS[-1]), 1),)
    assert size_bytes > 36
    ((caller, heard, heard_bytes),) = pair.served.heard
    assert (caller, heard) == (pair.caller.peer, said)
    assert heard_bytes > len(b"onetwo")

    cids = [cid_of(one) for one in (BLOCKS[3], b"unknown", BLOCKS[7], BLOCKS[3])]
    assert await transport.fetch(peer, address, cids) == ([BLOCKS[3], BLOCKS[7]], 18)
    assert await transport.fetch(peer, address, []) == ([], 0)

    pulled: list[bytes] = []
    after, pages = None, 0
    while True:
        page, size_bytes = await transport.pull(peer, address, after)
        pulled += page.blocks
        after, pages = page.position, pages + 1
        assert size_bytes > sum(map(len, page.blocks))
        if not page.more:
            break
    assert (pulled, pages, after) == (BLOCKS, 3, Position(EPOCH, 250))

    assert await transport.describe(address, LOG, peer) == MANIFEST
    assert not server.refused


async def test_calls_at_once_share_one_connection(pair: Pair) -> None:
    """More than may run at once wait for each other; none is lost."""
    server, transport = await pair.serve(), pair.transport(calls=8, calls_per_peer=4)
    said = an_announcement(b"one")
    await asyncio.gather(*(transport.meet(pair.callee.peer, server.address, said) for _ in range(100)))
    assert len(pair.served.heard) == 100
    assert len(transport._channels._lines) == 1


async def test_an_answer_holds_as_many_blocks_as_fit_and_at_least_one(pair: Pair) -> None:
    """The others are asked for again."""
    pair.served.held = [bytes((number,)) * 600 for number in range(4)]
    cids = [cid_of(block) for block in pair.served.held]
    for answer_bytes, count in ((2400, 4), (2399, 3), (1200, 2), (1199, 1), (1, 1)):
        server = await pair.serve(limits=ServerLimits(answer_bytes=answer_bytes))
        blocks, _ = await pair.transport().fetch(pair.callee.peer, server.address, cids)
        assert blocks == pair.served.held[:count]


async def test_peers_can_be_called_by_name_and_over_ipv6(pair: Pair) -> None:
    """The latter where the machine has it."""
    server = await pair.serve()
    named = server.address.replace("127.0.0.1", "localhost")
    await pair.transport().meet(pair.callee.peer, named, an_announcement())
    try:
        server = await pair.serve(listen="[::1]:0")
    except PortInUseError:
        pytest.skip("no IPv6 here")
    await pair.transport().meet(pair.callee.peer, server.address, an_announcement())


async def test_a_port_that_is_taken_is_an_error_that_names_the_setting(pair: Pair) -> None:
    """Even by ourselves."""
    server = await pair.serve()
    with pytest.raises(PortInUseError, match=r"sharing\.listen: 127"):
        await pair.serve(listen=server.address)


async def test_peers_are_told_an_address_that_they_can_call(pair: Pair) -> None:
    """All interfaces are none."""
    server = await pair.serve(listen="0.0.0.0:0", advertise="adaptor.example.org:4401")
    assert server.address == "adaptor.example.org:4401"
    for fields in ({"listen": "0.0.0.0:0"}, {"listen": "[::]:0"}, {"advertise": "0.0.0.0:4401"}):
        with pytest.raises(InvalidValueError, match=r"sharing\.advertise: "):
            a_port(pair.served, pair.callee, **fields)
    for wrong in ("4401", "http://a:1", "unix:/tmp/socket"):
        with pytest.raises(InvalidValueError, match=r"sharing\.listen: "):
            a_port(pair.served, pair.callee, listen=wrong)


async def test_limits_refuse_nonsense() -> None:
    """And name the setting."""
    with pytest.raises(InvalidValueError, match=r"sharing\.call_s: "):
        ServerLimits(call_s=0.0)
    with pytest.raises(InvalidValueError, match=r"sharing\.channels: "):
        TransportLimits(calls=4, channels=4)


# --- addresses and certificates --------------------------------------------------------------------------------


async def test_an_address_where_nobody_is_fails_at_once(pair: Pair) -> None:
    """As does one that is none; the error names the peer and the address."""
    server, transport = await pair.serve(), pair.transport()
    await server.stop(grace_s=0.0)
    for address in (server.address, "no-such-host.invalid:1", "unix:/tmp/socket", "", "a:99999"):
        with pytest.raises(PeerCallError) as failed:
            await transport.meet(pair.callee.peer, address, an_announcement())
        assert failed.value.peer == pair.callee.peer
        assert not failed.value.malformed


async def test_another_peer_at_the_address_is_told_nothing(pair: Pair) -> None:
    """It has a good certificate, but it is not its own name that was called."""
    stranger = an_identity()
    server = await pair.serve(stranger)
    with pytest.raises(PeerCallError, match=f"answers another peer, {stranger.peer[:16]}"):
        await pair.transport().meet(pair.callee.peer, server.address, an_announcement())
    assert not pair.served.heard
    assert not server.refused


async def test_a_restart_with_a_new_certificate_is_followed(pair: Pair) -> None:
    """By the call that finds out, without anybody noticing; also when it happens again."""
    server, transport = await pair.serve(), pair.transport()
    for _ in range(3):
        await transport.meet(pair.callee.peer, server.address, an_announcement())
        await server.stop(grace_s=0.0)
        server = await pair.serve(listen=server.address)
    await transport.meet(pair.callee.peer, server.address, an_announcement())
    assert len(pair.served.heard) == 4


async def test_a_restart_under_another_identity_is_refused(pair: Pair) -> None:
    """Whoever took over the address learns nothing of the log."""
    server, transport = await pair.serve(), pair.transport()
    await transport.meet(pair.callee.peer, server.address, an_announcement())
    await server.stop(grace_s=0.0)
    usurper = ServedLog()
    await pair.serve(an_identity(), log=usurper, listen=server.address)
    with pytest.raises(PeerCallError, match="answers another peer"):
        await transport.meet(pair.callee.peer, server.address, an_announcement())
    assert not usurper.heard
    assert not usurper.refusals


async def test_a_man_in_the_middle_who_lets_the_first_look_through_is_refused(pair: Pair) -> None:
    """The certificate that was looked at is the only one taken afterwards, whoever vouches for another."""
    server, middle = await pair.serve(), ServedLog()
    impostor = await pair.serve(log=middle)
    ports = iter([server.address, *[impostor.address] * 10])
    pumps: list[asyncio.Task[None]] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = next(ports).rpartition(":")
        onward_reader, onward_writer = await asyncio.open_connection(host, int(port))
        pumps.extend(
            asyncio.get_running_loop().create_task(pump(*ends))
            for ends in ((reader, onward_writer), (onward_reader, writer))
        )

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    relaying = await asyncio.start_server(relay, "127.0.0.1", 0)
    host, port = relaying.sockets[0].getsockname()
    try:
        with pytest.raises(PeerCallError, match="CERTIFICATE_VERIFY_FAILED"):
            await pair.transport().meet(pair.callee.peer, f"{host}:{port}", an_announcement())
    finally:
        relaying.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
    assert not middle.heard
    assert not middle.refusals


# --- sizes and nonsense ----------------------------------------------------------------------------------------


async def test_a_request_that_is_too_large_is_refused_with_the_callers_name(pair: Pair) -> None:
    """Others are answered as before."""
    server = await pair.serve(limits=ServerLimits(request_bytes=10_000))
    transport = pair.transport()
    with pytest.raises(PeerCallError, match="resource_exhausted"):
        await transport.meet(pair.callee.peer, server.address, an_announcement(b"x" * 20_000))
    await settled(lambda: pair.served.refusals)
    ((peer, reason, text),) = pair.served.refusals
    assert (peer, reason.value) == (pair.caller.peer, "too_large")
    assert "10000 bytes" in text
    assert not pair.served.heard
    await transport.meet(pair.callee.peer, server.address, an_announcement())
    with pytest.raises(PeerCallError, match="resource_exhausted"):
        await pair.transport(request_bytes=1_000).meet(pair.callee.peer, server.address, an_announcement(b"x" * 2_000))


async def test_an_answer_that_is_too_large_is_not_taken(pair: Pair) -> None:
    """Neither by the caller, nor given by the callee where that is its own limit."""
    pair.served.held = [b"x" * 20_000]
    server = await pair.serve()
    with pytest.raises(PeerCallError, match="resource_exhausted"):
        await pair.transport(response_bytes=10_000).pull(pair.callee.peer, server.address, None)
    strict = await pair.serve(limits=ServerLimits(response_bytes=10_000))
    with pytest.raises(PeerCallError, match="above its limit"):
        await pair.transport().pull(pair.callee.peer, strict.address, None)


class Liar(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic to the stubs alone
    """Answers every call with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Whatever was called."""

        async def lie(request: bytes, rpc_context: object) -> bytes:
            return self._answer

        return grpc.unary_unary_rpc_method_handler(lie)


NONSENSE: list[tuple[bytes | Message, set[str]]] = [
    (b"\xff" * 40, {"meet", "fetch", "pull", "describe"}),
    (peers_pb2.Announcement(log=b"another"), {"meet", "describe"}),
    (peers_pb2.Announcement(log=LOG, heads=[peers_pb2.LogHead(cid=b"x", height=1)]), {"meet", "describe"}),
    (peers_pb2.PullResponse(position=peers_pb2.LogPosition(epoch=b"short")), {"pull"}),
    (peers_pb2.DescribeResponse(manifest=b"other rules"), {"describe"}),
]


@pytest.mark.parametrize(("answer", "by"), NONSENSE, ids=range(len(NONSENSE)))
async def test_an_answer_that_makes_no_sense_is_the_peers_fault(
    pair: Pair, answer: bytes | Message, by: set[str]
) -> None:
    """It is marked, so that the peer can be blamed for it."""
    liar = grpc.aio.server(handlers=[Liar(answer if isinstance(answer, bytes) else answer.SerializeToString())])
    shown = server_credentials(pair.callee, now_s=1_700_000_000.0)
    port = liar.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(shown.key, shown.certificate)]))
    await liar.start()
    transport, peer, address = pair.transport(), pair.callee.peer, f"127.0.0.1:{port}"
    calls = {
        "meet": lambda: transport.meet(peer, address, an_announcement()),
        "fetch": lambda: transport.fetch(peer, address, [LOG]),
        "pull": lambda: transport.pull(peer, address, None),
        "describe": lambda: transport.describe(address, LOG, peer),
    }
    try:
        for name in by:
            with pytest.raises(PeerCallError) as failed:
                await calls[name]()
            assert (failed.value.peer, failed.value.malformed) == (peer, True)
    finally:
        await liar.stop(0)


# --- ends --------------------------------------------------------------------------------------------------------


async def test_a_server_that_dies_in_the_middle_of_a_call_ends_it(pair: Pair) -> None:
    """At once, not by the deadline; the next call fails as well until it is back."""
    asked = asyncio.Event()

    async def never() -> None:
        asked.set()
        await asyncio.Event().wait()

    server, transport = await pair.serve(), pair.transport()
    await transport.meet(pair.callee.peer, server.address, an_announcement())
    pair.served.before = never
    call = asyncio.ensure_future(transport.pull(pair.callee.peer, server.address, None))
    await asked.wait()
    await server.stop(grace_s=0.0)
    with pytest.raises(PeerCallError):
        await asyncio.wait_for(call, 5.0)
    pair.served.before = None
    with pytest.raises(PeerCallError, match="cannot be reached"):
        await transport.pull(pair.callee.peer, server.address, None)
    server = await pair.serve(listen=server.address)
    await transport.pull(pair.callee.peer, server.address, None)


async def test_a_transport_that_is_closed_ends_its_calls_and_makes_no_more(pair: Pair) -> None:
    """Callers get an error and are not cancelled themselves."""
    asked = asyncio.Event()

    async def never() -> None:
        asked.set()
        await asyncio.Event().wait()

    pair.served.before = never
    server, transport = await pair.serve(), pair.transport()
    calls = [asyncio.ensure_future(transport.pull(pair.callee.peer, server.address, None)) for _ in range(3)]
    await asked.wait()
    await transport.close()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, PeerCallError)
    with pytest.raises(PeerCallError, match="no call is made"):
        await transport.pull(pair.callee.peer, server.address, None)
    await transport.close()


async def test_a_caller_who_gives_up_leaves_nothing_behind(pair: Pair) -> None:
    """Cancelled while it is dialled and while it waits."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        asked.set()
        await go.wait()

    server, transport = await pair.serve(), pair.transport()
    dialling = asyncio.ensure_future(transport.pull(pair.callee.peer, server.address, None))
    await asyncio.sleep(0)
    dialling.cancel()
    pair.served.before = late
    waiting = asyncio.ensure_future(transport.meet(pair.callee.peer, server.address, an_announcement()))
    await asked.wait()
    waiting.cancel()
    for outcome in await asyncio.gather(dialling, waiting, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError)
    go.set()
    await settled(lambda: pair.served.heard and not transport._calls)


async def test_connections_are_bounded_and_the_oldest_go_first(pair: Pair) -> None:
    """A peer that comes back is dialled again."""
    transport = pair.transport(calls=1, calls_per_peer=1, channels=2)
    servers = [await pair.serve() for _ in range(4)]
    for server in (*servers, *servers):
        await transport.meet(pair.callee.peer, server.address, an_announcement())
        assert len(transport._channels._lines) <= 2
    assert len(pair.served.heard) == 8


async def test_secrets_are_neither_logged_nor_said_in_errors(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, at whatever level."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    errors = []
    server = await pair.serve(secret=SECRET)
    for secret, address in ((SECRET, server.address), (b"w" * 32, server.address), (SECRET, "127.0.0.1:1")):
        try:
            await pair.transport(secret=secret).meet(pair.callee.peer, address, an_announcement())
        except PeerCallError as error:
            errors += [str(error), repr(error), repr(error.__cause__)]
    assert len(errors) == 6
    written = caplog.text + "".join(errors) + repr(pair.served.refusals)
    keys = [one.key.private_bytes_raw() for one in (pair.caller, pair.callee)]
    for secret in (SECRET, b"w" * 32, *keys):
        for shown in (secret.hex(), repr(secret), secret.decode("latin-1")):
            assert shown not in written
