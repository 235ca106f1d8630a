"""K-Means as a driver loop: every superstep is one bounded Flink job, and adaptor plans the parallelism of the next.

The whole loop state is one CSV row with the coordinates of all centroids. A superstep joins it (broadcast) with the
points, gives each point to its nearest centroid, and sums up per cluster; the driver divides. The SQL text is the same
in every superstep, so that Flink compiles it once and its code stays warm.

Whatever happens to this driver, the state on disk is whole: `centroids/0003.csv` is what superstep 3 left, written
under another name and renamed. Started again with the same `--run-id` and `--state` it goes on where it was.

    python flink-jobs/flights.py /tmp/points
    python flink-jobs/kmeans.py --flink 127.0.0.1:8081 --points /tmp/points --state /tmp/state --runtime-target-s 90

What adaptor needs is in `driver_loop.py`: `begun_run`, and the lines with `superstep.` in `iterate`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import driver_loop
import numpy as np
from centroids import CentroidFiles, read_sums, start_centroids
from flights import FEATURES, POINTS_FOLDER, PointsManifest, read_manifest
from pyflink.table import TableEnvironment, TableResult


class KMeans:
    """The centroids on disk and the Flink job that moves them.

    Args:
        table_env: Submits the Flink jobs.
        points: Folder written by `flights.py`.
        files: The loop state.
        k: Clusters.
    """

    def __init__(self, table_env: TableEnvironment, *, points: Path, files: CentroidFiles, k: int) -> None:
        self._k = k
        self._files = files
        self._table_env = table_env
        driver_loop.declare(table_env, "points", [f"{feature} DOUBLE" for feature in FEATURES], points / POINTS_FOLDER)

    def warm_up(self) -> None:
        """Load Flink's planner now: 3 s that are not the work of superstep 1."""
        self._declare_superstep(1, output=self._files.folder)
        self._table_env.explain_sql(superstep_sql(self._k))

    def submit(self, superstep: int, *, output: Path, parallelism: int, name: str) -> TableResult:
        """Start the Flink job of a superstep, which reads the centroids and writes sums."""
        self._declare_superstep(superstep, output=output)
        return driver_loop.submitted(self._table_env, superstep_sql(self._k), parallelism=parallelism, name=name)

    def absorb(self, superstep: int, output: Path) -> driver_loop.Progress:
        """Put the new centroids on disk; the shift is the farthest that one moved."""
        sums = read_sums(output, k=self._k)
        previous = self._files.read(superstep - 1)
        centroids = sums.means(previous)
        self._files.write(superstep, centroids)
        return driver_loop.Progress(
            shift=float(np.linalg.norm(centroids - previous, axis=1).max()),
            figures={"points": int(sums.counts.sum()), "inertia": sums.inertia},
        )

    def _declare_superstep(self, superstep: int, *, output: Path) -> None:
        coordinates = [f"c{cluster}_{feature} DOUBLE" for cluster in range(self._k) for feature in FEATURES]
        totals = [f"total_{feature} DOUBLE" for feature in FEATURES]
        driver_loop.declare(self._table_env, "centroids", coordinates, self._files.path(superstep - 1))
        driver_loop.declare(
            self._table_env, "sums", ["cluster INT", "points BIGINT", *totals, "inertia DOUBLE"], output
        )


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


def manifest_of(points: Path) -> PointsManifest:
    """Return what a folder of points holds.

    Raises:
        SystemExit: It holds none.
    """
    manifest = read_manifest(points)
    if manifest is None:
        raise SystemExit(f"no points in {points}: write them with flights.py")
    return manifest


def outcome_of(given: argparse.Namespace, files: CentroidFiles, inertia: float | None) -> dict[str, Any]:
    """Return start and end of the run for the result file."""
    last = files.last()
    return {
        "k": given.k,
        "seed": given.seed,
        "supersteps": last,
        "inertia": inertia,
        "start_centroids": files.read(0).tolist(),
        "centroids": files.read(last).tolist(),
    }


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="K-Means on Flink, its parallelism planned by adaptor.")
    parser.add_argument("--points", type=Path, required=True, help="folder written by flights.py")
    parser.add_argument("--k", type=int, default=5, help="clusters (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the starting centroids (%(default)s)")
    driver_loop.add_options(parser, program="kmeans", max_supersteps=20, tolerance=0.001)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run K-Means and write the result."""
    given = parsed(arguments)
    manifest = manifest_of(given.points)
    files = CentroidFiles(given.state)
    files.write(0, start_centroids(given.points, k=given.k, seed=given.seed))
    job = KMeans(driver_loop.batch_environment(given.flink), points=given.points, files=files, k=given.k)
    job.warm_up()
    parameters = {"k": given.k, "features": len(FEATURES)}
    data = {"rows": manifest.rows, "size_bytes": manifest.size_bytes}
    run, steps = driver_loop.driven(job, given, parameters=parameters, data=data)
    inertia = steps[-1].progress.figures["inertia"] if steps else None
    driver_loop.write_result(given, run, steps, outcome_of(given, files, inertia))


if __name__ == "__main__":
    driver_loop.start(main)
