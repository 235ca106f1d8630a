"""Managed clusters and the engine: exact replay, a process that died, a store that fails."""

from __future__ import annotations

from typing import Any

import pytest

from adaptor.control.run_controller import RunController
from adaptor.domain.allocation import ReclaimRequest
from adaptor.domain.cluster import CapacityCurve, Tenant
from adaptor.domain.events import BarrierReached, RunStarted
from adaptor.domain.managed import CapacityChange, ManagedCluster
from adaptor.domain.objective import EfficiencyTarget
from adaptor.domain.reclaim import ReclaimState
from adaptor.domain.run import RunSpec, RunState
from adaptor.errors import StateDirectoryError
from adaptor.testing.cluster_store import InMemoryClusterStore
from adaptor.testing.demands import a_cluster
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.values import a_report, a_spec
from adaptor.testing.workshop import Workshop, until

CLUSTER = "cluster-1"


def holding(run_id: str, slots: int, **fields: Any) -> RunSpec:
    """A run that always wants so many slots."""
    objective = EfficiencyTarget(min_efficiency=0.01)
    return a_spec(run_id, objective=objective, policy="static", start_parallelism=slots, **fields)


async def managed(slots: int = 4) -> Workshop:
    """A cluster of so many slots."""
    shop = Workshop(cluster=InMemoryProvisioner(most=8))
    new = ManagedCluster(cluster=a_cluster(), revision=0, capacity=CapacityCurve())
    await shop.clusters.register(new, capacity_slots=slots, expiry=None, revision=0)
    return shop


def granted(shop: Workshop) -> dict[str, tuple[int, int]]:
    """What each run may use, and holds."""
    return {one.grant.run_id: (one.grant.slots, one.held_slots) for one in shop.clusters.granted(CLUSTER)}


async def ended(shop: Workshop) -> None:
    await shop.clusters.stop()
    await shop.engine.stop()


async def test_recorded_events_of_a_managed_run_give_the_same_plans() -> None:
    """What it was granted is part of the events, so a replay needs no cluster."""
    shop = await managed(3)
    await shop.engine.start_run(a_spec(most=8))
    for superstep in range(1, 6):
        shop.clock.advance(10.0)
        await shop.engine.report_barrier("run-1", a_report(superstep, 10.0 / superstep, at=min(superstep, 3)))
        await shop.settled()
    record, controller = None, RunController()
    for recorded in await shop.store.history("run-1"):
        handled = controller.handle(record, recorded.event)
        record = handled.record
        if recorded.plan:
            assert record.plan == recorded.plan
        if isinstance(recorded.event, (RunStarted, BarrierReached)):
            assert recorded.event.capacity.most_slots <= 3
    await ended(shop)


async def test_a_process_that_comes_back_goes_on_with_what_was_said_and_granted() -> None:
    """Capacity, announcements, tenants, grants and a run that waits; nothing is granted twice."""
    shop = await managed(4)
    await shop.clusters.tenants.set(Tenant(tenant_id="lab", quota_slots=3), revision=0)
    await shop.clusters.announce(CLUSTER, [CapacityChange(at_s=shop.clock.now_s() + 60, total_slots=6)], revision=1)
    await shop.engine.start_run(holding("wide", 3, tenant="lab"))
    await shop.engine.start_run(holding("second", 1))
    await shop.engine.start_run(holding("third", 1, pausable=True))
    before = granted(shop)
    assert before == {"second": (1, 1), "third": (1, 0), "wide": (2, 3)}, "what the wide one holds comes at its barrier"
    await shop.restarted()
    assert granted(shop) == before
    assert shop.clusters.grants.is_paused("third")
    status = shop.clusters.cluster(CLUSTER)
    assert (status.managed.revision, status.held_slots) == (2, 4)
    assert [one.tenant.quota_slots for one, _ in shop.clusters.tenants.all()] == [3]
    shop.clusters.start()
    shop.clock.advance(61.0)
    await until(lambda: granted(shop)["third"], lambda found: found == (1, 1))
    await ended(shop)


