"""A scripted cluster whose jobs are stopped with a savepoint and submitted again, as one without adaptive scheduler.

A job that ran keeps its last answers; one that is submitted is a `ScriptedStream` like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adaptor.experiments.scripted_stream import VERTEX_IDS, Document, ScriptedStream, ScriptedStreams

JAR, JAR_ID = "job.jar", "7c9f0000-0000-0000-0000-000000000000_job.jar"


@dataclass(kw_only=True)
class ScriptedSubmissions(ScriptedStreams):
    """The cluster.

    Attributes:
        savepoint_s: Seconds that a savepoint takes.
        savepoint_fails: Whether it fails, after which the job goes on.
        fates: What becomes of the next submissions: ``runs``, ``refused``, ``fails`` or ``hangs``; later ones run.
        submitted: Bodies of the submissions that were asked for.
    """

    scheduler: str = "Default"
    savepoint_s: float = 0.05
    savepoint_fails: bool = False
    fates: list[str] = field(default_factory=list)
    submitted: list[dict[str, Any]] = field(default_factory=list)
    stops: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By request: the job, and when its savepoint is complete."""

    def answer(self, method: str, path: str, body: Any, *, now_s: float) -> tuple[int, Document]:
        """Status and document of one request."""
        self._complete_stops(now_s)
        plain = path.partition("?")[0]
        answers: dict[tuple[str, str], Callable[[], tuple[int, Document]]] = {
            ("GET", "jars"): lambda: (200, {"files": [{"id": JAR_ID, "name": JAR}]}),
            ("POST", "run"): lambda: self._run(body, now_s),
            ("POST", "stop"): lambda: self._stop(plain.split("/")[2], now_s),
            ("GET", "savepoint"): lambda: self._savepoint(plain.rpartition("/")[2], now_s),
            ("PATCH", "job"): lambda: self._cancel(plain.split("/")[2]),
            ("GET", "exceptions"): lambda: (
                200,
                {"exceptionHistory": {"entries": [{"stacktrace": "state is lost\n"}]}},
            ),
        }
        found = answers.get((method, _kind_of(plain)))
        if found is None:
            return super().answer(method, path, body, now_s=now_s)
        self.requested.append(f"{method} {plain}")
        status, document = found()
        for act in self.plans.pop(_kind_of(plain).upper(), []):
            act()
        return status, document

    def _complete_stops(self, now_s: float) -> None:
        for job_id, done_s in self.stops.values():
            stream = self.streams[job_id]
            if now_s < done_s or stream.state != "RUNNING" or self.savepoint_fails:
                continue
            stream.state = "FINISHED"
            stream.checkpoints[-1]["status"] = "COMPLETED"
            stream.savepoint = f"file:///savepoints/{job_id}"

    def _stop(self, job_id: str, now_s: float) -> tuple[int, Document]:
        request_id = f"{len(self.stops) + 1:032x}"
        self.stops[request_id] = (job_id, now_s + self.savepoint_s)
        number = self.streams[job_id].trigger(now_s)
        status = "FAILED" if self.savepoint_fails else "IN_PROGRESS"
        self.streams[job_id].checkpoints[number - 1].update(is_savepoint=True, done_s=1e12, status=status)
        return 202, {"request-id": request_id}

    def _savepoint(self, request_id: str, now_s: float) -> tuple[int, Document]:
        job_id, done_s = self.stops[request_id]
        if now_s < done_s:
            return 200, {"status": {"id": "IN_PROGRESS"}, "operation": None}
        if self.savepoint_fails:
            cause = {"class": "CheckpointException", "stack-trace": "CheckpointException: declined\n\tat ..."}
            return 200, {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}}
        return 200, {"status": {"id": "COMPLETED"}, "operation": {"location": self.streams[job_id].savepoint}}

    def _run(self, body: dict[str, Any], now_s: float) -> tuple[int, Document]:
        self.submitted.append(body)
        job_id = body["jobId"]
        if job_id in self.streams:
            return 500, {"errors": ["Internal server error.", "DuplicateJobSubmissionException: already submitted"]}
        fate = self.fates.pop(0) if self.fates else "runs"
        if fate == "refused":
            return 400, {"errors": ["org.apache.flink.client.program.ProgramInvocationException: no such class"]}
        model = next(iter(self.streams.values()))
        self.streams[job_id] = ScriptedStream(
            job_id=job_id,
            name=model.name,
            rate=model.rate,
            capacity=model.capacity,
            parallelism=dict.fromkeys(VERTEX_IDS, body["parallelism"]),
            state={"fails": "FAILED"}.get(fate, "RUNNING"),
            created_s=now_s + (1e6 if fate == "hangs" else 0.02),
            looked_s=now_s,
            restored={"id": 1, "is_savepoint": True, "external_path": body["savepointPath"]},
        )
        return 200, {"jobid": job_id}

    def _cancel(self, job_id: str) -> tuple[int, Document]:
        self.streams[job_id].state = "CANCELED"
        return 202, {}


def _kind_of(path: str) -> str:
    """What a request is about, if it is of a kind that streams do not have."""
    parts = path.strip("/").split("/")
    match parts:
        case ["jars"]:
            return "jars"
        case ["jars", _, "run"]:
            return "run"
        case ["jobs", _, "stop" | "exceptions" as what]:
            return what
        case ["jobs", _, "savepoints", _]:
            return "savepoint"
        case ["jobs", job_id] if job_id != "overview":
            return "job"
    return ""
