"""What a manager can have back, when, and at what price to the targets of the runs that give it.

A reclaim is an allocation on what capacity is left, in which runs that reach no barrier in time keep what they hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from adaptor.arbitration.allocate import allocate
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.allocation import (
    Allocation,
    Missing,
    MissingCode,
    ReclaimPart,
    ReclaimPlan,
    ReclaimRequest,
    Share,
)
from adaptor.domain.cluster import CapacityCurve, Cluster, Tenant
from adaptor.domain.demand import Demand
from adaptor.domain.plan import Interval
from adaptor.models.prediction import INTERVAL_LEVEL

_USUAL = ArbitrationSettings()
_NOW = Interval(low=0.0, expected=0.0, high=0.0, level=INTERVAL_LEVEL)


def reclaim(
    cluster: Cluster,
    demands: Iterable[Demand],
    request: ReclaimRequest,
    *,
    capacity: CapacityCurve,
    at_s: float,
    tenants: Mapping[str, Tenant] | None = None,
    settings: ArbitrationSettings = _USUAL,
) -> ReclaimPlan:
    """Plan what to give back; nothing is promised until somebody obeys the plan's allocation.

    Args:
        cluster: Of which cluster.
        demands: Of all its runs, in any order.
        request: How many slots are wanted back, and by when.
        capacity: Of the cluster, now and as announced.
        at_s: Now, in seconds since the epoch.
        tenants: As for `allocate`.
        settings: Of arbitration.
    """
    runs = {demand.run_id: demand for demand in demands}
    per, there = cluster.slots_per_task_manager, capacity.at(at_s)
    wanted = min(math.ceil(request.slots / per) * per, there // per * per)
    before = allocate(cluster, runs.values(), capacity=capacity, at_s=at_s, tenants=tenants, settings=settings)
    late = {run_id for run_id, demand in runs.items() if demand.held_slots and not _in_time(demand, request)}
    movable = [demand for run_id, demand in runs.items() if run_id not in late]
    held_late = sum(runs[run_id].held_slots for run_id in late)
    left = CapacityCurve.constant(max(0, there - wanted - held_late))
    after = allocate(cluster, movable, capacity=left, at_s=at_s, tenants=tenants, settings=settings)
    kept = _with_kept(after, before, [runs[run_id] for run_id in late], capacity_slots=max(0, there - wanted))
    return _plan(runs, request, before=before, after=kept, there=there, late=late)


def _in_time(demand: Demand, request: ReclaimRequest) -> bool:
    return demand.barrier_in_s is not None and demand.barrier_in_s.high <= request.within_s


def _with_kept(after: Allocation, before: Allocation, late: list[Demand], *, capacity_slots: int) -> Allocation:
    """The allocation with the runs that cannot give in time; they keep what they hold."""
    kept = []
    for demand in late:
        share, point = before.share_of(demand.run_id), demand.point_at(demand.held_slots)
        if share is None:
            continue
        kept.append(
            replace(
                share,
                slots=demand.held_slots,
                on_time_probability=point.on_time_probability if point else None,
                finish_s=point.finish_s if point else None,
                cost_slot_s=point.cost_slot_s if point else None,
                text=f"keeps {demand.held_slots}: its next barrier comes too late",
            )
        )
    shares = tuple(sorted((*after.shares, *kept), key=lambda share: share.run_id))
    return replace(after, shares=shares, capacity_slots=capacity_slots)


def _plan(
    runs: Mapping[str, Demand],
    request: ReclaimRequest,
    *,
    before: Allocation,
    after: Allocation,
    there: int,
    late: set[str],
) -> ReclaimPlan:
    free = max(0, there - sum(demand.held_slots for demand in runs.values()))
    shares_before = {share.run_id: share for share in before.shares}
    given = [
        _part(runs[share.run_id], share, shares_before[share.run_id])
        for share in after.shares
        if share.slots < runs[share.run_id].held_slots
    ]
    given.sort(key=lambda part: (part.expected_in_s.expected, part.run_id))
    had = min(request.slots, max(0, there - sum(share.slots for share in after.shares)))
    return ReclaimPlan(
        request=request,
        at_s=before.at_s,
        free_slots=min(free, request.slots),
        parts=tuple(given),
        missing=_missing(runs, request, had=had, there=there, late=late),
        allocation=after,
    )


def _part(demand: Demand, share: Share, before: Share) -> ReclaimPart:
    moves_s = None
    if share.finish_s and before.finish_s:
        moves_s = share.finish_s.expected - before.finish_s.expected
    barrier = demand.barrier_in_s or _NOW
    effect = "waits then" if not share.slots else f"finish moves {moves_s:.0f} s" if moves_s is not None else ""
    text = f"gives {demand.held_slots - share.slots} of {demand.held_slots} at the barrier before superstep "
    text += f"{demand.next_superstep}, in {barrier.expected:.0f} s"
    return ReclaimPart(
        run_id=demand.run_id,
        from_slots=demand.held_slots,
        to_slots=share.slots,
        before_superstep=demand.next_superstep,
        expected_in_s=barrier,
        on_time_probability_before=before.on_time_probability,
        on_time_probability_after=share.on_time_probability,
        finish_moves_s=moves_s,
        text=f"{text}; {effect}" if effect else text,
    )


def _missing(
    runs: Mapping[str, Demand], request: ReclaimRequest, *, had: int, there: int, late: set[str]
) -> tuple[Missing, ...]:
    """What cannot be had, by reason: more than there is, then barriers, then what runs need at least."""
    short, found = request.slots - had, []

    def note(slots: int, code: MissingCode, text: str) -> None:
        nonlocal short
        if (taken := min(short, slots)) > 0:
            found.append(Missing(slots=taken, code=code, text=text))
            short -= taken

    note(request.slots - there, MissingCode.NOT_THERE, f"the cluster has {there} slots only")
    for unknown, code in ((True, MissingCode.BARRIER_UNKNOWN), (False, MissingCode.BARRIER_TOO_LATE)):
        those = sorted(run for run in late if (runs[run].barrier_in_s is None) is unknown)
        why = "nobody knows when they reach a barrier" if unknown else f"no barrier within {request.within_s:.0f} s"
        note(sum(runs[run].held_slots for run in those), code, f"held by {_named(those)}: {why}")
    note(short, MissingCode.LEAST_NEEDED, "held by runs that cannot go on with less")
    return tuple(found)


def _named(runs: list[str]) -> str:
    shown = ", ".join(runs[:3])
    return shown if len(runs) <= 3 else f"{shown} and {len(runs) - 3} more"  # noqa: PLR2004 - as many as are read
