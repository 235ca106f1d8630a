"""Demands with everything filled in, so that a test says only what it is about."""

from __future__ import annotations

from typing import Any

from adaptor.domain.cluster import Cluster
from adaptor.domain.demand import Claim, Demand, DemandPoint
from adaptor.domain.plan import Interval
from adaptor.models.prediction import INTERVAL_LEVEL

NOW_S = 1_000_000.0
"""When demands are made, unless said otherwise."""


def a_cluster(*, per: int = 1, **fields: Any) -> Cluster:
    """A cluster with `per` slots for each TaskManager."""
    defaults = {"cluster_id": "cluster-1", "flink_url": "http://flink:8081", "slots_per_task_manager": per}
    return Cluster(**{**defaults, **fields})


def seconds(expected: float) -> Interval:
    """A prediction that is off by a tenth at most."""
    return Interval(low=0.9 * expected, expected=expected, high=1.1 * expected, level=INTERVAL_LEVEL)


def a_point(slots: int, *, chance: float | None, work_s: float = 1000.0) -> DemandPoint:
    """What so many slots mean where seconds fall with their 0.8th power."""
    rest_s = work_s / slots**0.8
    return DemandPoint(slots=slots, finish_s=seconds(rest_s), on_time_probability=chance, cost_slot_s=rest_s * slots)


def a_demand(
    run_id: str = "run-1",
    *,
    needs: int | None = 2,
    most: int = 8,
    least: int = 1,
    held: int = 0,
    per: int = 1,
    claim: Claim | None = None,
    **fields: Any,
) -> Demand:
    """A run that is on time from `needs` slots on and hopeless with fewer; with ``None`` it has no target."""
    points = [
        a_point(slots, chance=None if needs is None else float(slots >= needs))
        for slots in range(-(-least // per) * per, -(-most // per) * per + 1, per)
    ]
    wanted = points[-1].slots if needs is None else min(-(-needs // per) * per, points[-1].slots)
    defaults: dict[str, Any] = {
        "claim": claim or Claim(),
        "at_s": NOW_S,
        "started_at_s": NOW_S - 100.0,
        "target_s": None if needs is None else 1000.0,
        "confidence": None if needs is None else 0.9,
        "least_slots": points[0].slots,
        "wanted_slots": max(wanted, points[0].slots),
        "most_slots": points[-1].slots,
        "held_slots": held,
        "next_superstep": 5,
        "barrier_in_s": seconds(10.0),
        "superstep_s": seconds(20.0),
        "waiting_since_s": None if held else NOW_S - 50.0,
    }
    return Demand(run_id=run_id, points=tuple(points), **{**defaults, **fields})
