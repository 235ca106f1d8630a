"""SharingService: each call is a translation, one call to this machine's part in the log, and a translation back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc

from adaptor.api.v1 import log_pb2, sharing_pb2_grpc
from adaptor.api.v1 import sharing_pb2 as pb
from adaptor.errors import InvalidValueError
from adaptor.service import sharing_answers as answers
from adaptor.sharing.core.cid import cid_text, parse_cid
from adaptor.sharing.index.rows import ObservationFilter, Page, View
from adaptor.sharing.participation import Participation

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

DEFAULT_PAGE = 100
"""Rows of an answer if the caller does not say: two screens."""

LARGEST_PAGE = 1000
"""Most rows in one answer: about 300 kB, far below gRPC's limit of 4 MiB."""

_VIEWS = {
    pb.VIEW_UNSPECIFIED: View.NOT_REFUTED,
    pb.VIEW_ALL: View.ALL,
    pb.VIEW_NOT_REFUTED: View.NOT_REFUTED,
    pb.VIEW_CONFIRMED: View.CONFIRMED,
}


class SharingService(sharing_pb2_grpc.SharingServiceServicer):
    """Answers for this machine's part in a log.

    Args:
        participation: Does the work.
        unpublished: How many own observations wait to be shared.
    """

    def __init__(self, participation: Participation, *, unpublished: Callable[[], Awaitable[int]]) -> None:
        self._part = participation
        self._unpublished = unpublished

    async def CreateLog(self, request: pb.CreateLogRequest, context: Call) -> pb.CreateLogResponse:
        """Found a log."""
        log_id = await self._part.create(
            name=request.name,
            writers=tuple(request.writers) if request.listed else None,
            quorum=request.quorum or 1,
            secret=request.secret,
        )
        return pb.CreateLogResponse(log=cid_text(log_id))

    async def JoinLog(self, request: pb.JoinLogRequest, context: Call) -> pb.JoinLogResponse:
        """Join a log."""
        manifest = await self._part.join(request.invitation)
        return pb.JoinLogResponse(log=cid_text(manifest.log_id), name=manifest.name)

    async def LeaveLog(self, request: pb.LeaveLogRequest, context: Call) -> pb.LeaveLogResponse:
        """Leave the log."""
        return pb.LeaveLogResponse(kept=str(await self._part.leave()))

    async def Invite(self, request: pb.InviteRequest, context: Call) -> pb.InviteResponse:
        """Invite to the log."""
        return pb.InviteResponse(invitation=(await self._part.open.invitation()).text)

    async def GetSharingStatus(self, request: pb.GetSharingStatusRequest, context: Call) -> pb.GetSharingStatusResponse:
        """How the log stands."""
        return await answers.status(self._part.open, unpublished=await self._unpublished(), now_s=time.time())

    async def ListSent(self, request: pb.ListSentRequest, context: Call) -> pb.ListSentResponse:
        """What left this machine."""
        size = _page_size(request.page_size)
        log = self._part.open.log
        sent = await log.on_file(log.file.sent, limit=size + 1, after=request.page_token)
        return pb.ListSentResponse(
            sent=map(answers.sent, sent[:size]),
            next_page_token=sent[size - 1].observation_id if len(sent) > size else "",
        )

    async def Withdraw(self, request: pb.WithdrawRequest, context: Call) -> pb.WithdrawResponse:
        """Hide own contributions."""
        targets = [parse_cid(one, field="contributions") for one in request.contributions]
        return pb.WithdrawResponse(entry=cid_text(await self._part.open.withdraw(targets)))

    async def Why(self, request: pb.WhyRequest, context: Call) -> pb.WhyResponse:
        """Votes on a contribution."""
        contribution = parse_cid(request.contribution, field="contribution")
        opened = self._part.open
        found = await opened.why(contribution)
        return answers.why(found, quorum=opened.manifest.quorum)

    async def SetMember(self, request: pb.SetMemberRequest, context: Call) -> pb.SetMemberResponse:
        """Admit or revoke a writer."""
        if request.operation == log_pb2.MEMBERSHIP_OPERATION_UNSPECIFIED:
            raise InvalidValueError("operation", "must say whether to admit or to revoke")
        revoke = request.operation == log_pb2.MEMBERSHIP_OPERATION_REVOKE
        return pb.SetMemberResponse(entry=cid_text(await self._part.open.set_member(request.key, revoke=revoke)))

    async def QueryObservations(
        self, request: pb.QueryObservationsRequest, context: Call
    ) -> pb.QueryObservationsResponse:
        """One page of observations."""
        size = _page_size(request.page_size)
        page = await self._page(_filter(request.filter), token=request.page_token, size=size)
        return pb.QueryObservationsResponse(
            observations=map(answers.observation, page.observations), next_page_token=page.next_page_token
        )

    async def StreamObservations(
        self, request: pb.StreamObservationsRequest, context: Call
    ) -> AsyncIterator[pb.StreamObservationsResponse]:
        """All observations, page by page."""
        wanted, token = _filter(request.filter), ""
        while True:
            page = await self._page(wanted, token=token, size=LARGEST_PAGE)
            yield pb.StreamObservationsResponse(observations=map(answers.observation, page.observations))
            token = page.next_page_token
            if not token:
                return

    async def _page(self, wanted: ObservationFilter, *, token: str, size: int) -> Page:
        digest = self._part.open.digest
        return await digest.read(digest.reader.filtered, wanted, page_token=token, page_size=size)


def _page_size(asked: int) -> int:
    if asked > LARGEST_PAGE:
        raise InvalidValueError("page_size", f"must be at most {LARGEST_PAGE}, got {asked}")
    return asked or DEFAULT_PAGE


def _filter(wanted: pb.ObservationFilter) -> ObservationFilter:
    return ObservationFilter(
        algorithm=wanted.algorithm or None,
        min_parallelism=wanted.min_parallelism if wanted.HasField("min_parallelism") else None,
        max_parallelism=wanted.max_parallelism if wanted.HasField("max_parallelism") else None,
        node_type=wanted.node_type or None,
        author=wanted.author or None,
        include_private=wanted.include_private,
        view=_VIEWS.get(wanted.view, View.NOT_REFUTED),
    )
