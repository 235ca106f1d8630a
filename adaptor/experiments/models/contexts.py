"""Protocols that leave contexts out: one context, one machine type, one size of data, or the larger scale-outs.

The context is the machine type and every column but the scale-out and what follows from it. What is predicted are
medians of repetitions, of contexts that were measured at every scale-out; the training part keeps all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from adaptor.experiments.models.c3o import Job, MeasuredContext
from adaptor.experiments.models.methods import Asked, adaptor, baselines
from adaptor.experiments.models.scores import Score

MOST_SUBSETS = 10
"""Choices of given points for each context and number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Contexts that are left out together, and those that are learnt from.

    Attributes:
        job: Name of the job.
        training: What is learnt from.
        held: Number in the job and context, for each that is predicted.
        given: Numbers of own points to give; ``None`` for all points of the training part.
    """

    job: str
    training: tuple[MeasuredContext, ...]
    held: tuple[tuple[int, MeasuredContext], ...]


def leave_one_context_out(job: Job) -> Iterator[Split]:
    """Each complete context in turn."""
    for number, context in enumerate(job.complete):
        training = tuple(one for one in job.contexts if one is not context)
        yield Split(job=job.name, training=training, held=((number, context),))


def leave_one_machine_type_out(job: Job) -> Iterator[Split]:
    """All contexts of each machine type in turn."""
    yield from _grouped(job, lambda context: context.place.context.node_type)


def leave_one_data_size_out(job: Job) -> Iterator[Split]:
    """All contexts of each size of the data in turn."""
    yield from _grouped(job, lambda context: context.size)


def _grouped(job: Job, key: Callable[[MeasuredContext], str | float]) -> Iterator[Split]:
    for value in sorted({key(one) for one in job.complete}, key=str):
        training = tuple(one for one in job.contexts if key(one) != value)
        held = tuple((number, one) for number, one in enumerate(job.complete) if key(one) == value)
        if training:
            yield Split(job=job.name, training=training, held=held)


def scores_of(split: Split, *, numbers_given: Sequence[int], seed: int) -> list[Score]:
    """Every method's predictions of the contexts that are left out."""
    methods = {**baselines(split.training), **adaptor(split.training, seed=seed)}
    return [
        score
        for number, context in split.held
        for given in numbers_given
        for i, subset in enumerate(subsets(len(context.scale_outs), given, seed=[seed, given, number]))
        for name, asked in methods.items()
        for score in _scores(split.job, number, context, name=name, asked=asked, subset=(i, subset))
    ]


def subsets(points: int, given: int, *, seed: Sequence[int]) -> list[tuple[int, ...]]:
    """Choices of `given` out of so many points, at most `MOST_SUBSETS`, leaving at least one to predict."""
    if given >= points:
        return []
    found = list(combinations(range(points), given))
    if len(found) <= MOST_SUBSETS:
        return found
    chosen = np.random.default_rng(list(seed)).choice(len(found), MOST_SUBSETS, replace=False)
    return [found[i] for i in chosen]


def _scores(
    job: str, number: int, context: MeasuredContext, *, name: str, asked: Asked, subset: tuple[int, tuple[int, ...]]
) -> list[Score]:
    which, given = subset
    answer = asked(context, given)
    return [
        Score(
            job=job,
            context=number,
            given=len(given),
            subset=which,
            method=name,
            scale_out=int(context.scale_outs[i]),
            true_s=float(np.exp(context.log_s[i])),
            predicted_s=float(np.exp(answer.log_s[i])),
            reach=() if answer.reach is None else tuple(answer.reach[:, i].tolist()),
            naive_reach=() if answer.naive_reach is None else tuple(answer.naive_reach[:, i].tolist()),
        )
        for i in range(len(context.scale_outs))
        if i not in given
    ]


def extrapolation_scores(job: Job, *, seed: int) -> list[Score]:
    """Learnt from the smaller half of the scale-outs of all contexts, asked about the larger half."""
    every = sorted({int(n) for context in job.contexts for n in context.scale_outs})
    limit = every[len(every) // 2 - 1]
    small = [(one, _up_to(one, limit)) for one in job.contexts]
    training = [less for _, less in small if less is not None]
    methods = {**baselines(training), **adaptor(training, seed=seed)}
    given = tuple(i for i, n in enumerate(every) if n <= limit)
    return [
        score
        for number, context in enumerate(job.complete)
        for name, asked in methods.items()
        for score in _scores(job.name, number, context, name=name, asked=asked, subset=(0, given))
    ]


def _up_to(context: MeasuredContext, limit: int) -> MeasuredContext | None:
    rows = [row for row in context.rows if (row.scale_out or 0) <= limit]
    return MeasuredContext.of(rows) if rows else None