async def test_a_reclaim_that_was_half_done_is_finished_by_the_next_process() -> None:
    """One run has given, the other one has not yet."""
    shop = await managed(4)
    for run_id in ("one", "two"):
        await shop.engine.start_run(holding(run_id, 2))
    shop.clock.advance(5.0)
    for run_id in ("one", "two"):
        await shop.engine.report_barrier(run_id, a_report(1, 5.0, at=2))
    await shop.clusters.reclaims.bind("back", ReclaimRequest(cluster_id=CLUSTER, slots=2, within_s=600.0), revision=1)
    await shop.engine.report_barrier("one", a_report(2, 5.0, at=2))
    await shop.restarted()
    assert shop.clusters.reclaims.of("back").state is ReclaimState.OPEN
    assert granted(shop) == {"one": (1, 1), "two": (1, 2)}
    plan = await shop.engine.report_barrier("two", a_report(2, 5.0, at=2))
    assert plan.parallelism == 1
    shop.clusters.start()
    await until(lambda: shop.clusters.reclaims.of("back").state, lambda state: state is ReclaimState.DONE)
    assert shop.clusters.reclaims.of("back").freed_slots == 2
    assert (await shop.engine.report_barrier("one", a_report(3, 5.0, at=1))).parallelism == 1
    await ended(shop)


async def test_watchers_are_told_after_a_restart_of_what_happened_right_before() -> None:
    """A plan that was recorded and not told of yet."""
    shop = await managed(4)
    await shop.engine.start_run(holding("run-1", 2))
    await shop.engine.report_barrier("run-1", a_report(1, 5.0, at=2))
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    await shop.engine.start_run(holding("run-2", 2))
    await shop.engine.report_barrier("run-2", a_report(1, 5.0, at=2))
    await shop.restarted()
    shop.clusters.start()

    async def plans() -> list[int]:
        news = await shop.managed.news_after(0, cluster_id="", limit=1000)
        return [one.event.superstep for _, one in news if one.run_id == "run-2" and hasattr(one.event, "superstep")]

    await until(plans, lambda found: {1, 2} <= set(found))  # type: ignore[call-overload]
    assert list(granted(shop)) == ["run-2"]
    await ended(shop)


async def test_what_cannot_be_written_is_not_done() -> None:
    """Neither a manager's word nor a run's admission."""
    shop = await managed(4)
    await shop.engine.start_run(holding("run-1", 2))
    store = shop.managed
    assert isinstance(store, InMemoryClusterStore)
    store.failing = True
    with pytest.raises(StateDirectoryError):
        await shop.clusters.set_capacity(CLUSTER, 1, revision=1)
    with pytest.raises(StateDirectoryError):
        await shop.clusters.tenants.set(Tenant(tenant_id="lab"), revision=0)
    with pytest.raises(StateDirectoryError):
        await shop.engine.start_run(holding("run-2", 2))
    store.failing = False
    status = shop.clusters.cluster(CLUSTER)
    assert (status.managed.capacity.at(shop.clock.now_s()), status.managed.revision, status.runs) == (4, 1, 1)
    assert shop.clusters.tenants.all() == []
    await shop.engine.start_run(holding("run-2", 2))
    assert granted(shop) == {"run-1": (2, 2), "run-2": (2, 2)}
    await ended(shop)


async def test_a_run_that_waits_for_slots_is_not_taken_for_abandoned() -> None:
    """Its driver asks for them again and again; one that does not ask any more is gone."""
    shop = await managed(1)
    await shop.engine.start_run(holding("first", 1))
    await shop.engine.start_run(holding("second", 1, pausable=True))
    shop.clock.advance(2 * shop.settings.run_idle_timeout_s)
    assert (await shop.engine.await_slots("second", wait_s=0.0)).paused
    shop.engine.start()
    await until(lambda: shop.store.run("first"), lambda run: run.state is RunState.ABANDONED)  # type: ignore[attr-defined]
    await shop.settled()
    second = await shop.store.run("second")
    assert second is not None
    assert second.state is RunState.RUNNING
    await ended(shop)


async def test_runs_that_are_there_keep_what_they_use_when_their_cluster_is_taken_under_management() -> None:
    """Until their next barrier."""
    shop = Workshop(cluster=InMemoryProvisioner(most=8))
    await shop.engine.start_run(holding("run-1", 4))
    new = ManagedCluster(cluster=a_cluster(), revision=0, capacity=CapacityCurve())
    await shop.clusters.register(new, capacity_slots=2, expiry=None, revision=0)
    assert granted(shop) == {"run-1": (2, 4)}
    assert (await shop.engine.report_barrier("run-1", a_report(1, 5.0, at=4))).parallelism == 2
    await ended(shop)
