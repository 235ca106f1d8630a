"""Meet a runtime target at least cost.

Of all candidates for the next superstep from which the target will be met with the wanted confidence, as far ahead as
`adaptor.planner.lookahead` looks, the cheapest is taken. Where there is none, the likeliest to meet it, and of those
as likely the cheapest; where that is hopeless too, the fastest, and of those that cannot be told from the fastest the
narrowest, because slots that bring nothing should go to somebody else.
"""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Flags
from adaptor.planner.comparison import (
    TOLD_APART,
    code_of,
    least,
    nothing_known,
    percent,
    verdicts,
    what_follows,
)
from adaptor.planner.lookahead import HOPELESS, Lookahead, lookahead
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice


def choose(outlook: Outlook, target: RuntimeTarget) -> Choice:
    """The cheapest parallelism on time, or what comes nearest to it."""
    situation = outlook.situation
    if not situation.prediction.known.any():
        return nothing_known(outlook)
    ahead = lookahead(situation)
    on_time = situation.reachable & (ahead.chance >= target.confidence)
    if on_time.any():
        return _cheapest(outlook, ahead, on_time, target)
    chances = np.where(situation.reachable, ahead.chance, -1.0)
    if chances.max() >= HOPELESS:
        return _likeliest(outlook, ahead, chances >= chances.max() - TOLD_APART, target)
    return _fastest(outlook, ahead, target)


def _cheapest(outlook: Outlook, ahead: Lookahead, on_time: Flags, target: RuntimeTarget) -> Choice:
    situation = outlook.situation
    best = least(ahead.cost_slot_s, on_time, situation, ahead)
    text = (
        f"{situation.candidates[best]} is the cheapest that finishes within {target.target_s:.0f} s: "
        f"expected {ahead.finish_s[best]:.0f} s, on time with {percent(ahead.chance[best])}, "
        f"{ahead.cost_slot_s[best]:.0f} slot-seconds left{what_follows(situation, ahead, best)}"
    )
    return _choice(outlook, ahead, best, ReasonCode.CHEAPEST_ON_TIME, text)


def _likeliest(outlook: Outlook, ahead: Lookahead, likely: Flags, target: RuntimeTarget) -> Choice:
    situation = outlook.situation
    best = least(ahead.cost_slot_s, likely, situation, ahead)
    text = (
        f"no parallelism meets {target.target_s:.0f} s with {percent(target.confidence)}; "
        f"{situation.candidates[best]} is the likeliest to, with {percent(ahead.chance[best])}"
        f"{what_follows(situation, ahead, best)}"
    )
    return _choice(outlook, ahead, best, ReasonCode.FASTEST_AVAILABLE, text)


def _fastest(outlook: Outlook, ahead: Lookahead, target: RuntimeTarget) -> Choice:
    situation = outlook.situation
    left_s = ahead.finish_s - situation.elapsed_s
    fastest = least(left_s, situation.reachable, situation, ahead)
    # Two supersteps at the same parallelism differ by less than that in 19 of 20 cases.
    as_fast = situation.reachable & (left_s <= left_s[fastest] * (1 + 2 * situation.prediction.noise))
    best = int(np.argmax(as_fast))
    code, text = ReasonCode.FASTEST_AVAILABLE, f"{situation.candidates[best]} is the fastest"
    if best != fastest:
        code = ReasonCode.NO_GAIN_FROM_MORE
        text = f"more than {situation.candidates[best]} brings nothing that could be told from noise"
    text = f"{target.target_s:.0f} s are out of reach; {text}, expected {ahead.finish_s[best]:.0f} s"
    return _choice(outlook, ahead, best, code, text + what_follows(situation, ahead, best))


def _choice(outlook: Outlook, ahead: Lookahead, best: int, code: ReasonCode, text: str) -> Choice:
    situation = outlook.situation

    def why_not(index: int) -> str:
        extra = ahead.cost_slot_s[index] - ahead.cost_slot_s[best]
        if ahead.chance[index] < ahead.chance[best] and extra <= 0:
            return f"on time with {percent(ahead.chance[index])} only"
        if extra > 0:
            return f"on time with {percent(ahead.chance[index])}, but costs {extra:.0f} slot-seconds more"
        return f"on time with {percent(ahead.chance[index])}, which is no gain worth a change"

    return Choice(
        parallelism=int(situation.candidates[best]),
        reason=Reason(code=code_of(situation, best, code), text=text),
        verdicts=verdicts(outlook, best, why_not),
        ahead=ahead,
    )
