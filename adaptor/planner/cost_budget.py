"""As fast as possible within a budget of slot-seconds or money.

Of all candidates for the next superstep from which the budget will be kept with the wanted confidence, as far ahead as
`adaptor.planner.lookahead` looks, the one from which the run ends first is taken. Where there is none, the likeliest to
keep it, and of those as likely the fastest; where that is hopeless too, the cheapest.
"""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import CostBudget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.planner.comparison import TOLD_APART, code_of, least, nothing_known, percent, verdicts, what_follows
from adaptor.planner.lookahead import HOPELESS, lookahead
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice


def choose(outlook: Outlook, budget: CostBudget) -> Choice:
    """The fastest parallelism within the budget, or the cheapest."""
    situation = outlook.situation
    if not situation.prediction.known.any():
        return nothing_known(outlook)
    ahead = lookahead(situation)
    within = situation.reachable & (ahead.chance >= budget.confidence)
    chances = np.where(situation.reachable, ahead.chance, -1.0)
    left_s = ahead.finish_s - situation.elapsed_s
    if within.any():
        best, code = least(left_s, within, situation, ahead), ReasonCode.FASTEST_WITHIN_BUDGET
        text = f"{situation.candidates[best]} is the fastest within {budget.budget_slot_s:.0f} slot-seconds"
    else:
        text = f"no parallelism keeps {budget.budget_slot_s:.0f} slot-seconds with {percent(budget.confidence)}; "
        if chances.max() >= HOPELESS:
            likely = chances >= chances.max() - TOLD_APART
            best, code = least(left_s, likely, situation, ahead), ReasonCode.FASTEST_AVAILABLE
            text += f"{situation.candidates[best]} is the likeliest to"
        else:
            best = least(ahead.cost_slot_s, situation.reachable, situation, ahead)
            code, text = ReasonCode.CHEAPEST_AVAILABLE, f"{text}{situation.candidates[best]} is the cheapest"
    spent = situation.spent_slot_s + ahead.cost_slot_s[best]
    text += (
        f": expected finish {ahead.finish_s[best]:.0f} s, {spent:.0f} slot-seconds in all, "
        f"within budget with {percent(ahead.chance[best])}{what_follows(situation, ahead, best)}"
    )

    def why_not(index: int) -> str:
        if within.any() and not within[index]:
            return f"within budget with {percent(ahead.chance[index])} only"
        if within.any():
            return f"finishes {ahead.finish_s[index] - ahead.finish_s[best]:.0f} s later"
        return f"costs {ahead.cost_slot_s[index] - ahead.cost_slot_s[best]:.0f} slot-seconds more"

    return Choice(
        parallelism=int(situation.candidates[best]),
        reason=Reason(code=code_of(situation, best, code), text=text),
        verdicts=verdicts(outlook, best, why_not),
        ahead=ahead,
    )
