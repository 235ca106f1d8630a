"""Bounds of the embedded transport, which protect this machine's memory, sockets and time."""

from __future__ import annotations

from dataclasses import dataclass, fields

from adaptor.errors import InvalidValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds on what callers can make this machine do.

    Attributes:
        request_bytes: Largest request: news of 64 KiB with 4,096 heads take 250 kB.
        answer_bytes: Bytes of blocks from which an answer to `Fetch` takes no more: some 10 ms of a 1 Gbit/s line.
        response_bytes: Largest answer: `answer_bytes`, and the largest entry of a log with ten times the usual limit.
        cids: Most blocks asked for at once: four times what an adaptor asks for by itself.
        calls: Most calls at once, of all callers. With `request_bytes` it bounds the memory they can take: 32 MiB.
        calls_per_peer: Most calls at once of one caller: an adaptor makes 8 for blocks, one for pages and one to meet.
        connections: Most connections at once: as many as the address book holds peers.
        call_s: Longest time for a request to arrive, and again for the answer to be made.
        clock_skew_s: How far a caller's clock may be off; five minutes, as Kerberos allows.
        idle_s: Time after which a connection without calls is closed: ten of the rounds in which heads are compared.
        connection_s: Longest life of a connection, so that a caller who is no longer welcome is not kept for ever.
        keepalive_s: Time without traffic after which it is asked whether the other side is still there.
        keepalive_answer_s: Longest wait for that.
        refusals_per_minute: Refused calls that are reported one by one; all are counted. Keeps a flood off the disk.
    """

    request_bytes: int = 524_288
    answer_bytes: int = 1_048_576
    response_bytes: int = 4_194_304
    cids: int = 1_024
    calls: int = 64
    calls_per_peer: int = 16
    connections: int = 256
    call_s: float = 10.0
    clock_skew_s: float = 300.0
    idle_s: float = 300.0
    connection_s: float = 3_600.0
    keepalive_s: float = 30.0
    keepalive_answer_s: float = 10.0
    refusals_per_minute: int = 60

    def __post_init__(self) -> None:
        _require_positive(self, "sharing")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportLimits:
    """Bounds on what peers can make this machine wait for and take when it calls them.

    Attributes:
        call_s: Longest time of a call, everything included: the name looked up, the connection, the answer.
        request_bytes: Largest request.
        response_bytes: Largest answer that is taken.
        calls: Most calls at once; others wait, within their `call_s`.
        calls_per_peer: Most calls at once to one peer: all that an adaptor makes, and below what its peer takes.
        channels: Most connections kept; more than `calls`, so that one of them is always free to be closed.
        keepalive_s: Time without an answer to a call after which it is asked whether the other side is still there.
        keepalive_answer_s: Longest wait for that.
    """

    call_s: float = 10.0
    request_bytes: int = 524_288
    response_bytes: int = 4_194_304
    calls: int = 32
    calls_per_peer: int = 12
    channels: int = 64
    keepalive_s: float = 30.0
    keepalive_answer_s: float = 10.0

    def __post_init__(self) -> None:
        _require_positive(self, "sharing")
        if self.channels <= self.calls:
            raise InvalidValueError("sharing.channels", f"must be above sharing.calls, {self.calls}")


def _require_positive(limits: ServerLimits | TransportLimits, section: str) -> None:
    for one in fields(limits):
        if not getattr(limits, one.name) > 0:
            raise InvalidValueError(f"{section}.{one.name}", f"must be above zero, got {getattr(limits, one.name)}")
