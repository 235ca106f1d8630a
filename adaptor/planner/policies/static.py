"""No policy at all: what the job was started with."""

from __future__ import annotations

from adaptor.domain.plan import Reason, ReasonCode
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice

NAME = "static"
SUMMARY = "never changes anything"


def choose(outlook: Outlook) -> Choice:
    """The present parallelism."""
    return stay(outlook, "the static policy")


def stay(outlook: Outlook, who: str) -> Choice:
    """The present parallelism, or what is nearest to it where that may no longer be used."""
    current = outlook.situation.nearest_candidate
    return Choice(parallelism=current, reason=Reason(code=ReasonCode.STATIC, text=f"{who} stays at {current}"))
