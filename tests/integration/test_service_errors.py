"""Each thing that can be wrong with a call has its gRPC status and names the field."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.testing.calls import finish, refused, report, start, start_without
from adaptor.testing.run_store import InMemoryRunStore
from adaptor.testing.workshop import Workshop

Stub = runs_pb2_grpc.RunServiceStub


BAD_STARTS: list[tuple[pb.StartRunRequest, str]] = [
    (start(run_id="a b"), "run_id: "),
    (start_without("run_id"), "run_id: "),
    (start_without("context"), "context.program: must not be empty"),
    (start_without("runtime_target"), "objective: must be set"),
    (start(runtime_target=pb.RuntimeTarget(target_s=-3)), "target_s: must be a positive number of seconds"),
    (start(runtime_target=pb.RuntimeTarget(confidence=1.0)), "confidence: must lie between 0 and 1"),
    (start(efficiency_target=pb.EfficiencyTarget(min_efficiency=2)), "min_efficiency: must lie between"),
    (start(bounds=pb.Bounds(min_parallelism=5)), "bounds: min_parallelism 5 is above max_parallelism 4; swap them"),
    (start(bounds=pb.Bounds(max_parallelism=10**6)), "bounds.max_parallelism: must lie between"),
    (start_without("start_parallelism"), "start_parallelism: 0 lies outside the bounds 1..4"),
    (start_without("max_supersteps"), "max_supersteps: must lie between 1"),
    (start(flink_url="flink:8081"), "flink_url: must start with http"),
    (start(policy="fast"), "policy: 'fast' is not one of"),
    (start_without("flink_url", "bounds"), "bounds.max_parallelism: must be given where flink_url is empty"),
]


@pytest.mark.parametrize(("request_", "message"), BAD_STARTS, ids=[message.split(":")[0] for _, message in BAD_STARTS])
async def test_a_start_that_makes_no_sense_is_refused_with_its_field(
    stub: Stub, request_: pb.StartRunRequest, message: str
) -> None:
    """INVALID_ARGUMENT, the field first, and no run afterwards."""
    code, text = await refused(stub.StartRun(request_))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith(message)
    assert not (await stub.ListRuns(pb.ListRunsRequest())).runs


Bad = tuple[Callable[[Stub], object], grpc.StatusCode, str]
BAD_CALLS: list[Bad] = [
    (lambda stub: stub.StartRun(start(policy="static")), grpc.StatusCode.ALREADY_EXISTS, "run_id: 'run-1' was"),
    (lambda stub: stub.ReportBarrier(report(1, 11.0)), grpc.StatusCode.ALREADY_EXISTS, "superstep: 1 was already"),
    (lambda stub: stub.ReportBarrier(report(3)), grpc.StatusCode.FAILED_PRECONDITION, "superstep: 3 reported, but 2"),
    (lambda stub: stub.ReportBarrier(report(2, attempt=2)), grpc.StatusCode.FAILED_PRECONDITION, "attempt: 2"),
    (lambda stub: stub.ReportBarrier(report(0)), grpc.StatusCode.INVALID_ARGUMENT, "superstep: must be at least 1"),
    (lambda stub: stub.ReportBarrier(report(2, -1.0)), grpc.StatusCode.INVALID_ARGUMENT, "duration_s: must be"),
    (lambda stub: stub.ReportBarrier(report(2, float("nan"))), grpc.StatusCode.INVALID_ARGUMENT, "duration_s: must"),
    (
        lambda stub: stub.ReportBarrier(pb.ReportBarrierRequest(run_id="run-1", superstep=2, duration_s=1)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "requested_parallelism: must be at least 1",
    ),
    (
        lambda stub: stub.FinishRun(finish(pb.RUN_STATE_ABANDONED)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "state: must be FINISHED, FAILED or CANCELLED",
    ),
    (
        lambda stub: stub.FinishRun(finish(run_id="x")),
        grpc.StatusCode.NOT_FOUND,
        "run_id: no run 'x' is known here",
    ),
    (lambda stub: stub.GetRun(pb.GetRunRequest(run_id="x")), grpc.StatusCode.NOT_FOUND, "run_id: no run 'x'"),
    (lambda stub: stub.GetRun(pb.GetRunRequest()), grpc.StatusCode.NOT_FOUND, "run_id: no run ''"),
    (lambda stub: stub.WatchRun(pb.WatchRunRequest(run_id="x")).read(), grpc.StatusCode.NOT_FOUND, "run_id: no run"),
    (
        lambda stub: stub.WatchRun(pb.WatchRunRequest(run_id="run-1", resume_token="-1")).read(),
        grpc.StatusCode.INVALID_ARGUMENT,
        "resume_token: is not one that this service gave",
    ),
    (
        lambda stub: stub.ListRuns(pb.ListRunsRequest(page_size=1001)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "page_size: must be at most 1000",
    ),
    (
        lambda stub: stub.ListRuns(pb.ListRunsRequest(page_token="soon")),
        grpc.StatusCode.INVALID_ARGUMENT,
        "page_token: is not one that ListRuns gave",
    ),
]


@pytest.mark.parametrize(("call", "code", "message"), BAD_CALLS, ids=[message for *_, message in BAD_CALLS])
async def test_each_error_has_its_status_and_names_the_field(
    stub: Stub, call: Callable[[Stub], object], code: grpc.StatusCode, message: str
) -> None:
    """A run that has got through its first superstep; nothing of it changes."""
    await stub.StartRun(start())
    await stub.ReportBarrier(report(1))
    before = await stub.GetRun(pb.GetRunRequest(run_id="run-1"))
    got, text = await refused(call(stub))
    assert (got, text[: len(message)]) == (code, message)
    assert await stub.GetRun(pb.GetRunRequest(run_id="run-1")) == before


async def test_nothing_is_taken_after_the_end(stub: Stub) -> None:
    """Neither reports nor another start; repetitions are answered as before."""
    await stub.StartRun(start())
    first = await stub.ReportBarrier(report(1))
    await stub.FinishRun(finish(pb.RUN_STATE_FAILED))
    for call in (stub.ReportBarrier(report(2)), stub.StartRun(start())):
        code, text = await refused(call)
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert text.startswith("run_id: run 'run-1' is over (failed)")
    assert await stub.ReportBarrier(report(1)) == first
    again = await stub.FinishRun(finish())
    assert again.state == pb.RUN_STATE_FAILED


async def test_a_store_that_cannot_be_written_is_said_to_be_so(shop: Workshop, stub: Stub) -> None:
    """And the same call succeeds once it can."""
    store = shop.store
    assert isinstance(store, InMemoryRunStore)
    store.failing = True
    code, text = await refused(stub.StartRun(start()))
    assert (code, text[:10]) == (grpc.StatusCode.DATA_LOSS, "state_dir:")
    store.failing = False
    assert (await stub.StartRun(start())).next_superstep == 1


async def test_a_bug_is_an_internal_error_that_tells_the_caller_nothing_of_it(
    shop: Workshop, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    """No traceback travels; the log has it."""

    async def broken(**_: object) -> None:
        raise ZeroDivisionError("secret")

    shop.observer.observe = broken  # type: ignore[method-assign, assignment]
    await stub.StartRun(start())
    code, text = await refused(stub.ReportBarrier(report(1)))
    assert code is grpc.StatusCode.INTERNAL
    assert "secret" not in text
    assert "ZeroDivisionError: secret" in caplog.text
