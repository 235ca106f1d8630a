"""Stands before every call: who makes it, whether he may, and whether he calls too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeAlias, cast

import grpc

from adaptor.access.buckets import Buckets
from adaptor.access.certificates import client_certificate
from adaptor.access.entries import Entry
from adaptor.access.permissions import Rule, rule_of
from adaptor.access.roles import ANYBODY, Caller, set_caller
from adaptor.access.roster import Evidence, Roster
from adaptor.errors import AdaptorError, CallerUnknownError, NotAllowedError, TooManyCallsError
from adaptor.service.refusals import Refusals
from adaptor.service.status import status_of

MOST_HELD = 1000
"""Refusals that wait to be answered; further ones are answered at once. A waiting one takes about 10 kB."""

PUSHBACK = "grpc-retry-pushback-ms"
"""Trailing metadata that tells gRPC's own retries how long to wait (gRPC's proposal A6)."""

SHOWN_RUN_ID = 100
"""Characters of a run id in an error; legal ones have no more."""

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]]
_Stream = Callable[[Any, Any], AsyncIterator[Any]]


class Clock(Protocol):
    """Tells the time."""

    def now_s(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """How often one caller may call; `adaptor.app.access_settings` holds the defaults and their reasons.

    Attributes:
        job_rate_per_s: Calls a second of a job, and of anybody where callers are not asked who they are; 0 limits none.
        rate_per_s: Calls a second of any other caller; 0 limits none.
        failure_rate_per_s: Calls a second of one address that do not show who makes them.
        burst_s: Seconds of calls that may come at once.
        refusal_pause_s: Seconds that the refusal of a call too many is held back, which slows whoever waits for it.
    """

    job_rate_per_s: float = 0.0
    rate_per_s: float = 0.0
    failure_rate_per_s: float = 10.0
    burst_s: float = 2.0
    refusal_pause_s: float = 0.0


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic to the stubs alone
    """Wraps every handler.

    Args:
        roster: The callers that are known now; ``None`` asks nobody who he is.
        owner_of: Who started a run; ``None`` for a run that is not known.
        limits: How often each may call.
        clock: Tells the time.
        on_refused: Told the class of each error that a refusal was.
        on_called: Told the name of each other call, and its seconds.
    """

    def __init__(
        self,
        *,
        roster: Callable[[], Roster] | None,
        owner_of: Callable[[str], Awaitable[str | None]],
        limits: CallLimits,
        clock: Clock,
        on_refused: Callable[[type[AdaptorError]], None],
        on_called: Callable[[str, float], None],
    ) -> None:
        self._roster = roster
        self._owner_of = owner_of
        self._pause_s = limits.refusal_pause_s
        self._clock = clock
        self._on_refused = on_refused
        self._on_called = on_called
        self._jobs = _buckets(limits.job_rate_per_s, limits)
        self._others = _buckets(limits.rate_per_s, limits)
        self._failures = _buckets(limits.failure_rate_per_s, limits)
        self._refusals = Refusals()
        self._held = 0

    async def intercept_service(
        self, continuation: _Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> _Handler:
        """The handler of a call, wrapped."""
        handler, method = await continuation(handler_call_details), str(handler_call_details.method)
        if handler is None:
            return handler
        serializers = (handler.request_deserializer, handler.response_serializer)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), *serializers)
        if rule_of(method).public:
            return handler  # gRPC's own health stream, which is written to in another style
        if handler.unary_stream:
            stream = self._stream(method, cast(_Stream, handler.unary_stream), has_request=True)
            return grpc.unary_stream_rpc_method_handler(stream, *serializers)
        stream = self._stream(method, cast(_Stream, handler.stream_stream), has_request=False)
        return grpc.stream_stream_rpc_method_handler(stream, *serializers)

    def _unary(self, method: str, call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        async def wrapped(request: Any, rpc_context: _Call) -> Any:
            began_s = self._clock.monotonic_s()
            await self._admit(method, request, rpc_context)
            try:
                return await call(request, rpc_context)
            finally:
                self._on_called(method, self._clock.monotonic_s() - began_s)

        return wrapped

    def _stream(self, method: str, call: _Stream, *, has_request: bool) -> _Stream:
        async def wrapped(request: Any, rpc_context: _Call) -> AsyncIterator[Any]:
            entry = await self._admit(method, request if has_request else None, rpc_context)

            async def check() -> None:
                await self._require_still_valid(method, entry, rpc_context)

            began_s = self._clock.monotonic_s()
            try:
                async for answer in call(request, _CheckedContext(rpc_context, check)):
                    await check()
                    yield answer
            finally:
                self._on_called(method, self._clock.monotonic_s() - began_s)

        return wrapped

    # --- who, whether, how often -----------------------------------------------------------------------------

    async def _admit(self, method: str, request: Any, rpc_context: _Call) -> Entry | None:
        """Let a call in, or end it."""
        rule, peer = rule_of(method), rpc_context.peer()
        caller, entry = ANYBODY, None
        try:
            if self._roster is not None and not rule.public:
                entry = self._identify(self._roster(), rpc_context, peer)
                caller = entry.caller
            self._require_seldom(caller, peer)
            await self._require_allowed(rule, caller, request, method)
        except AdaptorError as error:
            await self._refuse(method, error, _who(caller, error), rpc_context)
        set_caller(caller)
        return entry

    def _identify(self, roster: Roster, rpc_context: _Call, peer: str) -> Entry:
        try:
            return roster.identify(_evidence(rpc_context), now_s=self._clock.now_s())
        except CallerUnknownError:
            _take(self._failures, _address(peer), self._clock.monotonic_s())
            raise

    def _require_seldom(self, caller: Caller, peer: str) -> None:
        # Where nobody is asked, a connection is the best there is to tell callers apart.
        buckets = self._jobs if caller.is_job or not caller.name else self._others
        _take(buckets, caller.name or peer, self._clock.monotonic_s())

    async def _require_allowed(self, rule: Rule, caller: Caller, request: Any, method: str) -> None:
        if caller.role not in rule.roles:
            name = method.rpartition("/")[2]
            raise NotAllowedError(f"access: {caller.name!r} is here as {caller.role.value}, which may not call {name}")
        if not (rule.own and caller.is_job):
            return
        owner = await self._owner_of(request.run_id)
        starts = method == "/adaptor.v1.RunService/StartRun"
        if owner != caller.name and not (starts and owner is None):
            # The same for a run that is not there, so that nobody learns which are.
            raise NotAllowedError(f"run_id: {caller.name!r} has no run {request.run_id[:SHOWN_RUN_ID]!r}")

    async def _require_still_valid(self, method: str, entry: Entry | None, rpc_context: _Call) -> None:
        """End a stream whose caller was revoked, or expired, since it began."""
        if entry is None or self._roster is None:
            return
        if not self._roster().still_valid(entry, now_s=self._clock.now_s()):
            problem = "the credential that this stream began with counts no more"
            error = CallerUnknownError(problem, entry_id=entry.entry_id, name=entry.name)
            await self._refuse(method, error, _who(entry.caller, error), rpc_context)

    async def _refuse(self, method: str, error: AdaptorError, who: str, rpc_context: _Call) -> NoReturn:
        peer = rpc_context.peer()
        self._on_refused(type(error))
        line = f"{method} to {who} at {_printable(peer)}: {error}"
        self._refusals.note(line, key=f"{who} {_address(peer)}", now_s=self._clock.monotonic_s())
        if isinstance(error, TooManyCallsError):
            rpc_context.set_trailing_metadata(((PUSHBACK, str(max(1, round(1000 * error.retry_s)))),))
            await self._hold()
        await rpc_context.abort(status_of(error), str(error))

    async def _hold(self) -> None:
        if self._held >= MOST_HELD or not self._pause_s:
            return
        self._held += 1
        try:
            await asyncio.sleep(self._pause_s)
        finally:
            self._held -= 1


class _CheckedContext:
    """The context of a stream that writes its answers by itself: each only as long as its caller is still let in."""

    def __init__(self, rpc_context: _Call, check: Callable[[], Awaitable[None]]) -> None:
        self._rpc_context = rpc_context
        self._check = check

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rpc_context, name)

    async def write(self, message: Any) -> None:
        """Send an answer."""
        await self._check()
        await self._rpc_context.write(message)


def _buckets(rate_per_s: float, limits: CallLimits) -> Buckets:
    return Buckets(rate_per_s=rate_per_s, burst=rate_per_s * limits.burst_s)


def _take(buckets: Buckets, key: str, now_s: float) -> None:
    wait_s = buckets.wait_s(key, now_s)
    if wait_s:
        raise TooManyCallsError(wait_s)


def _evidence(rpc_context: _Call) -> Evidence:
    """What a call brings along.

    Raises:
        CallerUnknownError: If its certificate cannot be read.
    """
    context = rpc_context.auth_context()
    pem = next(iter(context.get("x509_pem_cert", ())), None)
    return Evidence(
        encrypted=b"ssl" in context.get("transport_security_type", ()),
        authorization=tuple(
            value if isinstance(value, str) else value.decode(errors="replace")
            for key, value in rpc_context.invocation_metadata() or ()
            if key == "authorization"
        ),
        certificate=None if pem is None else client_certificate(pem),
    )


def _who(caller: Caller, error: AdaptorError) -> str:
    if isinstance(error, CallerUnknownError):
        return f"{error.name!r} (credential {error.entry_id})" if error.name else "somebody unknown"
    return f"{caller.name!r} ({caller.role.value})" if caller.name else "anybody"


def _address(peer: str) -> str:
    """A peer without its port, so that a new connection is no new caller."""
    return peer.rpartition(":")[0]


def _printable(peer: str) -> str:
    return peer if peer.isprintable() else repr(peer)
