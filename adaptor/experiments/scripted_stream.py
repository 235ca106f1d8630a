"""A cluster of streams that exists only as answers: it keeps wishes, takes checkpoints, rescales as Flink 2.3 or 1.20.

Each stream is a source and a vertex that works, with a rate and a capacity from which all counters follow. Time is an
argument, so nothing here waits. What a test wants to go wrong is planned with `after`: a function that is called once,
right after an action was carried out and before it is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Text(str):
    """An answer that is no JSON."""

    __slots__ = ()


Document = dict[str, Any] | list[Any] | Text

SOURCE_ID = "a" * 32
WORKER_ID = "b" * 32
VERTEX_IDS = (SOURCE_ID, WORKER_ID)
GAUGE = "Map.superstep"
"""Metric in which the working vertex tells its supersteps, as Flink names it: the operator, then the gauge."""

TASK_MANAGER = "scripted-1"
"""Id of the only TaskManager."""

REMEMBERED = 10
"""Checkpoints in the history: Flink's own default."""

COUNT_PATH = "/scripted/count"
"""Where the number of requests is answered, for a benchmark in another process."""

MOST_REQUESTED = 10_000
"""Requests that are remembered."""

_PLAN = {"nodes": [{"id": SOURCE_ID}, {"id": WORKER_ID, "inputs": [{"id": SOURCE_ID}]}]}

_ENDED = ("CANCELED", "FINISHED", "FAILED")


@dataclass(kw_only=True)
class ScriptedStream:
    """One stream.

    Attributes:
        job_id: 32 hex digits.
        name: Of the job.
        rate: Records a second that come.
        capacity: Records a second that one subtask of the working vertex processes.
        parallelism: Subtasks by vertex.
        checkpoint_s: Seconds that a checkpoint takes.
        gap_s: Seconds without work at a rescale.
        state: In Flink's words.
        wish: What was asked for, by vertex; ``None`` follows `parallelism`.
        checkpoints_fail: Whether every checkpoint fails.
        ignores_wishes: Whether wishes are answered and forgotten.
        kind: STREAMING or BATCH.
        superstep_records: Records of a superstep; 0 for a stream that has none.
        tells_by: How it tells them: ``gauge``, ``accumulator`` or ``log``.
        labels: Its global job parameters.
        lasted_s: Seconds that the list of jobs says it took.
        savepoint: Where its newest savepoint is.
    """

    job_id: str
    name: str = "scripted"
    rate: float = 1000.0
    capacity: float = 1000.0
    parallelism: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERTEX_IDS, 1))
    checkpoint_s: float = 0.05
    gap_s: float = 0.02
    state: str = "RUNNING"
    wish: dict[str, int] = field(default_factory=dict)
    checkpoints_fail: bool = False
    ignores_wishes: bool = False
    kind: str = "STREAMING"
    superstep_records: float = 0.0
    tells_by: str = "gauge"
    labels: dict[str, str] = field(default_factory=dict)
    lasted_s: float = 0.0
    savepoint: str | None = None
    created_s: float = 0.0
    began_s: float = 0.0
    looked_s: float = 0.0
    restored: dict[str, Any] | None = None
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    emitted: float = 0.0
    emitted_before: float = 0.0
    busy_s: float = 0.0
    held_back_s: float = 0.0

    def advance(self, now_s: float, *, slots: int) -> None:
        """Let the time pass that has passed: records are processed, checkpoints complete, wishes come true."""
        if self.state in _ENDED:
            return
        worked_s = max(0.0, now_s - max(self.looked_s, self.created_s))
        self.looked_s = now_s
        possible = self.capacity * self.parallelism[WORKER_ID]
        self.emitted += worked_s * min(self.rate, possible)
        self.busy_s += worked_s * min(1.0, self.rate / possible) * self.parallelism[WORKER_ID]
        self.held_back_s += worked_s * max(0.0, 1 - possible / self.rate) * self.parallelism[SOURCE_ID]
        for one in self.checkpoints:
            if one["status"] == "IN_PROGRESS" and now_s >= one["done_s"]:
                self._complete(one, now_s, slots=slots)

    def supersteps(self) -> int:
        """Supersteps done, as the stream tells them: an accumulator forgets those before the last restart."""
        if not self.superstep_records:
            return 0
        before = 0.0 if self.tells_by == "accumulator" else self.emitted_before
        return int((before + self.emitted) / self.superstep_records)

    def trigger(self, now_s: float) -> int:
        """Begin a checkpoint and return its number."""
        number = len(self.checkpoints) + 1
        self.checkpoints.append(
            {"id": number, "status": "IN_PROGRESS", "triggered_s": now_s, "done_s": now_s + self.checkpoint_s}
        )
        return number

    def restart(self, now_s: float, parallelism: dict[str, int]) -> None:
        """Begin anew from the last complete checkpoint; what is under way fails."""
        complete = [one for one in self.checkpoints if one["status"] == "COMPLETED"]
        for one in self.checkpoints:
            if one["status"] == "IN_PROGRESS":
                one["status"] = "FAILED"
        if complete:
            self.restored = {"id": complete[-1]["id"], "restore_timestamp": _ms(now_s), "is_savepoint": False}
        self.parallelism = dict(parallelism)
        self.created_s = now_s + self.gap_s
        self.emitted_before += self.emitted
        self.emitted = self.busy_s = self.held_back_s = 0.0

    def granted(self, slots: int) -> dict[str, int]:
        """What a wish comes to with so many slots."""
        return {vertex: min(wanted, slots) for vertex, wanted in self.wish.items()}

    def _complete(self, one: dict[str, Any], now_s: float, *, slots: int) -> None:
        one["status"] = "FAILED" if self.checkpoints_fail else "COMPLETED"
        granted = self.granted(slots)
        if not self.checkpoints_fail and granted and granted != self.parallelism:
            self.restart(one["done_s"], granted)
            self.looked_s = now_s

    @property
    def slots(self) -> int:
        """Slots that it takes."""
        return 0 if self.state in _ENDED else max(self.parallelism.values())


