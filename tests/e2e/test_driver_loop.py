"""Real driver loops on a real embedded Flink, with faults that happen to real processes."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from theatre import Theatre, new_run_id, numbers, result_of, used

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.local.processes import cluster_processes

pytestmark = pytest.mark.e2e

SUPERSTEPS = 5


def task_managers(theatre: Theatre) -> list[int]:
    return [one.pid for one in cluster_processes(theatre.stage.flink_home) if one.role == "taskmanager"]


def require_obeyed(run: pb.GetRunResponse) -> None:
    """Every superstep ran once, with the parallelism that was planned for it."""
    assert numbers(run) == list(range(1, len(run.observations) + 1))
    for one in run.observations:
        assert one.observed_parallelism == one.requested_parallelism == one.planned_parallelism
        scalable = [vertex for vertex in one.vertices if vertex.parallelism > 1]
        assert all(vertex.parallelism == one.planned_parallelism for vertex in scalable)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_leaves_the_opposite_start_towards_its_target(theatre, superstep_at_1_s, seed):
    """Tight targets start at 1 and are widened; loose ones start at 4 and are narrowed, TaskManagers included."""
    draw = random.Random(seed)
    tight = seed % 2 == 1
    factor = draw.uniform(0.3, 0.6) if tight else draw.uniform(6.0, 9.0)
    start, run_id = (1, new_run_id("tight")) if tight else (4, new_run_id("loose"))
    theatre.stage.provide_slots(start)
    target_s = factor * SUPERSTEPS * superstep_at_1_s
    arguments = ["--runtime-target-s", f"{target_s:.2f}", "--program", f"kmeans-{seed}"]
    run = theatre.finish(theatre.start(run_id, *arguments, start=start, supersteps=SUPERSTEPS), run_id)
    require_obeyed(run)
    assert run.summary.state == pb.RUN_STATE_FINISHED
    assert used(run)[0] == start
    assert max(used(run)) > 1 if tight else used(run)[-1] < start
    if not tight:
        assert len(task_managers(theatre)) < start


def test_a_job_that_does_not_scale_is_explored_within_the_bound_and_then_stays_narrow(theatre):
    """A fixed wait for each superstep: wider is tried, brings nothing, and is given back."""
    run_id = new_run_id("fixed-wait")
    driver = theatre.stage.start_script(
        Path(__file__).with_name("fixed_wait_job.py"),
        ["--flink", theatre.stage.rest_url, "--run-id", run_id],
        log=f"{run_id}.log",
    )
    run = theatre.finish(driver, run_id)
    assert len(set(used(run))) - 1 <= 3
    assert max(used(run)) > 1
    assert used(run)[-2:] == [1, 1]


def test_a_service_killed_in_mid_run_costs_the_job_nothing_but_plans(theatre, superstep_at_1_s):
    """SIGKILL between two barriers, restart on the same address: every superstep is there once."""
    run_id = new_run_id("killed-service")
    driver = theatre.start(run_id, "--runtime-target-s", "1000", start=1, supersteps=SUPERSTEPS)
    theatre.wait_for(run_id, lambda run: len(run.observations) >= 1)
    os.kill(theatre.stage.service_pid, signal.SIGKILL)
    theatre.stage.restart_service()
    run = theatre.finish(driver, run_id)
    assert numbers(run) == list(range(1, SUPERSTEPS + 1))
    assert run.summary.state == pb.RUN_STATE_FINISHED


def test_a_killed_task_manager_is_replaced_and_the_superstep_ends(theatre):
    """SIGKILL to the only TaskManager in a superstep: adaptor starts another one and Flink goes on."""
    run_id = new_run_id("killed-taskmanager")
    theatre.stage.provide_slots(1)
    arguments = ["--runtime-target-s", "1000", "--max-parallelism", "1"]
    driver = theatre.start(run_id, *arguments, start=1, supersteps=3)
    theatre.wait_for(run_id, lambda run: len(run.observations) >= 1)
    (victim,) = task_managers(theatre)
    os.kill(victim, signal.SIGKILL)
    run = theatre.finish(driver, run_id)
    assert numbers(run) == [1, 2, 3]
    assert victim not in task_managers(theatre)


def test_a_killed_driver_goes_on_where_it_was_and_finds_the_same_clusters(theatre):
    """SIGKILL to the driver, a new one with the same run id: no superstep twice, the result as if nothing happened."""
    run_id, undisturbed_id = new_run_id("killed-driver"), new_run_id("undisturbed")
    arguments = ["--runtime-target-s", "1000"]
    driver = theatre.start(run_id, *arguments, start=1, supersteps=4)
    theatre.wait_for(run_id, lambda run: len(run.observations) >= 2)
    for child in psutil.Process(driver.pid).children(recursive=True):
        child.kill()
    driver.kill()
    driver.wait()
    run = theatre.finish(theatre.start(run_id, *arguments, start=1, supersteps=4), run_id)
    theatre.finish(theatre.start(undisturbed_id, *arguments, start=1, supersteps=4), undisturbed_id)
    assert numbers(run) == [1, 2, 3, 4]
    results = [np.array(result_of(theatre, one)["centroids"]) for one in (run_id, undisturbed_id)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-9)
