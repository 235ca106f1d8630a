"""How long the rest of a run takes after so many supersteps: every run in turn is left out and predicted.

At the run's own scale-out the truth is what its rest took. At another one it is what the rest of the runs there took in
the mean; these runs are then left out too. Beside adaptor stand the mean so far, Bell for each index as in Ellis
[Thamsen17], and an estimate from similar runs as in SMiPE [Koch17].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptor.experiments.models.ellis import Traced, read_traces
from adaptor.experiments.models.methods import LEVELS
from adaptor.experiments.models.outcome import Outcome, Progress, Request
from adaptor.experiments.models.scores import bootstrap_error
from adaptor.experiments.report import Figure
from adaptor.models.arrays import Floats
from adaptor.models.bell import bell_log_s
from adaptor.models.rest_of_run import Rest, RunsSoFar, rest_of_run

DONE = (0, 1, 2, 5, 10)
"""Supersteps that are done when the rest is predicted."""

OWN = "adaptor"

NEAR = 0.2
"""Log of scale-outs that count as near in SMiPE's similarity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One prediction: other runs, and what is known of this one.

    Attributes:
        scale_out: Of the other runs, shape (R,).
        seconds: Of their supersteps, shape (R, S).
        own_scale_out: Of this run.
        done: Seconds of its supersteps, shape (s,).
        wanted: Scale-out of the rest.
    """

    scale_out: Floats
    seconds: Floats
    own_scale_out: float
    done: Floats
    wanted: float


def mean_so_far(asked: Asked) -> float:
    """The rest at the pace so far; NaN before the first superstep, and at another scale-out."""
    if not len(asked.done) or asked.wanted != asked.own_scale_out:
        return float("nan")
    return float(asked.done.mean()) * float(asked.seconds.shape[1] - len(asked.done))


def ellis(asked: Asked) -> float:
    """Bell for each index that is left, over the scale-outs of the other runs."""
    rest = range(len(asked.done), asked.seconds.shape[1])
    wanted = np.array([asked.wanted])
    seconds = [float(np.exp(bell_log_s(asked.scale_out, asked.seconds[:, i], wanted)[0])) for i in rest]
    total: float = sum(seconds)
    return total


def smipe(asked: Asked) -> float:
    """Rests of other runs, weighted by how alike they are in scale-out and so far, scaled by the pace so far."""
    done = len(asked.done)
    rests = asked.seconds[:, done:].sum(axis=1)
    likeness = np.exp(-np.abs(np.log(asked.scale_out / asked.wanted)) / NEAR)
    if done:
        apart = np.abs(np.log(asked.seconds[:, :done] / asked.done)).mean(axis=1)
        likeness = likeness * np.exp(-apart)
    return float(likeness @ rests / likeness.sum())


def own(asked: Asked) -> Rest:
    """Adaptor's answer."""
    done = len(asked.done)
    runs = RunsSoFar(
        scale_out=asked.scale_out,
        done_s=asked.seconds[:, :done].sum(axis=1),
        rest_s=asked.seconds[:, done:].sum(axis=1),
    )
    return rest_of_run(runs, scale_out=asked.own_scale_out, done_s=float(asked.done.sum()), wanted=asked.wanted)


OTHERS: dict[str, Callable[[Asked], float]] = {"mean so far": mean_so_far, "ellis": ellis, "smipe": smipe}


def supersteps(request: Request, progress: Progress) -> Outcome:
    """Errors and coverage by number of supersteps done."""
    jobs = read_traces(request.folder)
    rows: list[dict[str, Any]] = []
    inside: defaultdict[float, list[float]] = defaultdict(list)
    for number, job in enumerate(jobs, start=1):
        for done in (one for one in DONE if one < job.seconds.shape[1]):
            for other in (False, True):
                found, held = _judged(job, done, other=other)
                rows += _rows(job.name, done, found, other=other, seed=request.seed)
                for level, shares in held.items():
                    inside[level] += shares
        progress(number, len(jobs))
    coverage = [
        {
            "level": level,
            "share": round(float(np.mean(found)), 4),
            "standard_error": round(bootstrap_error(np.array(found), seed=request.seed), 4),
        }
        for level, found in inside.items()
    ]
    floors = [{"job": job.name, "floor": round(100 * _floor(job), 3)} for job in jobs]
    return Outcome(figures=_figures(rows), tables={"errors": rows, "coverage": coverage, "floor": floors})


