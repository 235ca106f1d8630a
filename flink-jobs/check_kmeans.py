"""Checks a result of `kmeans.py` against scikit-learn: same points, same starting centroids, same supersteps.

Prints one JSON line. The sums are added up in another order, so the centroids may differ in the last digits; a point
given to another cluster would move a centroid by far more than the tolerance. (scikit-learn moves a cluster that
lost all its points, `kmeans.py` leaves it; with starting centroids that are points this does not come up here.)

    python flink-jobs/check_kmeans.py RESULT.json POINTS_DIRECTORY
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from flights import read_points
from sklearn.cluster import KMeans

# Rounding of a sum of n numbers grows with sqrt(n): about 1e-12 here. One stray point among 10,000 moves by 1e-4.
TOLERANCE = 1e-8


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the result is from scikit-learn's.

    Attributes:
        agree: Whether no coordinate differs by more than the tolerance.
        max_difference: Farthest that a coordinate of a centroid differs, in standard deviations of the feature.
        supersteps: Iterations that both did.
        points: Points in all.
        inertia_after: Sum of squared distances to the final centroids, by scikit-learn.
    """

    agree: bool
    max_difference: float
    supersteps: int
    points: int
    inertia_after: float


def agreement(result: Path, points: Path) -> Agreement:
    """Run scikit-learn's K-Means from the result's start and compare.

    Args:
        result: JSON written by `kmeans.py --result`.
        points: Folder written by `flights.py`.
    """
    claimed = json.loads(result.read_text(encoding="utf-8"))
    start = np.array(claimed["start_centroids"])
    values = read_points(points)
    model = KMeans(
        n_clusters=len(start), init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=claimed["supersteps"]
    ).fit(values)
    difference = float(np.abs(model.cluster_centers_ - np.array(claimed["centroids"])).max())
    return Agreement(
        agree=difference <= TOLERANCE,
        max_difference=difference,
        supersteps=claimed["supersteps"],
        points=len(values),
        inertia_after=float(model.inertia_),
    )


def main(arguments: list[str]) -> None:
    """Print the agreement; exit code 1 where there is none."""
    parser = argparse.ArgumentParser(description="Check a result of kmeans.py against scikit-learn.")
    parser.add_argument("result", type=Path, help="written by kmeans.py --result")
    parser.add_argument("points", type=Path, help="written by flights.py")
    given = parser.parse_args(arguments)
    found = agreement(given.result, given.points)
    print(json.dumps(asdict(found)))
    sys.exit(0 if found.agree else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
