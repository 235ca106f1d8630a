"""A Flink cluster of our own on this machine: one JobManager and some TaskManagers of one slot each, as processes.

Everything about it lives in one folder, its home: `conf/`, `log/`, `tmp/`, and `cluster.json` with what another
process needs to manage the same cluster. The processes themselves are found by their mark (`adaptor.local.processes`),
never by a note, so a caller killed at any point leaves nothing that the next one would not find.

Two processes use a cluster at the same time: the demo that started it and the service that adds and removes
TaskManagers. A lock on a file, which the kernel releases when its holder dies, keeps them apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from adaptor.errors import EmbeddedFlinkError, FlinkError
from adaptor.flink.client import FlinkClient
from adaptor.local import processes as marked
from adaptor.local.configuration import (
    LOG4J,
    LOG4J_FILE,
    LOOPBACK,
    Ports,
    cluster_options,
    driver_flags,
    job_manager_flags,
    log_flags,
    rendered_options,
    task_manager_flags,
)
from adaptor.local.description import ClusterDescription, read_description, write_description
from adaptor.local.distribution import Distribution, find_distribution
from adaptor.local.java import find_java
from adaptor.local.pinning import allowed_cores, core_of_slot
from adaptor.local.processes import ClusterProcess
from adaptor.local.settings import EmbeddedFlinkSettings

JOB_MANAGER_CLASS = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER_CLASS = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

# A port found free may be taken by another process before Flink binds it; three in a row is no accident.
START_ATTEMPTS = 3
TAIL_LINES = 15


class EmbeddedFlink:
    """Starts, changes and ends one embedded cluster.

    Args:
        home: Folder of the cluster; created where missing.
        settings: Sizes and bounds.
        distribution: Which Flink; the installed one by default.
    """

    def __init__(
        self, home: Path, settings: EmbeddedFlinkSettings | None = None, *, distribution: Distribution | None = None
    ) -> None:
        self.home = home.absolute()
        self.settings = settings or EmbeddedFlinkSettings()
        self._distribution = distribution
        self._description: ClusterDescription | None = None

    @classmethod
    def attach(cls, home: Path, settings: EmbeddedFlinkSettings | None = None) -> EmbeddedFlink:
        """Return the cluster that another process started at `home`.

        Raises:
            EmbeddedFlinkError: No cluster was ever started there, or its description is damaged.
        """
        cluster = cls(home, settings)
        cluster._description = read_description(cluster.home)
        return cluster

    @property
    def rest_url(self) -> str:
        """Where Flink's REST API answers.

        Raises:
            EmbeddedFlinkError: The cluster was not started.
        """
        return f"http://{LOOPBACK}:{self._started().rest_port}"

    @property
    def configuration_folder(self) -> Path:
        """What a PyFlink driver takes as `FLINK_CONF_DIR`."""
        return self.home / "conf"

    def driver_environment(self) -> dict[str, str]:
        """Return the environment of a PyFlink driver: the cluster's Java, its log and scratch folders, a bounded heap.

        Raises:
            EmbeddedFlinkError: The cluster was not started.
        """
        return {
            "JAVA_HOME": str(Path(self._started().java).parent.parent),
            "FLINK_CONF_DIR": str(self.configuration_folder),
            "JVM_ARGS": " ".join(driver_flags(self.settings)),
            **self._started().driver_environment,
        }

    def start(self) -> None:
        """Start the JobManager and return when its REST API answers; leftovers of the same home are ended first.

        Raises:
            EmbeddedFlinkError: It does not come up; the message carries the end of its log.
            JavaMissingError: No Java runtime fits.
        """
        self.stop()
        self._make_folders()
        for attempt in range(START_ATTEMPTS):
            self._configure(Ports(rest=_free_port(), rpc=_free_port()))
            self._launch(JOB_MANAGER_CLASS, role=marked.JOB_MANAGER)
            try:
                self._wait_for_rest()
                return
            except EmbeddedFlinkError as error:
                self.stop()
                if "BindException" not in str(error) or attempt + 1 == START_ATTEMPTS:
                    raise

    def stop(self) -> None:
        """End every process of the home except the caller and its ancestors; does nothing where there is none.

        Raises:
            EmbeddedFlinkError: Some cannot be ended.
        """
        marked.end_leftovers(self.home, timeout_s=self.settings.stop_timeout_s)

    def processes(self) -> tuple[ClusterProcess, ...]:
        """Return the live processes of the cluster."""
        return marked.cluster_processes(self.home)

    def task_managers(self) -> dict[int, ClusterProcess]:
        """Return the live TaskManagers by slot index, lowest first."""
        found = {
            process.slot: process
            for process in self.processes()
            if process.role == marked.TASK_MANAGER and process.slot is not None
        }
        return dict(sorted(found.items()))

    def add_task_manager(self) -> int:
        """Start a TaskManager at the lowest free slot index and return the index, without waiting for it to register.

        Raises:
            EmbeddedFlinkError: All slots are taken, or another process holds the lock too long.
        """
        with self._lock():
            taken = self.task_managers()
            free = [slot for slot in range(self.settings.max_task_managers) if slot not in taken]
            if not free:
                raise EmbeddedFlinkError(f"all {self.settings.max_task_managers} TaskManagers run already")
            self._launch(TASK_MANAGER_CLASS, role=marked.TASK_MANAGER, slot=free[0])
            return free[0]

    def remove_task_manager(self, slot: int) -> None:
        """End the TaskManager at a slot index; does nothing where there is none.

        Flink is told by the ending process itself, so its slot is gone at once.

        Raises:
            EmbeddedFlinkError: It cannot be ended.
        """
        with self._lock():
            process = self.task_managers().get(slot)
            if process is not None:
                marked.end_processes([process], timeout_s=self.settings.stop_timeout_s)

    def log_tail(self, name: str) -> str:
        """Return the last lines of what `jobmanager` or `taskmanager-0` logged and printed."""
        return "\n".join(
            tail for suffix in ("log", "out") if (tail := _tail(self.home / "log" / f"{name}.{suffix}", TAIL_LINES))
        )

    def _started(self) -> ClusterDescription:
        if self._description is None:
            raise EmbeddedFlinkError(f"the embedded Flink at {self.home} was not started")
        return self._description

    def _make_folders(self) -> None:
        """Keep the logs of the start before, and nothing of its scratch files."""
        log, previous = self.home / "log", self.home / "log.previous"
        if log.exists():
            shutil.rmtree(previous, ignore_errors=True)
            log.rename(previous)
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        for folder in ("conf", "log", "tmp"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)

    def _configure(self, ports: Ports) -> None:
        java, distribution = find_java(), self._distribution or find_distribution()
        options = cluster_options(
            home=self.home,
            ports=ports,
            settings=self.settings,
            module_options=distribution.module_options,
        )
        (self.configuration_folder / "config.yaml").write_text(rendered_options(options), encoding="utf-8")
        (self.configuration_folder / LOG4J_FILE).write_text(LOG4J, encoding="utf-8")
        self._description = ClusterDescription(
            rest_port=ports.rest,
            java=str(java.executable),
            class_path=distribution.class_path,
            module_options=distribution.module_options,
            cores=allowed_cores(),
            driver_environment=distribution.driver_environment,
        )
        write_description(self.home, self._description)

    def _launch(self, main_class: str, *, role: str, slot: int | None = None) -> None:
        name = role if slot is None else f"{role}-{slot}"
        resource_id = None if slot is None else f"{name}-{uuid.uuid4().hex[:8]}"
        marked.start_process(
            self._command(main_class, name=name, slot=slot, resource_id=resource_id),
            environment=marked.marks(self.home, role=role, slot=slot, resource_id=resource_id),
            output=self.home / "log" / f"{name}.out",
        )

    def _command(self, main_class: str, *, name: str, slot: int | None, resource_id: str | None) -> Sequence[str]:
        description, is_job_manager = self._started(), slot is None
        flags_of = job_manager_flags if is_job_manager else task_manager_flags
        return [
            *_pinned(slot, description.cores),
            description.java,
            *flags_of(self.settings),
            *description.module_options,
            *log_flags(home=self.home, name=name),
            *("-cp", description.class_path, main_class, "--configDir", str(self.configuration_folder)),
            *(() if is_job_manager else ("-D", f"taskmanager.resource-id={resource_id}")),
        ]

    def _wait_for_rest(self) -> None:
        client = FlinkClient(self.rest_url, timeout_s=self.settings.rest_timeout_s)
        until_s = time.monotonic() + self.settings.start_timeout_s
        while time.monotonic() < until_s:
            with contextlib.suppress(FlinkError):
                client.overview()
                return
            if not any(process.role == marked.JOB_MANAGER for process in self.processes()):
                raise EmbeddedFlinkError(f"the JobManager ended while starting:\n{self.log_tail(marked.JOB_MANAGER)}")
            time.sleep(self.settings.poll_interval_s)
        raise EmbeddedFlinkError(
            f"the JobManager did not answer at {self.rest_url} within {self.settings.start_timeout_s:g} s:\n"
            f"{self.log_tail(marked.JOB_MANAGER)}"
        )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        until_s = time.monotonic() + self.settings.register_timeout_s
        with (self.home / "lock").open("w") as file:
            while True:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if time.monotonic() >= until_s:
                    raise EmbeddedFlinkError(f"another process holds {file.name}")
                time.sleep(self.settings.poll_interval_s)
            yield


def _pinned(slot: int | None, cores: Sequence[int]) -> tuple[str, ...]:
    core = None if slot is None else core_of_slot(slot, cores)
    if core is None:
        return ()
    return (sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")), str(core))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _tail(path: Path, lines: int) -> str:
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
