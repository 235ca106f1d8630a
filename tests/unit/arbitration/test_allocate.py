"""Who gets what in cases that a person can check."""

from __future__ import annotations

from typing import Any

import pytest

from adaptor.arbitration.allocate import allocate
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.domain.allocation import ShareCode, TakerCode
from adaptor.domain.cluster import CapacityCurve, CapacityStep, Tenant
from adaptor.domain.demand import Claim, Demand
from adaptor.testing.demands import NOW_S, a_cluster, a_demand

FIRST, LATER = Claim(priority=1), Claim()


def shares(*demands: Demand, slots: int, per: int = 1, **fields: Any) -> dict[str, int]:
    """Slots by run id."""
    capacity = CapacityCurve.constant(slots)
    found = allocate(a_cluster(per=per), demands, capacity=capacity, at_s=NOW_S, **fields)
    return {share.run_id: share.slots for share in found.shares}


@pytest.mark.parametrize(
    ("demands", "slots", "expected"),
    [
        ([a_demand("a", needs=3)], 8, {"a": 3}),
        ([a_demand("a", needs=3), a_demand("b", needs=2)], 4, {"a": 2, "b": 2}),
        ([a_demand("a", needs=3, claim=Claim(weight=2.0)), a_demand("b", needs=2)], 4, {"a": 3, "b": 1}),
        (
            [a_demand("a", needs=3, claim=FIRST), a_demand("b", needs=2), a_demand("c", needs=2)],
            4,
            {"a": 3, "b": 1, "c": 0},
        ),
        (
            [a_demand("a", needs=5, claim=FIRST), a_demand("b", needs=2), a_demand("c", needs=2)],
            4,
            {"a": 0, "b": 2, "c": 2},
        ),
        ([a_demand("a", needs=4), a_demand("b", needs=4, held=2)], 4, {"a": 0, "b": 4}),
        ([a_demand("a", needs=None, most=8), a_demand("b", needs=None, most=8)], 8, {"a": 4, "b": 4}),
        (
            [a_demand("a", needs=None, most=8, claim=Claim(weight=3.0)), a_demand("b", needs=None, most=8)],
            8,
            {"a": 6, "b": 2},
        ),
        ([a_demand("a", needs=None, most=2), a_demand("b", needs=None, most=8)], 8, {"a": 2, "b": 6}),
    ],
    ids=[
        "the cheapest on time is enough",
        "of equal weight the cheaper target is met, the other run has what is left",
        "the heavier of two targets is met",
        "priority comes before the number of targets",
        "a target that cannot be met does not block others by its priority",
        "a run that cannot stop keeps its least, and so here its target",
        "without targets slots are shared",
        "by weight",
        "and what one does not want goes to the other",
    ],
)
def test_slots_go_where_the_rules_say(demands: list[Demand], slots: int, expected: dict[str, int]) -> None:
    """See the docstring of `adaptor.arbitration`."""
    assert shares(*demands, slots=slots) == expected


def test_slots_come_in_whole_task_managers() -> None:
    """A run that needs three slots gets two TaskManagers of two."""
    assert shares(a_demand("a", needs=3, per=2), a_demand("b", needs=1, per=2), slots=7, per=2) == {"a": 4, "b": 2}


def test_a_quota_holds_for_all_runs_of_a_tenant() -> None:
    """The others are not touched by it."""
    demands = [a_demand(name, needs=3, claim=Claim(tenant_id="t")) for name in "ab"]
    tenants = {"t": Tenant(tenant_id="t", quota_slots=4)}
    assert shares(*demands, a_demand("c", needs=4), slots=12, tenants=tenants) == {"a": 3, "b": 1, "c": 4}


def test_a_run_that_waited_too_long_gets_its_least_first() -> None:
    """Whatever its priority."""
    waiting = a_demand("z", needs=2, least=2, waiting_since_s=NOW_S - 100.0)
    hurry = a_demand("a", needs=4, claim=FIRST)
    assert shares(waiting, hurry, slots=4, settings=ArbitrationSettings(longest_wait_s=101.0)) == {"a": 4, "z": 0}
    assert shares(waiting, hurry, slots=4, settings=ArbitrationSettings(longest_wait_s=100.0)) == {"a": 2, "z": 2}


def test_an_announced_loss_counts_from_the_last_barrier_before_it_on() -> None:
    """What is taken at a barrier is kept until the next one, which may be after the loss."""
    demands = [a_demand("a", needs=6, most=6, held=6), a_demand("b", needs=None, most=4, held=2)]
    for in_s, counted in ((34.0, 8), (32.0, 4)):
        curve = CapacityCurve((CapacityStep(from_s=0.0, slots=8), CapacityStep(from_s=NOW_S + in_s, slots=4)))
        found = allocate(a_cluster(), demands, capacity=curve, at_s=NOW_S)
        assert found.capacity_slots == counted


def test_a_reason_names_who_has_the_slots_and_what_that_means() -> None:
    """For programs and for people."""
    demands = [a_demand("x", needs=6, claim=FIRST), a_demand("y", needs=None, most=8)]
    found = allocate(a_cluster(), demands, capacity=CapacityCurve.constant(12), at_s=NOW_S).share_of("y")
    assert found is not None
    assert (found.code, [(one.run_id, one.slots, one.code) for one in found.takers]) == (
        ShareCode.LESS,
        [("x", 2, TakerCode.PRIORITY)],
    )
    assert found.text == "gets 6, asked 8: 2 went to run x of higher priority, finish moves 49 s"
