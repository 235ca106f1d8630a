"""Reports of the protocols that leave contexts out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adaptor.experiments.models.c3o import Job, read_jobs
from adaptor.experiments.models.contexts import (
    Split,
    extrapolation_scores,
    leave_one_context_out,
    leave_one_data_size_out,
    leave_one_machine_type_out,
    scores_of,
)
from adaptor.experiments.models.methods import BELL, ERNEST, GBM_LOG, OWN
from adaptor.experiments.models.outcome import Outcome, Progress, Request, thinned
from adaptor.experiments.models.scores import Score, Scores, paired_difference, worst
from adaptor.experiments.models.workers import spread
from adaptor.experiments.report import Figure

SPLITS: dict[str, Callable[[Job], Any]] = {
    "leave-one-context-out": leave_one_context_out,
    "leave-one-machine-type-out": leave_one_machine_type_out,
    "leave-one-data-size-out": leave_one_data_size_out,
}

WORST = 10
"""Contexts that are listed as the worst."""


def leave_out(request: Request, progress: Progress) -> Outcome:
    """One of the protocols that leave contexts out."""
    work = [
        (split, request)
        for job in read_jobs(request.folder)
        for split in thinned(list(SPLITS[request.protocol](job)), request.repeats)
    ]
    scores: list[Score] = []
    for done, found in enumerate(spread(_split_scores, work, processes=request.processes), start=1):
        scores += found
        progress(done, len(work))
    return _outcome(request, Scores(scores))


def extrapolate(request: Request, progress: Progress) -> Outcome:
    """The larger half of the scale-outs from the smaller."""
    jobs = [(job, request) for job in read_jobs(request.folder)]
    scores: list[Score] = []
    for done, found in enumerate(spread(_job_scores, jobs, processes=request.processes), start=1):
        scores += found
        progress(done, len(jobs))
    return _outcome(request, Scores(scores))


def _split_scores(work: tuple[Split, Request]) -> list[Score]:
    split, request = work
    return scores_of(split, numbers_given=request.numbers_given, seed=request.seed)


def _job_scores(work: tuple[Job, Request]) -> list[Score]:
    job, request = work
    return extrapolation_scores(job, seed=request.seed)


def _outcome(request: Request, scores: Scores) -> Outcome:
    least = int(scores.scale_out.min())
    errors = [_row(scores, method, job, least) for job in [None, *scores.jobs] for method in scores.methods]
    coverage = [
        {"k": given, "method": OWN, **_coverage(scores, given, level, request.seed)}
        for given in [*scores.numbers_given, None]
        for level in (0.5, 0.8, 0.9)
    ]
    ranked = list(worst(scores, method=OWN, against=GBM_LOG, given=scores.numbers_given[0], count=WORST))
    paired = [
        {"k": given, "against": method, **_paired(scores, method, given)}
        for given in scores.numbers_given
        for method in scores.methods
        if method != OWN
    ]
    return Outcome(
        figures=_figures(request, scores, least),
        tables={"errors": errors, "coverage": coverage, "paired": paired, "worst": ranked},
        scores=scores,
    )


def _row(scores: Scores, method: str, job: str | None, least: int) -> dict[str, Any]:
    """Errors of a method by number of given points, in one line; in per cent."""
    row: dict[str, Any] = {"job": job or "all", "method": method}
    for given in scores.numbers_given:
        chosen = scores.chosen(method=method, given=given, job=job)
        above = scores.chosen(method=method, given=given, job=job, above_scale_out=least)
        row[f"mean k={given}"] = _percent(scores.mean_error(chosen))
        row[f"median k={given}"] = _percent(scores.median_error(chosen))
        row[f"mean k={given} without {least}"] = _percent(scores.mean_error(above))
    return row


def _coverage(scores: Scores, given: int | None, level: float, seed: int) -> dict[str, Any]:
    found = scores.coverage(scores.chosen(method=OWN, given=given), level, seed=seed)
    return {
        "level": level,
        "share": round(found.share, 4),
        "standard_error": round(found.standard_error, 4),
        "within_two_errors": found.within_two_errors,
        "median_width": round(found.median_width, 4),
        "uncalibrated_width": round(found.naive_width, 4),
    }


def _paired(scores: Scores, method: str, given: int) -> dict[str, Any]:
    left = scores.context_errors(scores.chosen(method=OWN, given=given))
    right = scores.context_errors(scores.chosen(method=method, given=given))
    difference, error = paired_difference(left, right)
    return {"difference": _percent(difference), "standard_error": _percent(error)}


def _figures(request: Request, scores: Scores, least: int) -> list[Figure]:
    figures: list[Figure] = []
    name = request.protocol.replace("-", "_")
    for given in scores.numbers_given:
        figures += _ratio(scores, f"{name}_k{given}", given, 0)
        figures += _ratio(scores, f"{name}_k{given}_above_least", given, least)
        if request.protocol != "leave-one-context-out":
            figures += _against(scores, f"{name}_k{given}", given)
    for level in (0.8, 0.9):
        found = scores.coverage(scores.chosen(method=OWN), level, seed=request.seed)
        away = abs(found.share - level) / found.standard_error if found.standard_error else float("nan")
        figures.append(Figure(name=f"{name}_coverage_{level:.0%}"[:-1], value=found.share, unit="share"))
        figures.append(Figure(name=f"{name}_coverage_{level:.0%}"[:-1] + "_errors_off", value=away, unit="errors"))
    return figures


def _ratio(scores: Scores, name: str, given: int, above: int) -> list[Figure]:
    own = scores.mean_error(scores.chosen(method=OWN, given=given, above_scale_out=above))
    other = scores.mean_error(scores.chosen(method=GBM_LOG, given=given, above_scale_out=above))
    return [
        Figure(name=f"{name}_error", value=100 * own, unit="%", baseline=100 * other, baseline_name=GBM_LOG),
        Figure(name=f"{name}_ratio", value=own / other, unit="", baseline=1.0, baseline_name=GBM_LOG),
    ]


def _against(scores: Scores, name: str, given: int) -> list[Figure]:
    """Ratio to the best of GBM-log, Ernest and Bell."""
    own = scores.mean_error(scores.chosen(method=OWN, given=given))
    others = {one: scores.mean_error(scores.chosen(method=one, given=given)) for one in (GBM_LOG, ERNEST, BELL)}
    best = min(others, key=lambda one: others[one] if np.isfinite(others[one]) else np.inf)
    return [Figure(name=f"{name}_ratio_to_best", value=own / others[best], unit="", baseline=1.0, baseline_name=best)]


def _percent(value: float) -> float:
    return round(100 * value, 3)
