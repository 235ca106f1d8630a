"""Connected components as a driver loop by delta iteration: the work shrinks from superstep to superstep.

Every vertex carries a label, at first its own number. A superstep joins the edges with the vertices whose label has
just changed, and gives each of their neighbours the least label offered; the driver keeps what improves a label, and
those vertices alone go on (the work set of a delta iteration: Ewen, Tzoumas, Kaufmann, Markl 2012). When none is left,
vertices with the same label are a component.

The edges are in files sorted by source, and a superstep reads those alone that hold edges of changed vertices: a folder
of links stands for the table, whose SQL text stays the same.

    python flink-jobs/graphs.py /tmp/graph --kind undirected
    python flink-jobs/components.py --flink 127.0.0.1:8081 --graph /tmp/graph --state /tmp/state --runtime-target-s 90
"""

from __future__ import annotations

import argparse
from pathlib import Path

import driver_loop
import numpy as np
from graphs import EDGES_FOLDER, edge_files, files_with, manifest_of
from loop_state import StateFolders, read_rows, write_rows
from pyflink.table import TableEnvironment, TableResult

CHANGED_FOLDER = "changed"
LABELS_FILE = "labels.npy"
SUPERSTEP_SQL = """
    INSERT INTO offers
    SELECT /*+ BROADCAST(changed) */ target, MIN(label) FROM edges JOIN changed ON source = vertex
    GROUP BY target"""


class Components:
    """Labels and changed vertices on disk, and the Flink job that spreads labels.

    Args:
        table_env: Submits the Flink jobs.
        graph: Folder written by `graphs.py --kind undirected`.
        state: Folder of the run.
    """

    def __init__(self, table_env: TableEnvironment, *, graph: Path, state: Path) -> None:
        self.manifest = manifest_of(graph, kind="undirected")
        self.folders = StateFolders(state)
        self._table_env = table_env
        self._files = edge_files(graph)
        if self.folders.last() < 0:
            everyone = np.arange(self.manifest.vertices)
            self._write(0, labels=everyone, changed=everyone)

    def warm_up(self) -> None:
        """Load Flink's planner now: 3 s that are not the work of superstep 1."""
        self._declare_superstep(self.folders.last() + 1, output=self.folders.folder)
        self._table_env.explain_sql(SUPERSTEP_SQL)

    def submit(self, superstep: int, *, output: Path, parallelism: int, name: str) -> TableResult:
        """Start the Flink job of a superstep, which writes the least label offered to each neighbour."""
        self._declare_superstep(superstep, output=output)
        return driver_loop.submitted(self._table_env, SUPERSTEP_SQL, parallelism=parallelism, name=name)

    def absorb(self, superstep: int, output: Path) -> driver_loop.Progress:
        """Put the improved labels on disk; the shift is the number of vertices whose label changed."""
        labels = self.labels(superstep - 1)
        vertices, offered = read_rows(output, columns=2)
        better = offered < labels[vertices]
        labels[vertices[better]] = offered[better]
        files = self._write(superstep, labels=labels, changed=np.sort(vertices[better]))
        return driver_loop.Progress(shift=float(better.sum()), figures={"files_next": files})

    def labels(self, superstep: int) -> np.ndarray:
        """Return the labels after a superstep by vertex."""
        return np.load(self.folders.path(superstep) / LABELS_FILE)

    def _write(self, superstep: int, *, labels: np.ndarray, changed: np.ndarray) -> int:
        """Put the state after a superstep on disk, and return how many files of edges the next one reads."""
        needed = files_with(changed, self.manifest.files)
        wanted = [file.absolute() for file, is_needed in zip(self._files, needed, strict=True) if is_needed]

        def fill(draft: Path) -> None:
            np.save(draft / LABELS_FILE, labels)
            write_rows(draft / CHANGED_FOLDER, changed, labels[changed])
            (draft / EDGES_FOLDER).mkdir()
            for file in wanted:
                (draft / EDGES_FOLDER / file.name).symlink_to(file)

        self.folders.write(superstep, fill)
        return len(wanted)

    def _declare_superstep(self, superstep: int, *, output: Path) -> None:
        before = self.folders.path(superstep - 1)
        driver_loop.declare(self._table_env, "edges", ["source INT", "target INT"], before / EDGES_FOLDER)
        driver_loop.declare(self._table_env, "changed", ["vertex INT", "label INT"], before / CHANGED_FOLDER)
        driver_loop.declare(self._table_env, "offers", ["target INT", "label INT"], output)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Connected components on Flink, its parallelism planned by adaptor.")
    parser.add_argument("--graph", type=Path, required=True, help="folder written by graphs.py --kind undirected")
    driver_loop.add_options(parser, program="components", max_supersteps=100, tolerance=0)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Find the components and write the result."""
    given = parsed(arguments)
    job = Components(driver_loop.batch_environment(given.flink), graph=given.graph, state=given.state)
    job.warm_up()
    run, steps = driver_loop.driven(job, given, parameters={}, data=job.manifest.about)
    last = job.folders.last()
    outcome = {
        "supersteps": last,
        "components": len(np.unique(job.labels(last))),
        "labels": str((job.folders.path(last) / LABELS_FILE).absolute()),
    }
    driver_loop.write_result(given, run, steps, outcome)


if __name__ == "__main__":
    driver_loop.start(main)
