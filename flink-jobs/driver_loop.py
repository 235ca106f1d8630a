"""What every driver loop here does alike: supersteps as Flink jobs, their parallelism from adaptor, a result file.

A job is what `Job` asks for: it starts the Flink job of a superstep, and takes in what that job wrote. Whatever happens
to the driver, the loop state on disk is whole, so that it goes on where it was when it is started again with the same
`--run-id` and `--state`.

What adaptor needs are `begun_run` and the lines with `superstep.` in `iterate`.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from pyflink.common import Configuration
from pyflink.common.job_status import JobStatus
from pyflink.table import EnvironmentSettings, TableEnvironment, TableResult

from adaptor.client import RefusedError, Run, Superstep, start_run

# `TableResult.wait` asks with growing pauses of up to 2 s, a good part of a superstep; this is a 100th of one.
POLL_INTERVAL_S = 0.05
# A job that failed has had its tasks retried by Flink already, so a cause that passes is rare.
MAX_FAILURES = 2
# Longest wait for one answer of Flink's REST API; it answers in milliseconds, unless the machine is starved.
REST_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a superstep came to.

    Attributes:
        shift: How far it moved the loop state; the run ends when that is no more than the tolerance.
        figures: More about it, for the result file.
    """

    shift: float
    figures: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One finished superstep, with what the result file says about it."""

    superstep: int
    parallelism: int
    job_id: str
    duration_s: float
    progress: Progress

    def as_json(self) -> dict[str, Any]:
        """For the result file."""
        return {
            "superstep": self.superstep,
            "parallelism": self.parallelism,
            "job_id": self.job_id,
            "duration_s": self.duration_s,
            "shift": self.progress.shift,
            **self.progress.figures,
        }


class Job(Protocol):
    """An iterative program whose loop state lives in files."""

    def submit(self, superstep: int, *, output: Path, parallelism: int, name: str) -> TableResult:
        """Start the Flink job of a superstep, which writes into the new folder `output`."""

    def absorb(self, superstep: int, output: Path) -> Progress:
        """Make the loop state after a superstep of what its Flink job wrote, and put it on disk."""


def batch_environment(url: str) -> TableEnvironment:
    """Return a batch environment that submits to the session cluster at a URL."""
    address = urlsplit(url)
    configuration = Configuration()
    configuration.set_string("execution.target", "remote")
    configuration.set_string("rest.address", str(address.hostname))
    configuration.set_string("rest.port", str(address.port or 80))
    # Otherwise Flink lowers the parallelism of vertices with little data, and observed would not be planned.
    configuration.set_string("execution.batch.adaptive.auto-parallelism.enabled", "false")
    settings = EnvironmentSettings.new_instance().in_batch_mode().with_configuration(configuration).build()
    return TableEnvironment.create(settings)


def declare(table_env: TableEnvironment, name: str, columns: list[str], path: Path) -> None:
    """Declare a table over CSV files; declaring it again moves it to another path."""
    table_env.execute_sql(f"DROP TEMPORARY TABLE IF EXISTS {name}")
    table_env.execute_sql(
        f"CREATE TEMPORARY TABLE {name} ({', '.join(columns)}) "
        f"WITH ('connector' = 'filesystem', 'path' = '{path.absolute().as_uri()}', 'format' = 'csv')"
    )


def submitted(table_env: TableEnvironment, sql: str, *, parallelism: int, name: str) -> TableResult:
    """Start a statement as a Flink job."""
    table_env.get_config().set("parallelism.default", str(parallelism))
    table_env.get_config().set("pipeline.name", name)
    return table_env.execute_sql(sql)


def has_finished(job: TableResult) -> bool:
    """Wait for a job to end and say whether it did its work."""
    client = job.get_job_client()
    while not (status := client.get_job_status().result()).is_globally_terminal_state():
        time.sleep(POLL_INTERVAL_S)
    return status is JobStatus.FINISHED


def end_abandoned_jobs(url: str, run_id: str) -> None:
    """Cancel what a killed driver of the same run left running: it would take the slots of this one."""
    for job in requests.get(f"{url}/jobs/overview", timeout=REST_TIMEOUT_S).json()["jobs"]:
        if job["name"].startswith(f"{run_id} ") and job["end-time"] < 0:
            requests.patch(f"{url}/jobs/{job['jid']}?mode=cancel", timeout=REST_TIMEOUT_S)


def begun_run(given: argparse.Namespace, *, parameters: Mapping[str, object], data: Mapping[str, object]) -> Run:
    """Tell adaptor what is about to run and what is wanted of it.

    Args:
        given: The command line.
        parameters: What changes the work.
        data: Characteristics of the data.
    """
    return start_run(
        program=given.program,
        parameters=parameters,
        data={**data, **dict(given.data)},
        flink_url=given.flink,
        parallelism=given.parallelism,
        min_parallelism=given.min_parallelism,
        max_parallelism=given.max_parallelism,
        max_supersteps=given.max_supersteps,
        # One below zero is never reached: the run has its limit alone.
        tolerance=given.tolerance if given.tolerance >= 0 else None,
        runtime_target_s=given.runtime_target_s,
        efficiency_target=given.efficiency_target,
        policy=given.policy,
        shareable=given.shareable,
        tenant=given.tenant,
        priority=given.priority,
        pausable=given.pausable,
        run_id=given.run_id,
        address=given.adaptor,
    )


def driven(
    job: Job, given: argparse.Namespace, *, parameters: Mapping[str, object], data: Mapping[str, object]
) -> tuple[Run, list[Step]]:
    """Run a job from its next superstep to its end.

    Args:
        job: What is run.
        given: The command line.
        parameters: What changes the work.
        data: Characteristics of the data.

    Returns:
        The run, which has ended, and the supersteps that this driver ran.
    """
    with begun_run(given, parameters=parameters, data=data) as run:
        end_abandoned_jobs(given.flink, run.run_id)
        return run, iterate(run, job, given)


def iterate(run: Run, job: Job, given: argparse.Namespace) -> list[Step]:
    """Run supersteps until one shifts the loop state no farther than the tolerance, or the limit is reached.

    Garbage is collected here and not whenever Python likes: see `start`.
    """
    steps: list[Step] = []
    failures = 0
    for superstep in run.supersteps():
        began_s = time.monotonic()
        progress = progressed(superstep, job, given, name=run.run_id, last_try=failures == MAX_FAILURES)
        if progress is None:
            superstep.failed()
            failures += 1
            continue
        gc.collect()
        steps.append(
            Step(
                superstep=superstep.number,
                parallelism=superstep.parallelism,
                job_id=superstep.job_id,
                duration_s=time.monotonic() - began_s,
                progress=progress,
            )
        )
        superstep.converged_to(progress.shift)
        tell(steps[-1])
        if progress.shift <= given.tolerance:
            break
    return steps


def progressed(
    superstep: Superstep, job: Job, given: argparse.Namespace, *, name: str, last_try: bool
) -> Progress | None:
    """Run one superstep as a Flink job.

    Args:
        superstep: What to run.
        job: Runs it.
        given: The command line.
        name: Of the run.
        last_try: Whether a failure ends the driver, with its cause.

    Returns:
        What it came to, None if its Flink job failed.
    """
    with tempfile.TemporaryDirectory(dir=given.state, prefix="output-") as scratch:
        output = Path(scratch) / "output"
        named = f"{name} superstep {superstep.number}"
        flink_job = job.submit(superstep.number, output=output, parallelism=superstep.parallelism, name=named)
        superstep.submitted(str(flink_job.get_job_client().get_job_id()))
        if has_finished(flink_job):
            return job.absorb(superstep.number, output)
        if last_try:
            flink_job.wait()  # Raises the cause.
    return None


def tell(step: Step) -> None:
    """Say on stderr how a superstep went."""
    figures = "".join(f", {name} {value}" for name, value in step.progress.figures.items())
    print(
        f"superstep {step.superstep} at parallelism {step.parallelism}: {step.duration_s:.1f} s, "
        f"shift {step.progress.shift:.4g}{figures}",
        file=sys.stderr,
    )


def write_result(given: argparse.Namespace, run: Run, steps: list[Step], outcome: Mapping[str, Any]) -> None:
    """Write the course of a run with its outcome as JSON, whole or not at all; nothing if no file was named."""
    if given.result is None:
        return
    result = {
        "run_id": run.run_id,
        "converged": bool(steps) and steps[-1].progress.shift <= given.tolerance,
        **outcome,
        "steps": [step.as_json() for step in steps],
        "durations_s": [step.duration_s for step in steps],
        "blocked_s": run.blocked_s,
        "slot_waits_s": run.slot_waits_s,
    }
    draft = given.result.with_name(f".{given.result.name}")
    draft.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    draft.replace(given.result)


def add_options(parser: argparse.ArgumentParser, *, program: str, max_supersteps: int, tolerance: float) -> None:
    """Add what every driver loop can be told, with the defaults of one program."""
    add = parser.add_argument
    add("--flink", type=_url, required=True, help="REST address of a session cluster, host:port or URL")
    add("--state", type=Path, required=True, help="folder for the loop state of this run")
    add("--result", type=Path, help="JSON file for the result")
    add("--max-supersteps", type=int, default=max_supersteps, help="limit (%(default)s)")
    add("--tolerance", type=float, default=tolerance, help="end when the loop state moves no farther (%(default)s)")
    add("--parallelism", type=int, default=1, help="to start with (%(default)s)")
    add("--min-parallelism", type=int, default=1, help="never less (%(default)s)")
    add("--max-parallelism", type=int, default=0, help="never more; 0: what slots there are (%(default)s)")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--runtime-target-s", type=float, help="seconds to finish within, at least cost")
    target.add_argument("--efficiency-target", type=float, help="like 0.7: as fast as parallel efficiency allows")
    add("--program", default=program, help="name by which runs learn from each other (%(default)s)")
    add("--data", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="more about the data")
    add("--policy", default="", help="adaptor's policy; empty: its own")
    add("--shareable", action="store_true", help="peers of a shared log may see what is observed")
    add("--tenant", default="", help="whom the run counts for where a cluster manager hands out slots")
    add("--priority", type=int, default=0, help="among runs that share a managed cluster; higher goes first")
    add("--pausable", action="store_true", help="may be held at a barrier while there are no slots for it")
    add("--adaptor", default="", help="address of adaptor; empty: ADAPTOR_ADDRESS or its default")
    add("--run-id", default="", help="identity of the run; give it again to go on after a restart")


def start(main: Callable[[list[str]], None]) -> None:
    """Run a driver's `main` with the command line of the process.

    Flink's planner works only in the thread that made it. py4j lends that thread to whoever calls next, which may be
    garbage collection in a thread of gRPC; so garbage is collected between supersteps, by the thread that runs them.

    Raises:
        SystemExit: The run was refused; the message says why.
    """
    gc.disable()
    try:
        main(sys.argv[1:])
    except RefusedError as error:
        raise SystemExit(f"{Path(sys.argv[0]).stem}: {error}") from error


def _url(text: str) -> str:
    return text.rstrip("/") if "//" in text else f"http://{text}"


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
