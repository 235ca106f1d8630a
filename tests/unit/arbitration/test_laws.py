"""What holds for every cluster, whoever asks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adaptor.arbitration.allocate import allocate
from adaptor.domain.allocation import Allocation
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
