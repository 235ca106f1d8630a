"""What one barrier costs on the production path: a real service in this process, a scripted Flink in another.

The store is filled with runs that have a history, the barriers come one after another over loopback gRPC, and each
stage is measured where it happens. An empty RPC (a health check) to the same server is the baseline: what gRPC in
Python costs by itself, client and server sharing this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.app.meters import RecordingMeter
from adaptor.app.service import Service
from adaptor.app.settings import Settings, load_settings
from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.effects import ReportPlan, StoreObservation
from adaptor.domain.events import BarrierReached, Event, RunStarted
from adaptor.domain.objective import Bounds, RuntimeTarget
from adaptor.domain.run import PlanningSettings, RunSpec
from adaptor.domain.statistics import FlinkStatistics, Spread, SuperstepReport, VertexStatistics
from adaptor.experiments.barrier_sharing import Shared, barriers_while_sharing
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.store.history import Recorded
from adaptor.store.run_file import RunFile

HISTORY = 100
"""Supersteps that each run has behind it: an hour of half-minute supersteps."""

FLINK_DELAY = "20ms"
"""Before each of Flink's answers: what a REST call to a JobManager in the same data centre was seen to take."""

SUPERSTEP_S = 15.0
"""Time from one barrier to the next in the histories, which end now: no run looks abandoned."""

SLOTS = 4
"""Most slots of each run; the scripted cluster has as many for every run."""

TASK_MANAGERS = 4
JOB_ID = "0" * 32
CALL_TIMEOUT_S = 30.0
STAGES = ("rest", "store", "model", "planner")


def bench_barrier(*, runs: int, calls: int, while_sharing: int = 0) -> Report:
    """Measure barriers with so many runs registered.

    Args:
        runs: Runs in the store, each with `HISTORY` supersteps.
        calls: Barriers that are measured, each of another run in turn.
        while_sharing: Entries that arrive from a peer while as many barriers are measured once more; none are none.

    Returns:
        Median and 99th percentile of the whole call and of each stage.
    """
    with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder, _scripted_flink(runs) as flink_url:
        settings = load_settings(
            environment={},
            flags={
                "service.state_dir": folder,
                "service.listen": "127.0.0.1:0",
                "sharing.listen": "127.0.0.1:0",
            },
        )
        _fill(Path(folder), flink_url, runs)
        return asyncio.run(_measure(settings, runs, calls, while_sharing))


async def _measure(settings: Settings, runs: int, calls: int, while_sharing: int) -> Report:
    meter = RecordingMeter()
    service = Service(settings, meter=meter)
    shared: Shared | None = None
    try:
        address = await service.start()
        async with grpc.aio.insecure_channel(address) as channel:
            first_s = await _barriers(channel, runs, HISTORY + 1, runs)
            meter.durations_s.clear()
            empty_s = await _empty_calls(channel, calls)
            whole_s = await _barriers(channel, runs, HISTORY + 2, calls)
            stages_s = {stage: list(durations_s) for stage, durations_s in meter.durations_s.items()}
            if while_sharing:
                meter.durations_s.clear()
                later = HISTORY + 2 + math.ceil(calls / runs)
                shared = await barriers_while_sharing(
                    service.sharing, while_sharing, partial(_barriers, channel, runs, later, calls), meter.durations_s
                )
    finally:
        await service.stop()
    report = _report(stages_s, whole_s=whole_s, empty_s=empty_s, first_s=first_s, runs=runs, calls=calls)
    if shared is None:
        return report
    figures = shared.figures(whole_s=whole_s, stages_s=stages_s, empty_s=empty_s)
    return dataclasses.replace(
        report,
        figures=[*report.figures, *figures],
        details={**report.details, "while_sharing": shared.details},
    )


