"""A manager says what there is, and runs get what arbitration grants them: over loopback gRPC."""

from __future__ import annotations

import grpc

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import runs_pb2 as runs
from adaptor.testing.calls import finish, refused
from adaptor.testing.cluster_calls import CLUSTER, TestManager
from adaptor.testing.workshop import Workshop, until


async def granted(manager: TestManager, run_id: str, slots: int) -> pb.Grant:
    """The grant of a run once it is so many slots."""
    grants = await until(manager.grants, lambda found: found[run_id].slots == slots)  # type: ignore[index]
    return grants[run_id]  # type: ignore[index,no-any-return]


async def reached(manager: TestManager, state: pb.ReclaimState.ValueType) -> pb.ReclaimStatus:
    """The reclaim once it is in this state."""
    return await until(  # type: ignore[return-value]
        lambda: manager.reclaim("back"),
        lambda found: found.state == state,  # type: ignore[attr-defined]
    )


async def test_a_registered_cluster_says_how_it_stands(manager: TestManager) -> None:
    """With everything its manager told, and what Flink has."""
    cluster = await manager.register(4, node_types=["m5", "spot"], price_per_slot_s=0.5, lease_s=60.0)
    assert (cluster.revision, cluster.capacity_slots, cluster.flink_slots) == (1, 4, 8)
    assert (cluster.spec.node_types, cluster.spec.price_per_slot_s) == (["m5", "spot"], 0.5)
    assert cluster.spec.on_expiry == pb.ON_EXPIRY_KEEP
    assert cluster.lease_expires_at_s > 0
    assert not cluster.lease_expired
    listed = await manager.clusters.ListClusters(pb.ListClustersRequest())
    assert [one.spec.cluster_id for one in listed.clusters] == [CLUSTER]


async def test_a_run_never_plans_beyond_its_grant(manager: TestManager) -> None:
    """Flink could give eight, the manager gives two."""
    await manager.register(2)
    await manager.hold("eager", 4)
    assert (await manager.grants())["eager"].slots == 2
    for superstep in range(1, 4):
        assert await manager.barrier("eager", superstep, at=2) == 2
    assert (await manager.cluster()).held_slots == 2


async def test_demand_says_what_more_or_fewer_slots_would_mean(manager: TestManager, shop: Workshop) -> None:
    """For every number up to the capacity, in seconds, chance, slot-seconds and money."""
    await manager.register(4, price_per_slot_s=2.0)
    await manager.begin("run-1")
    shop.clock.advance(10.0)
    await manager.barrier("run-1", 1)
    answer = await manager.clusters.GetDemand(pb.GetDemandRequest(cluster_id=CLUSTER))
    (demand,) = answer.demands
    assert (demand.run_id, demand.least_slots, demand.most_slots) == ("run-1", 1, 4)
    assert [one.slots for one in demand.points] == [1, 2, 3, 4]
    point = demand.points[1]
    assert point.finish_s.low < point.finish_s.expected < point.finish_s.high
    assert 0 <= point.on_time_probability <= 1
    assert point.cost_money == 2.0 * point.cost_slot_s
    assert demand.objective == "within 110 s with 90 %"


async def test_two_runs_share_what_there_is_by_priority(manager: TestManager) -> None:
    """The one of higher priority gets what it wants, and the other one is told why it does not."""
    await manager.register(4)
    await manager.hold("low", 4)
    await manager.hold("high", 3, priority=5)
    grants = await manager.grants()
    assert (grants["high"].slots, grants["high"].held_slots) == (3, 0), "what another run holds comes at its barrier"
    low = grants["low"]
    assert low.slots == 1
    assert [one.run_id for one in low.takers] == ["high"]
    assert "high" in low.reason
    assert await manager.barrier("low", 1, at=4) == 1
    await until(manager.grants, lambda found: found["high"].held_slots == 1)  # type: ignore[index]
    assert await manager.barrier("high", 1, at=3) == 3


async def test_less_capacity_is_obeyed_at_the_next_barrier(manager: TestManager) -> None:
    """And the answer says what is in use until then."""
    await manager.register(4)
    await manager.hold("run-1", 3)
    answer = await manager.clusters.SetCapacity(pb.SetCapacityRequest(cluster_id=CLUSTER, slots=1, revision=1))
    assert answer.remark == "2 slots more than that are in use until the next barriers"
    assert (answer.cluster.capacity_slots, answer.cluster.revision) == (1, 2)
    assert await manager.barrier("run-1", 1, at=3) == 1


