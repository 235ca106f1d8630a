"""What others measured that says something about an execution context."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a run can begin with besides its own earlier runs.

    Attributes:
        peers: Durations that peers measured in the same execution context.
        prior: What other execution contexts say about it; ``None`` if nothing.
    """

    peers: tuple[ObservedDuration, ...] = ()
    prior: InformedPrior | None = None
