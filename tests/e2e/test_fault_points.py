"""A service killed at any effect or store write leaves a run that ends complete, each observation stored once."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from adaptor.client import start_run
from adaptor.domain.effects import Effect
from adaptor.domain.run import RunState
from adaptor.experiments.scripted_flink import Script, ScriptedFlink
from adaptor.store import run_file
from adaptor.store.run_file import RunFile

pytestmark = pytest.mark.e2e

SERVICE = Path(__file__).with_name("service_under_fault.py")
SUPERSTEPS = 2
RUN_ID = "faulty"
SETTLE_S = 20.0


@dataclass
class Supervised:
    """A service that is started again, without the fault, when it dies."""

    folder: Path
    listen: str
    point: tuple[str, str] | None
    script: Path = SERVICE

    def __post_init__(self) -> None:
        self.killed = False
        self._stopping = False
        self._process = self._start(self.point)
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    @property
    def points_file(self) -> Path:
        return self.folder / "points"

    @property
    def published(self) -> list[str]:
        file = self.folder / "published"
        return file.read_text().split() if file.exists() else []

    def _start(self, point: tuple[str, str] | None) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.script), str(self.folder / "state"), self.listen, str(self.points_file)]
        command += [str(self.folder / "published"), *(point or ())]
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, text=True)

    def _supervise(self) -> None:
        while not self._stopping:
            if self._process.wait() == -9:
                self.killed = True
            if not self._stopping:
                self._process = self._start(None)

    def stop(self) -> None:
        self._stopping = True
        self._process.terminate()
        self._process.wait(timeout=20)
        self._thread.join(timeout=20)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def run_job(address: str, flink_url: str) -> None:
    """Two supersteps whose target 1 would miss, so that the second is rescaled."""
    run = start_run(
        program="faulty",
        run_id=RUN_ID,
        parallelism=1,
        max_supersteps=SUPERSTEPS,
        runtime_target_s=0.001,
        flink_url=flink_url,
        shareable=True,
        address=address,
        max_wait_s=20.0,
    )
    with run:
        for superstep in run.supersteps():
            superstep.submitted("0" * 32)


def settled(file: RunFile) -> bool:
    summary = file.run(RUN_ID)
    return (
        summary is not None
        and summary.state is RunState.FINISHED
        and not file.pending_slot_effects()
        and not file.unpublished(limit=1)
    )


def play(folder: Path, flink_url: str, point: tuple[str, str] | None) -> Supervised:
    """One run under a service that dies at the point; returns when nothing is left to be done."""
    folder.mkdir()
    service = Supervised(folder, free_address(), point)
    try:
        run_job(service.listen, flink_url)
        file = RunFile(folder / "state", read_only=True)
        deadline = time.monotonic() + SETTLE_S
        while not settled(file) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert settled(file), f"{point}: the run was left incomplete"
        file.close()
    finally:
        service.stop()
    return service


def require_complete(folder: Path, service: Supervised) -> None:
    """Every superstep observed once, published once, and the plans those of an undisturbed run."""
    file = RunFile(folder / "state", read_only=True)
    observed = [one.observation.superstep for one in file.history(RUN_ID) if one.observation]
    counted = file.connection.execute("select count(*) from observations").fetchone()[0]
    file.close()
    assert observed == [1, 2]
    assert counted == SUPERSTEPS
    assert sorted(service.published) == [f"{RUN_ID}/1/1", f"{RUN_ID}/2/1"]


def tables_written() -> set[str]:
    """Every kind of write statement in the store's source: none may be without a fault point."""
    source = Path(run_file.__file__).read_text()
    return {" ".join(match) for match in re.findall(r"\"(insert into|update|delete from) (\w+)", source)}


def test_a_run_is_complete_whatever_effect_or_write_its_service_is_killed_at(tmp_path, capsys):
    """Kill at every point, restart, and find the run whole."""
    script = Script(task_managers=4, duration_s=0.01, parallelism=1)
    with ScriptedFlink(script) as flink:
        undisturbed = play(tmp_path / "undisturbed", flink.url, None)
        require_complete(tmp_path / "undisturbed", undisturbed)
        points = [tuple(line.split("\t")) for line in undisturbed.points_file.read_text().splitlines()]
        names = {name for name, _ in points}
        assert {f"effect: {when} {kind.__name__}" for kind in get_args(Effect) for when in ("before", "after")} <= names
        assert {f"write: {write}" for write in tables_written()} <= names

        def killed_at(index: int) -> bool:
            folder = tmp_path / f"point-{index}"
            service = play(folder, flink.url, points[index])
            require_complete(folder, service)
            return service.killed

        with ThreadPoolExecutor(max_workers=3) as pool:
            killed = list(pool.map(killed_at, range(len(points))))
    with capsys.disabled():
        print(f"\n{sum(killed)} of {len(points)} fault points killed the service; every run was complete")
    assert all(killed), [points[index] for index, dead in enumerate(killed) if not dead]
