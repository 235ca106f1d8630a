"""K-Means as a driver loop: every superstep is one bounded Flink job, and adaptor plans the parallelism of the next.

The whole loop state is one CSV row with the coordinates of all centroids. A superstep joins it (broadcast) with the
points, gives each point to its nearest centroid, and sums up per cluster; the driver divides. The SQL text is the same
in every superstep, so that Flink compiles it once and its code stays warm.

Whatever happens to this driver, the state on disk is whole: `centroids/0003.csv` is what superstep 3 left, written
under another name and renamed. Started again with the same `--run-id` and `--state` it goes on where it was.

    python flink-jobs/flights.py /tmp/points
    python flink-jobs/kmeans.py --flink 127.0.0.1:8081 --points /tmp/points --state /tmp/state --runtime-target-s 90

What adaptor needs are `begun_run` and the lines with `superstep.` in `iterate`.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import requests
from centroids import CentroidFiles, Sums, read_sums, start_centroids
from flights import FEATURES, POINTS_FOLDER, read_manifest
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
class Step:
    """One finished superstep, for the result file; `shift` is the farthest that a centroid moved."""

    superstep: int
    parallelism: int
    job_id: str
    duration_s: float
    points: int
    inertia: float
    shift: float


class KMeansOnFlink:
    """Submits supersteps to the session cluster at a REST URL."""

    def __init__(self, url: str, *, points: Path, k: int) -> None:
        self._k = k
        self._table_env = batch_environment(url)
        self._declare("points", [f"{feature} DOUBLE" for feature in FEATURES], points / POINTS_FOLDER)

    def warm_up(self, centroids: Path) -> None:
        """Load Flink's planner now: 3 s that are not the work of superstep 1."""
        self._declare_superstep(centroids=centroids, sums=centroids.parent)
        self._table_env.explain_sql(superstep_sql(self._k))

    def submit(self, *, centroids: Path, sums: Path, parallelism: int, name: str) -> TableResult:
        """Start the job of a superstep, which reads `centroids` and writes into the new folder `sums`."""
        self._declare_superstep(centroids=centroids, sums=sums)
        self._table_env.get_config().set("parallelism.default", str(parallelism))
        self._table_env.get_config().set("pipeline.name", name)
        return self._table_env.execute_sql(superstep_sql(self._k))

    def _declare_superstep(self, *, centroids: Path, sums: Path) -> None:
        coordinates = [f"c{cluster}_{feature} DOUBLE" for cluster in range(self._k) for feature in FEATURES]
        totals = [f"total_{feature} DOUBLE" for feature in FEATURES]
        self._declare("centroids", coordinates, centroids)
        self._declare("sums", ["cluster INT", "points BIGINT", *totals, "inertia DOUBLE"], sums)

    def _declare(self, name: str, columns: list[str], path: Path) -> None:
        """Declare a table over CSV files; declaring it again moves it to another path."""
        self._table_env.execute_sql(f"DROP TEMPORARY TABLE IF EXISTS {name}")
        self._table_env.execute_sql(
            f"CREATE TEMPORARY TABLE {name} ({', '.join(columns)}) "
            f"WITH ('connector' = 'filesystem', 'path' = '{path.absolute().as_uri()}', 'format' = 'csv')"
        )


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


def superstep_sql(k: int) -> str:
    """Return the statement of every superstep: assign each point to its nearest centroid and sum up per cluster."""
    features = ", ".join(FEATURES)
    distances = ", ".join(f"{_squared_distance(cluster)} AS d{cluster}" for cluster in range(k))
    least = f"LEAST({', '.join(f'd{cluster}' for cluster in range(k))})"
    nearest = " ".join(f"WHEN distance = d{cluster} THEN {cluster}" for cluster in range(k))
    totals = ", ".join(f"SUM({feature})" for feature in FEATURES)
    return f"""
        INSERT INTO sums
        SELECT cluster, COUNT(*), {totals}, SUM(distance) FROM (
            SELECT {features}, distance, CASE {nearest} END AS cluster FROM (
                SELECT *, {least} AS distance FROM (
                    SELECT /*+ NEST_LOOP(centroids) */ {features}, {distances} FROM points CROSS JOIN centroids)))
        GROUP BY cluster"""


def _squared_distance(cluster: int) -> str:
    differences = [f"({feature} - c{cluster}_{feature})" for feature in FEATURES]
    return " + ".join(f"{difference} * {difference}" for difference in differences)


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


def begun_run(given: argparse.Namespace) -> Run:
    """Tell adaptor what is about to run and what is wanted of it."""
    manifest = read_manifest(given.points)
    if manifest is None:
        raise SystemExit(f"no points in {given.points}: write them with flights.py")
    return start_run(
        program=given.program,
        parameters={"k": given.k, "features": len(FEATURES)},
        data={"rows": manifest.rows, "size_bytes": manifest.size_bytes, **dict(given.data)},
        flink_url=given.flink,
        parallelism=given.parallelism,
        min_parallelism=given.min_parallelism,
        max_parallelism=given.max_parallelism,
        max_supersteps=given.max_supersteps,
        runtime_target_s=given.runtime_target_s,
        efficiency_target=given.efficiency_target,
        policy=given.policy,
        shareable=given.shareable,
        run_id=given.run_id,
        address=given.adaptor,
    )


