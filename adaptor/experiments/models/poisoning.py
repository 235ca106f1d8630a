"""How far wrong shared measurements bend predictions: a share of all observations, wrong in one of three ways.

``random``: each is multiplied by its own factor between 0.1 and 10, evenly on the scale of logarithms. ``one_author``:
all wrong ones come from one contributor, who multiplies each so. ``wrong_unit``: one contributor reports milliseconds
as seconds. Errors are those of leave-one-context-out; the truth that is predicted is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adaptor.experiments.models.c3o import read_jobs
from adaptor.experiments.models.contexts import Split, leave_one_context_out, subsets
from adaptor.experiments.models.methods import NO_BELIEFS, OWN, asked_of
from adaptor.experiments.models.outcome import Outcome, Progress, Request, thinned
from adaptor.experiments.models.workers import spread
from adaptor.experiments.report import Figure
from adaptor.models.learning import WHOLE, Parts
from adaptor.models.prior import Prior
from adaptor.models.training import TrainingRow

SHARES = (0.0, 0.1, 0.2, 0.3)
WAYS = ("random", "one_author", "wrong_unit")

AUTHORS = 10
"""Contributors that honest observations come from."""

LIAR = "liar"

MILLISECONDS = 1000.0

METHODS = {OWN: WHOLE, NO_BELIEFS: Parts(trees=False, beliefs=False, trust=False)}
"""The model, and what it would be if it believed whatever it is told."""

CONTEXTS_PER_JOB = 3
"""Contexts of each job that are predicted, evenly chosen: each needs a fit for every cell of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fit: a split, what is done to its training part, and which model is fitted to it."""

    split: Split
    share: float
    way: str
    method: str
    request: Request


def poisoning(request: Request, progress: Progress) -> Outcome:
    """Errors relative to clean ones, for every share and way."""
    cells = [
        Cell(split=split, share=share, way=way, method=method, request=request)
        for job in read_jobs(request.folder)
        for split in thinned(list(leave_one_context_out(job)), request.repeats or CONTEXTS_PER_JOB)
        for method in METHODS
        for way in WAYS
        for share in SHARES
        if share > 0 or way == WAYS[0]
    ]
    errors: dict[tuple[str, str, float, int], dict[str, list[float]]] = {}
    results = spread(_errors, cells, processes=request.processes)
    for done, (cell, found) in enumerate(zip(cells, results, strict=True), start=1):
        for given, error in found.items():
            key = (cell.method, cell.way, cell.share, given)
            errors.setdefault(key, {}).setdefault(cell.split.job, []).append(error)
        progress(done, len(cells))
    means = {key: float(np.mean([np.mean(one) for one in by_job.values()])) for key, by_job in errors.items()}
    rows = [
        _row(means, (method, way, share, given))
        for method in METHODS
        for way in WAYS
        for share in SHARES
        for given in request.numbers_given
    ]
    figures = [
        Figure(
            name=f"poisoning_{way}_ratio",
            value=max(row["relative"] for row in rows if row["way"] == way and row["method"] == OWN),
            unit="",
            baseline=1.0,
            baseline_name="clean",
        )
        for way in WAYS
    ]
    return Outcome(figures=figures, tables={"poisoning": rows})


def _row(means: dict[tuple[str, str, float, int], float], key: tuple[str, str, float, int]) -> dict[str, Any]:
    """One cell of the table; errors in per cent, relative ones to those of the whole model on clean rows."""
    method, way, share, given = key
    error = means[key] if share > 0 else means[method, WAYS[0], 0.0, given]
    return {
        "method": method,
        "way": way,
        "share": share,
        "k": given,
        "error": round(100 * error, 3),
        "relative": round(error / means[OWN, WAYS[0], 0.0, given], 3),
    }


def _errors(cell: Cell) -> dict[int, float]:
    """Mean relative error of the context that is left out, by number of given points."""
    rows = [row for one in cell.split.training for row in one.rows]
    rng = np.random.default_rng([cell.request.seed, round(100 * cell.share), WAYS.index(cell.way)])
    spoilt = poisoned(rows, share=cell.share, way=cell.way, rng=rng)
    asked = asked_of(Prior.fit(spoilt, seed=cell.request.seed, parts=METHODS[cell.method]))
    ((number, context),) = cell.split.held
    found = {}
    for given in cell.request.numbers_given:
        errors = []
        for subset in subsets(len(context.scale_outs), given, seed=[cell.request.seed, given, number]):
            rest = [i for i in range(len(context.scale_outs)) if i not in subset]
            off = asked(context, subset).log_s[rest] - context.log_s[rest]
            errors.append(float(np.mean(np.abs(np.expm1(off)))))
        found[given] = float(np.mean(errors))
    return found


def poisoned(rows: Sequence[TrainingRow], *, share: float, way: str, rng: np.random.Generator) -> list[TrainingRow]:
    """The rows with a share of them made wrong; honest ones come from `AUTHORS` contributors.

    Args:
        rows: Honest observations.
        share: From 0 to 1, how many of them to spoil.
        way: One of `WAYS`.
        rng: Chooses.
    """
    authors = rng.integers(0, AUTHORS, len(rows))
    wrong = rng.random(len(rows)) < share
    factors = np.exp(rng.uniform(np.log(0.1), np.log(10.0), len(rows)))
    factors = np.full(len(rows), MILLISECONDS) if way == "wrong_unit" else factors
    return [
        replace(
            row,
            contributor=LIAR if bad and way != "random" else f"author-{author}",
            duration_s=row.duration_s * float(factor) if bad else row.duration_s,
        )
        for row, author, bad, factor in zip(rows, authors, wrong, factors, strict=True)
    ]
