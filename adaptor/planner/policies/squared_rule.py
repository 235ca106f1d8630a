"""The rule of the 2016 paper with the quotient squared, which goes further in one step [Thamsen16]."""

from __future__ import annotations

from adaptor.planner.outlook import Outlook
from adaptor.planner.policies.linear_rule import UTILISATION_GOAL
from adaptor.planner.policy import Choice
from adaptor.planner.utilisation import by_utilisation

NAME = "utilisation-squared"
SUMMARY = "the same with the quotient squared"


def choose(outlook: Outlook) -> Choice:
    """The present parallelism times the square of utilisation over 0.70."""
    return by_utilisation(outlook, lambda utilisation: (utilisation / UTILISATION_GOAL) ** 2)
