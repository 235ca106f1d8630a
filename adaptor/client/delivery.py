"""Brings reports to the service, in order, each until it is taken; keeps what could not be brought.

One barrier waits for at most a set time in all. The first failure in a row may use all of it, because a service
that restarts is back within seconds; while failures go on, a barrier first looks in briefly and uses the rest only
if the service answers, so that one that is gone for good, or hangs, costs the job next to nothing.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.client.channel import CredentialError, Credentials, open_channel

_log = logging.getLogger("adaptor.client")

BRIEF_LOOK_S = 0.1
"""Wait of a barrier while the service is known to be away: enough to connect and ask on any local network."""

_HEALTH = "/grpc.health.v1.Health/Check"
"""gRPC's own health check, called with an empty message, which stands for "the whole server"."""

RECONNECT_MS = 500
"""Longest pause between two connection attempts; gRPC's own 120 s would outlast most supersteps."""

SLOT_LOOK_S = 0.5
"""Wait for slots in one call: a quarter of a barrier's wait, within which the answer must come, so that a service that
hangs meanwhile is noticed in time."""

RETRY_PAUSE_S = 0.05
"""Pause before a call that was broken off is repeated: a fraction of what a service takes to restart."""

_REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION)
"""What is wrong with a call itself: repeating it would change nothing."""

_DENIALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
"""The service does not know who calls, or does not let him. The job goes on; another token may come meanwhile."""

_LOST = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED)
"""How a service answers about a run that it does not know: one that asks who calls does not say what it knows."""

_FAULTS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
"""Bugs of the service that one report may set off again and again. All other codes speak of the service's state."""


