"""The arithmetic and the files of K-Means that need no Flink: sums become centroids, and centroids stay on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flights import FEATURES, read_points


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

    def last(self) -> int:
        """Return the last superstep whose centroids are there."""
        return max(int(file.stem) for file in self.folder.glob("[0-9]*.csv"))


def start_centroids(points: Path, *, k: int, seed: int) -> np.ndarray:
    """Return k different points, chosen by the seed, shape (k, features)."""
    candidates = read_points(points)
    return candidates[np.random.default_rng(seed).choice(len(candidates), size=k, replace=False)]


def read_sums(folder: Path, *, k: int) -> Sums:
    """Return what a superstep's job wrote: one row for each cluster that has points."""
    lines = [line for file in folder.iterdir() if file.is_file() for line in file.read_text().splitlines()]
    rows = np.array([[float(value) for value in line.split(",")] for line in lines])
    counts, totals = np.zeros(k), np.zeros((k, len(FEATURES)))
    clusters = rows[:, 0].astype(int)
    counts[clusters], totals[clusters] = rows[:, 1], rows[:, 2:-1]
    return Sums(counts=counts, totals=totals, inertia=float(rows[:, -1].sum()))
