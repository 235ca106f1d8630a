"""How predictions of one job alone get better with the number of measured scale-outs.

So many distinct scale-outs are drawn, one random run of each is given, and a random run at a random scale-out inside
their range is predicted: never one that was given, since that is known and no prediction. How errors compare where it
may be one of those is told in a table of its own; whatever repeats what it was given is right by one run in five there.
The fastest and the slowest run of each scale-out are dropped before. Intervals are stretched by what the other jobs of
the folder needed, so that nothing of the job itself is used beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    errors: list[dict[str, Any]] = []
    repeated: list[dict[str, Any]] = []
    inside: list[dict[str, Any]] = []
    for done, number in enumerate(numbers, start=1):
        draws = _draws(jobs, number, request, apart=True)
        answers = _answers(draws)
        errors.append(_row(number, draws, answers))
        inside += _coverage(jobs, number, draws, answers)
        either = _draws(jobs, number, request, apart=False)
        repeated.append(_row(number, either, _answers(either)))
        progress(done, len(numbers))
    tables = {"errors": errors, "given runs asked for again": repeated, "coverage": inside}
    return Outcome(figures=_figures(errors, inside), tables=tables)


def _draws(jobs: Sequence[Repeated], number: int, request: Request, *, apart: bool) -> list[Draws]:
    repeats = request.repeats or REPEATS
    return [
        drawn(job, number, repeats=repeats, seed=[request.seed, number, i], apart=apart) for i, job in enumerate(jobs)
    ]


def _answers(draws: Sequence[Draws]) -> list[LoneCurves]:
    return [predicted(one.scale_outs, np.log(one.seconds), one.wanted) for one in draws]


def drawn(job: Repeated, number: int, *, repeats: int, seed: list[int], apart: bool) -> Draws:
    """Random choices of scale-outs and runs.

    Args:
        job: Runs of one job.
        number: Distinct scale-outs to give.
        repeats: How many choices.
        seed: Of the choices.
        apart: Whether the run asked for is none of those given, wherever there is another at its scale-out.
    """
    rng = np.random.default_rng(seed)
    given, wanted, truth, seconds = [], [], [], []
    for _ in range(repeats):
        places = np.sort(rng.choice(len(job.scale_outs), number, replace=False))
        asked = int(rng.integers(places[0], places[-1] + 1))
        runs = {int(place): int(rng.integers(len(job.seconds[place]))) for place in places}
        known = runs.get(asked) if apart else None
        given.append(places)
        wanted.append(asked)
        seconds.append([job.seconds[place][run] for place, run in runs.items()])
        truth.append(_another(job.seconds[asked], known, rng))
    medians = np.array([np.median(one) for one in job.seconds])
    return Draws(
        scale_outs=job.scale_outs[np.array(given)],
        seconds=np.array(seconds),
        wanted=job.scale_outs[np.array(wanted)],
        truth=np.array(truth),
        median=medians[np.array(wanted)],
    )


def _another(runs: Floats, known: int | None, rng: np.random.Generator) -> float:
    """A random run, if there is another none but the one at the place `known`."""
    others = runs if known is None or len(runs) == 1 else np.delete(runs, known)
    return float(rng.choice(others))


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


def _row(number: int, draws: Sequence[Draws], answers: Sequence[LoneCurves]) -> dict[str, Any]:
    """Errors in per cent, and the paired difference to the best anchor with its standard error."""
    found = [
        {method: np.abs(np.exp(log_s) / one.truth - 1) for method, log_s in {OWN: mine.log_s, **_anchors(one)}.items()}
        for one, mine in zip(draws, answers, strict=True)
    ]
    stacked = {method: np.array([one[method] for one in found]) for method in found[0]}
    row: dict[str, Any] = {"n": number}
    row |= {method: round(100 * float(errors.mean()), 4) for method, errors in stacked.items()}
    anchors = [method for method in stacked if method != OWN and not method.startswith("floor")]
    best = min(anchors, key=lambda method: float(stacked[method].mean()))
    difference = stacked[OWN] - stacked[best]
    error = float(np.sqrt((difference.std(axis=1) ** 2 / difference.shape[1]).sum())) / len(draws)
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
    # Drawn from few runs, a difference may be none at all: then it is no standard error away.
    away = [row["difference"] / row["standard error"] if row["standard error"] else 0.0 for row in rows]
    figures += [
        Figure(
            name="learning_curve_worst_ratio", value=max(ratios), unit="", baseline=1.0, baseline_name="best anchor"
        ),
        Figure(name="learning_curve_fewest_errors_below", value=-max(away), unit="errors"),
    ]
    for level in (0.8, 0.9):
        shares = [row["share"] for row in inside if row["level"] == level]
        figures.append(
            Figure(name=f"learning_curve_coverage_{round(100 * level)}", value=float(np.mean(shares)), unit="share")
        )
    return figures
