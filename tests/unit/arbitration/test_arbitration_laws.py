"""What holds for every cluster, whoever asks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adaptor.arbitration.allocate import allocate
from adaptor.arbitration.barrier import slots_at_barrier
from adaptor.arbitration.reclaim import reclaim
from adaptor.domain.allocation import Allocation, ReclaimRequest
from adaptor.domain.cluster import CapacityCurve, Tenant
from adaptor.domain.demand import Claim, Demand
from adaptor.testing.demands import NOW_S, a_cluster, a_demand

TENANTS = st.fixed_dictionaries(
    {
        name: st.builds(
            Tenant,
            tenant_id=st.just(name),
            quota_slots=st.none() | st.integers(0, 16),
            priority=st.integers(0, 1),
            weight=st.sampled_from([0.5, 1.0, 2.0]),
        )
        for name in ("s", "t")
    }
)
CLAIM = st.builds(
    Claim,
    tenant_id=st.sampled_from(["", "s", "t"]),
    priority=st.integers(0, 2),
    weight=st.sampled_from([1.0, 2.0, 3.0]),
    pausable=st.booleans(),
)
FIELDS = st.fixed_dictionaries(
    {
        "needs": st.none() | st.integers(1, 9),
        "least": st.integers(1, 3),
        "most": st.integers(3, 8),
        "held": st.integers(0, 8),
        "claim": CLAIM,
    }
)
PER = st.integers(1, 3)


def runs(fields: list[dict[str, object]], per: int) -> list[Demand]:
    """One demand for each."""
    made = []
    for index, one in enumerate(fields):
        held = -(-int(one["held"]) // per) * per  # type: ignore[call-overload]
        made.append(a_demand(f"run-{index}", per=per, **{**one, "held": held}))  # type: ignore[arg-type]
    return made


DEMANDS = st.lists(FIELDS, max_size=7)


def given_slots(
    demands: list[Demand], slots: int, *, per: int = 1, tenants: dict[str, Tenant] | None = None
) -> Allocation:
    """The allocation of a constant capacity."""
    capacity = CapacityCurve.constant(slots)
    return allocate(a_cluster(per=per), demands, capacity=capacity, at_s=NOW_S, tenants=tenants)


@given(DEMANDS, st.integers(0, 30), PER, TENANTS)
def test_capacity_and_quotas_are_never_exceeded(
    fields: list[dict[str, object]], slots: int, per: int, tenants: dict[str, Tenant]
) -> None:
    """In whole TaskManagers, and each run gets nothing, or from its least to its most."""
    demands = runs(fields, per)
    found = given_slots(demands, slots, per=per, tenants=tenants)
    assert sum(share.slots for share in found.shares) <= found.capacity_slots <= slots
    by_tenant: dict[str, int] = {}
    for demand, share in zip(demands, found.shares, strict=True):
        assert share.slots % per == 0
        assert share.slots == 0 or demand.least_slots <= share.slots <= demand.most_slots
        by_tenant[demand.claim.tenant_id] = by_tenant.get(demand.claim.tenant_id, 0) + share.slots
    for name, tenant in tenants.items():
        assert tenant.quota_slots is None or by_tenant.get(name, 0) <= tenant.quota_slots


@given(DEMANDS, st.integers(0, 30), PER, TENANTS, st.randoms())
def test_the_order_of_runs_does_not_matter(
    fields: list[dict[str, object]], slots: int, per: int, tenants: dict[str, Tenant], random: object
) -> None:
    """Nor does asking twice."""
    demands = runs(fields, per)
    found = given_slots(demands, slots, per=per, tenants=tenants)
    random.shuffle(demands)  # type: ignore[attr-defined]
    assert given_slots(demands, slots, per=per, tenants=tenants) == found


@given(DEMANDS, st.integers(0, 30), st.integers(1, 10), PER, TENANTS)
def test_more_capacity_never_meets_fewer_weighted_targets(
    fields: list[dict[str, object]], slots: int, more: int, per: int, tenants: dict[str, Tenant]
) -> None:
    """Of runs of one priority; a higher one may take what lower ones lose."""
    tenants = {name: replace(tenant, priority=0) for name, tenant in tenants.items()}
    demands = [replace(one, claim=replace(one.claim, priority=0)) for one in runs(fields, per)]
    narrow = given_slots(demands, slots, per=per, tenants=tenants)
    wide = given_slots(demands, slots + more, per=per, tenants=tenants)
    assert wide.weighted_targets_met >= narrow.weighted_targets_met


@given(DEMANDS, st.integers(0, 30), PER)
def test_lower_priorities_take_nothing_from_higher_ones(fields: list[dict[str, object]], slots: int, per: int) -> None:
    """Where all can wait, the highest priority gets what it would get alone; leftovers for late runs come last."""
    demands = [replace(one, claim=replace(one.claim, tenant_id="", pausable=True)) for one in runs(fields, per)]
    top = max((one.claim.priority for one in demands), default=0)
    alone = given_slots([one for one in demands if one.claim.priority == top], slots, per=per)
    together = given_slots(demands, slots, per=per)
    for share in alone.shares:
        if share.on_time is not False:
            assert together.share_of(share.run_id) == share or together.share_of(share.run_id).slots == share.slots  # type: ignore[union-attr]


@given(DEMANDS, st.integers(0, 30))
def test_what_is_kept_needs_no_change(fields: list[dict[str, object]], slots: int) -> None:
    """Runs that hold their shares get the same shares again: nothing changes without a gain."""
    demands = runs(fields, 1)
    first = given_slots(demands, slots)
    settled = [
        replace(one, held_slots=share.slots, waiting_since_s=None if share.slots else NOW_S - 50.0)
        for one, share in zip(demands, first.shares, strict=True)
    ]
    assert [one.slots for one in given_slots(settled, slots).shares] == [one.slots for one in first.shares]


WEIGHTS = st.lists(st.sampled_from([0.5, 1.0, 2.0, 4.0]), min_size=1, max_size=6)


@given(WEIGHTS, st.lists(st.integers(1, 8), min_size=6, max_size=6), st.integers(0, 30))
def test_runs_without_targets_share_by_max_min_fairness(weights: list[float], mosts: list[int], slots: int) -> None:
    """No run could have one more unless one that has no more for its weight had one less."""
    demands = [
        a_demand(f"run-{index}", needs=None, most=mosts[index], claim=Claim(weight=weight))
        for index, weight in enumerate(weights)
    ]
    found = [share.slots for share in given_slots(demands, slots).shares]
    assert sum(found) == min(slots, sum(mosts[: len(weights)]))
    for index, weight in enumerate(weights):
        if found[index] < mosts[index]:
            for other, its_weight in enumerate(weights):
                assert (found[other] - 1) / its_weight < (found[index] + 1) / weight + 1e-9 or other == index


@given(DEMANDS, st.integers(0, 30), st.integers(1, 30), st.sampled_from([5.0, 10.0, 30.0]), PER)
def test_a_reclaim_takes_no_more_than_runs_can_give_in_time(
    fields: list[dict[str, object]], slots: int, wanted: int, within_s: float, per: int
) -> None:
    """Every slot asked for is had, or missing for a reason; runs that give have their barrier in time."""
    demands = {one.run_id: one for one in runs(fields, per)}
    request = ReclaimRequest(cluster_id="cluster-1", slots=wanted, within_s=within_s)
    capacity = CapacityCurve.constant(slots)
    found = reclaim(a_cluster(per=per), demands.values(), request, capacity=capacity, at_s=NOW_S)
    assert 0 <= found.had_slots <= min(wanted, slots)
    assert found.had_slots + sum(one.slots for one in found.missing) == wanted
    for part in found.parts:
        demand = demands[part.run_id]
        assert part.from_slots == demand.held_slots > part.to_slots >= 0
        assert part.expected_in_s.high <= within_s
        if not demand.claim.pausable and slots >= wanted + sum(one.held_slots for one in demands.values()):
            assert part.to_slots >= demand.least_slots
    kept = sum(share.slots for share in found.allocation.shares)
    assert not found.had_slots or kept <= slots - found.had_slots


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), PER, st.integers(1, 3), st.booleans())
def test_a_barrier_takes_only_what_is_free(
    share: int, capacity: int, others: int, per: int, least: int, pausable: bool
) -> None:
    """A run that cannot wait goes on with its least, whatever others still hold."""
    share, least = share * per, least * per
    found = slots_at_barrier(
        share_slots=share,
        capacity_slots=capacity,
        held_by_others=others,
        slots_per_task_manager=per,
        least_slots=least,
        pausable=pausable,
    )
    assert found % per == 0
    assert found <= max(share, least)
    if found > max(0, capacity - others):
        assert (found, pausable) == (least, False)