@dataclass(kw_only=True)
class ScriptedStreams:
    """A cluster of streams; see the module.

    Attributes:
        streams: By job id.
        slots: Of the cluster.
        cooldown_s: Of its scheduler.
        version: Of Flink; one of 1.x restarts a stream at once on a wish and says less of it.
        unmeasured: Whether counters are said to be incomplete and times "NaN".
    """

    streams: dict[str, ScriptedStream]
    slots: int = 4
    cooldown_s: float = 0.0
    version: str = "2.3.0"
    unmeasured: bool = False
    scheduler: str = "Adaptive"
    requested: list[str] = field(default_factory=list)
    """The newest requests as ``METHOD path``, oldest first."""
    answered: int = 0
    """Requests answered so far, those about itself aside."""
    plans: dict[str, list[Callable[[], None]]] = field(default_factory=dict)

    def after(self, action: str, act: Callable[[], None]) -> None:
        """Plan something for right after the next action: ``PUT``, ``POST``, ``TRIGGERED`` or ``JOB``."""
        self.plans.setdefault(action, []).append(act)

    def answer(self, method: str, path: str, body: Any, *, now_s: float) -> tuple[int, Document]:
        """Status and document of one request."""
        path, _, query = path.partition("?")
        if path == COUNT_PATH:
            return 200, {"answered": self.answered, "began_s": min(one.began_s for one in self.streams.values())}
        self.answered += 1
        self.requested.append(f"{method} {path}")
        del self.requested[:-MOST_REQUESTED]
        free = self._free()
        for stream in self.streams.values():
            stream.advance(now_s, slots=stream.slots + free)
        if path == f"/taskmanagers/{TASK_MANAGER}/log":
            return 200, self._log()
        if not path.startswith("/jobs/") or path == "/jobs/overview":
            return self._cluster_answer(path)
        job_id, _, rest = path.removeprefix("/jobs/").partition("/")
        stream_or_none = self.streams.get(job_id)
        if stream_or_none is None:
            return 500, {"errors": ["Internal server error.", f"FlinkJobNotFoundException: Could not find {job_id}"]}
        status, document = self._job_answer(stream_or_none, method, f"{rest}?{query}" if query else rest, body, now_s)
        is_status = rest.startswith("checkpoints/") and rest != "checkpoints/config"
        action = "TRIGGERED" if is_status else {"": "JOB"}.get(rest, method)
        for act in self.plans.pop(action, []):
            act()
        return status, document

    @property
    def _is_old(self) -> bool:
        return self.version.startswith("1.")

    def _log(self) -> Text:
        """What a TaskManager of Flink 1.20 writes of jobs and their DataSet iterations."""
        lines = []
        for one in self.streams.values():
            lines.append(f"TaskExecutor [] - Receive slot request 0 for job {one.job_id} from resource manager")
            if one.tells_by == "log":
                numbers = range(1, one.supersteps() + 1)
                lines += [f"IterationHeadTask [] - finishing iteration [{number}]:  (1/1)" for number in numbers]
        return Text("\n".join(lines))

    def _free(self) -> int:
        return max(0, self.slots - sum(stream.slots for stream in self.streams.values()))

    def _cluster_answer(self, path: str) -> tuple[int, Document]:
        if path == "/overview":
            return 200, {
                "taskmanagers": self.slots,
                "slots-total": self.slots,
                "slots-available": self._free(),
                "flink-version": self.version,
            }
        if path == "/taskmanagers":
            return 200, {"taskmanagers": [{"id": TASK_MANAGER, "slotsNumber": self.slots, "freeSlots": self._free()}]}
        if path == "/jobs/overview":
            jobs = [_listed(one) for one in self.streams.values()]
            return 200, {"jobs": jobs}
        if path == "/jobmanager/config":
            cooldown = {
                "key": "jobmanager.adaptive-scheduler.scaling-interval.min",
                "value": f"{self.cooldown_s:g} s",
            }
            return 200, [{"key": "jobmanager.scheduler", "value": "adaptive"}, *([cooldown] if self._is_old else [])]
        return 404, {"errors": [f"Unable to load requested file {path}."]}

    def _job_answer(
        self, stream: ScriptedStream, method: str, rest: str, body: Any, now_s: float
    ) -> tuple[int, Document]:
        answers: dict[str, Callable[[], tuple[int, Document]]] = {
            "": lambda: (200, self._detail(stream, now_s)),
            "resource-requirements": lambda: self._wish(stream, method, body, now_s),
            "checkpoints": lambda: self._checkpoints(stream, method, now_s),
            "checkpoints/config": lambda: (200, {"mode": "exactly_once", "interval": 10_000}),
            "rescales/config": lambda: (200, {"executingCooldownTimeoutInMillis": self.cooldown_s * 1000}),
        }
        if self._is_old:
            del answers["rescales/config"]
        if rest in answers:
            return answers[rest]()
        if rest in ("accumulators", "config"):
            return 200, _told(stream, rest)
        if rest.startswith("checkpoints/"):
            return 200, _triggered(stream, rest.rpartition("/")[2])
        if "/subtasks/metrics" in rest:
            return 200, _metrics(stream, rest)
        return 404, {"errors": [f"Unable to load requested file /jobs/{stream.job_id}/{rest}."]}

    def _wish(self, stream: ScriptedStream, method: str, body: Any, now_s: float) -> tuple[int, Document]:
        if self.scheduler != "Adaptive":
            return 500, {"errors": ["Internal server error.", "UnsupportedOperationException"]}
        if method == "PUT":
            if not stream.ignores_wishes:
                stream.wish = {vertex: one["parallelism"]["upperBound"] for vertex, one in body.items()}
                granted = stream.granted(stream.slots + self._free())
                if self._is_old and granted != stream.parallelism:
                    stream.restart(now_s, granted)
            return 200, {}
        wish = stream.wish or stream.parallelism
        return 200, {vertex: {"parallelism": {"lowerBound": 1, "upperBound": wish[vertex]}} for vertex in VERTEX_IDS}

    def _checkpoints(self, stream: ScriptedStream, method: str, now_s: float) -> tuple[int, Document]:
        if method == "POST":
            request_id = f"{len(stream.requests) + 1:032x}"
            stream.requests[request_id] = stream.trigger(now_s)
            return 202, {"request-id": request_id}
        history = [_checkpoint(one) for one in reversed(stream.checkpoints[-REMEMBERED:])]
        done = [one for one in history if one["status"] == "COMPLETED"]
        return 200, {
            "counts": {
                "completed": len(done),
                "in_progress": sum(one["status"] == "IN_PROGRESS" for one in history),
            },
            "latest": {
                "completed": done[0] if done else None,
                "savepoint": {"external_path": stream.savepoint} if stream.savepoint else None,
                "restored": stream.restored,
            },
            "history": history,
        }

    def _detail(self, stream: ScriptedStream, now_s: float) -> Document:
        runs = stream.state == "RUNNING" and now_s >= stream.created_s
        between = self._is_old and stream.state == "RUNNING" and not runs
        return {
            "jid": stream.job_id,
            "name": stream.name,
            "state": "CREATED" if between else stream.state,
            "job-type": stream.kind,
            **({} if self._is_old else {"schedulerType": self.scheduler}),
            "start-time": 0,
            "end-time": -1,
            "duration": 0,
            "now": _ms(now_s),
            "timestamps": {"CREATED": 0 if between else _ms(stream.created_s)},
            "vertices": [self._vertex(stream, vertex, runs=runs, now_s=now_s) for vertex in VERTEX_IDS],
            "plan": {} if between else _PLAN,
        }

    def _vertex(self, stream: ScriptedStream, vertex: str, *, runs: bool, now_s: float) -> dict[str, Any]:
        is_source, parallelism = vertex == SOURCE_ID, stream.parallelism[vertex]
        lived_s = max(0.0, now_s - stream.created_s) * parallelism
        held_back_s = stream.held_back_s if is_source else 0.0
        busy_s = 0.01 * lived_s if is_source else stream.busy_s
        complete = not self.unmeasured
        counters: dict[str, Any] = {
            "read-records": 0 if is_source else int(stream.emitted),
            "write-records": int(stream.emitted) if is_source else 0,
            "read-bytes": 0,
            "write-bytes": 0,
            "accumulated-busy-time": _ms(busy_s) if complete else "NaN",
            "accumulated-idle-time": _ms(max(0.0, lived_s - busy_s - held_back_s)),
            "accumulated-backpressured-time": _ms(held_back_s),
        }
        flags = {
            f"{name}-complete": complete for name in ("read-records", "write-records", "read-bytes", "write-bytes")
        }
        return {
            "id": vertex,
            "slotSharingGroupId": "f" * 32,
            "name": "source" if is_source else "worker",
            "parallelism": parallelism,
            "maxParallelism": 128,
            "status": "RUNNING" if runs else "CREATED",
            "duration": 0,
            "tasks": {"RUNNING": parallelism if runs else 0},
            "metrics": counters | flags,
        }


