"""The processes of the demo: embedded Flink, the service, drivers. All of them end with the stage, whatever happens.

Every process carries the cluster's mark in its environment, so that what a crashed demo leaves behind is found and
ended by the next start. Children get sessions of their own: Ctrl-C reaches the demo alone, which ends them in order.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from adaptor.errors import AdaptorError, EmbeddedFlinkError
from adaptor.local.cluster import EmbeddedFlink
from adaptor.local.processes import end_leftovers, marks
from adaptor.local.provisioner import LocalProvisioner
from adaptor.local.settings import EmbeddedFlinkSettings

SERVICE_START_S = 30.0
"""Longest wait for the service's first line; it takes about 1 s."""

SERVICE_STOP_S = 10.0
"""Longest wait for the service to end in order; its own grace is 2 s."""

FLINK_JOBS = Path(__file__).resolve().parents[3] / "flink-jobs"


class Stage:
    """A running embedded Flink and a service beside it.

    Args:
        home: Folder for everything the demo writes.
        state_dir: The service's state directory.
    """

    def __init__(self, home: Path, state_dir: Path) -> None:
        self.home = home
        self.state_dir = state_dir
        self.flink_home = home / "flink"
        self.logs = home / "logs"
        self._settings = EmbeddedFlinkSettings()
        self._flink = EmbeddedFlink(self.flink_home, self._settings)
        self._children: list[subprocess.Popen[str]] = []
        self.address = ""
        self.service_pid = 0

    def __enter__(self) -> Stage:
        """Start Flink and the service; what a crashed demo left is ended first."""
        if not FLINK_JOBS.is_dir():
            raise AdaptorError(f"the demo needs the folder flink-jobs of a checkout; {FLINK_JOBS} is not there")
        self.logs.mkdir(parents=True, exist_ok=True)
        end_leftovers(self.flink_home)
        try:
            self._flink.start()
            self.provide_slots(1)
            self.address = self._start_service()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process."""
        self._close()

    @property
    def rest_url(self) -> str:
        """Address of Flink's REST API."""
        return self._flink.rest_url

    @property
    def most_slots(self) -> int:
        """Slots that the embedded cluster can have."""
        return self._settings.max_task_managers

    def provide_slots(self, slots: int) -> None:
        """Bring the cluster to so many slots before an act begins, as a static start would have them."""
        provisioner = LocalProvisioner(self._flink)
        try:
            asyncio.run(provisioner.provide(slots))
        finally:
            provisioner.close()

    def start_job(self, script: str, arguments: Sequence[str], *, log: str) -> subprocess.Popen[str]:
        """Start a script of `flink-jobs` in a process of its own, its output going to a log file."""
        return self.start_script(FLINK_JOBS / script, arguments, log=log)

    def start_script(self, script: Path, arguments: Sequence[str], *, log: str) -> subprocess.Popen[str]:
        """Start any driver script, which finds Java and the service in its environment."""
        environment = {**self._flink.driver_environment(), "ADAPTOR_ADDRESS": self.address}
        with (self.logs / log).open("w") as output:
            return self._start([sys.executable, str(script), *arguments], environment, role="driver", stdout=output)

    def run_job(self, script: str, arguments: Sequence[str], *, log: str) -> None:
        """Run a script of `flink-jobs` to its end.

        Raises:
            EmbeddedFlinkError: If it fails; the message holds the end of its log.
        """
        self.require_success(self.start_job(script, arguments, log=log), log=log)

    def require_success(self, process: subprocess.Popen[str], *, log: str) -> None:
        """Wait for a process.

        Raises:
            EmbeddedFlinkError: If it failed; the message holds the end of its log.
        """
        if process.wait() != 0:
            tail = "\n".join((self.logs / log).read_text(errors="replace").splitlines()[-15:])
            raise EmbeddedFlinkError(f"a job of the demo failed, its log is {self.logs / log}:\n{tail}")

    def restart_service(self) -> None:
        """Start the service again, on the same address, after it died."""
        self.address = self._start_service(self.address)

    def _start_service(self, listen: str = "127.0.0.1:0") -> str:
        command = [sys.executable, "-m", "adaptor.cli", "serve", "--listen", listen]
        command += ["--state-dir", str(self.state_dir), "--embedded-home", str(self.flink_home)]
        with (self.logs / "service.log").open("a") as log:
            service = self._start(command, {}, role="service", stdout=subprocess.PIPE, stderr=log)
        self.service_pid = service.pid
        line = _first_line(service, SERVICE_START_S)
        if not line:
            text = (self.logs / "service.log").read_text(errors="replace").strip().splitlines()[-1:]
            raise AdaptorError(f"the service did not start: {''.join(text) or 'it said nothing'}")
        return line

    def _start(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        *,
        role: str,
        stdout: int | IO[str],
        stderr: int | IO[str] = subprocess.STDOUT,
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, **marks(self.flink_home, role=role)},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self._children.append(process)
        return process

    def _close(self) -> None:
        """Drivers first, then the service, then Flink; what is left after that is found by its mark."""
        for process in reversed(self._children):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(SERVICE_STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdout:
                process.stdout.close()
        self._flink.stop()
        end_leftovers(self.flink_home)


def _first_line(process: subprocess.Popen[str], timeout_s: float) -> str:
    """The first line a process prints, or nothing if it ends or stays silent."""
    pipe = process.stdout
    if pipe is None:
        return ""
    deadline_s = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < deadline_s and process.poll() is None:
            if selector.select(timeout=0.2):
                return pipe.readline().strip()
    return ""
