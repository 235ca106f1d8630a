"""Random splits of all runs of a job, as the C3O paper judges itself [Will21]: nine tenths are learnt from.

Its filters are kept, without its names: of each job the machine type with most runs, and without the least scale-out
where doubling the workers from there more than halves the time in the median, which is what it dropped for memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptor.experiments.models.baselines import LogCurve, bell_pooled, ernest_pooled, gbm_c3o, gbm_log
from adaptor.experiments.models.c3o import Job, MeasuredContext, read_jobs
from adaptor.experiments.models.methods import BELL, ERNEST, GBM, GBM_LOG, LEVELS, OWN
from adaptor.experiments.models.outcome import Outcome, Progress, Request
from adaptor.experiments.models.scores import bootstrap_error
from adaptor.experiments.models.workers import spread
from adaptor.experiments.report import Figure
from adaptor.models.groups import MEDIAN_COST
from adaptor.models.informed import InformedModel
from adaptor.models.points import Points, no_points
from adaptor.models.prediction import quantile
from adaptor.models.prior import Prior
from adaptor.models.training import TrainingRow

SPLITS = 300
"""Random splits, as many as the paper."""

TEST_SHARE = 0.1

SUPERLINEAR = 1.1
"""Gain over perfect division, in the median over contexts, from which on the least scale-out is short of memory."""

C3O = "c3o predictor"
"""C3O's own: whichever of its models predicts left-out parts of the training part best."""

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One split of one job."""

    job: str
    rows: tuple[TrainingRow, ...]
    seed: tuple[int, ...]


def random_split(request: Request, progress: Progress) -> Outcome:
    """Errors of every method over random splits."""
    jobs = [(job.name, filtered(job)) for job in read_jobs(request.folder)]
    parts = [
        Part(job=name, rows=rows, seed=(request.seed, place, number))
        for number in range(request.repeats or SPLITS)
        for place, (name, rows) in enumerate(jobs)
    ]
    errors: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    inside: defaultdict[float, list[float]] = defaultdict(list)
    results = spread(judged, parts, processes=request.processes)
    for done, (part, found) in enumerate(zip(parts, results, strict=True), start=1):
        for method, error in found.errors.items():
            errors[part.job, method].append(error)
        for level, share in found.inside.items():
            inside[level].append(share)
        progress(done, len(parts))
    names = [name for name, _ in jobs]
    return _outcome(names, errors, inside, seed=request.seed)


def filtered(job: Job) -> tuple[TrainingRow, ...]:
    """The runs that are used."""
    counts: defaultdict[str, int] = defaultdict(int)
    for row in job.rows:
        counts[row.context.node_type] += 1
    kept_type = max(sorted(counts), key=lambda name: counts[name])
    contexts = [one for one in job.contexts if one.place.context.node_type == kept_type]
    least = _short_of_memory(contexts)
    return tuple(row for one in contexts for row in one.rows if row.scale_out != least)


def _short_of_memory(contexts: Sequence[MeasuredContext]) -> int | None:
    gains = []
    for one in contexts:
        if len(one.scale_outs) > 1:
            perfect = np.log(one.scale_outs[1] / one.scale_outs[0])
            gains.append(float(np.exp(one.log_s[0] - one.log_s[1] - perfect)))
    least = min(int(one.scale_outs[0]) for one in contexts)
    return least if gains and float(np.median(gains)) > SUPERLINEAR else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Mean error by method, and share of true durations inside by level, of one split."""

    errors: dict[str, float]
    inside: dict[float, float]


def judged(part: Part) -> Found:
    """Every method on one split."""
    rng = np.random.default_rng(list(part.seed))
    order = rng.permutation(len(part.rows))
    cut = round(TEST_SHARE * len(order))
    test, training = [part.rows[i] for i in order[:cut]], [part.rows[i] for i in order[cut:]]
    contexts = _contexts(training)
    fitted: dict[str, LogCurve] = {
        ERNEST: ernest_pooled(contexts),
        BELL: bell_pooled(contexts),
        GBM: gbm_c3o(contexts),
        GBM_LOG: gbm_log(contexts),
        C3O: c3o_predictor(contexts),
    }
    errors = {name: _error(curve, test) for name, curve in fitted.items()}
    own, inside = _own(training, test)
    return Found(errors={**errors, OWN: own}, inside=inside)


