"""A cluster's manager over gRPC, for tests."""

from __future__ import annotations

import grpc

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import clusters_pb2_grpc, runs_pb2, runs_pb2_grpc
from adaptor.testing.calls import report, start
from adaptor.testing.values import FLINK_URL

CLUSTER = "cluster-1"


class TestManager:
    """Calls the service as a manager and as the jobs of its cluster do.

    Args:
        channel: Of the service.

    Attributes:
        clusters: What managers call.
        runs: What jobs call.
    """

    __test__ = False

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.clusters = clusters_pb2_grpc.ClusterServiceStub(channel)
        self.runs = runs_pb2_grpc.RunServiceStub(channel)

    async def register(self, slots: int = 4, **spec: object) -> pb.Cluster:
        """Manage the tests' cluster."""
        told = pb.ClusterSpec(cluster_id=CLUSTER, flink_url=FLINK_URL, **spec)  # type: ignore[arg-type]
        answer = await self.clusters.RegisterCluster(pb.RegisterClusterRequest(spec=told, capacity_slots=slots))
        return answer.cluster

    async def cluster(self) -> pb.Cluster:
        """How it stands."""
        answer = await self.clusters.GetCluster(pb.GetClusterRequest(cluster_id=CLUSTER))
        return answer.cluster

    async def grants(self) -> dict[str, pb.Grant]:
        """What each run may use."""
        answer = await self.clusters.ListGrants(pb.ListGrantsRequest(cluster_id=CLUSTER))
        return {one.run_id: one for one in answer.grants}

    async def reclaim(self, reclaim_id: str) -> pb.ReclaimStatus:
        """How a reclaim stands."""
        answer = await self.clusters.GetReclaim(pb.GetReclaimRequest(reclaim_id=reclaim_id))
        return answer.reclaim

    async def begin(self, run_id: str, **fields: object) -> int:
        """Start a run that would miss its target with one slot; the parallelism of its plan."""
        answer = await self.runs.StartRun(start(run_id, **fields))
        return int(answer.plan.parallelism)

    async def hold(self, run_id: str, slots: int, **fields: object) -> None:
        """Start a run that always wants so many slots."""
        given = {"policy": "static", "start_parallelism": slots, "bounds": runs_pb2.Bounds(max_parallelism=8)}
        given |= {"efficiency_target": runs_pb2.EfficiencyTarget(min_efficiency=0.01), **fields}
        await self.begin(run_id, **given)

    async def barrier(self, run_id: str, superstep: int, duration_s: float = 10.0, *, at: int = 1) -> int:
        """End a superstep; the parallelism of the next one."""
        request = report(superstep, duration_s)
        request.run_id, request.requested_parallelism = run_id, at
        answer = await self.runs.ReportBarrier(request)
        return int(answer.plan.parallelism)
