"""Why each run gets what it gets, as data and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adaptor.arbitration.claimant import FULL_VALUE, Claimant
from adaptor.domain.allocation import Share, ShareCode, Taker, TakerCode
from adaptor.domain.demand import DemandPoint

MOST_TAKERS = 3
"""Runs that are named as having what another wanted: more than three are not read."""

_WORDS = {
    TakerCode.PRIORITY: "of higher priority",
    TakerCode.WEIGHT: "whose target counts as much or more",
    TakerCode.FAIR_SHARE: "by fair shares",
    TakerCode.CANNOT_STOP: "that cannot go on with less",
}


def explained(
    claimants: Sequence[Claimant], shares: Mapping[str, int], *, slots_per_task_manager: int
) -> tuple[Share, ...]:
    """Shares with their reasons.

    Args:
        claimants: Ascending by run id.
        shares: TaskManagers by run id.
        slots_per_task_manager: Slots that come and go together.
    """
    holders = sorted(
        (one for one in claimants if shares[one.run_id]),
        key=lambda one: (*(-level for level in one.rank), -shares[one.run_id], one.run_id),
    )
    limited = _limited_tenants(claimants, shares, slots_per_task_manager)
    return tuple(_share(one, shares, holders, limited, slots_per_task_manager) for one in claimants)


def _limited_tenants(claimants: Sequence[Claimant], shares: Mapping[str, int], per: int) -> frozenset[str]:
    """Tenants whose quota has no room left."""
    held: dict[str, int] = {}
    for one in claimants:
        held[one.tenant.tenant_id] = held.get(one.tenant.tenant_id, 0) + shares[one.run_id]
    return frozenset(
        one.tenant.tenant_id
        for one in claimants
        if one.tenant.quota_slots is not None and held[one.tenant.tenant_id] >= one.tenant.quota_slots // per
    )


def _share(
    one: Claimant, shares: Mapping[str, int], holders: Sequence[Claimant], limited: frozenset[str], per: int
) -> Share:
    demand, units = one.demand, shares[one.run_id]
    point = demand.point_at(units * per)
    on_time = one.option(units).value >= FULL_VALUE if one.has_target else None
    code = _code(one, units, on_time=on_time, limited=one.tenant.tenant_id in limited)
    short = max(0, one.wanted_units - units)
    takers = _takers(one, shares, holders, per) if short and code is not ShareCode.OUT_OF_REACH else ()
    return Share(
        run_id=one.run_id,
        slots=units * per,
        wanted_slots=demand.wanted_slots,
        held_slots=demand.held_slots,
        on_time=on_time,
        on_time_probability=point.on_time_probability if point else (0.0 if one.has_target else None),
        finish_s=point.finish_s if point else None,
        cost_slot_s=point.cost_slot_s if point else None,
        code=code,
        takers=takers,
        text=_text(one, units * per, code, takers, point),
    )


def _code(one: Claimant, units: int, *, on_time: bool | None, limited: bool) -> ShareCode:
    if one.must and one.held_units == 0 and units == one.least_units:
        return ShareCode.WAITED_LONG
    if units >= one.wanted_units:
        return ShareCode.AS_WANTED if units == one.wanted_units else ShareCode.MORE_THAN_WANTED
    if limited:
        return ShareCode.QUOTA
    if not units:
        return ShareCode.NO_SLOTS if one.must else ShareCode.WAITS
    if on_time:
        return ShareCode.LESS_ON_TIME
    hopeless = one.has_target and not any(option.value for option in one.options)
    return ShareCode.OUT_OF_REACH if hopeless else ShareCode.LESS


def _takers(one: Claimant, shares: Mapping[str, int], holders: Sequence[Claimant], per: int) -> tuple[Taker, ...]:
    """Who has what it wanted: those of the highest priority first."""
    short, takers = one.wanted_units - shares[one.run_id], []
    for other in holders:
        if other.run_id == one.run_id:
            continue
        units = min(short, shares[other.run_id])
        takers.append(Taker(run_id=other.run_id, slots=units * per, code=_taker_code(one, other)))
        short -= units
        if not short or len(takers) == MOST_TAKERS:
            break
    return tuple(takers)


def _taker_code(one: Claimant, other: Claimant) -> TakerCode:
    if other.rank > one.rank:
        return TakerCode.PRIORITY
    if other.rank < one.rank:
        return TakerCode.CANNOT_STOP
    return TakerCode.WEIGHT if other.has_target else TakerCode.FAIR_SHARE


def _text(one: Claimant, slots: int, code: ShareCode, takers: Sequence[Taker], point: DemandPoint | None) -> str:
    wanted = one.demand.wanted_slots
    gets = f"gets {slots}" if slots == wanted else f"gets {slots}, asked {wanted}"
    parts = [gets]
    if code is ShareCode.QUOTA:
        parts.append(f"the quota of tenant {one.tenant.tenant_id} is {one.tenant.quota_slots}")
    elif code is ShareCode.WAITED_LONG:
        parts.append(f"its least, as it has waited {one.waited_s:.0f} s")
    elif code is ShareCode.OUT_OF_REACH:
        parts.append("its target is out of reach")
    elif takers:
        parts.append(" and ".join(f"{taker.slots} went to run {taker.run_id} {_WORDS[taker.code]}" for taker in takers))
    elif slots < wanted:
        parts.append("there are no more")
    consequence = _consequence(one, slots, point)
    text = ": ".join(parts)
    return f"{text}, {consequence}" if consequence else text


def _consequence(one: Claimant, slots: int, point: DemandPoint | None) -> str:
    """What it means for the end of the run."""
    if not slots:
        return "waits"
    words = []
    wanted = one.demand.point_at(one.demand.wanted_slots)
    if slots < one.demand.wanted_slots and point and point.finish_s and wanted and wanted.finish_s:
        words.append(f"finish moves {point.finish_s.expected - wanted.finish_s.expected:.0f} s")
    if one.has_target and point and point.on_time_probability is not None:
        chance = point.on_time_probability
        on_time = chance >= (one.demand.confidence or 1.0)
        words.append(("still on time" if words else "on time") if on_time else f"on time with {100 * chance:.0f} %")
    return ", ".join(words)
