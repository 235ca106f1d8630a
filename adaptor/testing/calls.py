"""Requests with everything filled in, for tests over gRPC."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.testing.values import FLINK_URL, RUN_ID


def start(run_id: str = RUN_ID, **fields: Any) -> pb.StartRunRequest:
    """A run that starts at 1 and would miss its target there."""
    request = pb.StartRunRequest(
        run_id=run_id,
        context=pb.ExecutionContext(program="kmeans", parameters={"k": "8"}),
        runtime_target=pb.RuntimeTarget(target_s=110.0),
        bounds=pb.Bounds(max_parallelism=4),
        start_parallelism=1,
        max_supersteps=20,
        flink_url=FLINK_URL,
    )
    request.MergeFrom(pb.StartRunRequest(**fields))
    return request


def start_without(*names: str) -> pb.StartRunRequest:
    """The same with fields left out."""
    request = start()
    for name in names:
        request.ClearField(name)  # type: ignore[arg-type]  # any of its fields
    return request


def report(superstep: int, duration_s: float = 10.0, **fields: Any) -> pb.ReportBarrierRequest:
    """The end of a superstep at parallelism 1."""
    return pb.ReportBarrierRequest(
        run_id=RUN_ID, superstep=superstep, requested_parallelism=1, duration_s=duration_s, **fields
    )


def finish(state: pb.RunState.ValueType = pb.RUN_STATE_FINISHED, *, run_id: str = RUN_ID) -> pb.FinishRunRequest:
    """The end of a run."""
    return pb.FinishRunRequest(run_id=run_id, state=state)


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """Code and text of a call that must fail."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error.code(), str(error.details())
    raise AssertionError(f"the call was not refused but answered {answer}")
