"""The iterative programs of `flink-jobs` that can be run, each with its input and what its result is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from adaptor.experiments.demo.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One iterative program.

    Attributes:
        name: As users say it.
        work: What a superstep does, for people.
        script: Its driver.
        input_option: That names the driver's input.
        options: Of the driver, besides those that every driver takes.
        draws_start: Whether the driver draws its start by a seed.
        prepare: Script that writes the input.
        prepare_options: Of that script.
        size_option: Of that script, for the size of the input.
        size: Copies that the input is made of if nothing else is said.
        check: Script that compares a result with a plain computation.
        ends_by_itself: Whether it ends when nothing changes any more; the others run for a given number of supersteps.
    """

    name: str
    work: str
    script: str
    input_option: str
    options: Sequence[str]
    draws_start: bool
    prepare: str
    prepare_options: Sequence[str]
    size_option: str
    size: int
    check: str
    ends_by_itself: bool


FOR_EVER = "--tolerance=-1"
"""No superstep shifts anything by less than nothing, so the limit of supersteps ends the run."""

PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "kmeans": Program(
            name="kmeans",
            work="K-Means over flights, the same work in every superstep",
            script="kmeans.py",
            input_option="--points",
            # As the demo's first act.
            options=("--k", "6", FOR_EVER),
            draws_start=True,
            prepare="flights.py",
            prepare_options=(),
            size_option="--enlarge",
            # 650,000 points: a superstep at parallelism 1 takes 4 s.
            size=2,
            check="check_kmeans.py",
            ends_by_itself=False,
        ),
        "pagerank": Program(
            name="pagerank",
            work="PageRank of Debian's packages, the same work in every superstep",
            script="pagerank.py",
            input_option="--graph",
            options=(FOR_EVER,),
            draws_start=False,
            prepare="graphs.py",
            # With needs at one remove there are 26 edges for each rank. With 5, giving all ranks to every subtask takes
            # so much of a superstep that a second slot brought nothing.
            prepare_options=("--kind", "directed", "--reach", "2"),
            size_option="--copies",
            # 1.7 million edges: a superstep at parallelism 1 takes 4 s.
            size=1,
            check="check_graph.py",
            ends_by_itself=False,
        ),
        "components": Program(
            name="components",
            work="Connected components of Debian's packages, a delta iteration whose work shrinks",
            script="components.py",
            input_option="--graph",
            options=(),
            draws_start=False,
            prepare="graphs.py",
            prepare_options=("--kind", "undirected"),
            size_option="--copies",
            # 3 million edges: supersteps at parallelism 1 take from 7 s to 1 s, and there are 31.
            size=5,
            check="check_graph.py",
            ends_by_itself=True,
        ),
    }
)


def prepared(stage: Stage, program: Program, *, size: int, seed: int) -> Path:
    """The folder of a program's input, which is written if it is not there.

    Raises:
        EmbeddedFlinkError: If it cannot be written.
    """
    folder = stage.home / "inputs" / f"{program.name}-x{size}-seed{seed}"
    options = [program.size_option, str(size), "--seed", str(seed), *program.prepare_options]
    stage.run_job(program.prepare, [str(folder), *options], log=program.prepare.replace(".py", ".log"))
    return folder
