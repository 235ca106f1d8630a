"""Bounds of the way over Kubo, which protect this machine's memory and time from the node and from the swarm."""

from __future__ import annotations

from dataclasses import dataclass, fields

from adaptor.domain.checks import require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class KuboLimits:
    """Bounds.

    Attributes:
        timeout_s: Longest wait for an answer of the node itself.
        block_timeout_s: Longest wait for one block of a peer's.
        fetch_s: Longest time of a fetch with ancestors.
        fetch_blocks: Most blocks of one.
        fetch_bytes: Most bytes of one: what a liar's endless ancestors can cost.
        calls: Blocks asked for at once: with 20 ms for each, 128 bring 6,000 a second.
        payload_bytes: Longest message; Kubo itself passes on at most 1 MiB.
        silence_s: Silence after which the subscription is renewed, for a node that hangs is silent too.
    """

    timeout_s: float = 10.0
    block_timeout_s: float = 10.0
    fetch_s: float = 20.0
    fetch_blocks: int = 20_000
    fetch_bytes: int = 67_108_864
    calls: int = 128
    payload_bytes: int = 524_288
    silence_s: float = 120.0

    def __post_init__(self) -> None:
        for one in fields(self):
            require_positive(f"kubo.{one.name}", getattr(self, one.name))
