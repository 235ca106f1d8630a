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
from adaptor.domain.objective import Bounds
from adaptor.domain.stream import AttachmentSpec, StreamTarget
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.experiments.scripted_stream import COUNT_PATH

_MB = 1e6


def bench_attach(*, jobs: int, seconds: int) -> Report:
    """Measure so many streams of one cluster for some time, after all were attached.

    Args:
        jobs: Streams, each within its band, so that nothing is rescaled.
        seconds: To look after them.
    """
    with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder, _scripted_cluster(jobs) as flink_url:
        return asyncio.run(_measured(folder, flink_url, jobs=jobs, seconds=seconds))


async def _measured(folder: str, flink_url: str, *, jobs: int, seconds: int) -> Report:
    flags = {"service.state_dir": folder, "service.listen": "127.0.0.1:0", "sharing.listen": "127.0.0.1:0"}
    meter, process = RecordingMeter(), psutil.Process()
    settings = load_settings(environment={}, flags=flags)
    service = Service(settings, meter=meter)
    try:
        await service.start()
        idle_bytes = process.memory_info().rss
        for number in range(1, jobs + 1):
            await service.attachments.attach(_spec(flink_url, f"{number:032x}"))
        meter.durations_s.clear()
        answered, cpu_s, began_s = _answered(flink_url), _cpu_s(process), time.monotonic()
        await asyncio.sleep(seconds)
        spent_s = time.monotonic() - began_s
        requests_per_s = (_answered(flink_url) - answered) / spent_s
        cpu_share = (_cpu_s(process) - cpu_s) / spent_s
        grown_bytes = process.memory_info().rss - idle_bytes
        bound = settings["attach.max_requests"]
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
        ],
        details={"jobs": jobs, "seconds": seconds, "decisions": len(decisions_s)},
    )


def _spec(flink_url: str, job_id: str) -> AttachmentSpec:
    return AttachmentSpec(
        attachment_id=job_id, flink_url=flink_url, job_id=job_id, target=StreamTarget(), bounds=Bounds()
    )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _answered(flink_url: str) -> int:
    with urllib.request.urlopen(flink_url + COUNT_PATH, timeout=10.0) as answer:  # noqa: S310 - our own server
        return int(json.load(answer)["answered"])


@contextmanager
def _scripted_cluster(jobs: int) -> Iterator[str]:
    command = [sys.executable, "-m", "adaptor.experiments.scripted_stream_server", "--jobs", str(jobs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()
