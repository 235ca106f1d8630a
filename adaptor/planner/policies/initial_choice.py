"""Bell and Ernest: a model of earlier runs chooses once, before the run begins [Venkataraman16] [Thamsen16b]."""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import CostBudget, EfficiencyTarget, RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Flags
from adaptor.planner.efficiency_target import parallel_efficiency
from adaptor.planner.outlook import Outlook
from adaptor.planner.policies.static import stay
from adaptor.planner.policy import Choice

NAME = "initial-choice"
SUMMARY = "Bell and Ernest: the model chooses before the first superstep, then nothing changes"


def choose(outlook: Outlook) -> Choice:
    """The smallest parallelism that serves the objective by the most probable durations, at the start only."""
    situation = outlook.situation
    if situation.elapsed_s > 0 or not situation.selectable.any():
        return stay(outlook, "the initial choice")
    serving = situation.selectable & _serving(outlook)
    if isinstance(situation.objective, RuntimeTarget) and serving.any():
        best = int(np.argmax(serving))
    else:
        among = serving if serving.any() else situation.selectable
        best = int(np.argmin(np.where(among, outlook.finish_s, np.inf)))
    text = f"{situation.candidates[best]} once and for all, by a predicted {outlook.finish_s[best]:.0f} s"
    return Choice(parallelism=int(situation.candidates[best]), reason=Reason(code=ReasonCode.PUBLISHED_RULE, text=text))


def _serving(outlook: Outlook) -> Flags:
    match outlook.situation.objective:
        case RuntimeTarget(target_s=target_s):
            serving: Flags = outlook.finish_s <= target_s
        case CostBudget() as budget:
            serving = outlook.cost_slot_s <= budget.budget_slot_s
        case EfficiencyTarget(min_efficiency=least):
            serving = parallel_efficiency(outlook) >= least
    return serving
