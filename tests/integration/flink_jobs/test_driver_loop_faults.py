"""What a driver loop does when its Flink jobs fail, converge, or are done already."""

from __future__ import annotations

import argparse
import gc
import json
import warnings
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Flink's own modules use what Flink has deprecated.
    import driver_loop


class Status(Enum):
    """Flink's states of a job; those of PyFlink ask a JVM whether they are final."""

    RUNNING = 1
    FINISHED = 2
    FAILED = 3

    def is_globally_terminal_state(self) -> bool:
        return self is not Status.RUNNING


FINISHED, FAILED = Status.FINISHED, Status.FAILED


class FlinkJob:
    """A Flink job that runs for two looks at it and ends as it was told to."""

    def __init__(self, end: Status) -> None:
        self._answers = iter([Status.RUNNING, Status.RUNNING, end])

    def get_job_client(self) -> FlinkJob:
        return self

    def get_job_id(self) -> str:
        return "0" * 32

    def get_job_status(self) -> SimpleNamespace:
        return SimpleNamespace(result=lambda: next(self._answers))

    def wait(self) -> None:
        raise RuntimeError("the cause")


class Halving:
    """A job whose shift halves, and whose Flink jobs end as listed, then well."""

    def __init__(self, *ends: Status) -> None:
        self._ends = iter(ends)
        self.absorbed: list[int] = []
        self.parallelisms: list[int] = []

    def submit(self, superstep: int, *, output: Path, parallelism: int, name: str) -> FlinkJob:
        assert output.parent.is_dir() and not output.exists()
        assert name == f"run superstep {superstep}"
        self.parallelisms.append(parallelism)
        return FlinkJob(next(self._ends, FINISHED))

    def absorb(self, superstep: int, output: Path) -> driver_loop.Progress:
        self.absorbed.append(superstep)
        return driver_loop.Progress(shift=2.0**-superstep, figures={"half": superstep})


class Run:
    """A run of the client that gives each superstep until it succeeds."""

    def __init__(self, most: int) -> None:
        self.run_id, self.blocked_s, self.slot_waits_s = "run", [0.1], []
        self._most = most
        self.failures = 0
        self.convergence: list[float] = []

    def supersteps(self) -> Iterator[SimpleNamespace]:
        number = 1
        while number <= self._most:
            told = SimpleNamespace(number=number, parallelism=number, job_id="", has_failed=False)
            told.submitted = lambda job_id, told=told: setattr(told, "job_id", job_id)
            told.failed = lambda told=told: setattr(told, "has_failed", True)
            told.converged_to = self.convergence.append
            yield told
            self.failures += told.has_failed
            number += not told.has_failed


@pytest.fixture(autouse=True)
def without_flink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_loop, "POLL_INTERVAL_S", 0.0)
    monkeypatch.setattr(driver_loop, "JobStatus", Status)


def given(folder: Path, tolerance: float = 0.0) -> argparse.Namespace:
    return argparse.Namespace(state=folder, tolerance=tolerance, result=folder / "result.json")


def test_a_failed_superstep_is_tried_again(tmp_path: Path) -> None:
    """Nothing of it is taken in, adaptor is told, and the others follow."""
    run, job = Run(3), Halving(FINISHED, FAILED, FAILED)
    steps = driver_loop.iterate(run, job, given(tmp_path))
    assert job.absorbed == [1, 2, 3]
    assert job.parallelisms == [1, 2, 2, 2, 3]
    assert run.failures == driver_loop.MAX_FAILURES == 2
    assert [step.superstep for step in steps] == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


def test_one_failure_too_many_ends_the_driver_with_its_cause(tmp_path: Path) -> None:
    """The same fault again and again does not go away by trying."""
    job = Halving(FAILED, FAILED, FAILED)
    with pytest.raises(RuntimeError, match="the cause"):
        driver_loop.iterate(Run(3), job, given(tmp_path))
    assert job.absorbed == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("tolerance", "last"), [(0.25, 2), (0.0, 5), (-1.0, 5)])
def test_a_run_ends_when_its_state_moves_no_farther_than_the_tolerance(
    tmp_path: Path, tolerance: float, last: int
) -> None:
    """Or at the limit; the result file says which."""
    run, options = Run(5), given(tmp_path, tolerance)
    steps = driver_loop.iterate(run, Halving(), options)
    driver_loop.write_result(options, run, steps, {"supersteps": last})
    result = json.loads(options.result.read_text())
    assert [step["superstep"] for step in result["steps"]] == list(range(1, last + 1))
    assert result["converged"] is (tolerance == 0.25)
    assert result["steps"][-1]["half"] == last
    assert result["blocked_s"] == [0.1]
    assert run.convergence == [2.0**-superstep for superstep in range(1, last + 1)]


def test_a_run_that_was_done_before_writes_its_outcome_again(tmp_path: Path) -> None:
    """A driver started once more has no supersteps of its own to tell of."""
    options = given(tmp_path)
    driver_loop.write_result(options, Run(0), [], {"supersteps": 7})
    result = json.loads(options.result.read_text())
    assert (result["supersteps"], result["steps"], result["converged"]) == (7, [], False)


def test_garbage_is_collected_by_the_driver_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a refusal ends it in one line."""
    seen: list[bool] = []

    def main(_arguments: list[str]) -> None:
        seen.append(gc.isenabled())
        raise driver_loop.RefusedError("parallelism: must be at least 1, got 0")

    monkeypatch.setattr("sys.argv", ["flink-jobs/pagerank.py"])
    try:
        with pytest.raises(SystemExit, match="pagerank: parallelism: must be at least 1"):
            driver_loop.start(main)
    finally:
        gc.enable()
    assert seen == [False]
