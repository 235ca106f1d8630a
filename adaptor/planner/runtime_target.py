"""Meet a runtime target at least cost.

Of all candidates that meet the target with the wanted confidence the cheapest is taken, a change paying for its
own cost. Where none does, the most probable one; where that is hopeless too, the fastest, and of those that
cannot be told from the fastest the narrowest, because slots that bring nothing should go to somebody else.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Flags
from adaptor.planner import exploration
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice

HOPELESS = 0.05
"""Chance of meeting the target below which it no longer steers: the usual level of significance."""


def choose(outlook: Outlook, target: RuntimeTarget) -> Choice:
    """The cheapest parallelism on time, or what comes nearest to it."""
    if not outlook.known.any():
        return _nothing_known(outlook)
    on_time = outlook.selectable & (np.nan_to_num(outlook.on_time) >= target.confidence)
    if on_time.any():
        return _cheapest(outlook, on_time, target)
    return _nearest_to_target(outlook, target)


def _nothing_known(outlook: Outlook) -> Choice:
    parallelism = outlook.situation.nearest_candidate
    text = f"nothing is known of this program yet; the first superstep measures {parallelism}"
    return Choice(parallelism=parallelism, reason=Reason(code=ReasonCode.NOTHING_KNOWN, text=text))


def _cheapest(outlook: Outlook, on_time: Flags, target: RuntimeTarget) -> Choice:
    situation = outlook.situation
    usable = on_time & _may_be_used(outlook)
    if not usable.any():
        usable = on_time
    best = int(np.argmin(np.where(usable, outlook.cost_slot_s, np.inf)))
    parallelism = int(situation.candidates[best])
    only_one_measured = int(outlook.known.sum()) == 1
    if only_one_measured and (trial := exploration.narrower_to_try(outlook)):
        return trial
    text = (
        f"{parallelism} is the cheapest that finishes within {target.target_s:.0f} s: "
        f"expected {outlook.finish_s[best]:.0f} s, on time with {_percent(outlook.on_time[best])}, "
        f"{outlook.cost_slot_s[best]:.0f} slot-seconds left"
    )
    return Choice(
        parallelism=parallelism,
        reason=Reason(code=ReasonCode.CHEAPEST_ON_TIME, text=text),
        verdicts=_verdicts(outlook, best, usable),
    )


def _nearest_to_target(outlook: Outlook, target: RuntimeTarget) -> Choice:
    only_one_measured = int(outlook.known.sum()) == 1
    if only_one_measured and (trial := exploration.wider_to_try(outlook) or exploration.last_resort(outlook)):
        return trial
    usable = outlook.selectable & _may_be_used(outlook)
    if not usable.any():
        usable = outlook.selectable
    chances = np.where(usable, np.nan_to_num(outlook.on_time), -1.0)
    likeliest = int(np.argmax(chances))
    if chances[likeliest] >= HOPELESS:
        return _likeliest(outlook, likeliest, usable)
    return _fastest(outlook, usable, target)


def _likeliest(outlook: Outlook, best: int, usable: Flags) -> Choice:
    target = cast(RuntimeTarget, outlook.situation.objective)
    parallelism = int(outlook.situation.candidates[best])
    text = (
        f"no parallelism meets {target.target_s:.0f} s with {_percent(target.confidence)}; "
        f"{parallelism} is the likeliest to, with {_percent(outlook.on_time[best])}"
    )
    code = ReasonCode.FASTEST_AVAILABLE
    if parallelism not in outlook.situation.measured:
        wider = parallelism > outlook.situation.current_parallelism
        code = ReasonCode.EXPLORE_WIDER if wider else ReasonCode.EXPLORE_NARROWER
        text += f", and {parallelism} was not measured yet"
    return Choice(
        parallelism=parallelism,
        reason=Reason(code=code, text=text),
        verdicts=_verdicts(outlook, best, usable),
    )


def _fastest(outlook: Outlook, usable: Flags, target: RuntimeTarget) -> Choice:
    finish_s = np.where(usable, outlook.finish_s, np.inf)
    fastest = int(np.argmin(finish_s))
    best = _narrowest_as_fast(outlook, usable, fastest)
    parallelism = int(outlook.situation.candidates[best])
    code, text = ReasonCode.FASTEST_AVAILABLE, f"{parallelism} is the fastest"
    if best != fastest:
        code = ReasonCode.NO_GAIN_FROM_MORE
        text = f"more than {parallelism} brings nothing that could be told from noise"
    text = f"{target.target_s:.0f} s are out of reach; {text}, expected {outlook.finish_s[best]:.0f} s"
    return Choice(
        parallelism=parallelism,
        reason=Reason(code=code, text=text),
        verdicts=_verdicts(outlook, best, usable),
    )


def _narrowest_as_fast(outlook: Outlook, usable: Flags, fastest: int) -> int:
    """Index of the narrowest candidate whose finish lies inside the interval of the fastest one's."""
    as_fast = usable & (outlook.finish_s <= outlook.finish_high_s[fastest])
    return int(np.argmax(as_fast))


def _may_be_used(outlook: Outlook) -> Flags:
    """Candidates that were measured, lie between measured ones, or may still be tried."""
    if exploration.may_explore(outlook):
        return np.ones(len(outlook.known), dtype=np.bool_)
    inside: Flags = ~outlook.situation.prediction.outside_observed_range
    return inside


def _verdicts(outlook: Outlook, best: int, usable: Flags) -> dict[int, str]:
    target = cast(RuntimeTarget, outlook.situation.objective)
    selectable, verdicts = outlook.selectable, {}
    for parallelism in outlook.shown(int(outlook.situation.candidates[best])):
        i = outlook.situation.index(parallelism)
        if i == best or not selectable[i]:
            continue
        if outlook.on_time[i] < target.confidence:
            verdicts[parallelism] = f"on time with {_percent(outlook.on_time[i])} only"
        elif not usable[i]:
            verdicts[parallelism] = exploration.NOT_ALLOWED
        else:
            extra = outlook.cost_slot_s[i] - outlook.cost_slot_s[best]
            verdicts[parallelism] = f"on time, but costs {extra:.0f} slot-seconds more"
    return verdicts


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"
