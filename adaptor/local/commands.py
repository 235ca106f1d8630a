"""Programs that are run to their end, within a bounded time."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

QUESTION_TIMEOUT_S = 20.0
"""Longest wait for a program to say its version: takes 0.05 s, and a wrapper that hangs must not hang its caller."""

TAIL_LINES = 15
"""Lines of a failed command's output that are shown: the last of Go's messages name the cause."""


def output_of(command: Sequence[str]) -> str | None:
    """What a command prints; ``None`` if it cannot be run, fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=QUESTION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def run_to_its_end(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    timeout_s: float,
) -> str | None:
    """Run a command with all it starts.

    Args:
        command: Program and arguments.
        environment: Variables on top of the inherited ones.
        folder: Where it runs; its output goes to a file there.
        timeout_s: After which it is killed, with all it started.

    Returns:
        ``None`` if it succeeded, else why not, with the end of its output.
    """
    log = folder / "output.log"
    with log.open("wb") as sink:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            return f"{command[0]} cannot be started ({error.strerror})"
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return f"it took longer than {timeout_s:g} s\n{tail_of(log)}"
        finally:
            _end_group(child)
    return None if code == 0 else f"it ended with code {code}\n{tail_of(log)}"


def tail_of(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a file; empty if there is none."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the compilers that a command started, when it was cut short; its group is its own."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
