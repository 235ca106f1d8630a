"""How predictions of one job alone get better with the number of measured scale-outs.

So many distinct scale-outs are drawn, one random run of each is given, and a random run at a random scale-out inside
their range is predicted. The fastest and the slowest run of each scale-out are dropped before. Intervals are stretched
by what the other jobs of the folder needed, so that nothing of the job itself is used beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptor.experiments.models.bell import Repeated, read_repeated
from adaptor.experiments.models.methods import LEVELS
from adaptor.experiments.models.outcome import Outcome, Progress, Request
from adaptor.experiments.report import Figure
from adaptor.models.arrays import Floats
from adaptor.models.bell import bell_log_s, local_s, parametric_s
from adaptor.models.lone_curve import LoneCurves, predicted
from adaptor.models.prediction import quantile

REPEATS = 2000
"""Draws for each job and number, as many as the paper that the protocol is from."""

NUMBERS = range(3, 16)
"""Distinct scale-outs that are given."""

USUAL_STRETCH = 1.2
"""Of intervals where there is no other job to learn from."""

DEGREES_OF_FREEDOM = 4.0
"""Of Student's t: noise that is rarely large."""

OWN = "adaptor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Shapes (R, n) of what is given and (R,) of what is asked; the best that could be said is beside it."""

    scale_outs: Floats
    seconds: Floats
    wanted: Floats
    truth: Floats
    median: Floats


def learning_curve(request: Request, progress: Progress) -> Outcome:
    """Errors and coverage by number of given scale-outs."""
    jobs = read_repeated(request.folder)
    numbers = [n for n in NUMBERS if n <= min(len(job.scale_outs) for job in jobs)]
    errors: dict[tuple[int, str, str], Floats] = {}
    inside: list[dict[str, Any]] = []
    for done, number in enumerate(numbers, start=1):
        draws = [
            drawn(job, number, repeats=request.repeats or REPEATS, seed=[request.seed, number, i])
            for i, job in enumerate(jobs)
        ]
        answers = [predicted(one.scale_outs, np.log(one.seconds), one.wanted) for one in draws]
        for job, one, answer in zip(jobs, draws, answers, strict=True):
            for method, log_s in {OWN: answer.log_s, **_anchors(one)}.items():
                errors[number, method, job.name] = np.abs(np.exp(log_s) / one.truth - 1)
        inside += _coverage(jobs, number, draws, answers)
        progress(done, len(numbers))
    methods = list(dict.fromkeys(method for _, method, _ in errors))
    rows = [_row(errors, jobs, number, methods) for number in numbers]
    return Outcome(figures=_figures(rows, inside), tables={"errors": rows, "coverage": inside})


def drawn(job: Repeated, number: int, *, repeats: int, seed: list[int]) -> Draws:
    """Random choices of scale-outs and runs."""
    rng = np.random.default_rng(seed)
    given, wanted, truth, seconds = [], [], [], []
    for _ in range(repeats):
        places = np.sort(rng.choice(len(job.scale_outs), number, replace=False))
        asked = int(rng.integers(places[0], places[-1] + 1))
        given.append(places)
        wanted.append(asked)
        seconds.append([rng.choice(job.seconds[place]) for place in places])
        truth.append(rng.choice(job.seconds[asked]))
    medians = np.array([np.median(one) for one in job.seconds])
    return Draws(
        scale_outs=job.scale_outs[np.array(given)],
        seconds=np.array(seconds),
        wanted=job.scale_outs[np.array(wanted)],
        truth=np.array(truth),
        median=medians[np.array(wanted)],
    )


def _anchors(one: Draws) -> dict[str, Floats]:
    laws: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
        "nnls": lambda n, s, at: np.log(parametric_s(n, s, at)),
        "bell": bell_log_s,
        "local linear": lambda n, s, at: np.log(local_s(n, s, at)),
        "linear in logs": lambda n, s, at: np.interp(np.log(at), np.log(n), np.log(s)),
    }
    found = {
        name: np.array(
            [law(n, s, np.array([at]))[0] for n, s, at in zip(one.scale_outs, one.seconds, one.wanted, strict=True)]
        )
        for name, law in laws.items()
    }
    return {**found, "floor: median of all runs": np.log(one.median)}


def _row(
    errors: dict[tuple[int, str, str], Floats], jobs: list[Repeated], number: int, methods: list[str]
) -> dict[str, Any]:
    """Errors in per cent, and the paired difference to the best anchor with its standard error."""
    stacked = {method: np.array([errors[number, method, job.name] for job in jobs]) for method in methods}
    row: dict[str, Any] = {"n": number}
    row |= {method: round(100 * float(found.mean()), 4) for method, found in stacked.items()}
    anchors = [method for method in methods if method != OWN and not method.startswith("floor")]
    best = min(anchors, key=lambda method: float(stacked[method].mean()))
    difference = stacked[OWN] - stacked[best]
    error = float(np.sqrt((difference.std(axis=1) ** 2 / difference.shape[1]).sum())) / len(jobs)
    return row | {
        "best anchor": best,
        "difference": round(100 * float(difference.mean()), 4),
        "standard error": round(100 * error, 4),
    }


def _coverage(jobs: list[Repeated], number: int, draws: list[Draws], answers: list[LoneCurves]) -> list[dict[str, Any]]:
    off = [np.abs(np.log(one.truth) - answer.log_s) / answer.spread for one, answer in zip(draws, answers, strict=True)]
    rows = []
    for level in LEVELS:
        reach = quantile(level, DEGREES_OF_FREEDOM)
        shares, widths = [], []
        for i, answer in enumerate(answers):
            others = np.concatenate([one for j, one in enumerate(off) if j != i]) if len(jobs) > 1 else np.empty(0)
            stretch = float(np.quantile(others, level)) / reach if len(others) else USUAL_STRETCH
            shares.append(float((off[i] <= stretch * reach).mean()))
            widths.append(float(np.median(2 * np.sinh(stretch * reach * answer.spread))))
        spread = float(np.std(shares, ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else float("nan")
        rows.append(
            {
                "n": number,
                "level": level,
                "share": round(float(np.mean(shares)), 4),
                "standard_error": round(spread, 4),
                "median_width": round(float(np.median(widths)), 4),
                **{f"share {job.name}": round(share, 4) for job, share in zip(jobs, shares, strict=True)},
            }
        )
    return rows


def _figures(rows: list[dict[str, Any]], inside: list[dict[str, Any]]) -> list[Figure]:
    figures = [
        Figure(
            name=f"learning_curve_n{row['n']}_error",
            value=row[OWN],
            unit="%",
            baseline=row[row["best anchor"]],
            baseline_name=row["best anchor"],
        )
        for row in rows
    ]
    ratios = [row[OWN] / row[row["best anchor"]] for row in rows]
    figures.append(
        Figure(name="learning_curve_worst_ratio", value=max(ratios), unit="", baseline=1.0, baseline_name="best anchor")
    )
    for level in (0.8, 0.9):
        shares = [row["share"] for row in inside if row["level"] == level]
        figures.append(
            Figure(name=f"learning_curve_coverage_{round(100 * level)}", value=float(np.mean(shares)), unit="share")
        )
    return figures