async def test_announced_capacity_comes_when_its_time_has_come(manager: TestManager, shop: Workshop) -> None:
    """More by so many, then down to a number."""
    await manager.register(2)
    now_s = shop.clock.now_s()
    announced = [
        pb.AnnouncedCapacity(at_s=now_s + 100, more_slots=3),
        pb.AnnouncedCapacity(at_s=now_s + 200, total_slots=1),
    ]
    request = pb.AnnounceCapacityRequest(cluster_id=CLUSTER, announced=announced, revision=1)
    answer = await manager.clusters.AnnounceCapacity(request)
    assert [(one.at_s - now_s, one.total_slots) for one in answer.cluster.announced] == [(100, 5), (200, 1)]
    shop.clock.advance(100.0)
    assert (await manager.cluster()).capacity_slots == 5
    shop.clock.advance(100.0)
    cluster = await manager.cluster()
    assert (cluster.capacity_slots, list(cluster.announced)) == (1, [])


async def test_a_grant_that_a_manager_fixed_holds_until_it_is_left_to_arbitration(manager: TestManager) -> None:
    """The run gets that much although it would want more."""
    await manager.register(4)
    await manager.hold("run-1", 4)
    await granted(manager, "run-1", 4)
    fixed = await manager.clusters.SetGrant(pb.SetGrantRequest(cluster_id=CLUSTER, run_id="run-1", slots=2, revision=1))
    assert (fixed.grant.slots, fixed.grant.fixed, fixed.revision) == (2, True, 2)
    free = await manager.clusters.SetGrant(pb.SetGrantRequest(cluster_id=CLUSTER, run_id="run-1", revision=2))
    assert (free.grant.slots, free.grant.fixed, free.revision) == (4, False, 3)


async def test_a_reclaim_is_previewed_bound_and_obeyed(manager: TestManager, shop: Workshop) -> None:
    """Who gives, when and at what price; then the slots come at the barrier, and never go back."""
    await manager.register(4)
    await manager.hold("run-1", 3)
    await until(manager.grants, lambda found: found["run-1"].held_slots == 3)  # type: ignore[index]
    shop.clock.advance(10.0)
    assert await manager.barrier("run-1", 1, at=3) == 3
    preview = await manager.clusters.PreviewReclaim(
        pb.PreviewReclaimRequest(cluster_id=CLUSTER, slots=3, within_s=60.0)
    )
    assert preview.reclaim.state == pb.RECLAIM_STATE_PREVIEW
    assert preview.reclaim.free_slots == 1
    (share,) = preview.reclaim.shares
    assert (share.run_id, share.from_slots, share.to_slots, share.before_superstep) == ("run-1", 3, 1, 3)
    assert (await manager.cluster()).revision == preview.revision == 1
    request = pb.ReclaimRequest(reclaim_id="back", cluster_id=CLUSTER, slots=3, within_s=60.0, revision=1)
    bound = await manager.clusters.Reclaim(request)
    assert (bound.reclaim.state, bound.reclaim.freed_slots, bound.revision) == (pb.RECLAIM_STATE_OPEN, 1, 2)
    again = await manager.clusters.Reclaim(request)
    assert again.revision == 2, "a repeated call changes nothing"
    assert await manager.barrier("run-1", 2, at=3) == 1
    done = await reached(manager, pb.RECLAIM_STATE_DONE)
    assert (done.freed_slots, done.shares[0].freed) == (3, True)
    assert await manager.barrier("run-1", 3) == 1
    assert (await manager.cluster()).capacity_slots == 1


async def test_slots_that_do_not_come_back_in_time_stay_with_the_runs(manager: TestManager, shop: Workshop) -> None:
    """The reclaim says so, and the capacity is what it was."""
    await manager.register(4)
    await manager.hold("run-1", 3)
    shop.clock.advance(10.0)
    await manager.barrier("run-1", 1, at=3)
    request = pb.ReclaimRequest(reclaim_id="back", cluster_id=CLUSTER, slots=3, within_s=60.0, revision=1)
    await manager.clusters.Reclaim(request)
    shop.clock.advance(61.0)
    assert (await reached(manager, pb.RECLAIM_STATE_TIMED_OUT)).freed_slots == 1
    assert (await manager.cluster()).capacity_slots == 3


async def test_a_run_without_a_slot_waits_and_goes_on_when_one_is_free(manager: TestManager) -> None:
    """A run that can wait is told to, holds nothing meanwhile, and is woken by the end of another one."""
    await manager.register(1)
    await manager.begin("first", policy="static")
    await manager.begin("second", policy="static", pausable=True)
    waits = await manager.runs.AwaitSlots(runs.AwaitSlotsRequest(run_id="second"))
    assert (waits.paused, waits.settled, waits.existing_slots) == (True, False, 0)
    assert (await manager.cluster()).held_slots == 1
    await manager.runs.FinishRun(finish(run_id="first"))
    waits = await manager.runs.AwaitSlots(runs.AwaitSlotsRequest(run_id="second", wait_s=5.0))
    assert not waits.paused
    assert (await manager.cluster()).held_slots == 1
    assert (await manager.grants())["second"].held_slots == 1


