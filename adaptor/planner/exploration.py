"""What to try where only one parallelism was ever measured, and how much such a try may cost.

No law can be fitted to one point, but Amdahl bounds what another parallelism can do: at best it divides the work
perfectly (``T(q) = T(p) p / q``), at worst it does not help at all (wider) or all work was divided perfectly before
(narrower, the same formula). Those two ends decide here: wider is tried if the best case would help, narrower
only if the worst case still meets the target. Programs that fit memory only at some parallelisms break the bound;
the number of tries is limited for that reason too.
"""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Flags, Floats
from adaptor.planner.outlook import Outlook, fixed_s
from adaptor.planner.policy import Choice
from adaptor.planner.situation import Situation

SHORTEST_WORTH_TRYING = 2
"""Supersteps that must be left for a try: one to learn from and one to use what was learnt."""

EVEN_CHANCE = 0.5
"""Chance of meeting the target above which nothing is risked for it: it is more likely met than missed."""

NOT_ALLOWED = "would have to be tried first, and no more tries are allowed"
"""Verdict on candidates outside the measured range once the tries are used up."""


def may_explore(outlook: Outlook) -> bool:
    """Whether another parallelism may be tried only to learn."""
    situation = outlook.situation
    return situation.explorations_left > 0 and situation.supersteps_left >= SHORTEST_WORTH_TRYING


def the_measured_one(outlook: Outlook) -> int:
    """The only candidate that anything is known of, which every try starts from."""
    return int(outlook.situation.candidates[np.argmax(outlook.known)])


def wider_to_try(outlook: Outlook) -> Choice | None:
    """The least wider parallelism that would meet the target if the work divided perfectly.

    If not even the widest would, about twice the measured one: that shows whether the program scales at all.

    Returns:
        ``None`` if nothing wider may be used or tried.
    """
    situation, target = outlook.situation, outlook.situation.objective
    base = the_measured_one(outlook)
    may_be_tried = _fit(situation) & (situation.candidates > base)
    if not may_be_tried.any() or not may_explore(outlook):
        return None
    wider = situation.candidates[may_be_tried]
    chosen = int(wider[np.argmin(abs(wider - 2 * base))])
    if isinstance(target, RuntimeTarget):
        met = wider[_best_case_finish_s(outlook)[may_be_tried] <= target.target_s]
        chosen = int(met[0]) if len(met) else chosen
    return _try(
        outlook,
        chosen,
        ReasonCode.EXPLORE_WIDER,
        f"only {base} was measured so far; {chosen} could be up to {chosen / base:.1f} times as fast",
    )


def narrower_to_try(outlook: Outlook) -> Choice | None:
    """The narrowest parallelism that, tried for one superstep at its worst, leaves the target reachable.

    Returns:
        ``None`` if nothing narrower may be used, or none is safe.
    """
    situation, target = outlook.situation, outlook.situation.objective
    base = the_measured_one(outlook)
    may_be_tried = _fit(situation) & (situation.candidates < base)
    if not may_be_tried.any() or not may_explore(outlook):
        return None
    narrower = situation.candidates[may_be_tried]
    if isinstance(target, RuntimeTarget):
        narrower = narrower[_worst_case_finish_s(outlook)[may_be_tried] <= target.target_s]
        promise = f"even if it took {{factor:.1f}} times as long, the target of {target.target_s:.0f} s stays in reach"
    else:
        narrower = narrower[narrower >= base / 2]
        promise = "it shows how well the slots are used"
    if not len(narrower):
        return None
    chosen = int(narrower[0])
    return _try(
        outlook,
        chosen,
        ReasonCode.EXPLORE_NARROWER,
        f"{chosen} is tried for one superstep: " + promise.format(factor=base / chosen),
    )


def last_resort(outlook: Outlook) -> Choice | None:
    """Half the measured parallelism, where the target is more likely missed than met and nothing wider can be had.

    More subtasks than cores can slow a program down, so fewer may be the way to be faster.

    Returns:
        ``None`` if nothing narrower may be used or tried.
    """
    situation = outlook.situation
    base = the_measured_one(outlook)
    narrower = situation.candidates[_fit(situation) & (situation.candidates < base)]
    if not len(narrower) or not may_explore(outlook) or outlook.on_time[situation.index(base)] >= EVEN_CHANCE:
        return None
    chosen = int(narrower[np.argmin(abs(narrower - base // 2))])
    return _try(
        outlook,
        chosen,
        ReasonCode.EXPLORE_NARROWER,
        f"{base} will hardly meet the target and nothing wider can be had; {chosen} is tried, as it may be faster",
    )


def _best_case_finish_s(outlook: Outlook) -> Floats:
    """Seconds from start to end if the work divided perfectly from now on, shape (candidates,)."""
    situation = outlook.situation
    finish: Floats = fixed_s(situation) + situation.supersteps_left * _perfectly_divided_s(outlook)
    return finish


def _worst_case_finish_s(outlook: Outlook) -> Floats:
    """The same if one superstep went as badly as it can, and the rest at the measured pace after a change back.

    That pace is taken at the upper end of its interval: the try must be safe, not probably safe.
    """
    situation = outlook.situation
    here = situation.index(the_measured_one(outlook))
    pace_s = (outlook.finish_high_s[here] - fixed_s(situation)[here]) / situation.supersteps_left
    rest_s = (situation.supersteps_left - 1) * pace_s + situation.adaptation_cost_s
    finish: Floats = fixed_s(situation) + _perfectly_divided_s(outlook) + rest_s
    return finish


def _perfectly_divided_s(outlook: Outlook) -> Floats:
    situation = outlook.situation
    base = the_measured_one(outlook)
    here_s = situation.prediction.expected_s[situation.index(base)]
    divided: Floats = here_s * base / situation.candidates
    return divided


def _fit(situation: Situation) -> Flags:
    """Candidates at which supersteps of this run do not fail."""
    fit: Flags = ~np.isin(situation.candidates, list(situation.failing))
    return fit


def _try(outlook: Outlook, parallelism: int, code: ReasonCode, text: str) -> Choice:
    left, base = outlook.situation.explorations_left - 1, the_measured_one(outlook)
    reason = Reason(code=code, text=f"{text}; {left} more {'try' if left == 1 else 'tries'} allowed after this one")
    verdicts = {parallelism: "tried, to learn", base: "the only one measured so far"}
    return Choice(parallelism=parallelism, reason=reason, verdicts=verdicts)
