"""What managing clusters costs: demand, arbitration and reclaim by themselves, then through a service with barriers.

The runs are recorded lives of a program whose seconds follow a law of its own for each run, so that every demand is
fitted to other numbers. The first part times pure functions by the CPU time of their thread. The second part is a real
service in this process with scripted Flinks in another one: barriers come one after the other, first alone and then
while managers call without a pause. An empty RPC (a health check) before each is the baseline, as it waits for the same
things.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.app.meters import RecordingMeter
from adaptor.app.service import Service
from adaptor.app.settings import load_settings
from adaptor.cluster import AsyncClusterManager
from adaptor.experiments.cluster_runs import CLUSTERS, MOST, SLOTS_PER_RUN, Law, pure_figures
from adaptor.experiments.report import Figure, Report, percentile

CALL_S = 60.0
STARTS_AT_ONCE = 16
CALLERS = 4
"""Managers that call without a pause; more than there are cores here."""

_MB = 1e6


@dataclass(frozen=True)
class Question:
    """What is to be measured.

    Attributes:
        runs: Runs of all clusters together.
        barriers: Barriers that are measured, alone and once more while managers call.
        seed: Of the runs' laws.
    """

    runs: int
    barriers: int
    seed: int


def bench_cluster(question: Question, *, progress: Callable[[str], None]) -> Report:
    """Measure clusters with so many runs.

    Args:
        question: How much of everything.
        progress: Told what is being done.
    """
    progress(f"demand, arbitration and reclaims of {question.runs} runs ...")
    figures = pure_figures(runs=question.runs, seed=question.seed)
    progress("a service with as many runs ...")
    per_cluster = math.ceil(question.runs / CLUSTERS)
    with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder, _flinks(per_cluster * SLOTS_PER_RUN) as urls:
        figures += asyncio.run(_Served(question, urls, progress).measured(Path(folder)))
    return Report(
        title=f"Managed clusters: {question.runs} runs on {CLUSTERS} clusters",
        figures=figures,
        seeds={"seed": question.seed},
        details={"runs": question.runs, "clusters": CLUSTERS, "barriers": question.barriers, "callers": CALLERS},
    )


@dataclass(frozen=True)
class _Beside:
    """Seconds of barriers, of the empty calls before them, and of what each waited for Flink."""

    barriers_s: list[float]
    empty_s: list[float]
    flink_s: list[float]

    def above_empty_ms(self, share: float) -> float:
        """Milliseconds that a barrier takes beyond Flink and an empty call."""
        own_s = [whole - rest for whole, rest in zip(self.barriers_s, self.flink_s, strict=True)]
        return 1000 * (percentile(own_s, share) - percentile(self.empty_s, share))


def _barrier_figures(alone: _Beside, called: _Beside) -> list[Figure]:
    figures = []
    for share, suffix in ((0.5, "p50"), (0.99, "p99")):
        figures += [
            Figure(
                name=f"cluster_barrier_above_empty_rpc_{suffix}",
                value=called.above_empty_ms(share),
                unit="ms",
                baseline=alone.above_empty_ms(share),
                baseline_name="without calls",
            ),
            Figure(
                name=f"cluster_barrier_{suffix}",
                value=1000 * percentile(called.barriers_s, share),
                unit="ms",
                baseline=1000 * percentile(alone.barriers_s, share),
                baseline_name="without calls",
            ),
        ]
    return figures


# --- a service -----------------------------------------------------------------------------------------------


class _Served:
    """The same through a service.

    Args:
        question: How much of everything.
        urls: Addresses of the clusters.
        progress: Told what is being done.
    """

    def __init__(self, question: Question, urls: Sequence[str], progress: Callable[[str], None]) -> None:
        self._question = question
        self._urls = urls
        self._progress = progress
        self._chance = random.Random(question.seed)  # noqa: S311 - as above
        self._laws = [Law(self._chance) for _ in range(question.runs)]
        self._plans = [1] * question.runs
        self._supersteps = [0] * question.runs
        self.calls = 0

    async def measured(self, folder: Path) -> list[Figure]:
        """Barriers alone, then while managers call."""
        flags = {"service.state_dir": str(folder), "service.listen": "127.0.0.1:0", "sharing.listen": "127.0.0.1:0"}
        meter, process = RecordingMeter(), psutil.Process()
        service = Service(load_settings(environment={}, flags=flags), meter=meter)
        try:
            address = await service.start()
            idle_bytes = process.memory_info().rss
            async with grpc.aio.insecure_channel(address) as channel:
                await self._begin(channel)
                await self._barriers(channel, self._question.runs)
                await _quiet(process)
                meter.durations_s.clear()
                alone = _Beside(*await self._barriers(channel, self._question.barriers), meter.durations_s["rest"][:])
                meter.durations_s.clear()
                cpu, began_s = process.cpu_times(), time.monotonic()
                called = _Beside(*await self._while_called(channel), meter.durations_s["rest"][:])
                spent_s, after = time.monotonic() - began_s, process.cpu_times()
            grown = process.memory_info().rss - idle_bytes
        finally:
            await service.stop()
        busy_s = after.user + after.system - cpu.user - cpu.system
        return [
            *_barrier_figures(alone, called),
            Figure(name="cluster_calls_rate", value=self.calls / spent_s, unit="calls/s"),
            Figure(name="cluster_cpu", value=100 * busy_s / spent_s, unit="% of a core"),
            Figure(name="cluster_rss_mb_above_idle", value=grown / _MB, unit="MB"),
        ]

    async def _begin(self, channel: grpc.aio.Channel) -> None:
        stub, gate = runs_pb2_grpc.RunServiceStub(channel), asyncio.Semaphore(STARTS_AT_ONCE)
        per_cluster = math.ceil(self._question.runs / CLUSTERS)
        manager = AsyncClusterManager(channel=channel)
        for number, url in enumerate(self._urls):
            await manager.register(f"bench-{number}", url, capacity_slots=per_cluster * SLOTS_PER_RUN)

        async def start(number: int) -> None:
            async with gate:
                answer = await stub.StartRun(self._start_request(number), timeout=CALL_S)
                self._plans[number] = answer.plan.parallelism

        await asyncio.gather(*map(start, range(self._question.runs)))

    def _start_request(self, number: int) -> pb.StartRunRequest:
        return pb.StartRunRequest(
            run_id=f"bench-{number:06d}",
            context=pb.ExecutionContext(program="bench", parameters={"run": str(number)}),
            runtime_target=pb.RuntimeTarget(target_s=self._laws[number].target_s),
            bounds=pb.Bounds(max_parallelism=MOST),
            start_parallelism=1,
            max_supersteps=1000,
            flink_url=self._urls[number % CLUSTERS],
        )

    async def _barriers(self, channel: grpc.aio.Channel, count: int) -> tuple[list[float], list[float]]:
        """Report so many barriers, of each run in turn; seconds of each call, and of the empty call before it."""
        stub, health = runs_pb2_grpc.RunServiceStub(channel), health_pb2_grpc.HealthStub(channel)
        seconds, empty = [], []
        for call in range(count):
            number = call % self._question.runs
            self._supersteps[number] += 1
            request = pb.ReportBarrierRequest(
                run_id=f"bench-{number:06d}",
                superstep=self._supersteps[number],
                requested_parallelism=self._plans[number],
                duration_s=self._laws[number].superstep_s(self._plans[number]),
            )
            began_s = time.perf_counter()
            await health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_S)
            between_s = time.perf_counter()
            answer = await stub.ReportBarrier(request, timeout=CALL_S)
            empty.append(between_s - began_s)
            seconds.append(time.perf_counter() - between_s)
            self._plans[number] = answer.plan.parallelism
        return seconds, empty

    async def _while_called(self, channel: grpc.aio.Channel) -> tuple[list[float], list[float]]:
        callers = [asyncio.create_task(self._call(channel, number)) for number in range(CALLERS)]
        try:
            return await self._barriers(channel, self._question.barriers)
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)

    async def _call(self, channel: grpc.aio.Channel, number: int) -> None:
        """What managers ask most, without a pause."""
        manager = AsyncClusterManager(channel=channel, call_s=CALL_S)
        for call in range(sys.maxsize):
            cluster = f"bench-{(number + call) % CLUSTERS}"
            run = f"bench-{(number + call) % self._question.runs:06d}"
            with contextlib.suppress(LookupError):
                await manager.demand(cluster, run_id=run)
            await manager.cluster(cluster)
            await manager.grants(cluster)
            await manager.preview_reclaim(cluster, slots=SLOTS_PER_RUN, within_s=600.0)
            self.calls += 4


async def _quiet(process: psutil.Process) -> None:
    """Wait until the service has arbitrated all that there is."""
    for _ in range(100):
        before = process.cpu_times()
        await asyncio.sleep(0.5)
        after = process.cpu_times()
        if after.user + after.system - before.user - before.system < 0.1:  # noqa: PLR2004 - a fifth of a core
            return


@contextmanager
def _flinks(slots: int) -> Iterator[list[str]]:
    """Scripted Flinks with so many slots each, all in one process; their addresses."""
    command = [sys.executable, "-m", "adaptor.experiments.cluster_bench", str(CLUSTERS), str(slots)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process, contextlib.ExitStack() as stack:
        stack.callback(process.terminate)
        if process.stdout is None:
            raise RuntimeError("the scripted Flinks have no output")
        yield process.stdout.readline().split()


def serve_flinks(count: int, slots: int) -> None:
    """Serve until standard input is closed."""
    from adaptor.experiments.scripted_flink import Script, ScriptedFlink

    with contextlib.ExitStack() as stack:
        script = Script(task_managers=slots, slots=1)
        flinks = [stack.enter_context(ScriptedFlink(script)) for _ in range(count)]
        sys.stdout.write(" ".join(flink.url for flink in flinks) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    serve_flinks(int(sys.argv[1]), int(sys.argv[2]))
