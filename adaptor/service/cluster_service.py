"""ClusterService: each call is a translation, one call to the engine, and a translation back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import clusters_pb2_grpc
from adaptor.domain.cluster_news import ClusterStatus
from adaptor.domain.managed import LONGEST_S
from adaptor.engine.cluster_desk import Granted
from adaptor.engine.clusters import Clusters
from adaptor.errors import InvalidValueError, SlowReaderError
from adaptor.service import answers as run_answers
from adaptor.service import cluster_answers as answers
from adaptor.service import cluster_requests as requests
from adaptor.service.run_service import place

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class ClusterService(clusters_pb2_grpc.ClusterServiceServicer):
    """Answers for managed clusters.

    Args:
        clusters: Does the work.
        watch_stall_s: Longest time that a watcher may read nothing.
        now_s: Tells the time, in seconds since the epoch.
    """

    def __init__(self, clusters: Clusters, *, watch_stall_s: float, now_s: Callable[[], float] = time.time) -> None:
        self._clusters = clusters
        self._watch_stall_s = watch_stall_s
        self._now_s = now_s

    # --- clusters --------------------------------------------------------------------------------------------

    async def RegisterCluster(self, request: pb.RegisterClusterRequest, context: Call) -> pb.RegisterClusterResponse:
        """Manage a cluster, or change what is known of it."""
        given = request.capacity_slots if request.HasField("capacity_slots") else None
        status = await self._clusters.register(
            requests.managed_cluster(request.spec),
            capacity_slots=None if given is None else requests.slots("capacity_slots", given),
            expiry=requests.expiry(request.spec),
            revision=request.revision,
        )
        return pb.RegisterClusterResponse(cluster=self._cluster(status))

    async def ListClusters(self, request: pb.ListClustersRequest, context: Call) -> pb.ListClustersResponse:
        """List the clusters."""
        return pb.ListClustersResponse(clusters=map(self._cluster, self._clusters.clusters()))

    async def GetCluster(self, request: pb.GetClusterRequest, context: Call) -> pb.GetClusterResponse:
        """One cluster."""
        return pb.GetClusterResponse(cluster=self._cluster(self._clusters.cluster(request.cluster_id)))

    async def RemoveCluster(self, request: pb.RemoveClusterRequest, context: Call) -> pb.RemoveClusterResponse:
        """Manage a cluster no more."""
        return pb.RemoveClusterResponse(runs=await self._clusters.remove(request.cluster_id, revision=request.revision))

    async def SetCapacity(self, request: pb.SetCapacityRequest, context: Call) -> pb.SetCapacityResponse:
        """Say how many slots may be used."""
        status, remark = await self._clusters.set_capacity(
            request.cluster_id, requests.slots("slots", request.slots), revision=request.revision
        )
        return pb.SetCapacityResponse(cluster=self._cluster(status), remark=remark)

    async def AnnounceCapacity(self, request: pb.AnnounceCapacityRequest, context: Call) -> pb.AnnounceCapacityResponse:
        """Say how many slots there will be."""
        changes = [requests.capacity_change(one) for one in request.announced]
        status = await self._clusters.announce(request.cluster_id, changes, revision=request.revision)
        return pb.AnnounceCapacityResponse(cluster=self._cluster(status))

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Call) -> pb.RenewLeaseResponse:
        """Say that the manager is still there."""
        if not 0 <= request.lease_s <= LONGEST_S:
            raise InvalidValueError("lease_s", f"must be zero or more seconds, got {request.lease_s:g}")
        expires = await self._clusters.renew_lease(request.cluster_id, lease_s=request.lease_s)
        return pb.RenewLeaseResponse(lease_expires_at_s=expires)

    # --- demand, grants, reclaims ----------------------------------------------------------------------------

    async def GetDemand(self, request: pb.GetDemandRequest, context: Call) -> pb.GetDemandResponse:
        """What slots would mean."""
        cluster, found = await self._clusters.demand(request.cluster_id, run_id=request.run_id)
        listed = [(demand.run_id, (demand, run)) for demand, run in found]
        shown, token = requests.page(listed, size=request.page_size, token=request.page_token)
        demands = [
            answers.demand(
                demand,
                cluster_id=cluster.cluster_id,
                price_per_slot_s=cluster.price_per_slot_s,
                objective=run_answers.objective_text(run.objective),
            )
            for demand, run in shown
        ]
        return pb.GetDemandResponse(demands=demands, next_page_token=token)

    async def ListGrants(self, request: pb.ListGrantsRequest, context: Call) -> pb.ListGrantsResponse:
        """What each run was granted."""
        listed = [(one.grant.run_id, one) for one in self._clusters.granted(request.cluster_id)]
        shown, token = requests.page(listed, size=request.page_size, token=request.page_token)
        return pb.ListGrantsResponse(grants=map(_grant, shown), next_page_token=token)

    async def SetGrant(self, request: pb.SetGrantRequest, context: Call) -> pb.SetGrantResponse:
        """Fix what a run gets."""
        granted, revision = await self._clusters.fix_grant(
            request.cluster_id,
            request.run_id,
            request.slots if request.HasField("slots") else None,
            revision=request.revision,
        )
        return pb.SetGrantResponse(grant=_grant(granted), revision=revision)

    async def PreviewReclaim(self, request: pb.PreviewReclaimRequest, context: Call) -> pb.PreviewReclaimResponse:
        """What a reclaim would do."""
        asked = requests.reclaim_request(request.cluster_id, request.slots, request.within_s)
        found, revision = await self._clusters.reclaims.preview(asked)
        return pb.PreviewReclaimResponse(reclaim=answers.reclaim(found), revision=revision)

    async def Reclaim(self, request: pb.ReclaimRequest, context: Call) -> pb.ReclaimResponse:
        """Take slots back."""
        reclaim_id = requests.identity("reclaim_id", request.reclaim_id)
        asked = requests.reclaim_request(request.cluster_id, request.slots, request.within_s)
        found, revision = await self._clusters.reclaims.bind(reclaim_id, asked, revision=request.revision)
        return pb.ReclaimResponse(reclaim=answers.reclaim(found), revision=revision)

    async def GetReclaim(self, request: pb.GetReclaimRequest, context: Call) -> pb.GetReclaimResponse:
        """How a reclaim stands."""
        return pb.GetReclaimResponse(reclaim=answers.reclaim(self._clusters.reclaims.of(request.reclaim_id)))

    # --- tenants ---------------------------------------------------------------------------------------------

    async def SetTenant(self, request: pb.SetTenantRequest, context: Call) -> pb.SetTenantResponse:
        """Make or change a tenant."""
        known, held, remark = await self._clusters.tenants.set(
            requests.tenant(request.tenant), revision=request.tenant.revision
        )
        return pb.SetTenantResponse(tenant=answers.tenant(known, held_slots=held), remark=remark)

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Call) -> pb.ListTenantsResponse:
        """List the tenants."""
        known = self._clusters.tenants.all()
        return pb.ListTenantsResponse(tenants=[answers.tenant(one, held_slots=held) for one, held in known])

    async def RemoveTenant(self, request: pb.RemoveTenantRequest, context: Call) -> pb.RemoveTenantResponse:
        """Remove a tenant."""
        await self._clusters.tenants.remove(request.tenant_id, revision=request.revision)
        return pb.RemoveTenantResponse()

    # --- watching --------------------------------------------------------------------------------------------

    async def WatchClusters(
        self, request: pb.WatchClustersRequest, context: Call
    ) -> AsyncIterator[pb.WatchClustersResponse]:
        """Stream what happens."""
        after = place(request.resume_token) if request.resume_token else None
        token = request.resume_token
        async for found, happened in self._clusters.watch(request.cluster_id, after=after):
            message = answers.news(found, happened)
            taken = await _written(context, message, within_s=self._watch_stall_s)
            if taken is None:
                return
            if not taken:
                raise SlowReaderError(token, waited_s=self._watch_stall_s)
            token = message.resume_token
        return
        yield  # what there is to say is written above, where the wait for the reader is bounded

    def _cluster(self, status: ClusterStatus) -> pb.Cluster:
        return answers.cluster(status, now_s=self._now_s())


async def _written(context: Call, message: pb.WatchClustersResponse, *, within_s: float) -> bool | None:
    """Whether a reader took a message in time; ``None`` if it has gone.

    gRPC holds a bounded number of bytes for a reader that does not read, and then does not finish the write.
    """
    writing = asyncio.ensure_future(context.write(message))
    try:
        await asyncio.wait({writing}, timeout=within_s)
    finally:
        finished = writing.done()
        writing.cancel()
    if not finished:
        return False
    return None if writing.cancelled() or writing.exception() else True


def _grant(granted: Granted) -> pb.Grant:
    return answers.grant(
        granted.grant, held_slots=granted.held_slots, tenant_id=granted.tenant_id, renew_by_s=granted.renew_by_s
    )
