"""Runs that are only told: a driver reports made-up durations over gRPC, and no Flink is there."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc

CALL_S = 20.0
MOST = 4


def started(stub: runs_pb2_grpc.RunServiceStub, run_id: str, *, rows: int, start: int, target_s: float) -> pb.Plan:
    """Begin a run of K-Means over so many rows, and answer the plan for its first superstep."""
    request = pb.StartRunRequest(
        run_id=run_id,
        context=pb.ExecutionContext(program="kmeans", parameters={"k": "6"}, data={"rows": str(rows)}),
        bounds=pb.Bounds(min_parallelism=1, max_parallelism=MOST),
        runtime_target=pb.RuntimeTarget(target_s=target_s),
        start_parallelism=start,
        max_supersteps=20,
        shareable=True,
    )
    return stub.StartRun(request, timeout=CALL_S, wait_for_ready=True).plan


def told(
    address: str,
    run_id: str,
    superstep_s: Callable[[int], float],
    *,
    rows: int,
    start: int,
    target_s: float,
    supersteps: int,
) -> list[pb.Plan]:
    """Tell a service of a whole run; the plans that it answered, the first one included."""
    with grpc.insecure_channel(address) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        plans = [started(stub, run_id, rows=rows, start=start, target_s=target_s)]
        for number in range(1, supersteps + 1):
            parallelism = plans[-1].parallelism
            report = pb.ReportBarrierRequest(
                run_id=run_id,
                superstep=number,
                requested_parallelism=parallelism,
                duration_s=superstep_s(parallelism) * (1 + 0.01 * (number % 3)),
            )
            plans.append(stub.ReportBarrier(report, timeout=CALL_S).plan)
        stub.FinishRun(pb.FinishRunRequest(run_id=run_id, state=pb.RUN_STATE_FINISHED), timeout=CALL_S)
    return plans
