"""Floods, streams that outlive their credential, certificates that change, and what may listen where."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from adaptor.access.roles import Role
from adaptor.access.roster import Roster
from adaptor.api.v1 import clusters_pb2, runs_pb2_grpc
from adaptor.api.v1 import runs_pb2 as pb
from adaptor.app.clock import SystemClock
from adaptor.errors import InvalidValueError
from adaptor.service.guard import PUSHBACK, CallLimits
from adaptor.service.refusals import LINES_AT_ONCE
from adaptor.service.server import Entrance
from adaptor.service.tls import ServerTls, TlsFiles
from adaptor.testing.callers import TOKENS, authority, guarded, one_of_each_role, server_tls, tls_channel
from adaptor.testing.calls import refused, report, start
from adaptor.testing.cluster_calls import CLUSTER, TestManager
from adaptor.testing.loopback import a_server
from adaptor.testing.workshop import Workshop, until

Stub = runs_pb2_grpc.RunServiceStub
LIMITS = CallLimits(job_rate_per_s=1000.0, rate_per_s=0.001, failure_rate_per_s=0.001, burst_s=5000.0)
"""Five calls of an observer, and of a stranger, and then one in a quarter of an hour."""


async def test_a_flood_is_refused_and_the_barriers_of_others_are_not(
    shop: Workshop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """RESOURCE_EXHAUSTED, with the time to wait in words and for gRPC; the log stays short."""
    server = a_server(shop, entrance=guarded(tmp_path, limits=LIMITS))
    await server.start()
    with caplog.at_level(logging.WARNING):
        async with (
            tls_channel(server.address, token=TOKENS[Role.OBSERVER]) as flood,
            tls_channel(server.address, token=TOKENS[Role.JOB]) as job,
        ):
            calls = [Stub(flood).ListRuns(pb.ListRunsRequest()) for _ in range(300)]
            await Stub(job).StartRun(start())
            plans = [(await Stub(job).ReportBarrier(report(number))).plan.superstep for number in range(1, 6)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
    errors = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert plans == [2, 3, 4, 5, 6]
    assert len(errors) == 295
    assert {error.code() for error in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert all("too many calls; try again in" in (error.details() or "") for error in errors)
    assert all(int(error.trailing_metadata()[PUSHBACK]) > 0 for error in errors)
    assert len([one for one in caplog.records if "refused" in one.message]) <= LINES_AT_ONCE + 1
    await server.stop(grace_s=0.0)
    await shop.engine.stop()


async def test_guessing_is_slow(shop: Workshop, tmp_path: Path) -> None:
    """Calls without a valid credential are few from one address, whatever they show; valid ones go on."""
    server = a_server(shop, entrance=guarded(tmp_path, limits=LIMITS))
    await server.start()
    async with tls_channel(server.address, token="adaptor_guess") as channel:
        codes = [(await refused(Stub(channel).ListRuns(pb.ListRunsRequest())))[0] for _ in range(8)]
    assert codes == [grpc.StatusCode.UNAUTHENTICATED] * 5 + [grpc.StatusCode.RESOURCE_EXHAUSTED] * 3
    async with tls_channel(server.address, token=TOKENS[Role.JOB]) as channel:
        await Stub(channel).ListRuns(pb.ListRunsRequest())
    await server.stop(grace_s=0.0)


async def test_a_connection_that_is_asked_nothing_is_limited_too(shop: Workshop) -> None:
    """On loopback without a file of callers."""
    limits = CallLimits(job_rate_per_s=0.001, burst_s=2000.0)
    server = a_server(shop, entrance=Entrance(clock=SystemClock(), limits=limits))
    await server.start()
    for _ in range(2):
        async with grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)]) as one:
            await Stub(one).ListRuns(pb.ListRunsRequest())
            await Stub(one).ListRuns(pb.ListRunsRequest())
            assert (await refused(Stub(one).ListRuns(pb.ListRunsRequest())))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    await server.stop(grace_s=0.0)


async def test_a_stream_ends_with_the_credential_that_it_began_with(shop: Workshop, tmp_path: Path) -> None:
    """Before anything more is told."""
    known = one_of_each_role()
    server = a_server(shop, entrance=guarded(tmp_path, roster=lambda: Roster(known)))
    await server.start()
    async with (
        tls_channel(server.address, token=TOKENS[Role.OBSERVER]) as watcher,
        tls_channel(server.address, token=TOKENS[Role.JOB]) as job,
    ):
        await Stub(job).StartRun(start())
        told: list[pb.WatchRunResponse] = []
        watching = asyncio.create_task(refused(_all(Stub(watcher).WatchRun(pb.WatchRunRequest(run_id="run-1")), told)))
        await until(lambda: told)
        known[:] = [replace(one, revoked_at_s=1.0) if one.role is Role.OBSERVER else one for one in known]
        await Stub(job).ReportBarrier(report(1))
        code, text = await watching
    assert not [one for one in told if one.HasField("observation")]
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "counts no more" in text
    await server.stop(grace_s=0.0)
    await shop.engine.stop()


async def test_a_stream_of_clusters_ends_so_too(shop: Workshop, tmp_path: Path) -> None:
    """It writes by itself."""
    known = one_of_each_role()
    server = a_server(shop, entrance=guarded(tmp_path, roster=lambda: Roster(known)))
    await server.start()
    shop.clusters.start()
    async with (
        tls_channel(server.address, token=TOKENS[Role.OBSERVER]) as watcher,
        tls_channel(server.address, token=TOKENS[Role.MANAGER]) as manager,
    ):
        await TestManager(manager).register(4)
        watching = TestManager(watcher).clusters.WatchClusters(clusters_pb2.WatchClustersRequest())
        await watching.read()
        known[:] = [replace(one, revoked_at_s=1.0) if one.role is Role.OBSERVER else one for one in known]
        request = clusters_pb2.SetCapacityRequest(cluster_id=CLUSTER, slots=2, revision=1)
        await TestManager(manager).clusters.SetCapacity(request)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            while await watching.read() is not grpc.aio.EOF:
                pass
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    await server.stop(grace_s=0.0)
    await shop.clusters.stop()
    await shop.engine.stop()


async def _all(stream: AsyncIterator[pb.WatchRunResponse], told: list[pb.WatchRunResponse]) -> None:
    async for one in stream:
        told.append(one)


async def test_a_new_certificate_counts_without_a_restart(shop: Workshop, tmp_path: Path) -> None:
    """And one that cannot be used leaves the old one."""
    server = a_server(shop, entrance=guarded(tmp_path))
    await server.start()
    other = authority("another")
    fresh = other.issue(["127.0.0.1"], client=False, now_s=time.time(), lifetime_s=3600.0)
    (tmp_path / "server.key").write_text("nonsense")
    async with tls_channel(server.address, token=TOKENS[Role.JOB]) as channel:
        await Stub(channel).ListRuns(pb.ListRunsRequest())
    (tmp_path / "server.key").write_bytes(fresh.key)
    (tmp_path / "server.pem").write_bytes(fresh.certificate)
    async with tls_channel(server.address, token=TOKENS[Role.JOB], root=other.pair.certificate) as channel:
        await Stub(channel).ListRuns(pb.ListRunsRequest())
    await server.stop(grace_s=0.0)


async def test_what_asks_who_calls_over_tls_may_listen_anywhere(shop: Workshop, tmp_path: Path) -> None:
    """And nothing else may."""
    server = a_server(shop, "0.0.0.0:0", entrance=guarded(tmp_path))
    assert server.address.startswith("0.0.0.0:")
    await server.stop(grace_s=0.0)
    for entrance in (Entrance(clock=SystemClock()), Entrance(clock=SystemClock(), tls=server_tls(tmp_path))):
        with pytest.raises(InvalidValueError, match=r"^listen: 0.0.0.0 is beyond loopback.*tls.key and access.file"):
            a_server(shop, "0.0.0.0:0", entrance=entrance)


def test_settings_that_would_let_somebody_in_unseen_are_refused(tmp_path: Path) -> None:
    """Each names the one that is missing."""
    clock, roster = SystemClock(), Roster
    plain, mutual = server_tls(tmp_path), server_tls(tmp_path, client_ca=True)
    for fields, message in (
        ({"roster": roster}, "tls.certificate: must be set where callers are known"),
        ({"tls": plain, "mutual_listen": "127.0.0.1:0"}, "tls.client_ca: must be set with service.mutual_listen"),
        ({"tls": mutual}, "access.file: must be set with tls.client_ca"),
    ):
        with pytest.raises(InvalidValueError) as caught:
            Entrance(clock=clock, **fields)  # type: ignore[arg-type]
        assert str(caught.value).startswith(message)


def test_a_key_that_others_may_read_or_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """When the service starts."""
    server_tls(tmp_path)
    files = TlsFiles(certificate=tmp_path / "server.pem", key=tmp_path / "server.key")
    files.key.chmod(0o644)
    with pytest.raises(InvalidValueError, match=r"^tls.key: .* has mode 644"):
        ServerTls(files)
    files.key.chmod(0o600)
    files.key.write_bytes(authority().pair.key)
    with pytest.raises(InvalidValueError, match=r"^tls.key: .* is not the key of the certificate"):
        ServerTls(files)
    with pytest.raises(InvalidValueError, match=r"^tls.certificate: .* holds no certificate"):
        ServerTls(replace(files, certificate=tmp_path / "missing.pem"))
