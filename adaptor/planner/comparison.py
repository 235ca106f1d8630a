"""Words and small judgements that the objectives of adaptor's own policy share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Flags, Floats
from adaptor.planner.lookahead import Lookahead
from adaptor.planner.outlook import Outlook, shown
from adaptor.planner.policy import Choice
from adaptor.planner.situation import NARROWEST_STEP, Situation

WORTH_WAITING = 0.02
"""Share of what is left that a change must save by being made later: less than supersteps differ by chance."""

TOLD_APART = 0.01
"""Difference of two chances below which they are the same: a chance is the sum of seven endings, not finer."""


def nothing_known(outlook: Outlook) -> Choice:
    """The start parallelism, which the first superstep measures."""
    parallelism = outlook.situation.nearest_candidate
    text = f"nothing is known of this program yet; the first superstep measures {parallelism}"
    return Choice(parallelism=parallelism, reason=Reason(code=ReasonCode.NOTHING_KNOWN, text=text))


def least(values: Floats, among: Flags, situation: Situation, ahead: Lookahead) -> int:
    """Index of the candidate to begin with: the one of least value, or what that would go on to anyway.

    What is to be done soon is done at once unless waiting pays: of equal values the present parallelism is kept, else
    the narrowest taken.

    Args:
        values: What is wanted least of, from now on, shape (n,).
        among: Candidates that may be taken.
        situation: Of the run.
        ahead: What each leads to.
    """
    masked = np.where(among, values, np.inf)
    current = situation.index(situation.nearest_candidate)
    best = current if masked[current] <= masked.min() else int(masked.argmin())
    then = situation.index(int(ahead.then[best]))
    return then if masked[then] <= masked[best] * (1 + WORTH_WAITING) else best


def code_of(situation: Situation, index: int, known: ReasonCode) -> ReasonCode:
    """`known`, or that a parallelism is tried of which nothing was measured or learnt."""
    parallelism = int(situation.candidates[index])
    if not situation.prediction.outside_observed_range[index] or parallelism == situation.current_parallelism:
        return known
    wider = parallelism > situation.current_parallelism
    return ReasonCode.EXPLORE_WIDER if wider else ReasonCode.EXPLORE_NARROWER


def what_follows(situation: Situation, ahead: Lookahead, index: int) -> str:
    """What the plan counts on after the next superstep, in words; empty if it is to stay."""
    parallelism, then = int(situation.candidates[index]), int(ahead.then[index])
    tried = "; it was not measured yet" if situation.prediction.outside_observed_range[index] else ""
    return tried + (f"; then probably {then}" if then != parallelism else "")


def verdicts(outlook: Outlook, best: int, why_not: Callable[[int], str]) -> dict[int, str]:
    """Why each candidate that is shown was not taken.

    Args:
        outlook: Of the run.
        best: Index of the one taken.
        why_not: Says it for the index of another.
    """
    situation, found = outlook.situation, {}
    for parallelism in shown(outlook, int(situation.candidates[best])):
        index = situation.index(parallelism)
        if index != best and situation.reachable[index]:
            found[parallelism] = why_not(index)
        elif index != best and situation.selectable[index]:
            found[parallelism] = f"below {NARROWEST_STEP:.0%} of all that were measured; not tried at once"
    return found


def percent(chance: float) -> str:
    """A chance as people read it."""
    return f"{100 * chance:.0f} %"
