"""What every candidate would mean for the rest of the run if it were kept: finish, cost, chance of what is wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adaptor.domain.objective import CostBudget, RuntimeTarget
from adaptor.domain.plan import Alternative, Interval
from adaptor.models.arrays import Floats
from adaptor.models.prediction import INTERVAL_LEVEL, quantile
from adaptor.planner.situation import Situation

MAX_ALTERNATIVES = 64
"""Most alternatives in a plan: more than anybody reads, about 25 kB of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Every array has the candidates' shape (n,); NaN marks unknown.

    Attributes:
        situation: What it was computed from.
        finish_low_s: Lower end of the seconds from the run's start to its end.
        finish_s: Most probable seconds from the run's start to its end.
        finish_high_s: Upper end.
        cost_slot_s: Expected slot-seconds of the rest of the run, adaptation included.
        chance: Probability of meeting the runtime target or keeping the budget; all NaN without either.
    """

    situation: Situation
    finish_low_s: Floats
    finish_s: Floats
    finish_high_s: Floats
    cost_slot_s: Floats
    chance: Floats


def outlook(situation: Situation) -> Outlook:
    """The rest of the run at each candidate, if nothing were changed again."""
    prediction, fixed = situation.prediction, fixed_s(situation)
    expected = prediction.expected_s * situation.work_s
    factor = np.exp(quantile(INTERVAL_LEVEL, prediction.degrees_of_freedom) * rest_spread(situation))
    return Outlook(
        situation=situation,
        finish_low_s=fixed + expected / factor,
        finish_s=fixed + expected,
        finish_high_s=fixed + expected * factor,
        cost_slot_s=situation.slots * (expected + fixed - situation.elapsed_s),
        chance=_chance(situation, fixed),
    )


def _chance(situation: Situation, fixed: Floats) -> Floats:
    objective = situation.objective
    if isinstance(objective, RuntimeTarget):
        left_s = objective.target_s - fixed
    elif isinstance(objective, CostBudget):
        spent = situation.spent_slot_s + situation.slots * (fixed - situation.elapsed_s)
        left_s = (objective.budget_slot_s - spent) / situation.slots
    else:
        return np.full(len(fixed), np.nan)
    return situation.prediction.chance_within(left_s / situation.work_s, rest_spread(situation))


def fixed_s(situation: Situation) -> Floats:
    """Seconds of the run that no parallelism changes: what is past, the driver's gaps, and a change's cost."""
    change = situation.moved * situation.adaptation.expected_s
    return situation.elapsed_s + situation.gap_s * situation.supersteps_left + change


def rest_spread(situation: Situation) -> Floats:
    """Standard deviation of the log of the rest of the run at each candidate, shape (n,).

    Noise between supersteps averages out, the longer ones counting for more; the rest does not.
    """
    prediction, work = situation.prediction, situation.work
    averaged = float(work @ work) / situation.work_s**2
    spread: Floats = np.sqrt(
        prediction.spread_of_expectation**2 + prediction.noise**2 * averaged + situation.work_spread**2
    )
    return spread


def shown(view: Outlook, chosen: int) -> tuple[int, ...]:
    """Candidates that are shown beside the chosen one, itself included, ascending: all, or an even choice."""
    candidates = view.situation.candidates
    if len(candidates) > MAX_ALTERNATIVES:
        even = candidates[np.linspace(0, len(candidates) - 1, MAX_ALTERNATIVES - 1).round().astype(np.int64)]
        candidates = np.union1d(even, [chosen])
    return tuple(int(one) for one in candidates)


def unknown_alternative(parallelism: int, verdict: str) -> Alternative:
    """A candidate of which nothing is known."""
    return Alternative(
        parallelism=parallelism,
        superstep_s=None,
        finish_s=None,
        cost_slot_s=None,
        on_time_probability=None,
        outside_observed_range=True,
        verdict=verdict,
    )


def finish_interval(view: Outlook, index: int) -> Interval:
    """When the run would end if candidate `index` were kept."""
    return Interval(
        low=float(view.finish_low_s[index]),
        expected=float(view.finish_s[index]),
        high=float(view.finish_high_s[index]),
        level=INTERVAL_LEVEL,
    )
