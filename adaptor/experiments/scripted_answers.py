"""What the scripted Flink says: documents as Flink 2.3's REST API gives them, made from a script. No I/O, no clock.

Every job id is known, and every job is the same job. Figures are plain on purpose (the subtask of index i reads
1000 + i records), so that a test can say what it expects.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

Document = dict[str, object] | list[dict[str, object]]

STARTED_MS = 1_700_000_000_000
"""Start of every scripted job: a round number of milliseconds, in November 2023."""

PLAN = {
    "nodes": [{"id": index, "description": "x" * 200, "inputs": [], "optimizer_properties": {}} for index in range(80)]
}
"""Stands for `plan` and `stream-graph`, which take most of the 25 kB that a real job of three vertices has."""

CPU_TIME = "Status.JVM.CPU.Time"


class Fault(enum.Enum):
    """What goes wrong."""

    NONE = "none"
    LATE = "late"
    NEVER = "never"
    HTML = "html"
    ERROR500 = "error500"
    UNKNOWN_JOB = "unknown_job"
    RUNNING_FIRST = "running_first"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How the scripted Flink behaves.

    Attributes:
        delay_s: Seconds before each answer.
        fault: What goes wrong.
        fault_path: Only requests whose path contains this text meet the fault.
        late_s: Seconds before an answer under `Fault.LATE`.
        running_answers: Answers of each job that say RUNNING before FINISHED under `Fault.RUNNING_FIRST`.
        task_managers: TaskManagers registered.
        slots: Slots of each.
        generation: Part of the resource ids; another one stands for TaskManagers that were restarted.
        busy_cores: CPU seconds per second of each TaskManager's process.
        metrics_interval_s: Flink's `metrics.fetcher.update-interval`, in seconds.
        vertices: Vertices of each job; the last one cannot scale, as a sink that commits.
        parallelism: Subtasks of the others.
        duration_s: Seconds from start to end of a job.
    """

    delay_s: float = 0.0
    fault: Fault = Fault.NONE
    fault_path: str = ""
    late_s: float = 0.0
    running_answers: int = 1
    task_managers: int = 2
    slots: int = 1
    generation: int = 0
    busy_cores: float = 0.8
    metrics_interval_s: float = 0.0
    vertices: int = 4
    parallelism: int = 2
    duration_s: float = 10.0

    @property
    def resource_ids(self) -> tuple[str, ...]:
        """Names of the TaskManagers."""
        return tuple(f"taskmanager-{index}-{self.generation}" for index in range(self.task_managers))


class StaleCpuCounters:
    """CPU counters as Flink's metric fetcher gives them: what was fetched before, and only then are they fetched anew.

    Args:
        started_s: When the TaskManagers started, by the clock of `ask`.
    """

    def __init__(self, *, started_s: float) -> None:
        self._started_s = started_s
        self._fetched_s = -float("inf")
        self._values: dict[str, int] = {}

    def ask(self, script: Script, *, now_s: float) -> dict[str, int]:
        """Return nanoseconds by resource id."""
        held = self._values
        if now_s - self._fetched_s >= script.metrics_interval_s:
            cpu_ns = round((now_s - self._started_s) * script.busy_cores * 1e9)
            self._values = dict.fromkeys(script.resource_ids, cpu_ns)
            self._fetched_s = now_s
        return held


def overview(script: Script) -> Document:
    """Return the answer to ``/overview``."""
    slots = script.task_managers * script.slots
    return {
        "taskmanagers": script.task_managers,
        "slots-total": slots,
        "slots-available": slots,
        "jobs-running": 0,
        "jobs-finished": 1,
        "jobs-cancelled": 0,
        "jobs-failed": 0,
        "flink-version": "2.3.0",
        "flink-commit": "scripted",
    }


def task_managers(script: Script) -> Document:
    """Return the answer to ``/taskmanagers``."""
    entries = [
        {"id": resource_id, "slotsNumber": script.slots, "freeSlots": script.slots, "hardware": {"cpuCores": 1}}
        for resource_id in script.resource_ids
    ]
    return {"taskmanagers": entries}


def jobs(script: Script) -> Document:  # noqa: ARG001 - as its neighbours
    """Return the answer to ``/jobs/overview``: every job id is known, so there is no list of them."""
    return {"jobs": []}


