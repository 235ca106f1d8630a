"""What a policy is: a pure function from a situation to a choice, under a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from adaptor.domain.plan import Reason
from adaptor.planner.outlook import Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A parallelism with its reason, and why others were not taken.

    Attributes:
        parallelism: One of the candidates.
        reason: Why.
        verdicts: For candidates that need a word of their own, by parallelism.
    """

    parallelism: int
    reason: Reason
    verdicts: dict[int, str] = field(default_factory=dict)


class Policy(Protocol):
    """Decides the parallelism of the next superstep."""

    def __call__(self, outlook: Outlook) -> Choice:
        """The choice for `outlook.situation`."""
        ...