class Delivery:
    """Reports of one run on their way.

    Args:
        address: Of the service, host and port.
        credentials: What shows who calls.
        start: What begins the run.
        max_wait_s: Longest time that one call to `deliver` takes.
        max_kept: Most reports kept; beyond that the oldest are dropped, and the service is told how many.

    Attributes:
        reported: Newest superstep that the service has taken in.
    """

    def __init__(
        self, address: str, credentials: Credentials, start: pb.StartRunRequest, *, max_wait_s: float, max_kept: int
    ) -> None:
        self._channel = _channel(address, credentials)
        self._stub = runs_pb2_grpc.RunServiceStub(self._channel)
        self._ask_health = self._channel.unary_unary(_HEALTH, request_serializer=bytes, response_deserializer=bytes)
        self._start = start
        self._max_wait_s = max_wait_s
        self._kept: deque[pb.ReportBarrierRequest] = deque(maxlen=max_kept)
        self._started = False
        self._away = False
        self._said: set[grpc.StatusCode] = set()
        self.reported = 0

    def start(self) -> pb.StartRunResponse | None:
        """Begin the run; ``None`` if the service cannot take it now.

        Raises:
            grpc.RpcError: If the service refuses the run.
        """
        try:
            return self._send_start(time.monotonic() + self._max_wait_s)
        except grpc.RpcError as error:
            if error.code() in _REFUSALS:
                raise
            self._note_away(error)
            return None

    def report(self, report: pb.ReportBarrierRequest) -> pb.Plan | None:
        """Bring a report and all kept before it.

        Returns:
            The plan made on the newest report; ``None`` if it did not get there.
        """
        self._kept.append(report)
        return self._deliver(time.monotonic() + self._max_wait_s, look_first=self._away)

    def existing_slots(self, wanted: int, *, max_wait_s: float) -> int | None:
        """Wait until so many slots exist for the run, as long as the service keeps saying that they may come.

        Args:
            wanted: Slots of the newest plan.
            max_wait_s: Longest wait in all. A service that stops answering ends it after one barrier's wait.

        Returns:
            Slots that exist in the end; ``None`` if the service does not say.
        """
        deadline, existing = time.monotonic() + max_wait_s, None
        try:
            while not self._away:
                wait_s = min(SLOT_LOOK_S, self._max_wait_s / 2, _left(deadline))
                request = pb.AwaitSlotsRequest(run_id=self._start.run_id, wait_s=wait_s)
                answer: pb.AwaitSlotsResponse = self._stub.AwaitSlots(request, timeout=self._max_wait_s)
                existing = answer.existing_slots
                if answer.settled or existing >= wanted or time.monotonic() >= deadline:
                    break
        except grpc.RpcError as error:
            self._note_away(error)
        return existing

    def waited_while_paused(self) -> bool:
        """Wait as long as the service says that the run has no slots; one that stops answering ends the wait.

        Returns:
            Whether there was anything to wait for.
        """
        waited = False
        try:
            while not self._away:
                request = pb.AwaitSlotsRequest(run_id=self._start.run_id, wait_s=SLOT_LOOK_S if waited else 0.0)
                answer: pb.AwaitSlotsResponse = self._stub.AwaitSlots(request, timeout=self._max_wait_s)
                if not answer.paused:
                    break
                waited = True
        except grpc.RpcError as error:
            self._note_away(error)
        return waited

    def finish(self, state: pb.RunState.ValueType) -> None:
        """Bring what is kept and say that the run is over; the last chance, so all of the bounded wait is used."""
        deadline = time.monotonic() + self._max_wait_s
        self._deliver(deadline, look_first=False)
        try:
            request = pb.FinishRunRequest(run_id=self._start.run_id, state=state)
            _call(self._stub.FinishRun, request, deadline)
        except grpc.RpcError as error:
            _log.warning("the end of run %s could not be reported: %s", self._start.run_id, _text(error))
        if self._kept:
            _log.warning("%d reports of run %s were never delivered", len(self._kept), self._start.run_id)

    def close(self) -> None:
        """Drop the connection."""
        self._channel.close()

    def _deliver(self, deadline: float, *, look_first: bool) -> pb.Plan | None:
        """Bring what is kept; returns the plan made on the newest report, if all got there."""
        plan = None
        try:
            if look_first:
                self._ask_health(b"", timeout=min(BRIEF_LOOK_S, _left(deadline)), wait_for_ready=True)
            while self._kept and time.monotonic() < deadline:
                plan = self._send_oldest_or_drop(deadline)
        except grpc.RpcError as error:
            self._note_away(error)
            return None
        self._away = False
        self._said.clear()
        return None if self._kept else plan

    def _send_start(self, deadline: float) -> pb.StartRunResponse:
        answer: pb.StartRunResponse = _call(self._stub.StartRun, self._start, deadline)
        self._started = True
        self.reported = answer.next_superstep - 1
        return answer

    def _send_oldest_or_drop(self, deadline: float) -> pb.Plan | None:
        """Bring the oldest report; one that is refused is dropped.

        Raises:
            grpc.RpcError: If it cannot be taken now.
        """
        try:
            return self._send_oldest(deadline)
        except grpc.RpcError as error:
            code = error.code()
            if code in _LOST and self._started:
                # The service lost its state directory: begin again, telling what it will never hear of.
                self._started = False
                return None
            if code not in (*_REFUSALS, *_FAULTS):
                raise
            dropped = self._kept.popleft()
            _log.warning("superstep %d was refused: %s", dropped.superstep, _text(error))
            if code is grpc.StatusCode.ALREADY_EXISTS:
                self._note_reported(dropped)
            return None

    def _send_oldest(self, deadline: float) -> pb.Plan:
        if not self._started:
            self._send_start(deadline)
        report = self._kept[0]
        report.missed_supersteps = max(0, report.superstep - 1 - self.reported)
        answer: pb.ReportBarrierResponse = _call(self._stub.ReportBarrier, report, deadline)
        self._kept.popleft()
        self._note_reported(report)
        return answer.plan

    def _note_reported(self, report: pb.ReportBarrierRequest) -> None:
        """A failed try tells the service only that the supersteps before it are over."""
        self.reported = max(self.reported, report.superstep - 1 if report.failed else report.superstep)

    def _note_away(self, error: grpc.RpcError) -> None:
        """Say it once of each kind of trouble, until the service takes reports again."""
        code = error.code()
        kind = code if code in _DENIALS else grpc.StatusCode.UNAVAILABLE
        if kind not in self._said:
            self._said.add(kind)
            what = "does not let this job in" if kind in _DENIALS else "cannot be reached"
            _log.warning("adaptor %s, the job goes on as it is: %s", what, _text(error))
        self._away = True


def _channel(address: str, credentials: Credentials) -> grpc.Channel:
    """A connection; never plain text where TLS was asked for, even if its files cannot be used."""
    options = [
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS // 5),
        ("grpc.min_reconnect_backoff_ms", RECONNECT_MS // 5),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.enable_http_proxy", 0),
    ]
    try:
        return open_channel(address, credentials, options)
    except CredentialError as error:
        _log.warning("adaptor cannot be asked, the job goes on as it is: %s", error)
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(), options)


def _call(method: Any, request: Any, deadline: float) -> Any:
    """The answer of a call; one that a dying service broke off is repeated until the deadline, as all may be.

    Raises:
        grpc.RpcError: If the service refuses, or does not answer in time.
    """
    while True:
        try:
            return method(request, timeout=_left(deadline), wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() + RETRY_PAUSE_S > deadline:
                raise
        time.sleep(RETRY_PAUSE_S)


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _text(error: Any) -> str:
    return f"{error.code().name}: {error.details()}"
