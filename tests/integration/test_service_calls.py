"""The service over real gRPC on loopback: what is answered, told and listed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc
import pytest

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.domain.run import RunState
from adaptor.testing.calls import finish, refused, report, start
from adaptor.testing.loopback import a_server
from adaptor.testing.workshop import Workshop, until

Stub = runs_pb2_grpc.RunServiceStub


async def test_a_run_from_start_to_end(stub: Stub) -> None:
    """Start, barrier, finish; then it can be read with everything that was decided."""
    started = await stub.StartRun(start())
    assert (started.next_superstep, started.next_attempt, started.plan.reason_code) == (1, 1, "nothing_known")
    answer = await stub.ReportBarrier(report(1))
    assert (answer.plan.superstep, answer.plan.reason_code) == (2, "explore_wider")
    assert answer.plan.evidence.own_observations == 1
    assert [one.parallelism for one in answer.plan.alternatives] == [1, 2, 3, 4]
    assert answer.plan.alternatives[3].outside_observed_range
    assert answer.plan.alternatives[0].HasField("on_time_probability")
    finished = await stub.FinishRun(finish())
    assert finished.state == pb.RUN_STATE_FINISHED
    run = await stub.GetRun(pb.GetRunRequest(run_id="run-1"))
    assert run.summary.objective == "within 110 s with 90 %"
    assert (run.summary.supersteps, run.summary.state) == (1, pb.RUN_STATE_FINISHED)
    assert list(run.plans) == [started.plan, answer.plan]
    assert [(one.superstep, one.cold) for one in run.observations] == [(1, True)]
    assert not run.observations[0].HasField("observed_parallelism")
    expected = start(policy="adaptor", context=pb.ExecutionContext(node_type="unknown"))
    expected.bounds.min_parallelism, expected.runtime_target.confidence = 1, 0.9
    assert run.start == expected


async def test_an_attempt_of_zero_is_the_first(stub: Stub) -> None:
    """A caller without retries need not know of them."""
    await stub.StartRun(start())
    assert await stub.ReportBarrier(report(1)) == await stub.ReportBarrier(report(1, attempt=1))


async def test_a_report_whose_caller_gave_up_is_recorded_all_the_same(shop: Workshop, stub: Stub) -> None:
    """The repetition gets its plan without a second observation."""
    await stub.StartRun(start())
    shop.observer.open.clear()
    call = stub.ReportBarrier(report(1))
    await until(lambda: shop.observer.asked)
    call.cancel()
    code, _ = await refused(stub.ReportBarrier(report(1), timeout=0.02))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    shop.observer.open.set()
    answer = await stub.ReportBarrier(report(1))
    assert answer.plan.superstep == 2
    assert len(shop.observer.asked) == 1


async def test_runs_are_listed_in_pages(shop: Workshop, stub: Stub) -> None:
    """Newest first; the last page has no token."""
    for number in range(5):
        await stub.StartRun(start(f"run-{number}"))
        shop.clock.advance(1.0)
    names, token, pages = [], "", 0
    while pages == 0 or token:
        page = await stub.ListRuns(pb.ListRunsRequest(page_size=2, page_token=token))
        names += [one.run_id for one in page.runs]
        token, pages = page.next_page_token, pages + 1
    assert (names, pages) == (["run-4", "run-3", "run-2", "run-1", "run-0"], 3)
    assert len((await stub.ListRuns(pb.ListRunsRequest())).runs) == 5


async def test_a_watcher_is_told_the_story_and_resumes_where_it_was(shop: Workshop, stub: Stub) -> None:
    """From each of its tokens the rest of the story follows, nothing lost and no event half told."""
    await stub.StartRun(start())
    await shop.settled()
    await stub.ReportBarrier(report(1))
    await shop.settled()
    watch = stub.WatchRun(pb.WatchRunRequest(run_id="run-1"))
    await watch.read()
    await stub.FinishRun(finish())
    story = [one async for one in stub.WatchRun(pb.WatchRunRequest(run_id="run-1"))]
    assert [one.WhichOneof("event") for one in story] == [
        "state",
        "plan",
        "rescale",
        "observation",
        "plan",
        "rescale",
        "state",
    ]
    assert story[-1].state == pb.RUN_STATE_FINISHED
    assert story[2].rescale.outcome == "succeeded"
    for place, told in enumerate(story):
        rest = [one async for one in stub.WatchRun(pb.WatchRunRequest(run_id="run-1", resume_token=told.resume_token))]
        half_told = told.WhichOneof("event") != "plan" and story[place + 1 : place + 2] == [
            one for one in story[place + 1 : place + 2] if one.at_s == told.at_s and one.HasField("plan")
        ]
        assert rest == story[len(story) - len(rest) :]
        assert len(rest) == len(story) - place - 1 or (half_told and len(rest) == len(story) - place)


async def test_a_watcher_that_goes_away_leaves_nothing_behind(shop: Workshop, stub: Stub) -> None:
    """The run goes on."""
    await stub.StartRun(start())
    watch = stub.WatchRun(pb.WatchRunRequest(run_id="run-1"))
    await watch.read()
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch.read()
    assert (await stub.ReportBarrier(report(1))).plan.superstep == 2


async def test_a_run_of_another_life_of_the_service_goes_on(shop: Workshop, stub: Stub) -> None:
    """Started before a restart, reported after it."""
    await stub.StartRun(start())
    later = await replace(shop).restarted()
    server = a_server(later)
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        other = runs_pb2_grpc.RunServiceStub(channel)
        assert (await other.ReportBarrier(report(1))).plan.superstep == 2
        assert (await other.StartRun(start())).next_superstep == 2
    await server.stop(grace_s=0.0)
    await later.engine.stop()
    assert [one.state for one in await shop.store.running()] == [RunState.RUNNING]
