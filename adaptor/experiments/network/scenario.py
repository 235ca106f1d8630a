"""What one seed stands for: who takes part, which rules hold, and what befalls them when."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.sharing.core.limits import LogLimits, ReplicaLimits
from adaptor.sharing.core.manifest import Manifest

LEAST_PEERS = 3
MOST_PEERS = 8
ADVERSARY_SHARE = 0.2
LEAST_ENTRIES = 200
"""Entries of honest authors in every run."""

FAULTS_S = 2400.0
"""How long faults last: two hours of the clock are touched, so that rates begin anew within a run."""

QUIET_S = 6000.0
"""Longest time from the last fault until all is quiet: sixty of the longest waits between two tries."""

EPOCH_S = 1_800_000_000.0
"""A full hour near which every run begins."""

CLOCK_OFF_S = 100.0
"""Most that an honest clock is off: two of them differ by less than the skew that is allowed."""

LOG_LIMITS = LogLimits(entry_bytes=2048, parents=4, skips=4, entries_per_hour=60, batch=8)
"""Small, so that honest peers come near them and adversaries beyond."""

REPLICA_LIMITS = ReplicaLimits(
    clock_skew_s=300.0,
    height_jump=50,
    waiting=60,
    waiting_bytes=40_000,
    heads=12,
    missing=30,
    refused=60,
    fetch_batch=8,
    fetches_in_flight=4,
    attempts=7,
    retry_s=1.0,
    retry_max_s=100.0,
    fan_out=2,
    eager=1,
    inline_bytes=4_000,
    anti_entropy_s=60.0,
    peers=14,
    peer_bytes_per_minute=60_000,
    call_s=10.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What one seed stands for.

    Attributes:
        seed: Of everything random.
        honest: Honest peers from the start on; the first is the founder.
        adversaries: Peers that mean harm, from the start on.
        newcomers: Honest peers that join later.
        listed: Whether only listed keys may write.
        on_wire: Whether every message goes through bytes, as between machines, and not only garbage.
        stubborn: Whether adversaries go on to answer, as they do, after the faults.
        start_s: Seconds since the epoch at the beginning.
    """

    seed: int
    honest: int
    adversaries: int
    newcomers: int
    listed: bool
    on_wire: bool
    stubborn: bool
    start_s: float


def scenario_of(seed: int) -> Scenario:
    """The scenario of a seed."""
    chance = random.Random(f"scenario {seed}")  # noqa: S311 - not for secrets
    peers = chance.randint(LEAST_PEERS, MOST_PEERS)
    adversaries = max(1, round(ADVERSARY_SHARE * peers))
    return Scenario(
        seed=seed,
        honest=peers - adversaries,
        adversaries=adversaries,
        newcomers=chance.randint(1, 2),
        listed=chance.random() < 0.5,  # noqa: PLR2004 - one in two
        on_wire=seed % 8 == 0,
        stubborn=chance.random() < 0.5,  # noqa: PLR2004 - one in two
        start_s=EPOCH_S - FAULTS_S * chance.uniform(0.4, 0.6),
    )


def key_of(seed: int, name: str) -> Ed25519PrivateKey:
    """The key of somebody in a run."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest())


def public(key: Ed25519PrivateKey) -> bytes:
    """The public key's bytes."""
    return key.public_key().public_bytes_raw()


def manifest_of(scenario: Scenario, writers: tuple[bytes, ...], founder: bytes) -> Manifest:
    """The rules of a run's log."""
    return Manifest(
        name=f"seed {scenario.seed}",
        founder=founder,
        writers=writers if scenario.listed else None,
        quorum=2,
        salt=bytes(32),
        limits=LOG_LIMITS,
    )
