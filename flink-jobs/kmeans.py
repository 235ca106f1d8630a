"""K-Means as a driver loop: every superstep is one bounded Flink job, and adaptor plans the parallelism of the next.

The whole loop state is one CSV row with the coordinates of all centroids. A superstep joins it (broadcast) with the
points, gives each point to its nearest centroid, and sums up per cluster; the driver divides. The SQL text is the same
in every superstep, so that Flink compiles it once and its code stays warm.

Whatever happens to this driver, the state on disk is whole: `centroids/0003.csv` is what superstep 3 left, written
under another name and renamed. Started again with the same `--run-id` and `--state` it goes on where it was.

    python flink-jobs/flights.py /tmp/points
    python flink-jobs/kmeans.py --flink 127.0.0.1:8081 --points /tmp/points --state /tmp/state --runtime-target 90s

Only the four lines that mention `run` or `superstep.` are there for adaptor.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from flights import FEATURES, POINTS_FOLDER, read_manifest, read_points
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

from adaptor.client import start_run


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What one superstep found out about the clusters.

    Attributes:
        counts: Points per cluster, shape (k,).
        totals: Sum of the points per cluster, shape (k, features).
        inertia: Sum over all points of the squared distance to the nearest centroid.
    """

    counts: np.ndarray
    totals: np.ndarray
    inertia: float

    def means(self, previous: np.ndarray) -> np.ndarray:
        """Return the new centroids; a cluster without points keeps its previous one."""
        filled = self.counts > 0
        centroids = previous.copy()
        centroids[filled] = self.totals[filled] / self.counts[filled, None]
        return centroids


class CentroidFiles:
    """The loop state on disk: the centroids after every superstep, superstep 0 being the start."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "centroids"
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, superstep: int) -> Path:
        """Return where the centroids after a superstep are."""
        return self.folder / f"{superstep:04d}.csv"

    def write(self, superstep: int, centroids: np.ndarray) -> None:
        """Write centroids as one row, whole or not at all; `repr` of a float loses nothing."""
        draft = self.folder / f".{superstep:04d}"
        draft.write_text(",".join(repr(float(value)) for value in centroids.flat) + "\n", encoding="utf-8")
        draft.replace(self.path(superstep))

    def read(self, superstep: int) -> np.ndarray:
        """Return the centroids after a superstep, shape (k, features)."""
        return np.loadtxt(self.path(superstep), delimiter=",").reshape(-1, len(FEATURES))


def start_centroids(points: Path, *, k: int, seed: int) -> np.ndarray:
    """Return k different points, chosen by the seed, shape (k, features)."""
    candidates = read_points(points)
    return candidates[np.random.default_rng(seed).choice(len(candidates), size=k, replace=False)]


def batch_environment(flink: str) -> TableEnvironment:
    """Return a batch environment that submits to the session cluster at `host:port` or a URL."""
    address = urlsplit(flink if "//" in flink else f"//{flink}")
    configuration = Configuration()
    configuration.set_string("execution.target", "remote")
    configuration.set_string("rest.address", str(address.hostname))
    configuration.set_string("rest.port", str(address.port))
    settings = EnvironmentSettings.new_instance().in_batch_mode().with_configuration(configuration).build()
    return TableEnvironment.create(settings)


def declare_table(table_env: TableEnvironment, name: str, *, columns: list[str], path: Path) -> None:
    """Declare a table over CSV files; declaring it again moves it to another path."""
    table_env.execute_sql(f"DROP TEMPORARY TABLE IF EXISTS {name}")
    table_env.execute_sql(
        f"CREATE TEMPORARY TABLE {name} ({', '.join(columns)}) "
        f"WITH ('connector' = 'filesystem', 'path' = '{path.absolute().as_uri()}', 'format' = 'csv')"
    )


def point_columns() -> list[str]:
    """Return the columns of a point."""
    return [f"{feature} DOUBLE" for feature in FEATURES]


def centroid_columns(k: int) -> list[str]:
    """Return the columns of the one row that holds all centroids."""
    return [f"c{cluster}_{feature} DOUBLE" for cluster in range(k) for feature in FEATURES]


def sums_columns() -> list[str]:
    """Return the columns of the result of a superstep: one row per cluster that has points."""
    return ["cluster INT", "points BIGINT", *(f"total_{feature} DOUBLE" for feature in FEATURES), "inertia DOUBLE"]


def superstep_sql(k: int) -> str:
    """Return the statement of every superstep: assign each point to its nearest centroid and sum up per cluster."""
    features = ", ".join(FEATURES)
    distances = ", ".join(f"{_squared_distance(cluster)} AS d{cluster}" for cluster in range(k))
    nearest = " ".join(f"WHEN distance = d{cluster} THEN {cluster}" for cluster in range(k - 1))
    totals = ", ".join(f"SUM({feature})" for feature in FEATURES)
    return f"""
        INSERT INTO sums
        SELECT cluster, COUNT(*), {totals}, SUM(distance) FROM (
            SELECT {features}, distance, CASE {nearest} ELSE {k - 1} END AS cluster FROM (
                SELECT *, LEAST({", ".join(f"d{cluster}" for cluster in range(k))}) AS distance FROM (
                    SELECT /*+ NEST_LOOP(centroids) */ {features}, {distances} FROM points CROSS JOIN centroids)))
        GROUP BY cluster"""


def read_sums(folder: Path, *, k: int) -> Sums:
    """Return what a superstep's job wrote."""
    lines = [line for file in folder.glob("*") if file.is_file() for line in file.read_text().splitlines()]
    rows = np.array([[float(value) for value in line.split(",")] for line in lines])
    counts, totals = np.zeros(k), np.zeros((k, len(FEATURES)))
    clusters = rows[:, 0].astype(int)
    counts[clusters], totals[clusters] = rows[:, 1], rows[:, 2:-1]
    return Sums(counts=counts, totals=totals, inertia=float(rows[:, -1].sum()))


def _squared_distance(cluster: int) -> str:
    differences = (f"({feature} - c{cluster}_{feature})" for feature in FEATURES)
    return " + ".join(f"{difference} * {difference}" for difference in differences)
