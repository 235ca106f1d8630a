"""Graphs that the graph jobs run on: how Debian's packages need one another, or a random one where no lists are.

An edge leads from a package to each one that its fields `Pre-Depends`, `Depends`, `Recommends` and `Suggests` name,
alternatives and versions included, unless nothing of that name exists (a virtual package) or it names itself. About
64,000 packages and 300,000 edges: few packages are needed by very many, most by none, as pages of the web are linked.

Read are the lists of what could be installed, as `apt-cache dumpavail` prints them, else those of what is installed.
An edge may also stand for a need at one remove, which makes 1.7 million. Where both lists are too small, as on a
machine that is not Debian's, the graph is an R-MAT (Chakrabarti, Zhan, Faloutsos 2004): each edge picks one quarter of
the adjacency matrix after another, by chance. That has as skewed degrees.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

NEEDS = ("Pre-Depends", "Depends", "Recommends", "Suggests")
DPKG_STATUS = Path("/var/lib/dpkg/status")
# Reading 50 MB of lists takes 1 s; a machine that needs a minute for it is stuck.
LISTS_TIMEOUT_S = 60.0
# A graph of fewer edges is worked off in less than what a Flink job costs anyway, however often it is copied.
LEAST_EDGES = 50_000

RMAT_SCALE = 16
# About as many as Debian's packages have, by reach.
RMAT_EDGES_PER_VERTEX = {1: 5, 2: 26}
# Chances of the quarters: those of the Graph500 benchmark.
RMAT_QUARTERS = (0.57, 0.19, 0.19, 0.05)

_NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.-]*)")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A directed graph without loops and multiple edges.

    Attributes:
        origin: Where it comes from, for people.
        vertices: How many; they are the numbers from 0.
        edges: Source and target of each edge, sorted, shape (edges, 2).
    """

    origin: str
    vertices: int
    edges: np.ndarray


def source_graph(source: str, *, reach: int, seed: int) -> Graph:
    """Return the graph of a source.

    Args:
        source: `debian`, `rmat`, or `auto` for the first that there is.
        reach: 1 for what a package names, 2 for what those name, too.
        seed: Of a random graph; package lists have no use for it.

    Raises:
        ValueError: `debian`, and there are no package lists of enough packages.
    """
    if source != "rmat":
        for origin, lists in _package_lists():
            graph = package_graph(lists, origin=origin)
            if len(graph.edges) >= LEAST_EDGES:
                return graph if reach == 1 else with_second_steps(graph)
        if source == "debian":
            raise ValueError("this machine's package lists are missing or too small: run apt-get update, or take rmat")
    return rmat_graph(scale=RMAT_SCALE, edges_per_vertex=RMAT_EDGES_PER_VERTEX[reach], seed=seed)


def package_graph(lists: str, *, origin: str) -> Graph:
    """Return the graph of package lists in Debian's form of paragraphs.

    Args:
        lists: Text of all lists; of several versions of a package the last one counts.
        origin: For people.
    """
    needs = dict(_needs(lists.splitlines()))
    numbers = {name: number for number, name in enumerate(sorted(needs))}
    pairs = {
        (numbers[name], numbers[other])
        for name, others in needs.items()
        for other in others
        if other in numbers and other != name
    }
    return Graph(origin=origin, vertices=len(numbers), edges=_sorted_edges(pairs))


def with_second_steps(graph: Graph) -> Graph:
    """Return a graph with an edge to whatever takes one edge or two, the vertex itself apart."""
    shape = (graph.vertices, graph.vertices)
    steps = csr_matrix((np.ones(len(graph.edges), dtype=np.int32), tuple(graph.edges.T)), shape=shape)
    sources, targets = (steps + steps @ steps).nonzero()
    edges = np.unique(np.column_stack([sources, targets])[sources != targets], axis=0)
    return Graph(origin=f"{graph.origin}, needs at one remove included", vertices=graph.vertices, edges=edges)


def rmat_graph(*, scale: int, edges_per_vertex: int, seed: int) -> Graph:
    """Return a random graph of 2**scale vertices and somewhat fewer edges than asked for, loops and doubles dropped."""
    generator = np.random.default_rng(seed)
    edges = np.zeros((edges_per_vertex << scale, 2), dtype=np.int64)
    for _ in range(scale):
        quarters = generator.choice(4, size=len(edges), p=RMAT_QUARTERS)
        edges = 2 * edges + np.column_stack([quarters // 2, quarters % 2])
    kept = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)
    return Graph(origin=f"R-MAT of scale {scale}, seed {seed}", vertices=1 << scale, edges=kept)


def _package_lists() -> Iterator[tuple[str, str]]:
    """Yield texts of package lists with their origin, the largest first."""
    if shutil.which("apt-cache"):
        answer = subprocess.run(
            ["apt-cache", "dumpavail"], capture_output=True, text=True, timeout=LISTS_TIMEOUT_S, check=False
        )
        yield "packages that could be installed", answer.stdout
    if DPKG_STATUS.is_file():
        yield "packages that are installed", DPKG_STATUS.read_text(encoding="utf-8", errors="replace")


def _needs(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each package with the names in its fields; a field goes on in lines that begin with a space."""
    package, field, text = "", "", ""
    named: list[str] = []
    for line in [*lines, ""]:
        if line.startswith((" ", "\t")):
            text += line
            continue
        if field in NEEDS:
            named += _names(text)
        if not line.strip():
            if package:
                yield package, named
            package, field, text, named = "", "", "", []
            continue
        field, _, text = line.partition(":")
        package = text.strip() if field == "Package" else package


def _names(field: str) -> list[str]:
    matches = (_NAME.match(part) for part in re.split("[,|]", field))
    return [match[1] for match in matches if match]


def _sorted_edges(pairs: set[tuple[int, int]]) -> np.ndarray:
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
