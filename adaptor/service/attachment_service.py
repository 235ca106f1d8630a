"""AttachmentService: each call is a translation, one call to the engine, and a translation back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import attachments_pb2_grpc
from adaptor.domain.stream import AttachmentSpec
from adaptor.engine.attachments import Attachments
from adaptor.service import attachment_answers as answers
from adaptor.service.run_service import place

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AttachmentService(attachments_pb2_grpc.AttachmentServiceServicer):
    """Answers for the attached streams.

    Args:
        attachments: Does the work.
        default_confidence: Of objectives that say none.
    """

    def __init__(self, attachments: Attachments, *, default_confidence: float) -> None:
        self._attachments = attachments
        self._default_confidence = default_confidence

    async def Attach(self, request: pb.AttachRequest, context: Call) -> pb.AttachResponse:
        """Begin to look after a stream."""
        attachment = await self._attachments.attach(self._spec(request))
        return pb.AttachResponse(attachment=answers.attachment(attachment))

    def _spec(self, request: pb.AttachRequest) -> AttachmentSpec:
        return answers.attachment_spec(request, default_confidence=self._default_confidence)

    async def Detach(self, request: pb.DetachRequest, context: Call) -> pb.DetachResponse:
        """Let go of a stream."""
        return pb.DetachResponse(attachment=answers.attachment(await self._attachments.detach(request.attachment_id)))

    async def PauseAttachment(self, request: pb.PauseAttachmentRequest, context: Call) -> pb.PauseAttachmentResponse:
        """Leave a stream as it is."""
        paused = await self._attachments.pause(request.attachment_id)
        return pb.PauseAttachmentResponse(attachment=answers.attachment(paused))

    async def ResumeAttachment(self, request: pb.ResumeAttachmentRequest, context: Call) -> pb.ResumeAttachmentResponse:
        """Change a stream again."""
        resumed = await self._attachments.resume(request.attachment_id)
        return pb.ResumeAttachmentResponse(attachment=answers.attachment(resumed))

    async def ListAttachments(self, request: pb.ListAttachmentsRequest, context: Call) -> pb.ListAttachmentsResponse:
        """List streams."""
        found = [one for one in self._attachments.all() if not (request.only_live and one.state.ended)]
        return pb.ListAttachmentsResponse(attachments=map(answers.attachment, found))

    async def WatchAttachment(
        self, request: pb.WatchAttachmentRequest, context: Call
    ) -> AsyncIterator[pb.WatchAttachmentResponse]:
        """Stream what happens to a stream."""
        after = place(request.resume_token)
        async for found, news, attachment in self._attachments.watch(request.attachment_id, after=after):
            yield answers.news(found, news, attachment.state)

    async def AttachAll(self, request: pb.AttachAllRequest, context: Call) -> pb.AttachAllResponse:
        """Begin to look after a whole cluster."""
        rules = tuple(answers.attach_rule(one, default_confidence=self._default_confidence) for one in request.rules)
        watched = await self._attachments.attach_all(request.flink_url.rstrip("/"), rules)
        return pb.AttachAllResponse(cluster=answers.cluster(watched))

    async def DetachAll(self, request: pb.DetachAllRequest, context: Call) -> pb.DetachAllResponse:
        """Let go of a whole cluster."""
        left = await self._attachments.detach_all(request.flink_url.rstrip("/"))
        return pb.DetachAllResponse(attachments=map(answers.attachment, left))

    async def ListWatchedClusters(
        self, request: pb.ListWatchedClustersRequest, context: Call
    ) -> pb.ListWatchedClustersResponse:
        """List clusters that are looked after as a whole."""
        return pb.ListWatchedClustersResponse(clusters=map(answers.cluster, self._attachments.watched()))

    async def WatchCluster(
        self, request: pb.WatchClusterRequest, context: Call
    ) -> AsyncIterator[pb.WatchClusterResponse]:
        """Stream what happens to every stream of a cluster."""
        after, flink_url = place(request.resume_token), request.flink_url.rstrip("/")
        async for found, news, attachment in self._attachments.watch_all(flink_url, after=after):
            told = answers.news(found, news, attachment.state)
            yield pb.WatchClusterResponse(attachment_id=attachment.spec.attachment_id, news=told)