async def _barriers(channel: grpc.aio.Channel, runs: int, first_superstep: int, calls: int) -> list[float]:
    """Report so many barriers, of each run in turn; seconds of each call."""
    stub = runs_pb2_grpc.RunServiceStub(channel)
    durations = []
    for call in range(calls):
        request = pb.ReportBarrierRequest(
            run_id=_run_id(call % runs),
            superstep=first_superstep + call // runs,
            job_id=JOB_ID,
            requested_parallelism=2,
            duration_s=11.6 + 0.01 * (call % 7),
        )
        began_s = time.perf_counter()
        await stub.ReportBarrier(request, timeout=CALL_TIMEOUT_S)
        durations.append(time.perf_counter() - began_s)
    return durations


async def _empty_calls(channel: grpc.aio.Channel, calls: int) -> list[float]:
    stub = health_pb2_grpc.HealthStub(channel)
    durations = []
    for _ in range(calls):
        began_s = time.perf_counter()
        await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_TIMEOUT_S)
        durations.append(time.perf_counter() - began_s)
    return durations


def _report(
    stages_s: dict[str, list[float]],
    *,
    whole_s: Sequence[float],
    empty_s: Sequence[float],
    first_s: Sequence[float],
    runs: int,
    calls: int,
) -> Report:
    # Calls came one after another, so the n-th entry of every stage belongs to the n-th call.
    own_s = [whole - rest for whole, rest in zip(whole_s, stages_s["rest"], strict=True)]
    stages_s = {**stages_s, "rpc": [one - sum(stages_s[s][i] for s in STAGES[1:]) for i, one in enumerate(own_s)]}
    figures = [
        Figure(
            name="barrier_above_empty_rpc_p99",
            value=1000 * (percentile(own_s, 0.99) - percentile(empty_s, 0.99)),
            unit="ms",
        ),
        Figure(
            name="barrier_first_after_restart_p99",
            value=1000 * percentile(first_s, 0.99),
            unit="ms",
            baseline=1000 * percentile(whole_s, 0.99),
            baseline_name="later barriers",
        ),
    ]
    for share, suffix in ((0.5, "p50"), (0.99, "p99")):
        empty_ms = 1000 * percentile(empty_s, share)
        figures += [
            Figure(
                name=f"{name}_{suffix}",
                value=1000 * percentile(values_s, share),
                unit="ms",
                baseline=empty_ms,
                baseline_name="empty RPC",
            )
            for name, values_s in (("barrier", whole_s), ("barrier_without_rest", own_s))
        ]
        figures += [
            Figure(name=f"barrier_{stage}_{suffix}", value=1000 * percentile(stages_s[stage], share), unit="ms")
            for stage in ("rpc", *STAGES)
        ]
    return Report(
        title=f"Barriers: {runs} runs of {HISTORY} supersteps each, {calls} calls, Flink answers after {FLINK_DELAY}",
        figures=figures,
        details={"runs": runs, "calls": calls, "history": HISTORY, "flink_delay": FLINK_DELAY},
    )


# --- the store before the first call -------------------------------------------------------------------------


def _run_id(number: int) -> str:
    return f"bench-{number:06d}"


def _fill(directory: Path, flink_url: str, runs: int) -> None:
    """Write so many runs with their histories: one is made by the core, the others are its copies."""
    file = RunFile(directory)
    try:
        for recorded in _history(flink_url):
            file.record(recorded)
        original = _run_id(0)
        with file.connection:
            for number in range(1, runs):
                _copy(file, original, _run_id(number))
    finally:
        file.close()


def _copy(file: RunFile, original: str, copy: str) -> None:
    """Copy a run inside the file; its id is part of the JSON, and its context key must be its own."""
    values = {"old": original, "new": copy}
    for table, columns, texts in (
        ("runs", "flink_url, state, started_at_s, updated_at_s, supersteps, parallelism", ("spec",)),
        ("events", "sequence, kind, superstep, attempt", ("body", "plan")),
        ("observations", "superstep, attempt, parallelism, duration_s, cold, failed, shareable", ("body",)),
    ):
        replaced = ", ".join(f"replace({text}, :old, :new)" for text in texts)
        ids = ("observation_id, " if table == "observations" else "") + "run_id"
        new_ids = ("replace(observation_id, :old, :new), " if table == "observations" else "") + ":new"
        key = ", context_key" if table != "events" else ""
        new_key = ", :new" if table != "events" else ""
        # Only names that stand above go into the statement; the ids are bound.
        file.connection.execute(
            f"insert into {table} ({ids}{key}, {columns}, {', '.join(texts)}) "  # noqa: S608
            f"select {new_ids}{new_key}, {columns}, {replaced} from {table} where run_id = :old",
            values,
        )


