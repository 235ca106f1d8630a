"""Checks a result of `pagerank.py` or `components.py` against scipy on the same graph, for as many supersteps.

Prints one JSON line. PageRank is repeated as a product with a sparse matrix; sums are added up in another order there,
so ranks may differ in the last digits. Components are scipy's own where the run converged; where it was cut short, the
labels are spread for as many supersteps in memory. Labels have to be equal.

    python flink-jobs/check_graph.py RESULT.json GRAPH_DIRECTORY
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from graphs import GraphManifest, read_edges, read_manifest
from ranks import DAMPING, ranks_of
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

# Rounding of a sum of n numbers grows with sqrt(n): about 1e-13 here. One edge left out changes a rank by 1e-3.
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the result is from scipy's.

    Attributes:
        agree: Whether nothing differs by more than the tolerance.
        max_difference: Largest difference of a rank as a share of it; for components, vertices with another label.
        supersteps: That both did.
        vertices: In all.
    """

    agree: bool
    max_difference: float
    supersteps: int
    vertices: int


def agreement(result: Path, graph: Path) -> Agreement:
    """Compute the same with scipy and compare.

    Args:
        result: JSON written by `pagerank.py --result` or `components.py --result`.
        graph: Folder written by `graphs.py`.

    Raises:
        SystemExit: There is no graph.
    """
    claimed, manifest = json.loads(result.read_text(encoding="utf-8")), read_manifest(graph)
    if manifest is None:
        raise SystemExit(f"no graph in {graph}")
    compare = _rank_difference if "ranks" in claimed else _label_difference
    difference = compare(claimed, manifest, read_edges(graph))
    return Agreement(
        agree=difference <= TOLERANCE,
        max_difference=difference,
        supersteps=claimed["supersteps"],
        vertices=manifest.vertices,
    )


def power_iteration(edges: np.ndarray, *, vertices: int, supersteps: int) -> np.ndarray:
    """Return the ranks after some supersteps from equal ones; what dangling vertices hold is dealt to all."""
    degrees = np.bincount(edges[:, 0], minlength=vertices)
    shares = 1.0 / degrees[edges[:, 0]]
    flow = csr_matrix((shares, (edges[:, 1], edges[:, 0])), shape=(vertices, vertices))
    ranks = np.full(vertices, 1 / vertices)
    for _ in range(supersteps):
        ranks = (1 - DAMPING) / vertices + DAMPING * (flow @ ranks + ranks[degrees == 0].sum() / vertices)
    return ranks


def least_labels(edges: np.ndarray, *, vertices: int) -> np.ndarray:
    """Return for each vertex the least number in its component, by scipy."""
    ones = np.ones(len(edges), dtype=np.int8)
    count, members = connected_components(csr_matrix((ones, tuple(edges.T)), shape=(vertices, vertices)))
    least = np.full(count, vertices)
    np.minimum.at(least, members, np.arange(vertices))
    return least[members]


def spread_labels(edges: np.ndarray, *, vertices: int, supersteps: int) -> np.ndarray:
    """Return the labels after some supersteps in which every vertex takes the least of its own and its neighbours'."""
    labels = np.arange(vertices)
    for _ in range(supersteps):
        spread = labels.copy()
        np.minimum.at(spread, edges[:, 1], labels[edges[:, 0]])
        labels = spread
    return labels


def _rank_difference(claimed: dict[str, Any], manifest: GraphManifest, edges: np.ndarray) -> float:
    ranks = ranks_of(Path(claimed["ranks"]), manifest.vertices)
    expected = power_iteration(edges, vertices=manifest.vertices, supersteps=claimed["supersteps"])
    return float((np.abs(ranks - expected) / expected).max())


def _label_difference(claimed: dict[str, Any], manifest: GraphManifest, edges: np.ndarray) -> float:
    if claimed["converged"]:
        expected = least_labels(edges, vertices=manifest.vertices)
    else:
        expected = spread_labels(edges, vertices=manifest.vertices, supersteps=claimed["supersteps"])
    return float((np.load(claimed["labels"]) != expected).sum())


def main(arguments: list[str]) -> None:
    """Print the agreement; exit code 1 where there is none."""
    parser = argparse.ArgumentParser(description="Check a result of pagerank.py or components.py against scipy.")
    parser.add_argument("result", type=Path, help="written with --result")
    parser.add_argument("graph", type=Path, help="written by graphs.py")
    given = parser.parse_args(arguments)
    found = agreement(given.result, given.graph)
    print(json.dumps(asdict(found)))
    sys.exit(0 if found.agree else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
