"""What adaptor costs a real run: time its driver is blocked, and CPU time of the service beside it."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from pathlib import Path

import psutil

from adaptor.experiments.demo.calibration import ENLARGE
from adaptor.experiments.demo.stage import Stage
from adaptor.experiments.report import Figure, Report

SUPERSTEPS = 8


def bench_overhead(home: Path, *, seed: int) -> Report:
    """Run the demo's job once and measure around it.

    Time spent waiting for TaskManagers to start is the cost of a rescale, not of asking adaptor: it is a figure apart.

    Args:
        home: Folder for everything that is written.
        seed: Of jitter and start centroids.

    Returns:
        Blocked time per superstep, as seconds and as a share of a superstep, and CPU seconds of the service.

    Raises:
        AdaptorError: If a step fails.
    """
    state_dir = home / "state" / time.strftime("overhead-%Y%m%d-%H%M%S")
    with Stage(home, state_dir) as stage:
        points = home / "points" / f"x{ENLARGE}-1-seed{seed}"
        stage.run_job("flights.py", [str(points), "--enlarge", str(ENLARGE), "--seed", str(seed)], log="flights.log")
        service = psutil.Process(stage.service_pid)
        before = service.cpu_times()
        result = home / "runs" / f"overhead-{uuid.uuid4().hex[:8]}"
        arguments = ["--flink", stage.rest_url, "--points", str(points), "--state", str(result)]
        arguments += ["--run-id", result.name, "--parallelism", "1", "--max-parallelism", str(stage.most_slots)]
        arguments += ["--k", "6", "--seed", str(seed), "--max-supersteps", str(SUPERSTEPS)]
        arguments += ["--runtime-target-s", "60", "--result", str(result / "result.json")]
        stage.run_job("kmeans.py", arguments, log="overhead.log")
        after = service.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    return _report(json.loads((result / "result.json").read_text()), cpu_s=cpu_s, seed=seed)


def _report(result: dict[str, list[float]], *, cpu_s: float, seed: int) -> Report:
    blocked_s, durations_s = result["blocked_s"], result["durations_s"]
    superstep_s = statistics.median(durations_s)
    return Report(
        title=f"Overhead of adaptor over {len(durations_s)} supersteps of the demo's job",
        figures=[
            Figure(
                name="overhead_median", value=100 * statistics.median(blocked_s) / superstep_s, unit="% of a superstep"
            ),
            Figure(name="overhead_worst", value=100 * max(blocked_s) / superstep_s, unit="% of a superstep"),
            Figure(name="overhead_sum", value=100 * sum(blocked_s) / sum(durations_s), unit="% of the run"),
            Figure(name="blocked_median", value=1000 * statistics.median(blocked_s), unit="ms"),
            Figure(name="blocked_worst", value=1000 * max(blocked_s), unit="ms"),
            Figure(name="blocked_sum", value=sum(blocked_s), unit="s"),
            Figure(name="slot_wait_sum", value=sum(result["slot_waits_s"]), unit="s"),
            Figure(
                name="service_cpu", value=cpu_s, unit="CPU seconds", baseline=sum(durations_s), baseline_name="run, s"
            ),
        ],
        seeds={"seed": seed},
        details={"blocked_s": blocked_s, "slot_waits_s": result["slot_waits_s"], "durations_s": durations_s},
    )