def _history(flink_url: str) -> Iterator[Recorded]:
    controller, record = RunController(), None
    for sequence, event in enumerate(_events(flink_url), start=1):
        handled = controller.handle(record, event)
        record = handled.record
        plan = next((one.plan for one in handled.effects if isinstance(one, ReportPlan)), None)
        observation = next((one.observation for one in handled.effects if isinstance(one, StoreObservation)), None)
        yield Recorded(run_id=_run_id(0), sequence=sequence, event=event, plan=plan, observation=observation)
        record = _without_rescaling(record)


def _without_rescaling(record: RunRecord) -> RunRecord:
    """The run as if the job had stayed at 2, as its events say."""
    return record if record.plan is None else record.planned(dataclasses.replace(record.plan, parallelism=2))


def _events(flink_url: str) -> Iterator[Event]:
    began_s = time.time() - SUPERSTEP_S * HISTORY
    capacity = Capacity(existing_slots=SLOTS, obtainable_slots=SLOTS)
    spec = RunSpec(
        run_id=_run_id(0),
        context=ExecutionContext(program="bench", parameters={"k": "8"}, data={"rows": "3270000"}),
        objective=RuntimeTarget(target_s=3000.0),
        policy="adaptor",
        bounds=Bounds(min_parallelism=1, max_parallelism=SLOTS),
        start_parallelism=1,
        max_supersteps=10 * HISTORY,
        flink_url=flink_url,
    )
    planning = PlanningSettings(initial_adaptation_cost_s=4.0)
    yield RunStarted(spec=spec, earlier=(), capacity=capacity, planning=planning, adaptation_costs_s=(), at_s=began_s)
    for superstep in range(1, HISTORY + 1):
        parallelism = 1 + superstep % SLOTS
        duration_s = {1: 15.6, 2: 11.6, 3: 13.9, 4: 17.7}[parallelism] * (1 + 0.001 * (superstep % 9))
        report = SuperstepReport(
            superstep=superstep, job_id=JOB_ID, requested_parallelism=parallelism, duration_s=duration_s
        )
        yield BarrierReached(
            report=report,
            flink=_statistics(parallelism, duration_s),
            capacity=capacity,
            at_s=began_s + SUPERSTEP_S * superstep,
        )


def _statistics(parallelism: int, duration_s: float) -> FlinkStatistics:
    spread = Spread(minimum=duration_s - 1, median=duration_s - 0.5, maximum=duration_s)
    vertices = tuple(
        VertexStatistics(
            name=f"vertex {number}",
            parallelism=parallelism,
            max_parallelism=128,
            duration_s=duration_s,
            records_in=1000,
            records_out=1000,
            bytes_in=10_000,
            bytes_out=10_000,
            busy_s=duration_s,
            subtask_duration_s=spread,
            subtask_records_in=spread,
        )
        for number in range(4)
    )
    return FlinkStatistics(
        started_at_s=0.0,
        duration_s=duration_s,
        vertices=vertices,
        observed_parallelism=parallelism,
        cpu_utilisation=0.8,
    )


@contextmanager
def _scripted_flink(runs: int) -> Iterator[str]:
    """A scripted Flink with slots for so many runs, in a process of its own; its address."""
    command = [sys.executable, "-m", "adaptor.experiments.scripted_flink", "--delay", FLINK_DELAY]
    command += ["--task-managers", str(TASK_MANAGERS), "--slots", str(SLOTS * runs // TASK_MANAGERS), "--exit-on-eof"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process, contextlib.ExitStack() as stack:
        stack.callback(process.terminate)
        if process.stdout is None:
            raise RuntimeError("the scripted Flink has no output")
        yield process.stdout.readline().strip()