def _listed(stream: ScriptedStream) -> dict[str, Any]:
    return {"jid": stream.job_id, "name": stream.name, "state": stream.state, "duration": _ms(stream.lasted_s)}


def _metrics(stream: ScriptedStream, rest: str) -> Document:
    """Names of a vertex' metrics, or the one that was asked for; the working vertex tells supersteps."""
    if "agg=max" in rest:
        return [{"id": GAUGE, "max": float(stream.supersteps())}]
    tells = WORKER_ID in rest and stream.superstep_records and stream.tells_by == "gauge"
    return [{"id": "numRecordsOut"}, *([{"id": GAUGE}] if tells else [])]


def _told(stream: ScriptedStream, rest: str) -> Document:
    if rest == "config":
        return {"jid": stream.job_id, "execution-config": {"user-config": stream.labels}}
    told = stream.superstep_records and stream.tells_by == "accumulator"
    counted = {"name": "superstep", "type": "IntCounter", "value": str(stream.supersteps())}
    return {"job-accumulators": [], "user-task-accumulators": [counted] if told else []}


def _triggered(stream: ScriptedStream, request_id: str) -> Document:
    one = stream.checkpoints[stream.requests[request_id] - 1]
    if one["status"] == "IN_PROGRESS":
        return {"status": {"id": "IN_PROGRESS"}, "operation": None}
    if one["status"] == "FAILED":
        cause = {"class": "CheckpointException", "stack-trace": "CheckpointException: declined\n\tat ..."}
        return {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": None, "failure-cause": cause}}
    return {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": one["id"], "failure-cause": None}}


def _checkpoint(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "status": one["status"],
        "is_savepoint": one.get("is_savepoint", False),
        "trigger_timestamp": _ms(one["triggered_s"]),
        "latest_ack_timestamp": _ms(one["done_s"]),
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
