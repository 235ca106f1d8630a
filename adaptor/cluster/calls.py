"""Every call of a manager as a value: which one, with what, and what of the answer counts. Both kinds perform them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from adaptor.api.v1 import clusters_pb2 as pb

DEFAULT_ADDRESS = "127.0.0.1:4400"
"""Where `adaptor serve` listens if nothing else is said."""

ADDRESS_VARIABLE = "ADAPTOR_ADDRESS"
"""Environment variable that names the service's address."""

CALL_S = 10.0
"""Longest wait for an answer: the service's own limit."""

RECONNECT_S = 0.5
"""Pause before a watch that was broken off is taken up again: a fraction of what a service takes to restart."""

PAGE = 1000
"""Runs of one answer, the most that there may be."""

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call.

    Attributes:
        method: Its name in the proto.
        request: What is sent.
        answer: What of the answer counts.
    """

    method: str
    request: Any
    answer: Callable[[Any], T]


def address_of(given: str) -> str:
    """The service's address: as given, or of the environment, or the default."""
    return given or os.environ.get(ADDRESS_VARIABLE, "") or DEFAULT_ADDRESS


def register(spec: pb.ClusterSpec, capacity_slots: int | None, revision: int) -> Call[pb.Cluster]:
    """Manage a cluster, or change what is known of it."""
    request = pb.RegisterClusterRequest(spec=spec, capacity_slots=capacity_slots, revision=revision)
    return Call("RegisterCluster", request, lambda answer: answer.cluster)


def clusters() -> Call[list[pb.Cluster]]:
    """Every cluster."""
    return Call("ListClusters", pb.ListClustersRequest(), lambda answer: list(answer.clusters))


def cluster(cluster_id: str) -> Call[pb.Cluster]:
    """One cluster."""
    return Call("GetCluster", pb.GetClusterRequest(cluster_id=cluster_id), lambda answer: answer.cluster)


def remove(cluster_id: str, revision: int) -> Call[int]:
    """Manage a cluster no more."""
    request = pb.RemoveClusterRequest(cluster_id=cluster_id, revision=revision)
    return Call("RemoveCluster", request, lambda answer: answer.runs)


def set_capacity(cluster_id: str, slots: int, revision: int) -> Call[pb.SetCapacityResponse]:
    """Say how many slots may be used."""
    request = pb.SetCapacityRequest(cluster_id=cluster_id, slots=slots, revision=revision)
    return Call("SetCapacity", request, lambda answer: answer)


def announce(cluster_id: str, announced: Iterable[pb.AnnouncedCapacity], revision: int) -> Call[pb.Cluster]:
    """Say how many slots there will be."""
    request = pb.AnnounceCapacityRequest(cluster_id=cluster_id, announced=announced, revision=revision)
    return Call("AnnounceCapacity", request, lambda answer: answer.cluster)


def renew_lease(cluster_id: str, lease_s: float) -> Call[float | None]:
    """Say that the manager is still there."""

    def expiry(answer: pb.RenewLeaseResponse) -> float | None:
        return answer.lease_expires_at_s if answer.HasField("lease_expires_at_s") else None

    return Call("RenewLease", pb.RenewLeaseRequest(cluster_id=cluster_id, lease_s=lease_s), expiry)


def demand(cluster_id: str, run_id: str, token: str) -> Call[tuple[Sequence[pb.Demand], str]]:
    """One page of what slots would mean."""
    request = pb.GetDemandRequest(cluster_id=cluster_id, run_id=run_id, page_size=PAGE, page_token=token)
    return Call("GetDemand", request, lambda answer: (answer.demands, answer.next_page_token))


def grants(cluster_id: str, token: str) -> Call[tuple[Sequence[pb.Grant], str]]:
    """One page of grants."""
    request = pb.ListGrantsRequest(cluster_id=cluster_id, page_size=PAGE, page_token=token)
    return Call("ListGrants", request, lambda answer: (answer.grants, answer.next_page_token))


def set_grant(cluster_id: str, run_id: str, slots: int | None, revision: int) -> Call[pb.Grant]:
    """Fix what a run gets."""
    request = pb.SetGrantRequest(cluster_id=cluster_id, run_id=run_id, slots=slots, revision=revision)
    return Call("SetGrant", request, lambda answer: answer.grant)


def preview_reclaim(cluster_id: str, slots: int, within_s: float) -> Call[pb.PreviewReclaimResponse]:
    """What a reclaim would do."""
    request = pb.PreviewReclaimRequest(cluster_id=cluster_id, slots=slots, within_s=within_s)
    return Call("PreviewReclaim", request, lambda answer: answer)


def reclaim(request: pb.ReclaimRequest) -> Call[pb.ReclaimStatus]:
    """Take slots back."""
    return Call("Reclaim", request, lambda answer: answer.reclaim)


def new_reclaim_id() -> str:
    """An id that no other reclaim has."""
    return f"reclaim-{uuid.uuid4().hex[:12]}"


def reclaim_status(reclaim_id: str) -> Call[pb.ReclaimStatus]:
    """How a reclaim stands."""
    return Call("GetReclaim", pb.GetReclaimRequest(reclaim_id=reclaim_id), lambda answer: answer.reclaim)


def set_tenant(tenant: pb.Tenant) -> Call[pb.SetTenantResponse]:
    """Make or change a tenant."""
    return Call("SetTenant", pb.SetTenantRequest(tenant=tenant), lambda answer: answer)


def tenants() -> Call[list[pb.Tenant]]:
    """Every tenant."""
    return Call("ListTenants", pb.ListTenantsRequest(), lambda answer: list(answer.tenants))


def remove_tenant(tenant_id: str, revision: int) -> Call[None]:
    """Remove a tenant."""
    request = pb.RemoveTenantRequest(tenant_id=tenant_id, revision=revision)
    return Call("RemoveTenant", request, lambda _: None)


def tenant_revision(known: Iterable[pb.Tenant], tenant_id: str) -> int:
    """Revision of a tenant; 0 if it is not known."""
    return next((one.revision for one in known if one.tenant_id == tenant_id), 0)