def iterate(run: Run, flink: KMeansOnFlink, files: CentroidFiles, given: argparse.Namespace) -> list[Step]:
    """Run supersteps until no centroid moves farther than the tolerance, or the limit is reached."""
    steps: list[Step] = []
    failures = 0
    for superstep in run.supersteps():
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(dir=given.state, prefix="sums-") as scratch:
            job = flink.submit(
                centroids=files.path(superstep.number - 1),
                sums=Path(scratch) / "sums",
                parallelism=superstep.parallelism,
                name=f"{run.run_id} superstep {superstep.number}",
            )
            superstep.submitted(str(job.get_job_client().get_job_id()))
            if not has_finished(job):
                superstep.failed()
                failures += 1
                if failures > MAX_FAILURES:
                    job.wait()  # Raises the cause.
                continue
            sums = read_sums(Path(scratch) / "sums", k=given.k)
        gc.collect()
        steps.append(finished_step(superstep, files, sums, began_s=began_s))
        if steps[-1].shift <= given.tolerance:
            break
    return steps


def finished_step(superstep: Superstep, files: CentroidFiles, sums: Sums, *, began_s: float) -> Step:
    """Put the new centroids on disk and say what happened."""
    previous = files.read(superstep.number - 1)
    centroids = sums.means(previous)
    files.write(superstep.number, centroids)
    step = Step(
        superstep=superstep.number,
        parallelism=superstep.parallelism,
        job_id=superstep.job_id,
        duration_s=time.monotonic() - began_s,
        points=int(sums.counts.sum()),
        inertia=sums.inertia,
        shift=float(np.linalg.norm(centroids - previous, axis=1).max()),
    )
    print(
        f"superstep {step.superstep} at parallelism {step.parallelism}: {step.duration_s:.1f} s, "
        f"farthest shift of a centroid {step.shift:.4f}",
        file=sys.stderr,
    )
    return step


def write_result(given: argparse.Namespace, run: Run, files: CentroidFiles, steps: list[Step]) -> None:
    """Write start, end and course of the run as JSON, whole or not at all."""
    last = steps[-1].superstep if steps else len(list(files.folder.glob("*.csv"))) - 1
    result = {
        "run_id": run.run_id,
        "k": given.k,
        "seed": given.seed,
        "supersteps": last,
        "converged": bool(steps) and steps[-1].shift <= given.tolerance,
        "inertia": steps[-1].inertia if steps else None,
        "start_centroids": files.read(0).tolist(),
        "centroids": files.read(last).tolist(),
        "steps": [asdict(step) for step in steps],
        "durations_s": [step.duration_s for step in steps],
        "blocked_s": run.blocked_s,
        "slot_waits_s": run.slot_waits_s,
    }
    draft = given.result.with_name(f".{given.result.name}")
    draft.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    draft.replace(given.result)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="K-Means on Flink, its parallelism planned by adaptor.")
    add = parser.add_argument
    add("--flink", type=_url, required=True, help="REST address of a session cluster, host:port or URL")
    add("--points", type=Path, required=True, help="folder written by flights.py")
    add("--state", type=Path, required=True, help="folder for the centroids of this run")
    add("--result", type=Path, help="JSON file for the result")
    add("--k", type=int, default=5, help="clusters (%(default)s)")
    add("--seed", type=int, default=1, help="chooses the starting centroids (%(default)s)")
    add("--max-supersteps", type=int, default=20, help="limit (%(default)s)")
    add("--tolerance", type=float, default=0.001, help="end when no centroid moves farther (%(default)s)")
    add("--parallelism", type=int, default=1, help="to start with (%(default)s)")
    add("--min-parallelism", type=int, default=1, help="never less (%(default)s)")
    add("--max-parallelism", type=int, default=0, help="never more; 0: what slots there are (%(default)s)")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--runtime-target-s", type=float, help="seconds to finish within, at least cost")
    target.add_argument("--efficiency-target", type=float, help="like 0.7: as fast as parallel efficiency allows")
    add("--program", default="kmeans", help="name by which runs learn from each other (%(default)s)")
    add("--data", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="more about the data")
    add("--policy", default="", help="adaptor's policy; empty: its own")
    add("--shareable", action="store_true", help="peers of a shared log may see what is observed")
    add("--adaptor", default="", help="address of adaptor; empty: ADAPTOR_ADDRESS or its default")
    add("--run-id", default="", help="identity of the run; give it again to go on after a restart")
    return parser.parse_args(arguments)


def _url(text: str) -> str:
    return text.rstrip("/") if "//" in text else f"http://{text}"


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main(arguments: list[str]) -> None:
    """Run K-Means and write the result."""
    given = parsed(arguments)
    # Flink's planner works only in the thread that made it. py4j lends that thread to whoever calls next, which may
    # be garbage collection in a thread of gRPC; so garbage is collected between supersteps, by this thread.
    gc.disable()
    files = CentroidFiles(given.state)
    files.write(0, start_centroids(given.points, k=given.k, seed=given.seed))
    flink = KMeansOnFlink(given.flink, points=given.points, k=given.k)
    flink.warm_up(files.path(0))
    with begun_run(given) as run:
        end_abandoned_jobs(given.flink, run.run_id)
        steps = iterate(run, flink, files, given)
    if given.result:
        write_result(given, run, files, steps)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RefusedError as error:
        raise SystemExit(f"kmeans: {error}") from error
