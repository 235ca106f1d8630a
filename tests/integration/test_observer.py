"""The observer over loopback HTTP: each fault of the scripted Flink, and how many round trips a barrier waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adaptor.domain.statistics import FlinkStatistics
from adaptor.experiments.scripted_flink import Fault, Script, ScriptedFlink
from adaptor.flink.client import FlinkClient
from adaptor.observer.superstep import ObserverSettings, SuperstepObserver

JOB_ID = "ab" * 16
TIMEOUT_S = 0.3
SETTINGS = ObserverSettings(poll_interval_s=0.01)


@pytest.fixture
def scripted() -> Iterator[ScriptedFlink]:
    with ScriptedFlink() as flink:
        yield flink


@pytest.fixture
def observer() -> Iterator[SuperstepObserver]:
    made = SuperstepObserver(
        connect=lambda url: FlinkClient(url, timeout_s=TIMEOUT_S),
        timeout_s=TIMEOUT_S,
        max_workers=8,
        clock=time.monotonic,
        settings=SETTINGS,
    )
    yield made
    made.close()


async def observed(observer: SuperstepObserver, scripted: ScriptedFlink) -> FlinkStatistics:
    return await observer.observe(run_id="r", flink_url=scripted.url, job_id=JOB_ID)


async def test_two_observations_of_a_sound_cluster(observer: SuperstepObserver, scripted: ScriptedFlink) -> None:
    first = await observed(observer, scripted)
    second = await observed(observer, scripted)
    assert (first.problem, second.problem) == ("", "")
    assert first.observed_parallelism == 2
    assert first.duration_s == 10.0
    assert [vertex.parallelism for vertex in first.vertices] == [2, 2, 2, 1]
    assert first.vertices[0].busy_s is None
    assert first.vertices[1].busy_s == 9.0
    assert first.cpu_utilisation is None
    assert second.cpu_utilisation is not None


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault.LATE, "did not answer within 0.3 s"),
        (Fault.NEVER, "did not answer within 0.3 s"),
        (Fault.HTML, "an HTML page"),
        (Fault.ERROR500, "HTTP 500"),
        (Fault.UNKNOWN_JOB, f"Flink does not know job '{JOB_ID}'"),
        (Fault.REFUSE, "Connection refused"),
    ],
)
async def test_every_fault_is_a_problem_and_never_an_error(
    observer: SuperstepObserver, scripted: ScriptedFlink, fault: Fault, problem: str
) -> None:
    """And once it is over, the same observer sees again."""
    scripted.play(Script(fault=fault, late_s=60))
    statistics = await observed(observer, scripted)
    assert problem in statistics.problem or "no complete answer within 0.3 s" in statistics.problem
    assert replace(statistics, problem="") == FlinkStatistics()
    scripted.play(Script(fault=Fault.REFUSE))
    scripted.play(Script())
    assert (await observed(observer, scripted)).observed_parallelism == 2


@pytest.mark.parametrize("path", ["/vertices/", "/metrics", "/taskmanagers"])
async def test_the_job_is_known_although_something_else_never_answers(
    observer: SuperstepObserver, scripted: ScriptedFlink, path: str
) -> None:
    scripted.play(Script(fault=Fault.NEVER, fault_path=path))
    statistics = await observed(observer, scripted)
    assert statistics.observed_parallelism == 2
    assert "within 0.3 s" in statistics.problem


async def test_a_job_that_still_seems_to_run_is_asked_for_again(
    observer: SuperstepObserver, scripted: ScriptedFlink
) -> None:
    scripted.play(Script(fault=Fault.RUNNING_FIRST, running_answers=3))
    statistics = await observed(observer, scripted)
    assert statistics.problem == ""
    assert list(scripted.asked).count(f"/jobs/{JOB_ID}") == 4


async def test_task_managers_that_were_restarted_do_not_count(
    observer: SuperstepObserver, scripted: ScriptedFlink
) -> None:
    await observed(observer, scripted)
    scripted.play(Script(generation=1))
    assert (await observed(observer, scripted)).cpu_utilisation is None
    assert (await observed(observer, scripted)).cpu_utilisation is not None


async def test_a_late_cluster_does_not_cost_the_runs_of_another(
    observer: SuperstepObserver, scripted: ScriptedFlink
) -> None:
    """More questions hang at one cluster than there are threads; the other cluster has threads of its own."""
    with ScriptedFlink(Script(fault=Fault.NEVER)) as hanging:
        *lost, seen = await asyncio.gather(
            *(observer.observe(run_id=f"{index}", flink_url=hanging.url, job_id=JOB_ID) for index in range(10)),
            observed(observer, scripted),
        )
    assert all(statistics.problem for statistics in lost)
    assert seen.observed_parallelism == 2


async def test_a_barrier_costs_few_questions(observer: SuperstepObserver, scripted: ScriptedFlink) -> None:
    """The job, its vertices, the TaskManagers, the sum that lets Flink fetch, and one counter for each TaskManager."""
    await observed(observer, scripted)
    scripted.asked.clear()
    statistics = await observed(observer, scripted)
    assert statistics.problem == ""
    assert len(scripted.asked) == 1 + 4 + 1 + 1 + 2
