"""The stage of the end-to-end tests, with what they need to know of runs."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.experiments.demo.stage import Stage

WAIT_S = 120.0
K = 4


@dataclass
class Theatre:
    """The stage with what tests need to know of runs."""

    stage: Stage
    points: Path

    def run(self, run_id: str) -> pb.GetRunResponse:
        with grpc.insecure_channel(self.stage.address) as channel:
            stub = runs_pb2_grpc.RunServiceStub(channel)
            return stub.GetRun(pb.GetRunRequest(run_id=run_id), timeout=10, wait_for_ready=True)

    def result_file(self, run_id: str) -> Path:
        return self.stage.home / "runs" / run_id / "result.json"

    def start(self, run_id: str, *arguments: str, start: int, supersteps: int = 5) -> subprocess.Popen[str]:
        """Start K-Means as a driver."""
        folder = self.result_file(run_id).parent
        command = ["--flink", self.stage.rest_url, "--points", str(self.points), "--state", str(folder)]
        command += ["--run-id", run_id, "--k", str(K), "--seed", "1", "--parallelism", str(start)]
        command += [
            "--max-supersteps",
            str(supersteps),
            "--max-parallelism",
            "4",
            "--result",
            str(folder / "result.json"),
        ]
        return self.stage.start_job("kmeans.py", [*command, *arguments], log=f"{run_id}.log")

    def finish(self, driver: subprocess.Popen[str], run_id: str) -> pb.GetRunResponse:
        """Wait for a driver to end well, and read its run."""
        self.stage.require_success(driver, log=f"{run_id}.log")
        return self.run(run_id)

    def wait_for(self, run_id: str, claim: Callable[[pb.GetRunResponse], bool]) -> pb.GetRunResponse:
        """The run as soon as something holds of it."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                run = self.run(run_id)
            except grpc.RpcError:
                time.sleep(0.2)
                continue
            if claim(run):
                return run
            time.sleep(0.2)
        raise AssertionError(f"run {run_id} never came to what was waited for")


def new_run_id(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:6]}"


def used(run: pb.GetRunResponse) -> list[int]:
    """Parallelism observed in each superstep."""
    return [one.observed_parallelism for one in run.observations]


def numbers(run: pb.GetRunResponse) -> list[int]:
    """Superstep numbers of all observations that did not fail."""
    return [one.superstep for one in run.observations if not one.failed]


def result_of(theatre: Theatre, run_id: str) -> dict[str, Sequence[object]]:
    """What a driver wrote about its run."""
    return json.loads(theatre.result_file(run_id).read_text())