PLAIN: dict[str, Callable[[Script], Document]] = {
    "/overview": overview,
    "/taskmanagers": task_managers,
    "/jobs/overview": jobs,
}
"""Answers that depend on nothing but the script, by path."""


def job(script: Script, *, job_id: str, running: bool) -> Document:
    """Return the answer to ``/jobs/:jobid``."""
    return {
        "jid": job_id,
        "name": "superstep",
        "isStoppable": False,
        "state": "RUNNING" if running else "FINISHED",
        "job-type": "BATCH",
        "now": STARTED_MS + _duration_ms(script),
        "maxParallelism": -1,
        **_times(script, running=running),
        "vertices": [_job_vertex(script, index=index, running=running) for index in range(script.vertices)],
        "plan": PLAN,
        "pending-operators": 0,
    }


def vertex(script: Script, *, vertex_id: str) -> Document | None:
    """Return the answer to ``/jobs/:jobid/vertices/:vertexid``, or ``None`` if there is no such vertex."""
    index = int(vertex_id, 16)
    if index >= script.vertices:
        return None
    parallelism = _parallelism(script, index)
    return {
        "id": vertex_id,
        "name": f"Vertex[{index}]",
        "parallelism": parallelism,
        "maxParallelism": _max_parallelism(script, index),
        "now": STARTED_MS + _duration_ms(script),
        "aggregated": {},
        "subtasks": [_subtask(script, subtask) for subtask in range(parallelism)],
    }


def metric(value: int | None) -> Document:
    """Return the answer to ``/taskmanagers/:id/metrics?get=...``."""
    return [] if value is None else [{"id": CPU_TIME, "value": str(value)}]


def metric_sum(values: list[int]) -> Document:
    """Return the answer to ``/taskmanagers/metrics?get=...&agg=sum``."""
    return [{"id": CPU_TIME, "sum": float(sum(values))}] if values else []


def errors(text: str) -> Document:
    """Return what Flink answers where it refuses."""
    return {"errors": [f"org.apache.flink.runtime.rest.NotFoundException: {text}\n\tat scripted"]}


def _duration_ms(script: Script) -> int:
    return round(script.duration_s * 1000)


def _times(script: Script, *, running: bool) -> dict[str, object]:
    duration_ms = _duration_ms(script)
    return {
        "start-time": STARTED_MS,
        "end-time": -1 if running else STARTED_MS + duration_ms,
        "duration": duration_ms,
    }


def _parallelism(script: Script, index: int) -> int:
    return 1 if index == script.vertices - 1 else script.parallelism


def _max_parallelism(script: Script, index: int) -> int:
    return 1 if index == script.vertices - 1 else 128


def _job_vertex(script: Script, *, index: int, running: bool) -> dict[str, object]:
    parallelism = _parallelism(script, index)
    return {
        "id": f"{index:032x}",
        "name": f"Vertex[{index}]",
        "maxParallelism": _max_parallelism(script, index),
        "parallelism": parallelism,
        "status": "RUNNING" if running else "FINISHED",
        **_times(script, running=running),
        "tasks": {"FINISHED": parallelism},
        "metrics": _metrics(records=sum(1000 + subtask for subtask in range(parallelism)), is_source=index == 0),
    }


def _subtask(script: Script, index: int) -> dict[str, object]:
    return {
        "subtask": index,
        "status": "FINISHED",
        "attempt": 0,
        "endpoint": "127.0.0.1",
        **_times(script, running=False),
        "metrics": _metrics(records=1000 + index, is_source=False),
        "taskmanager-id": script.resource_ids[index % script.task_managers] if script.task_managers else "",
    }


def _metrics(*, records: int, is_source: bool) -> dict[str, object]:
    """Counters; a source has no busy time, which Flink says as the text "NaN"."""
    return {
        "read-bytes": records * 10,
        "read-bytes-complete": True,
        "write-bytes": records * 20,
        "write-bytes-complete": True,
        "read-records": records,
        "read-records-complete": True,
        "write-records": records * 2,
        "write-records-complete": True,
        "accumulated-backpressured-time": 0,
        "accumulated-idle-time": 250,
        "accumulated-busy-time": "NaN" if is_source else 9000.0,
    }
