"""Each role and each fault of a credential against each call, over TLS on loopback."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor

from adaptor.access.certificates import Authority
from adaptor.access.entries import Proof
from adaptor.access.permissions import rule_of
from adaptor.access.roles import Role
from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.service.server import SERVICE_NAMES, Server
from adaptor.testing.callers import TOKENS, an_entry, authority, client_pair, guarded, one_of_each_role, tls_channel
from adaptor.testing.calls import finish, refused, report, start
from adaptor.testing.loopback import a_server
from adaptor.testing.values import RUN_ID
from adaptor.testing.workshop import Workshop

DENIED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
SERVED = (*SERVICE_NAMES, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")

CLIENT = client_pair("cm-1")
STRANGER = client_pair("stranger")
KNOWN = one_of_each_role(
    an_entry("other-job", token="other"),
    an_entry("late", token="expired", expires_at_s=1.0),
    an_entry("gone", token="revoked", revoked_at_s=1.0),
    an_entry("cm", Role.MANAGER, proof=Proof.CERTIFICATE_NAME, value="cm-1"),
)


@pytest.fixture
async def server(shop: Workshop, tmp_path: Path) -> AsyncIterator[Server]:
    """Asks who calls; a second address demands certificates. The job has a run."""
    made = a_server(shop, entrance=guarded(tmp_path, KNOWN))
    await made.start()
    async with tls_channel(made.address, token=TOKENS[Role.JOB]) as channel:
        await runs_pb2_grpc.RunServiceStub(channel).StartRun(start())
    yield made
    await made.stop(grace_s=0.0)
    await shop.engine.stop()


def every_method() -> list[MethodDescriptor]:
    """All that is served."""
    pool = descriptor_pool.Default()
    return [method for name in SERVED for method in pool.FindServiceByName(name).methods]


def name_of(method: MethodDescriptor) -> str:
    """As gRPC has it."""
    return f"/{method.containing_service.full_name}/{method.name}"


async def outcome(channel: grpc.aio.Channel, method: MethodDescriptor) -> grpc.StatusCode:
    """What a call with nothing but a run id comes to; of streams, the first message is enough."""
    request = message_factory.GetMessageClass(method.input_type)()
    if "run_id" in method.input_type.fields_by_name:
        request.run_id = RUN_ID  # type: ignore[attr-defined]
    codecs: dict[str, Any] = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": message_factory.GetMessageClass(method.output_type).FromString,
    }
    try:
        if method.client_streaming:
            stream = channel.stream_stream(name_of(method), **codecs)(iter([request]), timeout=10.0)
            await stream.read()
            stream.cancel()
        elif method.server_streaming:
            stream = channel.unary_stream(name_of(method), **codecs)(request, timeout=10.0)
            await stream.read()
            stream.cancel()
        else:
            await channel.unary_unary(name_of(method), **codecs)(request, timeout=10.0)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_each_role_may_make_the_calls_of_the_table_and_no_other(server: Server, role: Role) -> None:
    """Let in, whatever else may be wrong with the call; or PERMISSION_DENIED."""
    wrong = []
    async with tls_channel(server.address, token=TOKENS[role]) as channel:
        for method in every_method():
            code = await outcome(channel, method)
            allowed = role in rule_of(name_of(method)).roles
            if code in DENIED if allowed else code is not grpc.StatusCode.PERMISSION_DENIED:
                wrong.append((name_of(method), code))
    assert wrong == []


async def test_a_caller_without_a_credential_learns_that_the_service_is_there_and_nothing_else(server: Server) -> None:
    """Health is public."""
    async with tls_channel(server.address) as channel:
        codes = {name_of(method): await outcome(channel, method) for method in every_method()}
    for name, code in codes.items():
        public = rule_of(name).public
        assert (code is grpc.StatusCode.UNAUTHENTICATED) is not public, (name, code)


Opened = Callable[[Server], grpc.aio.Channel]


def plain(server: Server) -> grpc.aio.Channel:
    """Plain text to a port that speaks TLS."""
    return grpc.aio.insecure_channel(server.address)


def with_certificate(pair: Any) -> Opened:
    """To the address that demands one."""
    return lambda server: tls_channel(server.mutual_address, pair=pair)


def with_token(token: str) -> Opened:
    """To the address that takes tokens."""
    return lambda server: tls_channel(server.address, token=token)


def self_signed() -> Any:
    """A certificate that nobody but itself vouches for, with the name of one that is known."""
    return Authority.new("cm-1", now_s=time.time(), lifetime_s=3600.0).pair


FAULTS: list[tuple[str, Opened, grpc.StatusCode, str]] = [
    ("unknown token", with_token("adaptor_guess"), grpc.StatusCode.UNAUTHENTICATED, "the token is not known here"),
    ("empty token", with_token(" "), grpc.StatusCode.UNAUTHENTICATED, "access: "),
    ("huge token", with_token("x" * 4000), grpc.StatusCode.UNAUTHENTICATED, "the token is not known here"),
    ("expired token", with_token("expired"), grpc.StatusCode.UNAUTHENTICATED, "the token has expired"),
    ("revoked token", with_token("revoked"), grpc.StatusCode.UNAUTHENTICATED, "the token was revoked"),
    ("unknown certificate", with_certificate(STRANGER), grpc.StatusCode.UNAUTHENTICATED, "certificate is not known"),
    ("no certificate", with_certificate(None), grpc.StatusCode.UNAVAILABLE, ""),
    (
        "certificate of another authority",
        with_certificate(client_pair("cm-1", issuer=authority("another"))),
        grpc.StatusCode.UNAVAILABLE,
        "",
    ),
    (
        "expired certificate",
        with_certificate(client_pair("cm-1", lifetime_s=-60.0)),
        grpc.StatusCode.UNAVAILABLE,
        "",
    ),
    ("self-signed certificate", with_certificate(self_signed()), grpc.StatusCode.UNAVAILABLE, ""),
    ("plain text", plain, grpc.StatusCode.UNAVAILABLE, ""),
    (
        "server of another authority",
        lambda server: tls_channel(server.address, root=authority("another").pair.certificate),
        grpc.StatusCode.UNAVAILABLE,
        "",
    ),
]


@pytest.mark.parametrize(
    ("opened", "code", "text"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
async def test_a_credential_that_does_not_count_lets_nobody_in(
    server: Server, caplog: pytest.LogCaptureFixture, opened: Opened, code: grpc.StatusCode, text: str
) -> None:
    """Where the handshake fails already, gRPC says no more than that; neither error nor log repeats what was shown."""
    with caplog.at_level(logging.WARNING):
        async with opened(server) as channel:
            stub = runs_pb2_grpc.RunServiceStub(channel)
            seen, details = await refused(stub.ListRuns(pb.ListRunsRequest(), timeout=10.0))
    assert (seen, text in details) == (code, True)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        assert "refused /adaptor.v1.RunService/ListRuns to" in caplog.text
    assert not any(secret in caplog.text + details for secret in ("adaptor_guess", "xxxx", "BEGIN"))


async def test_a_certificate_lets_its_owner_in(server: Server) -> None:
    """By a name in it; a token, where there is one, counts more."""
    async with tls_channel(server.mutual_address, pair=CLIENT) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        assert len((await stub.ListRuns(pb.ListRunsRequest())).runs) == 1
        assert (await refused(stub.StartRun(start("run-2"))))[0] is grpc.StatusCode.PERMISSION_DENIED
    async with tls_channel(server.mutual_address, pair=CLIENT, token=TOKENS[Role.JOB]) as channel:
        assert (await runs_pb2_grpc.RunServiceStub(channel).StartRun(start("run-2"))).next_superstep == 1


async def test_a_token_over_plain_text_is_refused(shop: Workshop, tmp_path: Path) -> None:
    """Should a plain port ever be opened beside the others."""
    server = a_server(shop, entrance=guarded(tmp_path))
    port = server._server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = runs_pb2_grpc.RunServiceStub(channel).ListRuns(
            pb.ListRunsRequest(), metadata=(("authorization", f"Bearer {TOKENS[Role.ADMINISTRATOR]}"),)
        )
        code, text = await refused(call)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "came over plain text" in text
    await server.stop(grace_s=0.0)


async def test_a_job_has_its_own_runs_and_learns_nothing_of_others(server: Server) -> None:
    """A run that is not there gets the same answer as another's, word for word."""
    async with tls_channel(server.address, token="other") as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        await stub.StartRun(start("mine"))
        assert [run.run_id for run in (await stub.ListRuns(pb.ListRunsRequest())).runs] == ["mine"]
        for run_id in (RUN_ID, "nowhere"):
            calls = [
                stub.ReportBarrier(pb.ReportBarrierRequest(run_id=run_id)),
                stub.AwaitSlots(pb.AwaitSlotsRequest(run_id=run_id)),
                stub.FinishRun(finish(run_id=run_id)),
                stub.GetRun(pb.GetRunRequest(run_id=run_id)),
                stub.WatchRun(pb.WatchRunRequest(run_id=run_id)).read(),
            ]
            expected = (grpc.StatusCode.PERMISSION_DENIED, f"run_id: 'other-job' has no run {run_id!r}")
            assert [await refused(call) for call in calls] == [expected] * len(calls)
        assert (await refused(stub.StartRun(start())))[0] is grpc.StatusCode.PERMISSION_DENIED
    async with tls_channel(server.address, token=TOKENS[Role.JOB]) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        assert (await stub.StartRun(start())).next_superstep == 1
        assert (await stub.ReportBarrier(report(1))).plan.superstep == 2
    async with tls_channel(server.address, token=TOKENS[Role.ADMINISTRATOR]) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        assert len((await stub.ListRuns(pb.ListRunsRequest())).runs) == 2
        assert (await stub.ReportBarrier(report(2))).plan.superstep == 3
        assert (await refused(stub.GetRun(pb.GetRunRequest(run_id="nowhere"))))[0] is grpc.StatusCode.NOT_FOUND


async def test_an_owner_is_remembered_over_a_restart(server: Server, shop: Workshop) -> None:
    """It is stored with the run."""
    assert await (await shop.restarted()).engine.owner(RUN_ID) == Role.JOB.value
