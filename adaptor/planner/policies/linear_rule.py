"""The rule of the 2016 paper: ``P' = floor(u / 0.70 P)`` [Thamsen16].

A superstep that uses its slots fully gets more of them, one that does not gets fewer, until the utilisation is about
0.70.
"""

from __future__ import annotations

from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice
from adaptor.planner.utilisation import by_utilisation

NAME = "utilisation-0.70"
SUMMARY = "the linear rule of 2016: utilisation over 0.70 times the parallelism"

UTILISATION_GOAL = 0.70
"""The utilisation that [Thamsen16] steers to."""


def choose(outlook: Outlook) -> Choice:
    """The parallelism at which the measured CPU time would fill 70 % of the slots."""
    return by_utilisation(outlook, lambda utilisation: utilisation / UTILISATION_GOAL)
