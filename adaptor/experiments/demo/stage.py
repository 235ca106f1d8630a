"""The processes of the demo: embedded Flink, services, drivers. All of them end with the stage, whatever happens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from adaptor.errors import AdaptorError, EmbeddedFlinkError
from adaptor.experiments.demo.children import Children
from adaptor.experiments.demo.service_process import ServiceProcess
from adaptor.local.cluster import EmbeddedFlink
from adaptor.local.processes import end_leftovers
from adaptor.local.provisioner import LocalProvisioner
from adaptor.local.settings import EmbeddedFlinkSettings

FLINK_JOBS = Path(__file__).resolve().parents[3] / "flink-jobs"


class Stage:
    """A running embedded Flink and a service beside it.

    Args:
        home: Folder for everything the demo writes.
        state_dir: The first service's state directory.

    Attributes:
        first: The service that is there from the beginning.
    """

    def __init__(self, home: Path, state_dir: Path) -> None:
        self.home = home
        self.flink_home = home / "flink"
        self.logs = home / "logs"
        self._settings = EmbeddedFlinkSettings()
        self._flink = EmbeddedFlink(self.flink_home, self._settings)
        self._children = Children(self.flink_home)
        self.first = self._service(state_dir, log="service.log")
        self._serving = self.first

    def __enter__(self) -> Stage:
        """Start Flink and the first service; what a crashed demo left is ended first."""
        if not FLINK_JOBS.is_dir():
            raise AdaptorError(f"the demo needs the folder flink-jobs of a checkout; {FLINK_JOBS} is not there")
        self.logs.mkdir(parents=True, exist_ok=True)
        end_leftovers(self.flink_home)
        try:
            self._flink.start()
            self.provide_slots(1)
            self.first.start(embedded_home=self.flink_home)
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
    def address(self) -> str:
        """Address of the service that drivers report to."""
        return self._serving.address

    @property
    def service_pid(self) -> int:
        """Process id of that service."""
        return self._serving.pid

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

    def restart_service(self) -> None:
        """Start the service that drivers report to again, on the same address, after it died."""
        self._serving.start(embedded_home=self.flink_home)

    def let_go_of_slots(self) -> None:
        """Start the first service again without the cluster, so that another one may manage its TaskManagers."""
        self.first.stop()
        self.first.start()

    @contextmanager
    def newcomer(self, name: str, state_dir: Path) -> Iterator[ServiceProcess]:
        """A service with a state directory of its own, to which drivers report and which manages the TaskManagers.

        Args:
            name: Of its log file.
            state_dir: Its state directory.

        Raises:
            AdaptorError: If it does not start.
        """
        service = self._service(state_dir, log=f"{name}.log")
        try:
            service.start(embedded_home=self.flink_home)
            self._serving = service
            yield service
        finally:
            self._serving = self.first
            service.stop()

    def start_job(self, script: str, arguments: Sequence[str], *, log: str) -> subprocess.Popen[str]:
        """Start a script of `flink-jobs` in a process of its own, its output going to a log file."""
        return self.start_script(FLINK_JOBS / script, arguments, log=log)

    def start_script(self, script: Path, arguments: Sequence[str], *, log: str) -> subprocess.Popen[str]:
        """Start any driver script, which finds Java and the service in its environment."""
        environment = {**self._flink.driver_environment(), "ADAPTOR_ADDRESS": self.address}
        with (self.logs / log).open("w") as output:
            command = [sys.executable, str(script), *arguments]
            return self._children.start(command, environment, role="driver", stdout=output)

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

    def _service(self, state_dir: Path, *, log: str) -> ServiceProcess:
        return ServiceProcess(self._children, state_dir=state_dir, log=self.logs / log)

    def _close(self) -> None:
        """Drivers first, then the services, then Flink; what is left after that is found by its mark."""
        try:
            self._children.close()
        finally:
            self._flink.stop()
