"""What stands around every call at a peer's port: who calls, how much at once, for how long, and what went wrong.

Who calls is checked when the call begins, before its request is read: a stranger gets no byte of his into memory. To
that end every call is handled as one whose request comes as a stream; on the wire that is the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc

from adaptor.errors import AdaptorError
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.core.wire import MalformedMessageError
from adaptor.sharing.grpc.answers import Answer, Answers
from adaptor.sharing.grpc.limits import ServerLimits
from adaptor.sharing.grpc.proof import Caller, Door, UnprovenError
from adaptor.sharing.grpc.serving import Serves

_log = logging.getLogger(__name__)

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

MINUTE_S = 60.0

BROKEN_OFF_S = 0.1
"""Time for gRPC to end a call whose request it did not take; until then there is only no request."""


class Calls(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic to the stubs alone
    """Handles the calls of one port.

    Args:
        answers: What proven callers are answered.
        door: Checks who calls.
        serves: Told of refused calls.
        limits: Bounds.
        now_s: Seconds since the epoch.

    Attributes:
        refused: How many calls were refused, by reason.
    """

    def __init__(
        self, answers: Answers, *, door: Door, serves: Serves, limits: ServerLimits, now_s: Callable[[], float]
    ) -> None:
        self.refused: Counter[RefusalReason] = Counter()
        self._answers = answers.by_method
        self._door = door
        self._serves = serves
        self._limits = limits
        self._now_s = now_s
        self._of_peer: Counter[str] = Counter()
        self._work: set[asyncio.Task[Any]] = set()
        self._minute, self._reported = 0, 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Handler | None:
        """The handler of a call; none for what is not served here."""
        answer = self._answers.get(handler_call_details.method)
        if answer is None:
            return None
        try:
            caller = self._door.caller(handler_call_details.invocation_metadata, now_s=self._now_s())
        except UnprovenError as error:
            return grpc.stream_unary_rpc_method_handler(self._turning_away(error))
        return grpc.stream_unary_rpc_method_handler(self._answering(caller, answer))

    async def end(self, *, grace_s: float) -> None:
        """End what is still at work, after some seconds to end by itself."""
        if self._work:
            await asyncio.wait(tuple(self._work), timeout=grace_s)
        for task in tuple(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def _turning_away(self, error: UnprovenError) -> Callable[[object, _Call], Awaitable[bytes]]:
        async def turn_away(_: object, rpc_context: _Call) -> bytes:
            self._refuse(error.peer or _origin(rpc_context), error.reason, str(error))
            code = grpc.StatusCode.NOT_FOUND if error.unknown_log else grpc.StatusCode.UNAUTHENTICATED
            await rpc_context.abort(code, str(error))

        return turn_away

    def _answering(self, caller: Caller, answer: Answer) -> Callable[[object, _Call], Awaitable[bytes]]:
        async def handle(_: object, rpc_context: _Call) -> bytes:
            # Work outlives a call that is broken off, so it is counted by itself: names cost a caller nothing.
            if self._of_peer[caller.peer] >= self._limits.calls_per_peer or len(self._work) >= self._limits.calls:
                await rpc_context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls at once")
            self._of_peer[caller.peer] += 1
            work = None
            try:
                request = await self._request(caller, rpc_context)
                # It goes on if the caller gives up: what was begun must be written as a whole.
                work = self._started(self._answered(caller, answer, request))
                work.add_done_callback(lambda _: self._let_go(caller))
            finally:
                if work is None:
                    self._let_go(caller)
            await asyncio.wait({work}, timeout=self._limits.call_s)
            return await self._outcome(work, rpc_context)

        return handle

    async def _request(self, caller: Caller, rpc_context: _Call) -> bytes:
        try:
            request = await asyncio.wait_for(rpc_context.read(), self._limits.call_s)
        except asyncio.TimeoutError:
            text = f"no request within {self._limits.call_s:g} s"
            self._refuse(caller.peer, RefusalReason.MALFORMED_MESSAGE, text)
            await rpc_context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, text)
        if not isinstance(request, bytes):
            text = f"no request, or one above {self._limits.request_bytes} bytes"
            self._refuse(caller.peer, RefusalReason.TOO_LARGE, text)
            await asyncio.sleep(BROKEN_OFF_S)
            await rpc_context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        return request

    async def _answered(self, caller: Caller, answer: Answer, request: bytes) -> bytes | _Refused:
        try:
            given = await answer(caller.peer, request)
        except MalformedMessageError as error:
            self._refuse(caller.peer, RefusalReason.MALFORMED_MESSAGE, str(error))
            return _Refused(grpc.StatusCode.INVALID_ARGUMENT, f"malformed: {error}")
        except AdaptorError as error:
            _log.warning("a peer's call was not answered: %s", error)
            return _Refused(grpc.StatusCode.INTERNAL, "this peer cannot answer now")
        if len(given) > self._limits.response_bytes:
            _log.warning("an answer of %d bytes is above the limit, %d", len(given), self._limits.response_bytes)
            return _Refused(grpc.StatusCode.INTERNAL, "this peer's answer is above its limit")
        self._serves.gave(caller.peer, len(given))
        return given

    async def _outcome(self, work: asyncio.Task[bytes | _Refused], rpc_context: _Call) -> bytes:
        if not work.done() or work.cancelled():
            await rpc_context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "this peer is busy")
        if work.exception() is not None:
            await rpc_context.abort(grpc.StatusCode.INTERNAL, "adaptor failed on this call; its log says why")
        given = work.result()
        if isinstance(given, _Refused):
            await rpc_context.abort(given.code, given.text)
        return given

    def _refuse(self, peer: str, reason: RefusalReason, text: str) -> None:
        """Count a refused call and, unless there are too many, report it; the caller does not wait for that."""
        self.refused[reason] += 1
        minute = int(self._now_s() // MINUTE_S)
        if minute != self._minute:
            self._minute, self._reported = minute, 0
        self._reported += 1
        if self._reported <= self._limits.refusals_per_minute:
            self._started(self._report(peer, reason, text))

    async def _report(self, peer: str, reason: RefusalReason, text: str) -> None:
        try:
            await self._serves.refused(peer, reason, text)
        except AdaptorError as error:
            _log.warning("a refused call could not be recorded: %s", error)

    def _started(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            _log.error("unexpected fault in a peer's call", exc_info=fault)

    def _let_go(self, caller: Caller) -> None:
        self._of_peer[caller.peer] -= 1
        if not self._of_peer[caller.peer]:
            del self._of_peer[caller.peer]


class _Refused:
    """An answer that is a status."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        self.code = code
        self.text = text


def _origin(rpc_context: _Call) -> str:
    """Where a call comes from, without the port, which is another one each time."""
    return rpc_context.peer().rpartition(":")[0] or "unknown"
