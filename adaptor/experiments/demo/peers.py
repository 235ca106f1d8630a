"""What the demo asks of services about their shared log: create, invite, join, and wait until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from adaptor.api.v1 import sharing_pb2 as pb
from adaptor.api.v1 import sharing_pb2_grpc
from adaptor.errors import ServiceCallError

CALL_S = 30.0
"""Longest wait for an answer: a join asks several peers one after the other."""

SYNC_S = 30.0
"""Longest wait until a log is the same at two machines, or until it was learnt from; both take about 2 s."""

LOOK_PAUSE_S = 0.1
"""Pause between two looks: a twentieth of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A machine whose log another one is to have.

    Attributes:
        own: Its public key, hex.
        applied: Entries of its log.
    """

    own: str
    applied: int


def ensure_log(address: str, name: str) -> None:
    """Create a log at a service, unless it takes part in one already.

    Raises:
        ServiceCallError: If that fails; likewise below.
    """
    with _calls(address) as stub:
        try:
            stub.CreateLog(pb.CreateLogRequest(name=name, secret=True), timeout=CALL_S)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise


def invitation(address: str) -> str:
    """An invitation to the log of a service."""
    with _calls(address) as stub:
        return stub.Invite(pb.InviteRequest(), timeout=CALL_S).invitation


def join(address: str, text: str) -> None:
    """Let a service join the log of an invitation."""
    with _calls(address) as stub:
        stub.JoinLog(pb.JoinLogRequest(invitation=text), timeout=CALL_S)


def status(address: str) -> pb.GetSharingStatusResponse:
    """How a service's log stands."""
    with _calls(address) as stub:
        return stub.GetSharingStatus(pb.GetSharingStatusRequest(), timeout=CALL_S)


def when_published(address: str) -> Ahead:
    """Wait until a service has given all its shareable observations to its log."""
    here = _awaited(address, everything_published, "publish what it measured")
    return Ahead(own=here.own, applied=here.applied)


def when_caught_up(address: str, there: Ahead) -> pb.GetSharingStatusResponse:
    """Wait until a service holds, and has indexed, everything that another one had."""
    return _awaited(address, lambda here: caught_up(here, there), "get the log")


def everything_published(here: pb.GetSharingStatusResponse) -> bool:
    """Whether nothing of a service's own waits to be shared."""
    return not here.unpublished and here.applied > 0 and here.indexed == here.applied


def caught_up(here: pb.GetSharingStatusResponse, there: Ahead) -> bool:
    """Whether a service holds all heads that a peer named, and has indexed what it holds."""
    peer = next((one for one in here.peers if one.peer == there.own), pb.PeerStatus())
    holds_all = peer.heads > 0 and not peer.unknown_heads and not here.missing_count
    return holds_all and there.applied <= here.applied == here.indexed


def _awaited(
    address: str, claim: Callable[[pb.GetSharingStatusResponse], bool], what: str
) -> pb.GetSharingStatusResponse:
    deadline_s = time.monotonic() + SYNC_S
    while True:
        here = status(address)
        if claim(here):
            return here
        if time.monotonic() > deadline_s:
            raise ServiceCallError(
                f"the service at {address} did not {what} within {SYNC_S:g} s: {here.applied} entries, "
                f"{here.indexed} of them indexed, {here.missing_count} missing, {here.unpublished} not published"
            )
        time.sleep(LOOK_PAUSE_S)


@contextmanager
def _calls(address: str) -> Iterator[sharing_pb2_grpc.SharingServiceStub]:
    with grpc.insecure_channel(address) as channel:
        try:
            yield sharing_pb2_grpc.SharingServiceStub(channel)
        except grpc.RpcError as error:
            text = f"the service at {address}: {error.details() or error.code().name}"
            raise ServiceCallError(text) from error
