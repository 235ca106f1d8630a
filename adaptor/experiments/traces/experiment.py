"""The experiment from folder to report, spread over processes; figures do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain as joined
from pathlib import Path
from typing import Any

from adaptor.errors import InvalidValueError
from adaptor.experiments.models.ellis import Traced, read_traces
from adaptor.experiments.models.workers import spread
from adaptor.experiments.report import Report
from adaptor.experiments.traces.battery import Ended, Setup, repeated
from adaptor.experiments.traces.figures import OWN, RIVAL, figures, plots, tables
from adaptor.experiments.traces.interval import LEVEL
from adaptor.experiments.traces.recorded import Recorded
from adaptor.experiments.traces.recurring import Judged, chain
from adaptor.experiments.traces.summary import Row, battery_rows, recurring_rows
from adaptor.planner.policies import POLICIES

Progress = Callable[[int, int], None]

WITHOUT_TARGETS = ("static", "utilisation-0.70", "utilisation-squared", "threshold-ladder")
"""Policies that are no rows here: the files hold no utilisation, and scale-outs that stay are rows anyhow."""


FEWEST_SIZES = 2
"""Scale-outs without which there is nothing to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for.

    Attributes:
        folder: Holds the files.
        target_s: In place of the published targets.
        least_runs: That a scale-out must have to be used.
        repeats: Draws of each job.
        runs: Up to which recurring run.
        chains: Repeats of the recurring runs.
        failures: Probability that a superstep fails once, in the cells with failures.
        adaptation_cost_s: Seconds of a change.
        seed: Of everything random.
        processes: To spread the work over.
    """

    folder: Path
    target_s: float | None
    least_runs: int
    repeats: int
    runs: int
    chains: int
    failures: float
    adaptation_cost_s: float
    seed: int
    processes: int

    def setup(self, recorded: Recorded) -> Setup:
        """For one job."""
        return Setup(
            policies=tuple(name for name in POLICIES if name not in WITHOUT_TARGETS),
            targets_s=recorded.targets_s(self.target_s),
            adaptation_cost_s=self.adaptation_cost_s,
            failures=self.failures,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one process does at a time: a repeat of the battery, or a chain of recurring runs of one policy."""

    recorded: Recorded
    setup: Setup
    number: int
    policy: str = ""
    runs: int = 0


def experiment_traces(request: Request, progress: Progress) -> Report:
    """Play everything and report.

    Args:
        request: What was asked for.
        progress: Told how many parts of how many are done.

    Raises:
        InvalidValueError: If the folder holds no such files, or files with nothing to choose.
    """
    jobs = [_recorded(traced, request) for traced in read_traces(request.folder)]
    parts = [part for job in jobs for part in _parts(job, request)]
    ended: dict[str, list[Ended]] = {job.name: [] for job in jobs}
    judged: dict[str, list[Judged]] = {job.name: [] for job in jobs}
    for number, (part, found) in enumerate(
        zip(parts, spread(_played, parts, processes=request.processes), strict=True), start=1
    ):
        (judged if part.policy else ended)[part.recorded.name] += found
        progress(number, len(parts))
    rows = list(joined.from_iterable(battery_rows(job, found) for job, found in ended.items()))
    learnt = list(joined.from_iterable(recurring_rows(job, found) for job, found in judged.items()))
    return _report(request, jobs, rows, learnt)


def _recorded(traced: Traced, request: Request) -> Recorded:
    recorded = Recorded.of(traced, least_runs=request.least_runs)
    if len(recorded.sizes) < FEWEST_SIZES:
        problem = (
            f"holds fewer than {FEWEST_SIZES} scale-outs with {request.least_runs} runs; there is nothing to choose"
        )
        raise InvalidValueError(traced.name, problem)
    return recorded


def _parts(job: Recorded, request: Request) -> list[_Part]:
    setup = request.setup(job)
    battery = [_Part(recorded=job, setup=setup, number=number) for number in range(request.repeats)]
    recurring = [
        _Part(recorded=job, setup=setup, number=number, policy=policy, runs=request.runs)
        for number in range(request.chains)
        for policy in (OWN, RIVAL)
    ]
    return battery + recurring


def _played(part: _Part) -> list[Any]:
    if part.policy:
        return list(chain(part.recorded, part.setup, part.number, policy=part.policy, runs=part.runs))
    return list(repeated(part.recorded, part.setup, part.number))


def _report(request: Request, jobs: list[Recorded], rows: list[Row], recurring: list[Row]) -> Report:
    return Report(
        title=f"recorded jobs under every policy, {request.repeats} repeats",
        question=(
            "How often is each policy late on recorded iterative jobs, and at how many executor-seconds, when all meet "
            "the same draws and know the same other runs?"
        ),
        figures=figures(rows, recurring),
        seeds={"seed": request.seed},
        details={
            "settings": {
                "repeats": request.repeats,
                "chains": request.chains,
                "least_runs": request.least_runs,
                "failures": request.failures,
                "adaptation_cost_s": request.adaptation_cost_s,
                "interval_level": LEVEL,
            },
            "rows": rows,
            "recurring": recurring,
        },
        tables=tables(rows, recurring, [row for job in jobs for row in _sizes(job)]),
        plots=plots(rows, recurring),
    )


def _sizes(job: Recorded) -> list[Row]:
    """What a file holds at each scale-out, thin support marked."""
    return [
        {
            "job": job.name,
            "scale_out": size,
            "runs": len(runs),
            "single": size in job.single,
            "median_s": round(typical, 1),
            "executor_s": round(typical * size),
            "supersteps": job.supersteps,
        }
        for size, runs, typical in zip(job.sizes.tolist(), job.runs, job.typical_s.tolist(), strict=True)
    ]