def _judged(job: Traced, done: int, *, other: bool) -> tuple[dict[str, Floats], dict[float, list[float]]]:
    """Relative errors by method, and whether the truth lay inside by level."""
    errors: defaultdict[str, list[float]] = defaultdict(list)
    inside: dict[float, list[float]] = {level: [] for level in LEVELS}
    for asked, truth in _questions(job, done, other=other):
        answer = own(asked)
        errors[OWN].append(abs(answer.seconds / truth - 1))
        for name, method in OTHERS.items():
            errors[name].append(abs(method(asked) / truth - 1))
        for level in LEVELS:
            low_s, high_s = answer.interval_s(level)
            inside[level].append(float(low_s <= truth <= high_s))
    return {name: np.array(found) for name, found in errors.items()}, inside


def _questions(job: Traced, done: int, *, other: bool) -> list[tuple[Asked, float]]:
    found = []
    for run in range(len(job.scale_out)):
        for wanted in np.unique(job.scale_out):
            if other == (wanted == job.scale_out[run]):
                continue
            rest = np.arange(len(job.scale_out)) != run
            there = rest & (job.scale_out == wanted)
            truth = float(job.seconds[run, done:].sum())
            if other:
                truth = float(job.seconds[there, done:].sum(axis=1).mean())
                rest &= ~there
            if not rest.any():
                continue
            asked = Asked(
                scale_out=job.scale_out[rest],
                seconds=job.seconds[rest],
                own_scale_out=float(job.scale_out[run]),
                done=job.seconds[run, :done],
                wanted=float(wanted),
            )
            found.append((asked, truth))
    return found


def _rows(job: str, done: int, errors: dict[str, Floats], *, other: bool, seed: int) -> list[dict[str, Any]]:
    rows = []
    for method, found in errors.items():
        if np.isnan(found).all():
            continue
        difference = errors[OWN] - found
        rows.append(
            {
                "job": job,
                "s": done,
                "at": "other scale-outs" if other else "own scale-out",
                "method": method,
                "predictions": len(found),
                "mean error": round(100 * float(found.mean()), 3),
                "median error": round(100 * float(np.median(found)), 3),
                "difference": round(100 * float(difference.mean()), 3),
                "standard error": round(100 * bootstrap_error(difference, seed=seed), 3),
            }
        )
    return rows


def _floor(job: Traced) -> float:
    """Mean relative distance of whole runs from the median of all at their scale-out, where there are several."""
    totals, off = job.seconds.sum(axis=1), []
    for wanted in np.unique(job.scale_out):
        there = totals[job.scale_out == wanted]
        if len(there) > 1:
            off += (np.abs(np.median(there) / there - 1)).tolist()
    return float(np.mean(off)) if off else float("nan")


def _figures(rows: list[dict[str, Any]]) -> list[Figure]:
    figures = []
    for done in DONE:
        here = [row for row in rows if row["s"] == done and row["at"] == "own scale-out"]
        means = {
            method: float(np.mean([row["mean error"] for row in here if row["method"] == method]))
            for method in dict.fromkeys(row["method"] for row in here)
        }
        if means:
            best = min((one for one in means if one != OWN), key=lambda one: means[one])
            name = f"supersteps_s{done}_error"
            figures.append(Figure(name=name, value=means[OWN], unit="%", baseline=means[best], baseline_name=best))
    return figures
