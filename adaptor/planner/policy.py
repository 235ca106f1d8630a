"""What a policy is: a pure function from an outlook to a choice, under a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from adaptor.domain.plan import Reason
from adaptor.planner.lookahead import Lookahead
from adaptor.planner.outlook import Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A parallelism with its reason, and why others were not taken.

    Attributes:
        parallelism: A candidate, or any other between the narrowest and the widest of them.
        reason: Why.
        verdicts: For candidates that need a word of their own, by parallelism.
        ahead: What each candidate leads to, where the policy looked that far.
    """

    parallelism: int
    reason: Reason
    verdicts: dict[int, str] = field(default_factory=dict)
    ahead: Lookahead | None = None


class Policy(Protocol):
    """Decides the parallelism of the next superstep."""

    def __call__(self, outlook: Outlook) -> Choice:
        """The choice for `outlook.situation`."""
        ...
