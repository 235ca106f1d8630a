"""What came of one run: counts of everything that happened, and what should not have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one run.

    Attributes:
        seed: Of the run.
        failures: What should not have happened; empty if all was well.
        counts: Peers, entries, steps and the like.
        faults: Everything that was done to the replicas, in number by kind.
        refusals: What they refused, in number by reason.
        trace: What happened, a line each, if that was asked for.
    """

    seed: int
    failures: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    def fail(self, text: str) -> None:
        """Note what should not have happened, once."""
        if text not in self.failures:
            self.failures.append(text)
