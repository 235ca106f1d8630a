"""The embedded Flink with a stream on it, and what came out of the stream's two sinks."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from adaptor.errors import TrialError
from adaptor.experiments.demo.stage import FLINK_JOBS
from adaptor.flink.stream_client import StreamClient
from adaptor.local.cluster import EmbeddedFlink
from adaptor.local.processes import marks
from adaptor.local.provisioner import LocalProvisioner
from adaptor.local.release import INSTALLED, distribution_of
from adaptor.local.settings import EmbeddedFlinkSettings, Option

SLOTS = 2
"""Of the cluster: streams go up to two subtasks and down to one."""

SUBMIT_S = 120.0
"""Longest time for a driver to submit; Flink's planner loads in 5 to 30 s on starved cores."""

START_S = 240.0
"""Longest wait for the cluster: 5 to 15 s where there is nothing else to do, over 60 s were seen on starved cores."""

ANSWER_S = 5.0
"""Longest wait for one REST answer on a starved machine."""

_ECHO = "record> +I["


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamJobOptions:
    """A stream of `flink-jobs/stream.py`.

    Attributes:
        rate: Records a second.
        rows: Records in all.
        work: How much is done for each, in tens of characters hashed.
        checkpoint_interval: As Flink writes it.
        day_s: Seconds of a day in fast motion; 0 for an even load.
        day_start_s: When a day begins, in seconds since the epoch.
        parallelism: Subtasks at the start.
        key_groups: Most subtasks that keyed state can be spread over.
        echo: Whether to write to the sink without transactions as well.
    """

    rate: int
    rows: int
    work: int
    checkpoint_interval: str
    day_s: int = 0
    day_start_s: int = 0
    parallelism: int = 1
    key_groups: int = 128
    echo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What came out of a stream.

    Attributes:
        files: How often each record stands in the transactional sink.
        echoes: How often each came out of the sink without transactions.
    """

    files: Mapping[int, int]
    echoes: Mapping[int, int]

    @property
    def reprocessed(self) -> int:
        """Records that were processed more than once, each time counted."""
        return sum(self.echoes.values()) - len(self.echoes)

    def exactly_once(self, rows: int) -> bool:
        """Whether every record stands in the transactional sink once."""
        return len(self.files) == rows and all(times == 1 for times in self.files.values())


class StreamStage:
    """A cluster for streams.

    Args:
        home: Folder for everything.
        options: Options of Flink that come before those of the embedded cluster.
        slots: Of the cluster.
        max_slots: Those that it can be brought to; ``None`` for no more.
        flink: Series of Flink; another one than the installed is fetched, once for each machine.
        report: Told what is being done.

    Raises:
        EmbeddedFlinkError: That Flink cannot be had.
    """

    def __init__(
        self,
        home: Path,
        *,
        options: Mapping[str, Option],
        slots: int = SLOTS,
        max_slots: int | None = None,
        flink: str = INSTALLED,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.home = home
        self._slots = slots
        self._flink = EmbeddedFlink(
            home / "flink",
            EmbeddedFlinkSettings(
                options=options,
                max_task_managers=max_slots or slots,
                start_timeout_s=START_S,
                register_timeout_s=START_S,
            ),
            distribution=distribution_of(flink, report=report),
        )
        self._jobs = 0
        self._seen_lines: dict[Path, int] = {}

    def __enter__(self) -> StreamStage:
        """Start the cluster; what a crashed run left is ended first."""
        try:
            self._flink.start()
            self.provide(self._slots)
        except BaseException:
            self._flink.stop()
            raise
        self.client = StreamClient(self._flink.rest_url, timeout_s=ANSWER_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process."""
        self.client.close()
        self._flink.stop()

    def provide(self, slots: int) -> None:
        """Bring the cluster to so many slots.

        Raises:
            ProvisionError: If they did not come.
        """
        provisioner = LocalProvisioner(self._flink)
        try:
            asyncio.run(provisioner.provide(slots))
        finally:
            provisioner.close()

    def cancel(self, job_id: str) -> None:
        """End a stream where it stands."""
        self.client.cancel(job_id)

    @property
    def rest_url(self) -> str:
        """Address of Flink's REST API."""
        return self._flink.rest_url

    @property
    def flink(self) -> EmbeddedFlink:
        """The cluster."""
        return self._flink

    def submit(self, options: StreamJobOptions) -> tuple[str, Path]:
        """Submit a stream and return its job id and the folder of its transactional sink.

        Raises:
            TrialError: If it cannot be submitted; the message holds the end of the driver's output.
        """
        self._jobs += 1
        self._seen_lines = {path: path.stat().st_size for path in self._echo_files()}
        out = self.home / f"sink-{self._jobs}"
        arguments = ["--out", str(out), "--rate", str(options.rate), "--rows", str(options.rows)]
        arguments += ["--work", str(options.work), "--checkpoint-interval", options.checkpoint_interval]
        arguments += ["--day", str(options.day_s), "--day-start", str(options.day_start_s)]
        arguments += ["--parallelism", str(options.parallelism), "--key-groups", str(options.key_groups)]
        return self.submit_script("stream.py", [*arguments, *(["--echo"] if options.echo else [])]), out

    def submit_script(self, script: str, arguments: Sequence[str]) -> str:
        """Submit a stream of `flink-jobs` and return its job id.

        Raises:
            TrialError: If it cannot be submitted; the message holds the end of the driver's output.
        """
        command = [sys.executable, str(FLINK_JOBS / script), "--flink", self.rest_url, *arguments]
        environment = {
            **os.environ,
            **self._flink.driver_environment(),
            **marks(self._flink.home, role="driver"),
        }
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SUBMIT_S, check=False, cwd=self.home
        )
        if done.returncode != 0:
            raise TrialError(f"the stream could not be submitted:\n{done.stderr[-2000:]}")
        return str(json.loads(done.stdout.splitlines()[-1])["job_id"])

    def output(self, folder: Path) -> Output:
        """What came out of the stream that was submitted last."""
        files = Counter(number for path in sorted(folder.glob("part-*")) for number in _first_fields(path))
        echoes = Counter(number for path in self._echo_files() for number in self._echoed(path))
        return Output(files=files, echoes=echoes)

    def _echo_files(self) -> Sequence[Path]:
        return sorted((self._flink.home / "log").glob("taskmanager-*.out"))

    def _echoed(self, path: Path) -> list[int]:
        """Records that a TaskManager printed since the stream was submitted; a line that is just written is left."""
        with path.open("rb") as file:
            file.seek(self._seen_lines.get(path, 0))
            lines = file.read().decode("ascii", errors="replace").split("\n")[:-1]
        return [
            int(line.rpartition("[")[2].rstrip("]"))
            for line in lines
            if _ECHO.partition(">")[0] in line and line.endswith("]")
        ]


def _first_fields(path: Path) -> list[int]:
    return [int(line.partition(",")[0]) for line in path.read_text(encoding="utf-8").splitlines() if line]
