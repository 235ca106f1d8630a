"""What managed clusters take from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.cluster import LeaseExpiry


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """Bounds; `adaptor.app.settings` holds each one's default and its reason.

    Attributes:
        arbitration: Rules of arbitration.
        expiry: What becomes of grants when a manager lets its lease end, unless it said something else.
        round_interval_s: Least time between two arbitrations of a cluster that nobody waits for.
        tick_interval_s: Time between two looks at the clock: for announced capacity, leases and reclaims.
        poll_interval_s: Time between two looks at the slots that Flink has.
        watch_stall_s: Longest time that a watcher may read nothing.
    """

    arbitration: ArbitrationSettings
    expiry: LeaseExpiry
    round_interval_s: float
    tick_interval_s: float
    poll_interval_s: float
    watch_stall_s: float
