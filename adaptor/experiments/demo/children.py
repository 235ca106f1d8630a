"""Processes that end with who started them, whatever happens.

Each carries a mark in its environment, so that what a crashed run leaves behind is found and ended by the next start.
Children get sessions of their own: Ctrl-C reaches the caller alone, which ends them in order.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from adaptor.local.processes import end_leftovers, marks

STOP_S = 10.0
"""Longest wait for a process to end in order; a service's own grace is 2 s."""


class Children:
    """Processes under one mark.

    Args:
        mark: Folder that they belong to; nothing is read or written there.
    """

    def __init__(self, mark: Path) -> None:
        self._mark = mark
        self._started: list[subprocess.Popen[str]] = []

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        role: str,
        stdout: int | IO[str],
        stderr: int | IO[str] = subprocess.STDOUT,
    ) -> subprocess.Popen[str]:
        """Start a process."""
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, **marks(self._mark, role=role)},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def stop(self, process: subprocess.Popen[str]) -> None:
        """End one, in order if it can; does nothing if it has ended."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()

    def close(self) -> None:
        """End all, the newest first, and whatever else carries the mark.

        Raises:
            EmbeddedFlinkError: If some cannot be ended.
        """
        for process in reversed(self._started):
            self.stop(process)
        end_leftovers(self._mark)