def c3o_predictor(contexts: Sequence[MeasuredContext]) -> LogCurve:
    """Whichever of C3O's models predicts left-out contexts' points best: trees, or a law with the size of the data."""
    models: list[Callable[[Sequence[MeasuredContext]], LogCurve]] = [gbm_c3o, ernest_pooled]
    rows = [row for one in contexts for row in one.rows]
    errors = np.zeros(len(models))
    for fold in range(FOLDS):
        training = _contexts([row for i, row in enumerate(rows) if i % FOLDS != fold])
        test = [row for i, row in enumerate(rows) if i % FOLDS == fold]
        errors += [_error(model(training), test) for model in models]
    return models[int(np.argmin(errors))](contexts)


def _own(training: Sequence[TrainingRow], test: Sequence[TrainingRow]) -> tuple[float, dict[float, float]]:
    """What adaptor says where other runs of a context are known: they are earlier runs of it."""
    prior = Prior.fit(training)
    known = {one.place.context.key: one for one in _contexts(training)}
    errors: list[float] = []
    inside: dict[float, list[bool]] = {level: [] for level in LEVELS}
    by_context: defaultdict[str, list[TrainingRow]] = defaultdict(list)
    for row in test:
        by_context[row.context.key].append(row)
    for key, rows in by_context.items():
        context = _contexts(rows)[0]
        informed = prior.informed(context.place.context, place=context.place)
        if informed is None:
            continue
        model = InformedModel.fit(informed, own=_points(known.get(key)), earlier=no_points(), peers=no_points())
        prediction = model.predict(np.array([row.parallelism for row in rows], dtype=np.int64))
        off = np.log([row.duration_s for row in rows]) - prediction.expected_log_s
        errors += np.abs(np.expm1(-off)).tolist()
        spreads = np.hypot(prediction.spread_of_expectation, prediction.noise)
        for level in LEVELS:
            reach = quantile(level, prediction.degrees_of_freedom) * spreads
            inside[level] += (np.abs(off) <= reach).tolist()
    return float(np.mean(errors)), {level: float(np.mean(found)) for level, found in inside.items()}


def _points(context: MeasuredContext | None) -> Points:
    if context is None:
        return no_points()
    return Points(
        parallelisms=context.parallelisms.astype(np.float64),
        log_means=context.log_s,
        counts=context.repetitions / MEDIAN_COST,
        squares=0.0,
        free=0.0,
    )


def _contexts(rows: Sequence[TrainingRow]) -> list[MeasuredContext]:
    by_key: defaultdict[str, list[TrainingRow]] = defaultdict(list)
    for row in rows:
        by_key[row.context.key].append(row)
    return [MeasuredContext.of(found) for found in by_key.values()]


def _error(curve: LogCurve, test: Sequence[TrainingRow]) -> float:
    errors = []
    for context in _contexts(test):
        at = np.array([row.scale_out for row in context.rows], dtype=np.float64)
        seconds = np.array([row.duration_s for row in context.rows])
        errors += np.abs(np.exp(curve(context, at)) / seconds - 1).tolist()
    return float(np.mean(errors))


def _outcome(
    jobs: Sequence[str],
    errors: dict[tuple[str, str], list[float]],
    inside: dict[float, list[float]],
    *,
    seed: int,
) -> Outcome:
    methods = list(dict.fromkeys(method for _, method in errors))
    rows: list[dict[str, Any]] = []
    for job in [*jobs, None]:
        chosen = [job] if job else list(jobs)
        own = np.concatenate([errors[one, OWN] for one in chosen])
        for method in methods:
            found = np.concatenate([errors[one, method] for one in chosen])
            difference = own - found
            rows.append(
                {
                    "job": job or "all",
                    "method": method,
                    "mean error": round(100 * float(found.mean()), 4),
                    "difference": round(100 * float(difference.mean()), 4),
                    "standard error": round(100 * bootstrap_error(difference, seed=seed), 4),
                }
            )
    coverage = [
        {
            "level": level,
            "share": round(float(np.mean(found)), 4),
            "standard_error": round(bootstrap_error(np.array(found), seed=seed), 4),
        }
        for level, found in inside.items()
    ]
    means = {row["method"]: row["mean error"] for row in rows if row["job"] == "all"}
    figures = [
        Figure(name="random_split_error", value=means[OWN], unit="%", baseline=means[C3O], baseline_name=C3O),
        Figure(name="random_split_ratio", value=means[OWN] / means[C3O], unit="", baseline=1.0, baseline_name=C3O),
    ]
    figures += [
        Figure(name=f"random_split_coverage_{round(100 * row['level'])}", value=row["share"], unit="share")
        for row in coverage
    ]
    return Outcome(figures=figures, tables={"errors": rows, "coverage": coverage})
