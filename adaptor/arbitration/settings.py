"""What an arbiter may be told, with the value it has if nobody tells."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.checks import require_not_negative, require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class ArbitrationSettings:
    """Settings of arbitration.

    Attributes:
        longest_wait_s: Seconds that a run may wait without slots until it comes before all others. Four hours:
            in simulated overload an hour cost 2 % of all targets more, and days would be no bound.
        longest_lead_s: Seconds before an announced loss of capacity from which on the smaller capacity may count; it
            counts from the barrier that is the last before the loss, but no earlier than that. A quarter of an hour, so
            that one run with endless supersteps does not idle a cluster.
    """

    longest_wait_s: float = 14_400.0
    longest_lead_s: float = 900.0

    def __post_init__(self) -> None:
        require_positive("longest_wait_s", self.longest_wait_s, unit="seconds")
        require_not_negative("longest_lead_s", self.longest_lead_s, unit="seconds")
