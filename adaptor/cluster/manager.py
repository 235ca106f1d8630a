"""The manager for programs that block."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TypeVar

import grpc

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import clusters_pb2_grpc
from adaptor.client.channel import Credentials, open_channel
from adaptor.cluster import calls
from adaptor.cluster.calls import Call
from adaptor.cluster.errors import PASSING, error_of

T = TypeVar("T")


class ClusterManager:
    """Speaks for whoever hands out the slots of clusters.

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
        channel: grpc.Channel | None = None,
        credentials: Credentials | None = None,
        call_s: float = calls.CALL_S,
    ) -> None:
        shown = Credentials.from_environment() if credentials is None else credentials
        self._channel = channel or open_channel(calls.address_of(address), shown)
        self._stub = clusters_pb2_grpc.ClusterServiceStub(self._channel)
        self._call_s = call_s

    # --- clusters --------------------------------------------------------------------------------------------

    def register(
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
        return self._perform(calls.register(spec, capacity_slots, revision))

    def clusters(self) -> list[pb.Cluster]:
        """Every cluster, in the order of ids."""
        return self._perform(calls.clusters())

    def cluster(self, cluster_id: str) -> pb.Cluster:
        """One cluster."""
        return self._perform(calls.cluster(cluster_id))

    def remove(self, cluster_id: str, *, revision: int | None = None) -> int:
        """Manage a cluster no more; answers how many runs go on with what there is."""
        return self._perform(calls.remove(cluster_id, self._revision(cluster_id, revision)))

    def set_capacity(self, cluster_id: str, slots: int, *, revision: int | None = None) -> pb.SetCapacityResponse:
        """Say how many slots may be used from now on."""
        return self._perform(calls.set_capacity(cluster_id, slots, self._revision(cluster_id, revision)))

    def announce(
        self, cluster_id: str, announced: Sequence[pb.AnnouncedCapacity], *, revision: int | None = None
    ) -> pb.Cluster:
        """Say how many slots there will be, in place of what was announced before."""
        return self._perform(calls.announce(cluster_id, announced, self._revision(cluster_id, revision)))

    def renew_lease(self, cluster_id: str, *, lease_s: float = 0.0) -> float | None:
        """Say that the manager is still there; answers when the lease ends, ``None`` for never."""
        return self._perform(calls.renew_lease(cluster_id, lease_s))

    # --- demand, grants, reclaims ----------------------------------------------------------------------------

    def demand(self, cluster_id: str, *, run_id: str = "") -> list[pb.Demand]:
        """What slots would mean to each run, or to one."""
        found, token = self._perform(calls.demand(cluster_id, run_id, ""))
        demands = list(found)
        while token:
            found, token = self._perform(calls.demand(cluster_id, run_id, token))
            demands += found
        return demands

    def grants(self, cluster_id: str) -> list[pb.Grant]:
        """What each run was granted, and why."""
        found, token = self._perform(calls.grants(cluster_id, ""))
        grants = list(found)
        while token:
            found, token = self._perform(calls.grants(cluster_id, token))
            grants += found
        return grants

    def set_grant(self, cluster_id: str, run_id: str, slots: int | None, *, revision: int | None = None) -> pb.Grant:
        """Fix what a run gets; ``None`` leaves it to arbitration again."""
        named = self._revision(cluster_id, revision)
        return self._perform(calls.set_grant(cluster_id, run_id, slots, named))

    def preview_reclaim(self, cluster_id: str, *, slots: int, within_s: float) -> pb.PreviewReclaimResponse:
        """What a reclaim would take from whom, and the revision that the binding call rests on."""
        return self._perform(calls.preview_reclaim(cluster_id, slots, within_s))

    def reclaim(
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
            revision=self._revision(cluster_id, revision),
        )
        return self._perform(calls.reclaim(request))

    def reclaim_status(self, reclaim_id: str) -> pb.ReclaimStatus:
        """How a reclaim stands."""
        return self._perform(calls.reclaim_status(reclaim_id))

    # --- tenants ---------------------------------------------------------------------------------------------

    def set_tenant(
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
            revision = calls.tenant_revision(self.tenants(), tenant_id)
        tenant = pb.Tenant(
            tenant_id=tenant_id, quota_slots=quota_slots, priority=priority, weight=weight, revision=revision
        )
        return self._perform(calls.set_tenant(tenant))

    def tenants(self) -> list[pb.Tenant]:
        """Every tenant, in the order of ids."""
        return self._perform(calls.tenants())

    def remove_tenant(self, tenant_id: str, *, revision: int | None = None) -> None:
        """Remove a tenant of which no run goes on."""
        if revision is None:
            revision = calls.tenant_revision(self.tenants(), tenant_id)
        self._perform(calls.remove_tenant(tenant_id, revision))

    # --- watching --------------------------------------------------------------------------------------------

    def watch(self, cluster_id: str = "", *, resume_token: str = "") -> Iterator[pb.WatchClustersResponse]:
        """What happens, without end; goes on by itself, with nothing missed, where the service was away or restarted.

        Args:
            cluster_id: Only this cluster; empty for all.
            resume_token: Of the last news that is known already; empty begins with how every cluster stands.
        """
        while True:
            request = pb.WatchClustersRequest(cluster_id=cluster_id, resume_token=resume_token)
            call = self._stub.WatchClusters(request, wait_for_ready=True)
            try:
                for news in call:
                    resume_token = news.resume_token
                    yield news
                return
            except grpc.RpcError as error:
                if error.code() not in PASSING:
                    raise error_of(error) from error
            finally:
                call.cancel()  # type: ignore[no-untyped-call]  # the stubs lack its type
            time.sleep(calls.RECONNECT_S)

    # --- within ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Drop the connection."""
        self._channel.close()

    def __enter__(self) -> ClusterManager:
        """The manager itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the connection."""
        self.close()

    def _revision(self, cluster_id: str, given: int | None) -> int:
        return (self.cluster(cluster_id)).revision if given is None else given

    def _perform(self, call: Call[T]) -> T:
        try:
            answer = getattr(self._stub, call.method)(call.request, timeout=self._call_s)
        except grpc.RpcError as error:
            raise error_of(error) from error
        return call.answer(answer)
