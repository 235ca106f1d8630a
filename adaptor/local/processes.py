"""The processes of an embedded cluster, known by a mark in their environment.

A note on disk ("I started pid 4711") can be lost in a crash between start and note, and a pid may be another's by the
time it is read. The mark is part of the process from its first instruction and inherited by what it starts, so
whatever belongs to a cluster is found by looking at the user's own processes, however the last run ended.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from adaptor.errors import EmbeddedFlinkError

CLUSTER_VARIABLE = "ADAPTOR_CLUSTER"
ROLE_VARIABLE = "ADAPTOR_ROLE"
SLOT_VARIABLE = "ADAPTOR_SLOT"
RESOURCE_VARIABLE = "ADAPTOR_RESOURCE_ID"

JOB_MANAGER = "jobmanager"
TASK_MANAGER = "taskmanager"

# A program is replaced within 1 ms, unless the kernel gives the core to others meanwhile: 20 looks are 0.1 s.
LOOKS_DURING_EXEC = 20
PAUSE_DURING_EXEC_S = 0.005

# Own children, kept to reap them: an ended child stays in the process table until its parent asks for its exit code.
_children: dict[int, tuple[subprocess.Popen[bytes], str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterProcess:
    """One process of a cluster, live when it was found.

    Attributes:
        handle: The process; psutil compares start times, so it is never another's with the same pid.
        role: `jobmanager`, `taskmanager`, or what a caller named its own (`service`, `driver`).
        slot: Index of a TaskManager, None for others.
        resource_id: Flink's name of a TaskManager, None for others.
    """

    handle: psutil.Process
    role: str
    slot: int | None = None
    resource_id: str | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        return self.handle.pid

    def is_alive(self) -> bool:
        """Say whether it still runs; one that ended but was not reaped by its parent does not."""
        try:
            return self.handle.is_running() and self.handle.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def marks(home: Path, *, role: str, slot: int | None = None, resource_id: str | None = None) -> dict[str, str]:
    """Return the environment variables that make a process one of the cluster at `home`."""
    optional = {SLOT_VARIABLE: slot, RESOURCE_VARIABLE: resource_id}
    given = {name: str(value) for name, value in optional.items() if value is not None}
    return {CLUSTER_VARIABLE: str(home.absolute()), ROLE_VARIABLE: role, **given}


def start_process(command: Sequence[str], *, environment: Mapping[str, str], output: Path) -> int:
    """Start a process in a session of its own, so that Ctrl-C reaches it only through us, and return its pid.

    Raises:
        EmbeddedFlinkError: The program cannot be executed.
    """
    reap()
    unmarked = {name: value for name, value in os.environ.items() if name not in (SLOT_VARIABLE, RESOURCE_VARIABLE)}
    with output.open("ab") as sink:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**unmarked, **environment},
                start_new_session=True,
            )
        except OSError as error:
            raise EmbeddedFlinkError(f"{command[0]} cannot be started: {error}") from error
    _children[child.pid] = child, environment.get(CLUSTER_VARIABLE, "")
    return child.pid


def reap() -> None:
    """Take the exit codes of own children that ended."""
    for pid, (child, _) in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def cluster_processes(home: Path) -> tuple[ClusterProcess, ...]:
    """Return the live processes of the cluster at `home`, the calling one and its ancestors excepted."""
    reap()
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    cluster = str(home.absolute())
    own = (handle for handle in psutil.process_iter() if handle.pid not in spared)
    return tuple(found for handle in own if (found := _marked_process(handle, cluster)) and found.is_alive())


def end_processes(processes: Iterable[ClusterProcess], *, timeout_s: float, poll_interval_s: float = 0.05) -> None:
    """End processes: TERM, and KILL for those still there after the timeout.

    Raises:
        EmbeddedFlinkError: Some survive even KILL for as long again.
    """
    living = tuple(process for process in processes if process.is_alive())
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in living:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process.handle)
        living = _survivors(living, timeout_s=timeout_s, poll_interval_s=poll_interval_s)
        reap()
        if not living:
            return
    raise EmbeddedFlinkError(f"processes {sorted(process.pid for process in living)} survive `kill -9`")


def end_leftovers(home: Path, *, timeout_s: float = 10.0) -> int:
    """End everything that a crashed run left behind and return how many processes that were.

    Whoever adds processes of its own to a cluster (service, driver) marks them with :func:`marks`; they are found too,
    with all they started. The caller and its ancestors are spared.

    Args:
        home: Folder of the cluster.
        timeout_s: Longest wait after TERM, and again after KILL.

    Raises:
        EmbeddedFlinkError: Some cannot be ended.
    """
    ended = 0
    # A process may have started another between the first look and its end: that one shows at the next.
    for _ in range(3):
        found = cluster_processes(home)
        if not found:
            break
        end_processes(found, timeout_s=timeout_s)
        ended += len(found)
    _await_children(home, timeout_s=timeout_s)
    return ended


def _await_children(home: Path, *, timeout_s: float) -> None:
    """Take the exit codes of own children of this cluster, also of those that are ending and show no environment."""
    cluster = str(home.absolute())
    for pid, (child, of_cluster) in list(_children.items()):
        if of_cluster == cluster:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout_s)
                _children.pop(pid, None)


def _marked_process(handle: psutil.Process, cluster: str) -> ClusterProcess | None:
    try:
        environment = _environment(handle)
    except (psutil.Error, OSError):
        # It ended, or is another user's: then its environment cannot be read, nor can it be ours.
        return None
    if environment.get(CLUSTER_VARIABLE) != cluster:
        return None
    slot = environment.get(SLOT_VARIABLE, "")
    return ClusterProcess(
        handle=handle,
        role=environment.get(ROLE_VARIABLE, "unknown"),
        slot=int(slot) if slot.isdigit() else None,
        resource_id=environment.get(RESOURCE_VARIABLE),
    )


def _environment(handle: psutil.Process) -> dict[str, str]:
    """Return a process' environment; while it becomes another program, for a moment there is none to be read."""
    environment: dict[str, str] = handle.environ()
    for _ in range(LOOKS_DURING_EXEC):
        # Threads of the kernel have no environment at all, and no memory.
        if environment or not handle.memory_info().vms:
            break
        time.sleep(PAUSE_DURING_EXEC_S)
        environment = handle.environ()
    return environment


def _survivors(
    processes: tuple[ClusterProcess, ...], *, timeout_s: float, poll_interval_s: float
) -> tuple[ClusterProcess, ...]:
    until_s = time.monotonic() + timeout_s
    while True:
        reap()
        processes = tuple(process for process in processes if process.is_alive())
        if not processes or time.monotonic() >= until_s:
            return processes
        time.sleep(poll_interval_s)
