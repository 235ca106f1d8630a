"""Settings of managed clusters, and what the engine takes from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adaptor.app.setting import DURATION, INTEGER, Kind, Setting
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.cluster import LeaseExpiry
from adaptor.engine.cluster_settings import ClusterSettings
from adaptor.errors import InvalidValueError


def _expiry(text: str, field: str) -> LeaseExpiry:
    try:
        return LeaseExpiry(text.lower())
    except ValueError:
        raise InvalidValueError(field, f"{text!r} is neither keep nor least") from None


EXPIRY = Kind("keep or least", _expiry)

CLUSTER_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "cluster.on_expiry",
        EXPIRY,
        "keep",
        "what becomes of grants when a manager lets its lease end: runs keep them, or fall to their least",
        "a manager that died is no reason to slow jobs down",
    ),
    Setting(
        "cluster.longest_wait",
        DURATION,
        "4h",
        "wait without slots after which a run comes before all others",
        "in simulated overload an hour cost 2 % of all targets more; days would be no bound",
    ),
    Setting(
        "cluster.longest_lead",
        DURATION,
        "15m",
        "time before an announced loss of slots from which on fewer are granted",
        "one run with endless supersteps must not idle a cluster",
    ),
    Setting(
        "cluster.round_interval",
        DURATION,
        "200ms",
        "least time between two arbitrations that nobody waits for",
        "a fraction of a superstep; barriers that fall together are counted together",
    ),
    Setting(
        "cluster.tick_interval",
        DURATION,
        "1s",
        "time between two looks at the clock for announced capacity, leases and reclaims",
        "managers think in minutes",
    ),
    Setting(
        "cluster.poll_interval",
        DURATION,
        "2s",
        "time between two looks at the slots that Flink has",
        "Flink itself notices a dead TaskManager within seconds",
    ),
    Setting(
        "cluster.watch_stall",
        DURATION,
        "30s",
        "longest time that a watcher may read nothing before it is dropped",
        "a reader that lives takes a message within milliseconds",
    ),
    Setting(
        "cluster.kept_news",
        INTEGER,
        "100000",
        "news kept for watchers that come back",
        "about 100 MB, and an hour of 1,000 runs with two barriers a minute",
    ),
)


def cluster_settings(settings: Mapping[str, Any]) -> ClusterSettings:
    """What the engine takes."""
    return ClusterSettings(
        arbitration=ArbitrationSettings(
            longest_wait_s=settings["cluster.longest_wait"], longest_lead_s=settings["cluster.longest_lead"]
        ),
        expiry=settings["cluster.on_expiry"],
        round_interval_s=settings["cluster.round_interval"],
        tick_interval_s=settings["cluster.tick_interval"],
        poll_interval_s=settings["cluster.poll_interval"],
        watch_stall_s=settings["cluster.watch_stall"],
    )
