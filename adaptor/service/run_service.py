"""RunService: each call is a translation, one call to the engine, and a translation back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias, cast

import grpc

from adaptor.access.roles import caller
from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.domain.plan import Plan
from adaptor.engine.engine import Engine
from adaptor.errors import InvalidValueError
from adaptor.service import answers, requests

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

DEFAULT_PAGE = 100
"""Runs in a list if the caller does not say: two screens."""

LARGEST_PAGE = 1000
"""Most runs in one answer: about 200 kB, far below gRPC's limit of 4 MiB."""

LONGEST_SLOT_WAIT_S = 5.0
"""Longest wait in one call: half the default deadline. Who wants to wait longer calls again, and so notices early if
the service is gone."""


class RunService(runs_pb2_grpc.RunServiceServicer):
    """Answers for the engine.

    Args:
        engine: Does the work.
        default_confidence: Of runtime targets that name none.
        first: Opened around the calls that a job waits for, so that work in the background can give way.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        default_confidence: float,
        first: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._engine = engine
        self._default_confidence = default_confidence
        self._first = first

    async def owner(self, run_id: str) -> str | None:
        """Who started a run; ``None`` if it is not known."""
        return await self._engine.owner(run_id)

    async def StartRun(self, request: pb.StartRunRequest, context: Call) -> pb.StartRunResponse:
        """Begin a run."""
        spec = requests.run_spec(request, default_confidence=self._default_confidence, owner=caller().name)
        with self._first():
            record = await self._engine.start_run(spec)
        return pb.StartRunResponse(
            plan=answers.plan(cast(Plan, record.plan)),
            next_superstep=record.next_superstep,
            next_attempt=record.next_attempt,
        )

    async def ReportBarrier(self, request: pb.ReportBarrierRequest, context: Call) -> pb.ReportBarrierResponse:
        """Take in the end of a superstep."""
        with self._first():
            plan = await self._engine.report_barrier(request.run_id, requests.superstep_report(request))
        return pb.ReportBarrierResponse(plan=answers.plan(plan))

    async def AwaitSlots(self, request: pb.AwaitSlotsRequest, context: Call) -> pb.AwaitSlotsResponse:
        """Wait for the slots of the newest plan."""
        if not 0 <= request.wait_s <= LONGEST_SLOT_WAIT_S:
            raise InvalidValueError("wait_s", f"must lie between 0 and {LONGEST_SLOT_WAIT_S:g}, got {request.wait_s:g}")
        found = await self._engine.await_slots(request.run_id, wait_s=request.wait_s)
        return pb.AwaitSlotsResponse(settled=found.settled, existing_slots=found.existing_slots, paused=found.paused)

    async def FinishRun(self, request: pb.FinishRunRequest, context: Call) -> pb.FinishRunResponse:
        """End a run."""
        state = await self._engine.finish_run(request.run_id, requests.end_state(request.state))
        return pb.FinishRunResponse(state=answers.STATES[state])

    async def WatchRun(self, request: pb.WatchRunRequest, context: Call) -> AsyncIterator[pb.WatchRunResponse]:
        """Stream what happens to a run."""
        after = place(request.resume_token)
        async for recorded in self._engine.watch(request.run_id, after=after):
            for message in answers.news(recorded):
                yield message

    async def ListRuns(self, request: pb.ListRunsRequest, context: Call) -> pb.ListRunsResponse:
        """List runs."""
        size = request.page_size or DEFAULT_PAGE
        if size > LARGEST_PAGE:
            raise InvalidValueError("page_size", f"must be at most {LARGEST_PAGE}, got {size}")
        own = caller().name if caller().is_job else None
        runs = await self._engine.runs(limit=size + 1, before=_before(request.page_token), owner=own)
        token = f"{runs[size - 1].started_at_s!r} {runs[size - 1].spec.run_id}" if len(runs) > size else ""
        return pb.ListRunsResponse(runs=[answers.summary(one) for one in runs[:size]], next_page_token=token)

    async def GetRun(self, request: pb.GetRunRequest, context: Call) -> pb.GetRunResponse:
        """One run."""
        summary, story = await self._engine.story(request.run_id)
        return pb.GetRunResponse(
            summary=answers.summary(summary),
            start=answers.start_request(summary.spec),
            plans=[answers.plan(one.plan) for one in story if one.plan],
            observations=[answers.observation(one.observation) for one in story if one.observation],
        )


def place(token: str) -> int:
    """The place that a resume token stands for.

    Raises:
        InvalidValueError: If it is none.
    """
    if not token:
        return 0
    if not token.isdecimal() or len(token) > 18:  # noqa: PLR2004 - digits of SQLite's largest integer
        raise InvalidValueError("resume_token", "is not one that this service gave")
    return int(token)


def _before(token: str) -> tuple[float, str] | None:
    if not token:
        return None
    started, _, run_id = token.partition(" ")
    try:
        return float(started), run_id
    except ValueError:
        raise InvalidValueError("page_token", "is not one that ListRuns gave") from None
