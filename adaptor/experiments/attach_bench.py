"""What looking after many streams costs: the production service against a scripted cluster in another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from adaptor.app.meters import RecordingMeter
from adaptor.app.service import Service
from adaptor.app.settings import load_settings
from adaptor.domain.events import BarrierReached
from adaptor.domain.objective import Bounds, EfficiencyTarget
from adaptor.domain.stream import AttachmentSpec, StreamTarget
from adaptor.domain.stream_supersteps import SuperstepSpec
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.experiments.scripted_stream import COUNT_PATH
from adaptor.experiments.scripted_stream_server import SUPERSTEP_S

_MB = 1e6

WITH_SUPERSTEPS = 10
"""One in so many jobs has supersteps of its own, whose ends are known to the script."""


def bench_attach(*, jobs: int, seconds: int) -> Report:
    """Measure so many streams of one cluster for some time, after all were attached.

    Args:
        jobs: Streams, each within its band, so that nothing is rescaled; one in ten tells supersteps.
        seconds: To look after them.
    """
    with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder, _scripted_cluster(jobs) as flink_url:
        return asyncio.run(_measured(folder, flink_url, jobs=jobs, seconds=seconds))


def _superstep_jobs(jobs: int) -> int:
    return max(1, jobs // WITH_SUPERSTEPS)


async def _measured(folder: str, flink_url: str, *, jobs: int, seconds: int) -> Report:
    # The script shares its cores with what is measured, and a starved one must not be taken for a cluster that is gone.
    flags = {
        "flink.timeout": "10s",
        "service.state_dir": folder,
        "service.listen": "127.0.0.1:0",
        "sharing.listen": "127.0.0.1:0",
    }
    meter, process = RecordingMeter(), psutil.Process()
    settings = load_settings(environment={}, flags=flags)
    service = Service(settings, meter=meter)
    try:
        await service.start()
        idle_bytes = process.memory_info().rss
        for number in range(1, jobs + 1):
            await service.attachments.attach(_spec(flink_url, f"{number:032x}", tells=number <= _superstep_jobs(jobs)))
        meter.durations_s.clear()
        answered, cpu_s, began_s = _answered(flink_url), _cpu_s(process), time.monotonic()
        await asyncio.sleep(seconds)
        spent_s = time.monotonic() - began_s
        requests_per_s = (_answered(flink_url) - answered) / spent_s
        cpu_share = (_cpu_s(process) - cpu_s) / spent_s
        grown_bytes = process.memory_info().rss - idle_bytes
        bound = settings["attach.max_requests"]
        late_s = await _barrier_to_decision_s(
            service, began_s=_told(flink_url)["began_s"], since_s=time.time() - spent_s
        )
    finally:
        await service.stop()
    decisions_s = meter.durations_s["decision"]
    return Report(
        title=f"Looking after {jobs} streams of one cluster",
        figures=[
            Figure(
                name=f"attach_requests_{jobs}",
                value=requests_per_s,
                unit="requests/s",
                baseline=float(bound),
                baseline_name="attach.max_requests",
            ),
            Figure(name=f"attach_cpu_{jobs}", value=100 * cpu_share, unit="% of a core"),
            Figure(name=f"attach_memory_above_idle_{jobs}", value=grown_bytes / _MB, unit="MB"),
            Figure(name=f"attach_looks_{jobs}", value=len(decisions_s) / spent_s, unit="streams/s"),
            Figure(
                name=f"attach_decision_p99_{jobs}",
                value=1000 * percentile(decisions_s, 0.99) if decisions_s else None,
                unit="ms",
            ),
            Figure(
                name=f"attach_barrier_to_decision_p99_{jobs}",
                value=percentile(late_s, 0.99) if late_s else None,
                unit="s",
            ),
        ],
        details={"jobs": jobs, "seconds": seconds, "decisions": len(decisions_s), "barriers": len(late_s)},
    )


async def _barrier_to_decision_s(service: Service, *, began_s: float, since_s: float) -> list[float]:
    """Seconds from the end of each superstep to the plan that was made on it.

    Args:
        service: That planned.
        began_s: When all scripted jobs began, which go through their supersteps in step.
        since_s: From when on barriers count.
    """
    late_s = []
    for summary in await service.store.runs(limit=10_000, before=None):
        for recorded in await service.store.history(summary.spec.run_id):
            event = recorded.event
            if isinstance(event, BarrierReached) and event.at_s >= since_s:
                late_s.append(event.at_s - began_s - event.report.superstep * SUPERSTEP_S)
    return late_s


def _spec(flink_url: str, job_id: str, *, tells: bool) -> AttachmentSpec:
    return AttachmentSpec(
        attachment_id=job_id,
        flink_url=flink_url,
        job_id=job_id,
        target=StreamTarget(),
        bounds=Bounds(),
        dry_run=tells,
        supersteps=_SUPERSTEPS if tells else None,
    )


_SUPERSTEPS = SuperstepSpec(objective=EfficiencyTarget(min_efficiency=0.5), max_supersteps=100_000, policy="adaptor")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _answered(flink_url: str) -> int:
    return int(_told(flink_url)["answered"])


def _told(flink_url: str) -> dict[str, float]:
    """What the script says of itself."""
    with urllib.request.urlopen(flink_url + COUNT_PATH, timeout=10.0) as answer:  # noqa: S310 - our own server
        told: dict[str, float] = json.load(answer)
        return told


@contextmanager
def _scripted_cluster(jobs: int) -> Iterator[str]:
    command = [sys.executable, "-m", "adaptor.experiments.scripted_stream_server", "--jobs", str(jobs)]
    command += ["--with-supersteps", str(_superstep_jobs(jobs))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()
