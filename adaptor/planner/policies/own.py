"""Adaptor's own policy: the whole rest of the run, by the model's distributions, for each kind of objective."""

from __future__ import annotations

from adaptor.domain.objective import CostBudget, RuntimeTarget
from adaptor.planner import cost_budget, efficiency_target, runtime_target
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice

NAME = "adaptor"
SUMMARY = "looks over all supersteps left, risk and learning included"


def choose(outlook: Outlook) -> Choice:
    """What serves the objective best."""
    objective = outlook.situation.objective
    if isinstance(objective, RuntimeTarget):
        return runtime_target.choose(outlook, objective)
    if isinstance(objective, CostBudget):
        return cost_budget.choose(outlook, objective)
    return efficiency_target.choose(outlook, objective)
