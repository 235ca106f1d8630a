"""PageRank and connected components on a real embedded Flink come to what scipy comes to."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psutil
import pytest
from theatre import Theatre, new_run_id, numbers, used

pytestmark = pytest.mark.e2e

SUPERSTEPS = 4


def graph(theatre: Theatre, kind: str) -> Path:
    """A random graph, so that the tests are the same on any machine."""
    folder = theatre.stage.home / f"graph-{kind}"
    theatre.stage.run_job("graphs.py", [str(folder), "--kind", kind, "--copies", "1", "--source", "rmat"], log="graphs")
    return folder


def start(theatre: Theatre, script: str, run_id: str, edges: Path, *arguments: str) -> subprocess.Popen[str]:
    state = theatre.result_file(run_id).parent
    command = ["--flink", theatre.stage.rest_url, "--graph", str(edges), "--state", str(state), "--run-id", run_id]
    command += ["--result", str(state / "result.json"), "--max-parallelism", "4", *arguments]
    state.mkdir(parents=True, exist_ok=True)
    return theatre.stage.start_job(script, command, log=f"{run_id}.log")


def checked(theatre: Theatre, run_id: str, edges: Path) -> dict[str, object]:
    """What the comparison says; it fails if they differ."""
    log = f"check-{run_id}.log"
    theatre.stage.run_job("check_graph.py", [str(theatre.result_file(run_id)), str(edges)], log=log)
    return json.loads((theatre.stage.logs / log).read_text().splitlines()[-1])


def test_pagerank_is_that_of_a_plain_computation_after_a_rescale_too(theatre: Theatre) -> None:
    """A target that one slot cannot meet widens the run; the ranks do not depend on it."""
    edges, run_id = graph(theatre, "directed"), new_run_id("pagerank")
    theatre.stage.provide_slots(1)
    options = ["--runtime-target-s", "1", "--max-supersteps", str(SUPERSTEPS), "--tolerance=-1"]
    run = theatre.finish(start(theatre, "pagerank.py", run_id, edges, *options), run_id)
    assert numbers(run) == list(range(1, SUPERSTEPS + 1))
    assert len(set(used(run))) > 1
    found = checked(theatre, run_id, edges)
    assert found["agree"] and found["supersteps"] == SUPERSTEPS


def test_components_killed_in_mid_run_go_on_where_they_were(theatre: Theatre) -> None:
    """The work shrinks, every superstep is there once, and the components are scipy's."""
    edges, run_id = graph(theatre, "undirected"), new_run_id("components")
    theatre.stage.provide_slots(2)
    options = ["--runtime-target-s", "600", "--policy", "static", "--parallelism", "2"]
    driver = start(theatre, "components.py", run_id, edges, *options)
    theatre.wait_for(run_id, lambda run: len(run.observations) >= 2)
    for child in psutil.Process(driver.pid).children(recursive=True):
        child.kill()
    driver.kill()
    driver.wait()
    run = theatre.finish(start(theatre, "components.py", run_id, edges, *options), run_id)
    result = json.loads(theatre.result_file(run_id).read_text())
    assert numbers(run) == list(range(1, result["supersteps"] + 1))
    assert len(result["steps"]) < result["supersteps"]
    assert result["converged"] and result["steps"][-1]["files_next"] == 0
    assert checked(theatre, run_id, edges)["agree"]
