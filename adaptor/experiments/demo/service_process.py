"""A service of adaptor as a process: started, stopped, started again with the same state."""

from __future__ import annotations

import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from adaptor.errors import AdaptorError
from adaptor.experiments.demo.children import Children

START_S = 30.0
"""Longest wait for the service's first line; it takes about 1 s."""

ENVIRONMENT: Mapping[str, str] = {"ADAPTOR_SHARING_LISTEN": "127.0.0.1:0"}
"""Several services on one machine need ports of their own for peers."""


class ServiceProcess:
    """`adaptor serve` with a state directory of its own.

    Args:
        children: Start it, and end it with themselves.
        state_dir: Its state directory.
        log: File for its log, appended to.

    Attributes:
        address: Where it answers; stays the same when it is started again.
        pid: Of the process.
    """

    def __init__(self, children: Children, *, state_dir: Path, log: Path) -> None:
        self.state_dir = state_dir
        self.address = ""
        self.pid = 0
        self._children = children
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self, *, embedded_home: Path | None = None) -> None:
        """Start it, and return when it answers.

        Args:
            embedded_home: Of the embedded Flink whose TaskManagers it is to manage. One service at a time may.

        Raises:
            AdaptorError: If it does not start; the message holds the end of its log.
        """
        command = [sys.executable, "-m", "adaptor.cli", "serve", "--listen", self.address or "127.0.0.1:0"]
        command += ["--state-dir", str(self.state_dir)]
        if embedded_home is not None:
            command += ["--embedded-home", str(embedded_home)]
        with self._log.open("a") as log:
            process = self._children.start(command, ENVIRONMENT, role="service", stdout=subprocess.PIPE, stderr=log)
        self._process, self.pid = process, process.pid
        line = _first_line(process, START_S)
        if not line:
            text = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            raise AdaptorError(f"the service did not start: {''.join(text) or 'it said nothing'}")
        self.address = line

    def stop(self) -> None:
        """End it in order; does nothing if it does not run."""
        if self._process is not None:
            self._children.stop(self._process)


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
