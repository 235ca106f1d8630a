"""Bounds of a log. Those every replica must agree on stand in the manifest; the others are each replica's own."""

from __future__ import annotations

from dataclasses import dataclass, fields

from adaptor.errors import InvalidValueError

_MOST_DOUBLINGS = 64
"""Beyond that every wait is the longest, and the power would not fit into a float one day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """Bounds that decide which entries belong to the log; part of its manifest, so equal at every replica.

    Attributes:
        entry_bytes: Largest block. 512 observations in one entry take about 60 kB.
        parents: Most parents of an entry. Sixteen writers may write at the same moment without leaving heads behind.
        skips: Most skip links: one for each power of sixteen below a height of 2^63, and a few to spare.
        entries_per_hour: Most entries of one author in one hour of his own clock. A run that ends every second and
            publishes an entry each stays below.
        batch: Most observations or verdicts in one entry: a run of 1,000 supersteps takes two signatures.
    """

    entry_bytes: int = 262_144
    parents: int = 16
    skips: int = 16
    entries_per_hour: int = 20_000
    batch: int = 512

    def __post_init__(self) -> None:
        _require_positive(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLimits:
    """Bounds of one replica, which protect its memory, disk and network; others may choose other ones.

    Attributes:
        clock_skew_s: How far an entry's time may lie ahead of this machine's clock.
        height_jump: How far above the highest applied entry a new one may stand: bounds the ancestors to be fetched.
        waiting: Most entries that wait for their parents.
        waiting_bytes: Most bytes of their blocks.
        heads: Most heads that a peer may name at once.
        missing: Most blocks that are known to be missing.
        refused: Refused blocks that are remembered, so as not to be fetched again.
        fetch_batch: Most blocks asked of a peer at once.
        fetches_in_flight: Most calls for blocks at once.
        attempts: Tries to fetch a block before what waits for it is given up, until somebody announces it again.
        retry_s: Wait after the first failed try; doubles with each further one.
        retry_max_s: Longest wait between two tries.
        fan_out: Neighbours that are told of news: four keep a random graph of thousands connected.
        eager: Neighbours that get the news themselves instead of only their names.
        inline_bytes: Most bytes of blocks in one announcement.
        anti_entropy_s: Time between two exchanges of heads with some peer, without news.
        peers: Most peers in the address book.
        peer_bytes_per_minute: Most bytes taken from one peer within a minute.
        peer_refusals_per_minute: Refused blocks of one peer within a minute, beyond which it is not listened to.
        call_s: Longest wait for a peer's answer.
    """

    clock_skew_s: float = 300.0
    height_jump: int = 1_000_000
    waiting: int = 200_000
    waiting_bytes: int = 1_073_741_824
    heads: int = 256
    missing: int = 100_000
    refused: int = 10_000
    fetch_batch: int = 256
    fetches_in_flight: int = 8
    attempts: int = 12
    retry_s: float = 0.5
    retry_max_s: float = 300.0
    fan_out: int = 4
    eager: int = 2
    inline_bytes: int = 65_536
    anti_entropy_s: float = 30.0
    peers: int = 256
    peer_bytes_per_minute: int = 268_435_456
    peer_refusals_per_minute: int = 10_000
    call_s: float = 10.0

    def __post_init__(self) -> None:
        _require_positive(self)

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row: `retry_s` after none, twice as long after each."""
        return min(self.retry_s * 2.0 ** min(failures, _MOST_DOUBLINGS), self.retry_max_s)


def _require_positive(limits: LogLimits | ReplicaLimits) -> None:
    for field in fields(limits):
        if getattr(limits, field.name) <= 0:
            raise InvalidValueError(f"limits.{field.name}", f"must be above zero, got {getattr(limits, field.name)}")
