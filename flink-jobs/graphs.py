"""Prepares the input of `pagerank.py` and `components.py`: a graph, copied, as CSV files of edges.

To be worth distributing the graph is taken several times, each copy with numbers of its own, and the copies are strung
into a chain: one edge between two vertices drawn by the seed joins neighbours. Within a copy labels of components
spread in few supersteps; along the chain they need about four for every copy, and one copy after the other comes to
rest. So the work shrinks, in a run that is long enough to learn from.

The edges are written in files of equal size, sorted by source, and `manifest.json` says which sources a file holds: a
superstep that knows which vertices changed reads the files of those alone. CSV files are not split by Flink, so there
are at least 12, which can be dealt evenly to 1, 2, 3 and 4 subtasks.

    python flink-jobs/graphs.py DIRECTORY --kind directed|undirected [--copies 5] [--seed 1] [--source auto] [--reach 1]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from inputs import contents, manifest_values, write_folder
from packages import Graph, source_graph

KINDS = ("directed", "undirected")
SOURCES = ("auto", "debian", "rmat")
LEAST_FILES = 12
FILES_PER_COPY = 4
# About 25 supersteps until the components of Debian's packages are known.
DEFAULT_COPIES = 5
DEFAULT_SEED = 1

EDGES_FOLDER = "edges"


@dataclass(frozen=True, kw_only=True)
class GraphManifest:
    """What the CSV files hold.

    Attributes:
        kind: `directed`: an edge has source, target and the share of its source's rank that it carries;
            `undirected`: it stands there twice, once for each direction, and has no share.
        vertices: Vertices of all copies; they are the numbers from 0.
        edges: Lines in all files together.
        size_bytes: Size of all files together.
        copies: Of the graph.
        seed: Of the links between copies, and of a random graph.
        source: That was asked for.
        reach: Steps that an edge of the source may stand for.
        origin: Where the graph comes from.
        files: First and last source of each file, in order.
        digest: SHA-256 over the files in order.
    """

    kind: str
    vertices: int
    edges: int
    size_bytes: int
    copies: int
    seed: int
    source: str
    reach: int
    origin: str
    files: tuple[tuple[int, int], ...]
    digest: str

    @property
    def about(self) -> dict[str, int]:
        """What adaptor is told of the data."""
        return {"vertices": self.vertices, "edges": self.edges, "size_bytes": self.size_bytes}


def prepare_graph(directory: Path, *, kind: str, copies: int, seed: int, source: str, reach: int = 1) -> GraphManifest:
    """Write the edges below a directory, unless the same ones are there already.

    Args:
        directory: Gets `manifest.json` and `edges/part-NNN.csv`; appears complete or not at all.
        kind: One of `KINDS`.
        copies: Of the graph, at least 1.
        seed: Of the links between copies, and of a random graph.
        source: One of `SOURCES`.
        reach: 1 for what a package names, 2 for what those name, too.

    Raises:
        ValueError: An argument is out of range, the source is missing, or the directory holds something else.
    """
    if kind not in KINDS or copies < 1:
        raise ValueError(f"kind must be one of {', '.join(KINDS)} and copies at least 1, got {kind!r} and {copies}")
    ready = read_manifest(directory)
    asked = {"kind": kind, "copies": copies, "seed": seed, "source": source, "reach": reach}
    if ready and all(getattr(ready, name) == value for name, value in asked.items()):
        return ready
    graph = chained_copies(source_graph(source, reach=reach, seed=seed), copies=copies, seed=seed)
    return write_folder(directory, lambda folder: _write_all(folder, graph, asked))


def read_manifest(directory: Path) -> GraphManifest | None:
    """Return what a directory of edges holds, None where there is none."""
    values = manifest_values(directory)
    return values and GraphManifest(**{**values, "files": tuple((first, last) for first, last in values["files"])})


def manifest_of(graph: Path, *, kind: str) -> GraphManifest:
    """Return what a folder of edges holds.

    Raises:
        SystemExit: It holds none of this kind.
    """
    manifest = read_manifest(graph)
    if manifest is None or manifest.kind != kind:
        raise SystemExit(f"no {kind} graph in {graph}: write it with graphs.py --kind {kind}")
    return manifest


def read_edges(directory: Path) -> np.ndarray:
    """Return source and target of every line of the files, shape (edges, 2)."""
    options = pa.csv.ReadOptions(autogenerate_column_names=True)
    tables = [pa.csv.read_csv(file, options) for file in edge_files(directory)]
    return np.concatenate([np.column_stack([table["f0"], table["f1"]]) for table in tables])


def edge_files(directory: Path) -> list[Path]:
    """Return the files of edges in the order of the manifest."""
    return sorted((directory / EDGES_FOLDER).glob("part-*.csv"))


def files_with(vertices: np.ndarray, bounds: tuple[tuple[int, int], ...]) -> list[bool]:
    """Return for each file whether it may hold edges of some of the vertices.

    Args:
        vertices: Sorted.
        bounds: First and last source of each file.
    """
    first, last = np.array(bounds).T
    return list(np.searchsorted(vertices, first, side="left") < np.searchsorted(vertices, last, side="right"))


def chained_copies(graph: Graph, *, copies: int, seed: int) -> Graph:
    """Return a graph of copies, each joined with the next by one edge between vertices drawn by the seed."""
    parts = [graph.edges + copy * graph.vertices for copy in range(copies)]
    first = graph.vertices * np.arange(copies - 1)[:, None]
    drawn = np.random.default_rng((seed, copies)).integers(graph.vertices, size=(copies - 1, 2))
    links = first + np.array([0, graph.vertices]) + drawn
    edges = np.concatenate([*parts, links])
    return Graph(origin=graph.origin, vertices=copies * graph.vertices, edges=edges)


def _write_all(folder: Path, graph: Graph, asked: dict[str, Any]) -> GraphManifest:
    kind, copies = asked["kind"], asked["copies"]
    edges = graph.edges if kind == "directed" else np.concatenate([graph.edges, graph.edges[:, ::-1]])
    edges = np.unique(edges, axis=0)
    shares = 1.0 / np.bincount(edges[:, 0], minlength=graph.vertices)[edges[:, 0]] if kind == "directed" else None
    files, bounds = _write_files(edges, shares, folder / EDGES_FOLDER, parts=max(LEAST_FILES, FILES_PER_COPY * copies))
    return GraphManifest(
        **asked,
        vertices=graph.vertices,
        edges=len(edges),
        origin=graph.origin,
        files=tuple(bounds),
        **contents(files),
    )


def _write_files(
    edges: np.ndarray, shares: np.ndarray | None, folder: Path, *, parts: int
) -> tuple[list[Path], list[tuple[int, int]]]:
    folder.mkdir(parents=True)
    files, bounds = [], []
    for number, rows in enumerate(np.array_split(np.arange(len(edges)), parts)):
        columns = {"source": edges[rows, 0], "target": edges[rows, 1]}
        if shares is not None:
            columns["share"] = shares[rows]
        files.append(folder / f"part-{number:03d}.csv")
        pa.csv.write_csv(pa.table(columns), files[-1], pa.csv.WriteOptions(include_header=False))
        bounds.append((int(edges[rows[0], 0]), int(edges[rows[-1], 0])))
    return files, bounds


def main(arguments: list[str]) -> None:
    """Prepare a graph and print the manifest, files apart, as one JSON line."""
    parser = argparse.ArgumentParser(description="Prepare the graph of flink-jobs/pagerank.py or components.py.")
    parser.add_argument("directory", type=Path, help="where the edges go")
    parser.add_argument("--kind", choices=KINDS, required=True, help="directed for PageRank, undirected for components")
    parser.add_argument("--copies", type=int, default=DEFAULT_COPIES, help="of the graph (%(default)s)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the links between copies (%(default)s)")
    parser.add_argument("--source", choices=SOURCES, default="auto", help="of the graph (%(default)s)")
    parser.add_argument(
        "--reach", type=int, choices=(1, 2), default=1, help="2: needs at one remove, too (%(default)s)"
    )
    given = parser.parse_args(arguments)
    try:
        manifest = prepare_graph(
            given.directory,
            kind=given.kind,
            copies=given.copies,
            seed=given.seed,
            source=given.source,
            reach=given.reach,
        )
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps({name: value for name, value in asdict(manifest).items() if name != "files"}))


if __name__ == "__main__":
    main(sys.argv[1:])
