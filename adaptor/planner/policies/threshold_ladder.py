"""Thresholds of CPU utilisation with a fixed step for each, as the predecessor of the linear rule had them in 2015.

Doubled where the slots are full, halved where they stand idle, and a half more or a quarter less in between; what lies
around the goal of 0.70 is left alone. The steps are our reading of it, chosen so that the ladder and the linear rule
agree at their ends.
"""

from __future__ import annotations

from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice
from adaptor.planner.utilisation import by_utilisation

NAME = "threshold-ladder"
SUMMARY = "steps of 2, 1.5, 0.75 and 0.5 at utilisation above 0.9, 0.8 and below 0.6, 0.4"

LADDER = ((0.9, 2.0), (0.8, 1.5), (0.6, 1.0), (0.4, 0.75), (0.0, 0.5))
"""Least utilisation of each rung, and the factor on the parallelism."""


def choose(outlook: Outlook) -> Choice:
    """The present parallelism times the factor of the rung."""
    return by_utilisation(outlook, lambda utilisation: next(step for least, step in LADDER if utilisation >= least))
