"""AttachmentService: each call is a translation, one call to the engine, and a translation back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import attachments_pb2_grpc
from adaptor.engine.attachments import Attachments
from adaptor.service import attachment_answers as answers
from adaptor.service.run_service import place

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AttachmentService(attachments_pb2_grpc.AttachmentServiceServicer):
    """Answers for the attached streams.

    Args:
        attachments: Does the work.
    """

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    async def Attach(self, request: pb.AttachRequest, context: Call) -> pb.AttachResponse:
        """Begin to look after a stream."""
        attachment = await self._attachments.attach(answers.attachment_spec(request))
        return pb.AttachResponse(attachment=answers.attachment(attachment))

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
