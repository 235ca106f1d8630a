"""The manager for programs that use asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import TypeVar

import grpc

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import clusters_pb2_grpc
from adaptor.client.channel import Credentials, open_aio_channel
from adaptor.cluster import calls
from adaptor.cluster.calls import Call
from adaptor.cluster.errors import PASSING, error_of

T = TypeVar("T")


class AsyncClusterManager:
    """Speaks for whoever hands out the slots of clusters, without blocking.

    Args:
        address: Of the service; empty takes the environment variable ADAPTOR_ADDRESS, else 127.0.0.1:4400.
        channel: An open channel to use instead.
        credentials: What shows who calls, where the service asks; ``None`` takes the files that the environment names
            (ADAPTOR_CA_FILE, ADAPTOR_TOKEN_FILE, ADAPTOR_CERTIFICATE_FILE, ADAPTOR_KEY_FILE), if any.
        call_s: Longest wait for an answer, in seconds.

    Raises:
        CredentialError: If a file of credentials cannot be used.

    Every call raises a `ClusterCallError`: `RefusedCallError` for what makes no sense, `NotKnownError` for what is not
    known, `StaleRevisionError` where another manager wrote since the revision that was named. Where a `revision` is not
    given the newest one is read first.
    """

    def __init__(
        self,
        address: str = "",
        *,
        channel: grpc.aio.Channel | None = None,
        credentials: Credentials | None = None,
        call_s: float = calls.CALL_S,
    ) -> None:
        shown = Credentials.from_environment() if credentials is None else credentials
        self._channel = channel or open_aio_channel(calls.address_of(address), shown)
        self._stub = clusters_pb2_grpc.ClusterServiceStub(self._channel)
        self._call_s = call_s

    # --- clusters --------------------------------------------------------------------------------------------

    async def register(
        self,
        cluster_id: str,
        flink_url: str,
        *,
        capacity_slots: int | None = None,
        slots_per_task_manager: int = 1,
        node_types: Sequence[str] = (),
        price_per_slot_s: float = 0.0,
        lease_s: float = 0.0,
        on_expiry: pb.OnExpiry.ValueType = pb.ON_EXPIRY_UNSPECIFIED,
        revision: int = 0,
    ) -> pb.Cluster:
        """Manage a cluster, or, if a revision is named, change what is known of it."""
        spec = pb.ClusterSpec(
            cluster_id=cluster_id,
            flink_url=flink_url,
            slots_per_task_manager=slots_per_task_manager,
            node_types=node_types,
            price_per_slot_s=price_per_slot_s,
            lease_s=lease_s,
            on_expiry=on_expiry,
        )
        return await self._perform(calls.register(spec, capacity_slots, revision))

    async def clusters(self) -> list[pb.Cluster]:
        """Every cluster, in the order of ids."""
        return await self._perform(calls.clusters())

    async def cluster(self, cluster_id: str) -> pb.Cluster:
        """One cluster."""
        return await self._perform(calls.cluster(cluster_id))

    async def remove(self, cluster_id: str, *, revision: int | None = None) -> int:
        """Manage a cluster no more; answers how many runs go on with what there is."""
        return await self._perform(calls.remove(cluster_id, await self._revision(cluster_id, revision)))

    async def set_capacity(self, cluster_id: str, slots: int, *, revision: int | None = None) -> pb.SetCapacityResponse:
        """Say how many slots may be used from now on."""
        return await self._perform(calls.set_capacity(cluster_id, slots, await self._revision(cluster_id, revision)))

    async def announce(
        self, cluster_id: str, announced: Sequence[pb.AnnouncedCapacity], *, revision: int | None = None
    ) -> pb.Cluster:
        """Say how many slots there will be, in place of what was announced before."""
        return await self._perform(calls.announce(cluster_id, announced, await self._revision(cluster_id, revision)))

    async def renew_lease(self, cluster_id: str, *, lease_s: float = 0.0) -> float | None:
        """Say that the manager is still there; answers when the lease ends, ``None`` for never."""
        return await self._perform(calls.renew_lease(cluster_id, lease_s))

    # --- demand, grants, reclaims ----------------------------------------------------------------------------

    async def demand(self, cluster_id: str, *, run_id: str = "") -> list[pb.Demand]:
        """What slots would mean to each run, or to one."""
        found, token = await self._perform(calls.demand(cluster_id, run_id, ""))
        demands = list(found)
        while token:
            found, token = await self._perform(calls.demand(cluster_id, run_id, token))
            demands += found
        return demands

    async def grants(self, cluster_id: str) -> list[pb.Grant]:
        """What each run was granted, and why."""
        found, token = await self._perform(calls.grants(cluster_id, ""))
        grants = list(found)
        while token:
            found, token = await self._perform(calls.grants(cluster_id, token))
            grants += found
        return grants

    async def set_grant(
        self, cluster_id: str, run_id: str, slots: int | None, *, revision: int | None = None
    ) -> pb.Grant:
        """Fix what a run gets; ``None`` leaves it to arbitration again."""
        named = await self._revision(cluster_id, revision)
        return await self._perform(calls.set_grant(cluster_id, run_id, slots, named))

    async def preview_reclaim(self, cluster_id: str, *, slots: int, within_s: float) -> pb.PreviewReclaimResponse:
        """What a reclaim would take from whom, and the revision that the binding call rests on."""
        return await self._perform(calls.preview_reclaim(cluster_id, slots, within_s))

    async def reclaim(
        self,
        cluster_id: str,
        *,
        slots: int,
        within_s: float,
        reclaim_id: str = "",
        revision: int | None = None,
    ) -> pb.ReclaimStatus:
        """Take slots back for good, at the barriers of the runs that give them; the same id is the same reclaim."""
        request = pb.ReclaimRequest(
            reclaim_id=reclaim_id or calls.new_reclaim_id(),
            cluster_id=cluster_id,
            slots=slots,
            within_s=within_s,
            revision=await self._revision(cluster_id, revision),
        )
        return await self._perform(calls.reclaim(request))

    async def reclaim_status(self, reclaim_id: str) -> pb.ReclaimStatus:
        """How a reclaim stands."""
        return await self._perform(calls.reclaim_status(reclaim_id))

    # --- tenants ---------------------------------------------------------------------------------------------

    async def set_tenant(
        self,
        tenant_id: str,
        *,
        quota_slots: int | None = None,
        priority: int = 0,
        weight: float = 1.0,
        revision: int | None = None,
    ) -> pb.SetTenantResponse:
        """Make or change a tenant; the answer says what takes effect only later."""
        if revision is None:
            revision = calls.tenant_revision(await self.tenants(), tenant_id)
        tenant = pb.Tenant(
            tenant_id=tenant_id, quota_slots=quota_slots, priority=priority, weight=weight, revision=revision
        )
        return await self._perform(calls.set_tenant(tenant))

    async def tenants(self) -> list[pb.Tenant]:
        """Every tenant, in the order of ids."""
        return await self._perform(calls.tenants())

    async def remove_tenant(self, tenant_id: str, *, revision: int | None = None) -> None:
        """Remove a tenant of which no run goes on."""
        if revision is None:
            revision = calls.tenant_revision(await self.tenants(), tenant_id)
        await self._perform(calls.remove_tenant(tenant_id, revision))

    # --- watching --------------------------------------------------------------------------------------------

    async def watch(self, cluster_id: str = "", *, resume_token: str = "") -> AsyncIterator[pb.WatchClustersResponse]:
        """What happens, without end; goes on by itself, with nothing missed, where the service was away or restarted.

        Args:
            cluster_id: Only this cluster; empty for all.
            resume_token: Of the last news that is known already; empty begins with how every cluster stands.
        """
        while True:
            request = pb.WatchClustersRequest(cluster_id=cluster_id, resume_token=resume_token)
            call = self._stub.WatchClusters(request, wait_for_ready=True)
            try:
                async for news in call:
                    resume_token = news.resume_token
                    yield news
                return
            except grpc.RpcError as error:
                if error.code() not in PASSING:
                    raise error_of(error) from error
            finally:
                call.cancel()
            await asyncio.sleep(calls.RECONNECT_S)

    # --- within ----------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Drop the connection."""
        await self._channel.close(None)

    async def __aenter__(self) -> AsyncClusterManager:
        """The manager itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the connection."""
        await self.close()

    async def _revision(self, cluster_id: str, given: int | None) -> int:
        return (await self.cluster(cluster_id)).revision if given is None else given

    async def _perform(self, call: Call[T]) -> T:
        try:
            answer = await getattr(self._stub, call.method)(call.request, timeout=self._call_s)
        except grpc.RpcError as error:
            raise error_of(error) from error
        return call.answer(answer)
