"""Methods that are compared on whole jobs, behind one question: fitted to other contexts, asked about one.

A method is fitted to the training contexts once and then answers for a context of which some points are given. Only
adaptor's own methods also say how sure they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptor.experiments.models.baselines import (
    LogCurve,
    bell_pooled,
    ernest_own,
    ernest_pooled,
    gbm_c3o,
    gbm_log,
    law_own,
    law_pooled,
    leveled,
)
from adaptor.experiments.models.c3o import MeasuredContext
from adaptor.models.arrays import Floats
from adaptor.models.bell import bell_log_s
from adaptor.models.groups import MEDIAN_COST
from adaptor.models.informed import InformedModel
from adaptor.models.learning import Parts
from adaptor.models.points import Points, no_points
from adaptor.models.prediction import quantile
from adaptor.models.prior import Prior
from adaptor.models.scale_out_laws import amdahl, universal

LEVELS = (0.5, 0.8, 0.9)
"""Levels of the intervals whose coverage is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Of one method for one context; arrays over its scale-outs, shape (n,).

    Attributes:
        log_s: Expected log seconds.
        reach: Half the width of the intervals in logs by level, shape (levels, n); ``None`` without intervals.
        naive_reach: The same before calibration.
    """

    log_s: Floats
    reach: Floats | None = None
    naive_reach: Floats | None = None


Asked = Callable[[MeasuredContext, Sequence[int]], Answer]
"""The answer for a context of which the points at these places are given."""

Fit = Callable[[Sequence[MeasuredContext]], Asked]

NORMAL = 1e6
"""Degrees of freedom with which Student's t is normal to every digit shown."""

OWN, GBM_LOG, ERNEST, BELL, GBM = "adaptor", "gbm-log", "ernest", "bell", "gbm-c3o"
AMDAHL, UNIVERSAL = "amdahl", "universal scalability"
NO_TREES, NO_PROCESS, NO_UPDATE, NO_CURVE = (
    "adaptor without trees",
    "adaptor without process",
    "adaptor without update",
    "adaptor without curve in the update",
)
NO_HYPOTHESES = "adaptor without doubt"
NO_CLIFFS = "adaptor without trees and memory"
NO_BELIEFS = "adaptor without trees and outliers"


def baselines(training: Sequence[MeasuredContext]) -> dict[str, Asked]:
    """Every baseline, fitted."""
    return {
        ERNEST: _pooled_or_own(ernest_pooled(training), ernest_own),
        AMDAHL: _pooled_or_own(law_pooled(amdahl)(training), law_own(amdahl)),
        UNIVERSAL: _pooled_or_own(law_pooled(universal)(training), law_own(universal)),
        BELL: _pooled_or_own(bell_pooled(training), lambda n, log_s, at: bell_log_s(n, np.exp(log_s), at)),
        GBM: _leveled(gbm_c3o(training)),
        GBM_LOG: _leveled(gbm_log(training)),
    }


def _leveled(curve: LogCurve) -> Asked:
    return lambda context, given: Answer(log_s=leveled(curve, context, given))


FEWEST_FOR_OWN = 3
"""Given points from which on Ernest and Bell rest on them alone, as in their papers."""


def _pooled_or_own(pooled: LogCurve, own: Callable[[Floats, Floats, Floats], Floats]) -> Asked:
    def asked(context: MeasuredContext, given: Sequence[int]) -> Answer:
        if len(given) < FEWEST_FOR_OWN:
            return Answer(log_s=leveled(pooled, context, given))
        scale_outs, places = context.scale_outs.astype(np.float64), list(given)
        return Answer(log_s=own(scale_outs[places], context.log_s[places], scale_outs))

    return asked


def adaptor(training: Sequence[MeasuredContext], *, seed: int) -> dict[str, Asked]:
    """Adaptor, and adaptor without each of its parts, from one fit where that is possible."""
    rows = [row for one in training for row in one.rows]
    prior = Prior.fit(rows, seed=seed)
    # Each needs a fit of its own, most of which is trees: both are compared with the model without them.
    refitted = {
        NO_CLIFFS: Parts(trees=False, cliffs=False),
        NO_BELIEFS: Parts(trees=False, beliefs=False, trust=False),
    }
    less = {name: asked_of(Prior.fit(rows, seed=seed, parts=parts)) for name, parts in refitted.items()}
    return {OWN: asked_of(prior), **_without_parts(prior), **less}


def asked_of(prior: Prior) -> Asked:
    """Adaptor's answers from a fitted prior."""
    return lambda context, given: _answer(prior, context, given)


def _without_parts(prior: Prior) -> dict[str, Asked]:
    bare = prior.with_trees(0.0)
    alone = prior.with_trees(1.0)

    def without_update(context: MeasuredContext, _: Sequence[int]) -> Answer:
        return _answer(prior, context, ())

    def without_curve(context: MeasuredContext, given: Sequence[int]) -> Answer:
        return Answer(log_s=leveled(lambda one, _: _answer(prior, one, ()).log_s, context, given))

    def without_hypotheses(context: MeasuredContext, given: Sequence[int]) -> Answer:
        return _answer(prior, context, given, believed=True)

    found: dict[str, Asked] = {NO_TREES: asked_of(bare), NO_UPDATE: without_update, NO_CURVE: without_curve}
    found[NO_HYPOTHESES] = without_hypotheses
    if any(one.trees for one in prior.programs.values()):
        found[NO_PROCESS] = lambda context, given: Answer(
            log_s=leveled(lambda one, _: _answer(alone, one, ()).log_s, context, given)
        )
    return found


def _answer(prior: Prior, context: MeasuredContext, given: Sequence[int], *, believed: bool = False) -> Answer:
    informed = prior.informed(
        context.place.context, place=context.place, parallelisms=[int(p) for p in context.parallelisms]
    )
    if informed is None:
        return Answer(log_s=np.full(len(context.log_s), np.nan))
    model = InformedModel.fit(informed, own=_points(context, given), earlier=no_points(), peers=no_points())
    if believed:
        model = model.believing_everything()
    prediction = model.predict(context.parallelisms)
    noise = prediction.noise * np.sqrt(MEDIAN_COST / context.repetitions)
    spread = np.hypot(prediction.spread_of_expectation, noise)
    step = min(len(given), len(informed.stretch) - 1)
    naive = np.hypot(prediction.spread_of_expectation / informed.stretch[step], noise)
    tails = np.array([quantile(level, prediction.degrees_of_freedom) for level in LEVELS])
    normal = np.array([quantile(level, NORMAL) for level in LEVELS])
    return Answer(log_s=prediction.expected_log_s, reach=np.outer(tails, spread), naive_reach=np.outer(normal, naive))


def _points(context: MeasuredContext, given: Sequence[int]) -> Points:
    places = list(given)
    if not places:
        return no_points()
    return replace(
        no_points(),
        parallelisms=context.parallelisms[places].astype(np.float64),
        log_means=context.log_s[places],
        counts=context.repetitions[places] / MEDIAN_COST,
    )
