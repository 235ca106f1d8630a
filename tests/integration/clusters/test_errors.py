"""Each thing that can be wrong with a manager's call has its gRPC status, names the field, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import clusters_pb2_grpc
from adaptor.testing.calls import refused, start
from adaptor.testing.cluster_calls import CLUSTER, TestManager
from adaptor.testing.values import BEGAN_S, FLINK_URL

Stub = clusters_pb2_grpc.ClusterServiceStub
Code = grpc.StatusCode
NAN = float("nan")


def spec(**fields: Any) -> pb.ClusterSpec:
    return pb.ClusterSpec(**{"cluster_id": "new", "flink_url": "http://new", **fields})


def register(revision: int = 0, **fields: Any) -> Callable[[Stub], Any]:
    request = pb.RegisterClusterRequest(spec=spec(**fields), capacity_slots=1, revision=revision)
    return lambda stub: stub.RegisterCluster(request)


def announce(*announced: pb.AnnouncedCapacity) -> Callable[[Stub], Any]:
    request = pb.AnnounceCapacityRequest(cluster_id=CLUSTER, announced=announced, revision=1)
    return lambda stub: stub.AnnounceCapacity(request)


def reclaim(slots: int = 1, within_s: float = 60.0, *, name: str = "back", **fields: Any) -> Callable[[Stub], Any]:
    given = {"cluster_id": CLUSTER, "revision": 1, **fields}
    return lambda stub: stub.Reclaim(pb.ReclaimRequest(reclaim_id=name, slots=slots, within_s=within_s, **given))


def tenant(**fields: Any) -> Callable[[Stub], Any]:
    return lambda stub: stub.SetTenant(pb.SetTenantRequest(tenant=pb.Tenant(**{"tenant_id": "lab", **fields})))


def grant(**fields: Any) -> Callable[[Stub], Any]:
    given = {"cluster_id": CLUSTER, "run_id": "run-1", "slots": 1, "revision": 1, **fields}
    return lambda stub: stub.SetGrant(pb.SetGrantRequest(**given))


def later(seconds: float = 60.0, **change: int) -> pb.AnnouncedCapacity:
    return pb.AnnouncedCapacity(at_s=BEGAN_S + seconds, **change)  # type: ignore[arg-type]


BAD_CALLS: list[tuple[Callable[[Stub], Any], Code, str]] = [
    (register(cluster_id="a b"), Code.INVALID_ARGUMENT, "spec.cluster_id: must be 1 to 100 letters"),
    (register(flink_url="flink:8081"), Code.INVALID_ARGUMENT, "flink_url: must start with http"),
    (register(flink_url=FLINK_URL), Code.ALREADY_EXISTS, "flink_url: it is the address of cluster 'cluster-1'"),
    (register(cluster_id=CLUSTER, flink_url=FLINK_URL), Code.ALREADY_EXISTS, "cluster_id: cluster 'cluster-1' is kno"),
    (register(cluster_id=CLUSTER, revision=1), Code.ALREADY_EXISTS, "flink_url: the address of a cluster stays"),
    (register(cluster_id=CLUSTER, flink_url=FLINK_URL, revision=9), Code.ABORTED, "revision: cluster 'cluster-1' was"),
    (register(revision=4), Code.ABORTED, "revision: cluster 'new', which is not known, was changed meanwhile"),
    (register(price_per_slot_s=NAN), Code.INVALID_ARGUMENT, "price_per_slot_s: must be zero or more"),
    (register(price_per_slot_s=-1), Code.INVALID_ARGUMENT, "price_per_slot_s: must be zero or more"),
    (register(lease_s=-1), Code.INVALID_ARGUMENT, "lease_s: must be zero or more of seconds"),
    (register(lease_s=NAN), Code.INVALID_ARGUMENT, "lease_s: must be zero or more"),
    (register(on_expiry=9), Code.INVALID_ARGUMENT, "spec.on_expiry: must be KEEP or LEAST"),
    (register(node_types=["x"] * 65), Code.INVALID_ARGUMENT, "spec.node_types: must be at most 64"),
    (
        lambda stub: stub.RegisterCluster(pb.RegisterClusterRequest(spec=spec())),
        Code.INVALID_ARGUMENT,
        "capacity_slots: must be given: Flink does not answer",
    ),
    (
        lambda stub: stub.SetCapacity(pb.SetCapacityRequest(cluster_id=CLUSTER, slots=2_000_000, revision=1)),
        Code.INVALID_ARGUMENT,
        "slots: must lie between 0 and 1000000, got 2000000",
    ),
    (
        lambda stub: stub.SetCapacity(pb.SetCapacityRequest(cluster_id="x", slots=1, revision=1)),
        Code.NOT_FOUND,
        "cluster_id: no cluster 'x' is managed here",
    ),
    (lambda stub: stub.GetCluster(pb.GetClusterRequest()), Code.INVALID_ARGUMENT, "cluster_id: must be given"),
    (lambda stub: stub.GetDemand(pb.GetDemandRequest(cluster_id="x")), Code.NOT_FOUND, "cluster_id: no cluster 'x'"),
    (lambda stub: stub.ListGrants(pb.ListGrantsRequest(cluster_id="x")), Code.NOT_FOUND, "cluster_id: no cluster"),
    (
        lambda stub: stub.GetDemand(pb.GetDemandRequest(cluster_id=CLUSTER, run_id="nobody")),
        Code.NOT_FOUND,
        "run_id: no run 'nobody' is known here",
    ),
    (
        lambda stub: stub.GetDemand(pb.GetDemandRequest(cluster_id=CLUSTER, page_size=1001)),
        Code.INVALID_ARGUMENT,
        "page_size: must be at most 1000, got 1001",
    ),
    (announce(later(-60, more_slots=1)), Code.INVALID_ARGUMENT, "announced.at_s: 999940 is 60 s in the past"),
    (announce(pb.AnnouncedCapacity(at_s=NAN, more_slots=1)), Code.INVALID_ARGUMENT, "announced.at_s: must be finite"),
    (announce(later(1e12, total_slots=1)), Code.INVALID_ARGUMENT, "announced.at_s: 1e+12 is not a time in seconds"),
    (announce(later()), Code.INVALID_ARGUMENT, "announced.change: must be set: more_slots or total_slots"),
    (announce(later(more_slots=-9)), Code.INVALID_ARGUMENT, "announced.more_slots: -9 of 4 slots would leave -5"),
    (
        announce(later(more_slots=1), later(total_slots=1)),
        Code.INVALID_ARGUMENT,
        "announced.at_s: two changes are at 1000060",
    ),
    (grant(run_id="nobody"), Code.NOT_FOUND, "run_id: no run 'nobody' is known here"),
    (grant(slots=0), Code.INVALID_ARGUMENT, "slots: the run can use 1 to 4 slots, not 0"),
    (grant(slots=9), Code.INVALID_ARGUMENT, "slots: the run can use 1 to 4 slots, not 9"),
    (grant(revision=7), Code.ABORTED, "revision: cluster 'cluster-1' was changed meanwhile"),
    (reclaim(9), Code.INVALID_ARGUMENT, "slots: 9 are to be taken back, and the cluster has 4"),
    (reclaim(0), Code.INVALID_ARGUMENT, "slots: must be at least 1, got 0"),
    (reclaim(within_s=0), Code.INVALID_ARGUMENT, "within_s: must be above 0"),
    (reclaim(within_s=NAN), Code.INVALID_ARGUMENT, "within_s: must be above 0"),
    (reclaim(name=""), Code.INVALID_ARGUMENT, "reclaim_id: must be 1 to 100 letters"),
    (reclaim(revision=0), Code.ABORTED, "revision: cluster 'cluster-1' was changed meanwhile"),
    (reclaim(cluster_id="x"), Code.NOT_FOUND, "cluster_id: no cluster 'x'"),
    (
        lambda stub: stub.PreviewReclaim(pb.PreviewReclaimRequest(cluster_id=CLUSTER, slots=9, within_s=1)),
        Code.INVALID_ARGUMENT,
        "slots: 9 are to be taken back, and the cluster has 4",
    ),
    (lambda stub: stub.GetReclaim(pb.GetReclaimRequest(reclaim_id="x")), Code.NOT_FOUND, "reclaim_id: no reclaim 'x'"),
    (tenant(tenant_id=""), Code.INVALID_ARGUMENT, "tenant.tenant_id: must be 1 to 100 letters"),
    (tenant(weight=-1), Code.INVALID_ARGUMENT, "weight: must be a positive number"),
    (tenant(weight=NAN), Code.INVALID_ARGUMENT, "weight: must be a positive number"),
    (tenant(priority=5000), Code.INVALID_ARGUMENT, "priority: must lie between -1000 and 1000"),
    (tenant(quota_slots=2_000_000), Code.INVALID_ARGUMENT, "quota_slots: must lie between 0 and 1000000"),
    (tenant(revision=3), Code.ABORTED, "revision: tenant 'lab' was changed meanwhile, it is at revision 1"),
    (
        lambda stub: stub.RemoveTenant(pb.RemoveTenantRequest(tenant_id="nobody", revision=1)),
        Code.NOT_FOUND,
        "tenant_id: no tenant 'nobody' is known here",
    ),
    (
        lambda stub: stub.RemoveTenant(pb.RemoveTenantRequest(tenant_id="lab", revision=1)),
        Code.FAILED_PRECONDITION,
        "tenant_id: 1 runs of 'lab' go on, such as run-1",
    ),
    (
        lambda stub: stub.RenewLease(pb.RenewLeaseRequest(cluster_id=CLUSTER, lease_s=NAN)),
        Code.INVALID_ARGUMENT,
        "lease_s: must be zero or more seconds",
    ),
    (
        lambda stub: stub.WatchClusters(pb.WatchClustersRequest(cluster_id="x")).read(),
        Code.NOT_FOUND,
        "cluster_id: no cluster 'x'",
    ),
    (
        lambda stub: stub.WatchClusters(pb.WatchClustersRequest(resume_token="soon")).read(),
        Code.INVALID_ARGUMENT,
        "resume_token: is not one that this service gave",
    ),
]


@pytest.fixture
async def told(manager: TestManager) -> TestManager:
    """A cluster of four slots with one run of one tenant."""
    await manager.register(4)
    await manager.clusters.SetTenant(pb.SetTenantRequest(tenant=pb.Tenant(tenant_id="lab")))
    await manager.begin("run-1", tenant="lab")
    return manager


async def test_a_bad_call_is_refused_with_its_field_and_changes_nothing(told: TestManager) -> None:
    """One after the other, on one service: none of them leaves a trace."""
    before = await told.cluster()
    for call, code, text in BAD_CALLS:
        got = await refused(call(told.clusters))
        assert (got[0], got[1][: len(text)]) == (code, text)
    after = await told.cluster()
    assert (after.revision, after.capacity_slots, list(after.announced)) == (before.revision, 4, [])
    assert len((await told.clusters.ListClusters(pb.ListClustersRequest())).clusters) == 1


async def test_a_run_of_an_unknown_tenant_is_refused_at_its_start(told: TestManager) -> None:
    """Before its first superstep, and nothing of it is kept."""
    code, text = await refused(told.runs.StartRun(start("run-2", tenant="nobody")))
    assert (code, text.split(";")[0]) == (Code.INVALID_ARGUMENT, "tenant: no tenant 'nobody' is known")
    assert list(await told.grants()) == ["run-1"]


async def test_a_reclaim_id_that_was_used_otherwise_is_refused(told: TestManager) -> None:
    """The same id and content are the same reclaim."""
    await reclaim()(told.clusters)
    code, text = await refused(reclaim(2, revision=2)(told.clusters))
    assert (code, text) == (Code.ALREADY_EXISTS, "reclaim_id: 'back' was used for another reclaim; make a new one")