async def test_a_lost_task_manager_corrects_the_capacity(manager: TestManager, shop: Workshop) -> None:
    """Flink itself is asked; what is granted follows."""
    await manager.register(4)
    await manager.hold("run-1", 4)
    await granted(manager, "run-1", 4)
    shop.cluster.most = shop.cluster.existing = 2
    await granted(manager, "run-1", 2)
    cluster = await manager.cluster()
    assert (cluster.capacity_slots, cluster.flink_slots) == (4, 2)
    assert cluster.problem == "Flink has 2 of the 4 slots"
    assert await manager.barrier("run-1", 1) <= 2


async def test_a_quota_below_what_is_held_is_accepted_and_takes_effect_at_barriers(manager: TestManager) -> None:
    """And the answer says so."""
    await manager.register(4)
    await manager.clusters.SetTenant(pb.SetTenantRequest(tenant=pb.Tenant(tenant_id="lab")))
    await manager.hold("run-1", 3, tenant="lab")
    lab = pb.Tenant(tenant_id="lab", quota_slots=1, revision=1)
    answer = await manager.clusters.SetTenant(pb.SetTenantRequest(tenant=lab))
    assert answer.remark == "on cluster-1 its runs hold 3 slots until their next barriers"
    assert (answer.tenant.held_slots, answer.tenant.revision) == (3, 2)
    await granted(manager, "run-1", 1)
    assert await manager.barrier("run-1", 1, at=3) == 1
    tenants = await manager.clusters.ListTenants(pb.ListTenantsRequest())
    assert [(one.tenant_id, one.held_slots) for one in tenants.tenants] == [("lab", 1)]


async def test_of_two_managers_that_write_at_once_one_is_told_of_the_other(manager: TestManager) -> None:
    """ABORTED; nothing of it is done, and the first write stays."""
    await manager.register(4)
    await manager.clusters.SetCapacity(pb.SetCapacityRequest(cluster_id=CLUSTER, slots=3, revision=1))
    code, text = await refused(
        manager.clusters.SetCapacity(pb.SetCapacityRequest(cluster_id=CLUSTER, slots=1, revision=1))
    )
    assert code is grpc.StatusCode.ABORTED
    assert text.startswith("revision: cluster 'cluster-1' was changed meanwhile, it is at revision 2")
    assert (await manager.cluster()).capacity_slots == 3


async def test_a_removed_cluster_leaves_its_runs_what_there_is(manager: TestManager) -> None:
    """As where nobody manages it."""
    await manager.register(1)
    await manager.hold("run-1", 3)
    assert (await manager.grants())["run-1"].held_slots == 1
    answer = await manager.clusters.RemoveCluster(pb.RemoveClusterRequest(cluster_id=CLUSTER, revision=1))
    assert answer.runs == 1
    assert await manager.barrier("run-1", 1) == 1
    assert not (await manager.clusters.ListClusters(pb.ListClustersRequest())).clusters


async def test_a_lease_that_ends_keeps_grants_or_lets_runs_fall_to_their_least(
    manager: TestManager, shop: Workshop
) -> None:
    """As the manager said; a manager that comes back sets the capacity."""
    await manager.register(4, lease_s=30.0, on_expiry=pb.ON_EXPIRY_LEAST)
    await manager.hold("run-1", 4)
    await granted(manager, "run-1", 4)
    renewed = await manager.clusters.RenewLease(pb.RenewLeaseRequest(cluster_id=CLUSTER))
    assert renewed.lease_expires_at_s == shop.clock.now_s() + 30.0
    shop.clock.advance(31.0)
    grant = await granted(manager, "run-1", 1)
    assert grant.renew_by_s == renewed.lease_expires_at_s
    assert (await manager.cluster()).lease_expired
    code, text = await refused(manager.clusters.RenewLease(pb.RenewLeaseRequest(cluster_id=CLUSTER)))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert text.startswith("lease_s: the lease of 'cluster-1' expired 1 s ago, and grants fell to the least")
    await manager.clusters.SetCapacity(pb.SetCapacityRequest(cluster_id=CLUSTER, slots=4, revision=1))
    await granted(manager, "run-1", 4)


async def test_runs_of_many_clusters_do_not_touch_each_other(manager: TestManager) -> None:
    """A run belongs to the cluster of its address."""
    await manager.register(1)
    spec = pb.ClusterSpec(cluster_id="other", flink_url="http://other/")
    await manager.clusters.RegisterCluster(pb.RegisterClusterRequest(spec=spec, capacity_slots=3))
    await manager.hold("run-a", 3)
    await manager.hold("run-b", 3, flink_url="http://other")
    listed = await manager.clusters.ListGrants(pb.ListGrantsRequest(cluster_id="other"))
    assert [(one.run_id, one.slots) for one in listed.grants] == [("run-b", 3)]
    assert [(name, one.slots) for name, one in (await manager.grants()).items()] == [("run-a", 1)]
