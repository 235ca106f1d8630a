"""What stands around every call: a deadline for those that bring none, and errors turned into status codes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, cast

import grpc

from adaptor.errors import AdaptorError, SlowReaderError
from adaptor.service.status import status_of

_log = logging.getLogger(__name__)

RESUME_TOKEN = "adaptor-resume-token"  # noqa: S105 - a name
"""Name in the trailing metadata of a stream that was dropped."""

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]]

_Stream = Callable[[Any, Any], AsyncIterator[Any]]


class Boundary(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic to the stubs alone
    """Wraps every handler.

    Args:
        default_deadline_s: Longest time of a unary call whose caller set no deadline.
    """

    def __init__(self, default_deadline_s: float) -> None:
        self._default_deadline_s = default_deadline_s

    async def intercept_service(
        self, continuation: _Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> _Handler:
        """The handler of a call, wrapped."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(handler.unary_unary), handler.request_deserializer, handler.response_serializer
            )
        if handler.unary_stream and handler_call_details.method.startswith("/adaptor."):
            return grpc.unary_stream_rpc_method_handler(
                self._stream(cast(_Stream, handler.unary_stream)),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return handler

    def _unary(self, call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        async def wrapped(request: Any, rpc_context: _Call) -> Any:
            try:
                remaining = rpc_context.time_remaining()
                limit = self._default_deadline_s if remaining is None else remaining
                # The work goes on if the caller gives up: what was reported must be recorded all the same.
                return await asyncio.wait_for(asyncio.shield(_as_task(call(request, rpc_context))), limit)
            except asyncio.TimeoutError:
                await rpc_context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than its deadline")
            except AdaptorError as error:
                await rpc_context.abort(status_of(error), str(error))
            except Exception as error:  # noqa: BLE001 - the RPC boundary
                await self._abort_unexpected(rpc_context, error)

        return wrapped

    def _stream(self, call: _Stream) -> _Stream:
        async def wrapped(request: Any, rpc_context: _Call) -> AsyncIterator[Any]:
            try:
                async for answer in call(request, rpc_context):
                    yield answer
            except AdaptorError as error:
                await rpc_context.abort(status_of(error), str(error), trailing_metadata=_resume_token(error))
            except Exception as error:  # noqa: BLE001 - the RPC boundary
                await self._abort_unexpected(rpc_context, error)

        return wrapped

    async def _abort_unexpected(self, rpc_context: _Call, error: Exception) -> None:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        _log.exception("unexpected fault in a call")
        await rpc_context.abort(grpc.StatusCode.INTERNAL, "adaptor failed on this call; its log says why")


def _resume_token(error: AdaptorError) -> tuple[tuple[str, str], ...]:
    """Where a watcher that was dropped goes on."""
    return ((RESUME_TOKEN, error.resume_token),) if isinstance(error, SlowReaderError) else ()


def _as_task(work: Awaitable[Any]) -> asyncio.Task[Any]:
    async def run() -> Any:
        return await work

    task = asyncio.ensure_future(run())
    # A caller that gave up leaves the result unread; that is no reason for a warning.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
