"""PageRank as a driver loop: every superstep is one bounded Flink job, and adaptor plans the parallelism of the next.

A superstep joins the edges with the ranks (broadcast) and sums up what flows into each vertex; the driver adds the
share that everybody gets, and that of vertices without a way out, which is dealt to all (Page, Brin, Motwani, Winograd
1999). The ranks are files that a table stands for, so the SQL text is the same in every superstep and its code stays
warm. The work is the same in every superstep, too.

    python flink-jobs/graphs.py /tmp/graph --kind directed
    python flink-jobs/pagerank.py --flink 127.0.0.1:8081 --graph /tmp/graph --state /tmp/state --runtime-target-s 90
"""

from __future__ import annotations

import argparse
from pathlib import Path

import driver_loop
import numpy as np
from graphs import EDGES_FOLDER, manifest_of
from loop_state import StateFolders, read_rows, write_rows
from pyflink.table import TableEnvironment, TableResult
from ranks import DAMPING, RANKS_FOLDER, next_ranks, ranks_of

SUPERSTEP_SQL = """
    INSERT INTO incoming
    SELECT /*+ BROADCAST(ranks) */ target, SUM(mass * share)
    FROM edges JOIN ranks ON source = vertex
    GROUP BY target"""


class PageRank:
    """The ranks on disk and the Flink job that spreads them.

    Args:
        table_env: Submits the Flink jobs.
        graph: Folder written by `graphs.py --kind directed`.
        state: Folder of the run.
    """

    def __init__(self, table_env: TableEnvironment, *, graph: Path, state: Path) -> None:
        self.manifest = manifest_of(graph, kind="directed")
        self.folders = StateFolders(state)
        self._table_env = table_env
        self._dangling = np.ones(self.manifest.vertices, dtype=bool)
        self._dangling[read_rows(graph / EDGES_FOLDER, columns=1)[0]] = False
        if self.folders.last() < 0:
            self._write(0, np.full(self.manifest.vertices, 1 / self.manifest.vertices))
        driver_loop.declare(table_env, "edges", ["source INT", "target INT", "share DOUBLE"], graph / EDGES_FOLDER)

    def warm_up(self) -> None:
        """Load Flink's planner now: 3 s that are not the work of superstep 1."""
        self._declare_superstep(self.folders.last() + 1, output=self.folders.folder)
        self._table_env.explain_sql(SUPERSTEP_SQL)

    def submit(self, superstep: int, *, output: Path, parallelism: int, name: str) -> TableResult:
        """Start the Flink job of a superstep, which writes what flows into each vertex."""
        self._declare_superstep(superstep, output=output)
        return driver_loop.submitted(self._table_env, SUPERSTEP_SQL, parallelism=parallelism, name=name)

    def absorb(self, superstep: int, output: Path) -> driver_loop.Progress:
        """Put the new ranks on disk; the shift is the sum of how far each rank moved."""
        vertices, flowed = read_rows(output, columns=2)
        incoming = np.zeros(self.manifest.vertices)
        incoming[vertices] = flowed
        previous = self.ranks(superstep - 1)
        ranks = next_ranks(previous, incoming, self._dangling)
        self._write(superstep, ranks)
        return driver_loop.Progress(shift=float(np.abs(ranks - previous).sum()), figures={"mass": float(ranks.sum())})

    def ranks(self, superstep: int) -> np.ndarray:
        """Return the ranks after a superstep by vertex."""
        return ranks_of(self.folders.path(superstep), self.manifest.vertices)

    def _write(self, superstep: int, ranks: np.ndarray) -> None:
        numbers = np.arange(len(ranks))
        self.folders.write(superstep, lambda draft: write_rows(draft / RANKS_FOLDER, numbers, ranks))

    def _declare_superstep(self, superstep: int, *, output: Path) -> None:
        ranks = self.folders.path(superstep - 1) / RANKS_FOLDER
        driver_loop.declare(self._table_env, "ranks", ["vertex INT", "mass DOUBLE"], ranks)
        driver_loop.declare(self._table_env, "incoming", ["target INT", "flowed DOUBLE"], output)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="PageRank on Flink, its parallelism planned by adaptor.")
    parser.add_argument("--graph", type=Path, required=True, help="folder written by graphs.py --kind directed")
    driver_loop.add_options(parser, program="pagerank", max_supersteps=50, tolerance=1e-6)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run PageRank and write the result."""
    given = parsed(arguments)
    job = PageRank(driver_loop.batch_environment(given.flink), graph=given.graph, state=given.state)
    job.warm_up()
    run, steps = driver_loop.driven(job, given, parameters={"damping": DAMPING}, data=job.manifest.about)
    last = job.folders.last()
    driver_loop.write_result(given, run, steps, {"supersteps": last, "ranks": str(job.folders.path(last).absolute())})


if __name__ == "__main__":
    driver_loop.start(main)
