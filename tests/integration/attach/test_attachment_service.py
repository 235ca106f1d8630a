"""The gRPC calls about attached streams: every error has its status, news are streamed from a token on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import attachments_pb2_grpc, runs_pb2
from adaptor.testing.attached import JOB
from adaptor.testing.loopback import a_server
from adaptor.testing.workshop import Workshop


@pytest_asyncio.fixture
async def stub(shop) -> AsyncIterator[attachments_pb2_grpc.AttachmentServiceStub]:
    """A service around the shop's streams."""
    workshop = Workshop()
    listening = a_server(workshop, attachments=shop.attachments)
    await listening.start()
    async with grpc.aio.insecure_channel(listening.address) as channel:
        yield attachments_pb2_grpc.AttachmentServiceStub(channel)
    await listening.stop(grace_s=0.0)
    await workshop.engine.stop()


def request(url: str, **fields: object) -> pb.AttachRequest:
    """Attach to the scripted stream, changing nothing."""
    return pb.AttachRequest(**{"flink_url": url, "job_id": JOB, "attachment_id": "it", "dry_run": True, **fields})


async def test_attach_is_repeatable_and_lists_what_it_found(stub, server):
    """The same request answers the same stream."""
    first = (await stub.Attach(request(server.url))).attachment
    again = (await stub.Attach(request(server.url))).attachment
    assert (first.job_name, first.flink_version, list(first.obstacles)) == ("scripted", "2.3.0", [])
    assert again.attached_at_s == first.attached_at_s
    listed = (await stub.ListAttachments(pb.ListAttachmentsRequest())).attachments
    assert [one.attachment_id for one in listed] == ["it"]


async def test_pause_resume_detach_change_the_state(stub, server):
    """And a stream that was let go of is no live one."""
    await stub.Attach(request(server.url))
    paused = await stub.PauseAttachment(pb.PauseAttachmentRequest(attachment_id="it"))
    assert paused.attachment.state == pb.ATTACHMENT_STATE_PAUSED
    resumed = await stub.ResumeAttachment(pb.ResumeAttachmentRequest(attachment_id="it"))
    assert resumed.attachment.state == pb.ATTACHMENT_STATE_WATCHING
    detached = await stub.Detach(pb.DetachRequest(attachment_id="it"))
    assert detached.attachment.state == pb.ATTACHMENT_STATE_DETACHED
    assert not (await stub.ListAttachments(pb.ListAttachmentsRequest(only_live=True))).attachments


async def test_news_are_streamed_from_a_token_on_until_the_end(stub, server):
    """A watcher that comes back misses nothing and sees nothing twice."""
    await stub.Attach(request(server.url))
    await stub.Detach(pb.DetachRequest(attachment_id="it"))
    news = [one async for one in stub.WatchAttachment(pb.WatchAttachmentRequest(attachment_id="it"))]
    assert news[0].text == "attached to scripted"
    assert news[-1].state == pb.ATTACHMENT_STATE_DETACHED
    rest = pb.WatchAttachmentRequest(attachment_id="it", resume_token=news[0].resume_token)
    assert [one.text async for one in stub.WatchAttachment(rest)] == [one.text for one in news[1:]]


@pytest.mark.parametrize(
    ("call", "message", "status"),
    [
        ("Detach", pb.DetachRequest(attachment_id="none"), grpc.StatusCode.NOT_FOUND),
        ("PauseAttachment", pb.PauseAttachmentRequest(attachment_id="none"), grpc.StatusCode.NOT_FOUND),
        ("Attach", pb.AttachRequest(flink_url="http://127.0.0.1:1", job_id=JOB), grpc.StatusCode.UNAVAILABLE),
        ("Attach", pb.AttachRequest(flink_url="http://127.0.0.1:1"), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_errors_have_their_status(stub, call, message, status):
    """As the proto documents."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await getattr(stub, call)(message)
    assert raised.value.code() is status


async def test_an_id_in_use_for_another_stream_is_refused(stub, server):
    """Two streams under one id would mix their news."""
    await stub.Attach(request(server.url))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Attach(request(server.url, target=pb.StreamTarget(utilisation=0.5)))
    assert raised.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_whole_cluster_is_looked_after_watched_listed_and_let_go_of(stub, server):
    """Over gRPC as over the command line."""
    rules = [pb.AttachRule(select="scr*", dry_run=True)]
    await stub.AttachAll(pb.AttachAllRequest(flink_url=server.url + "/", rules=rules))
    listed = (await stub.ListWatchedClusters(pb.ListWatchedClustersRequest())).clusters
    assert [(one.flink_url, one.rules) for one in listed] == [(server.url, 1)]
    told = []
    async for one in stub.WatchCluster(pb.WatchClusterRequest(flink_url=server.url)):
        told.append((one.attachment_id, one.news.text))
        if len(told) == 1:
            left = (await stub.DetachAll(pb.DetachAllRequest(flink_url=server.url))).attachments
    assert told[0] == ("scripted-11111111", "attached to scripted")
    assert [one.state for one in left] == [pb.ATTACHMENT_STATE_DETACHED]


async def test_supersteps_are_asked_for_and_shown(stub, server, stream):
    """What is wanted comes in as it was said, how far it is goes out."""
    wish = pb.SuperstepWish(runtime_target=runs_pb2.RuntimeTarget(target_s=30), max_supersteps=40, source="gauge:x")
    found = (await stub.Attach(request(server.url, supersteps=wish))).attachment
    assert found.run_id.startswith("scripted-11111111-")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Attach(request(server.url, supersteps=pb.SuperstepWish(max_supersteps=3), attachment_id="x"))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
