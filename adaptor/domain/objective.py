"""What a user wants of a run: a runtime target at least cost, or speed while slots are used well or a budget lasts."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.checks import require_fraction, require_positive
from adaptor.errors import InvalidValueError

DEFAULT_CONFIDENCE = 0.9
"""Probability with which a runtime target should be met: the upper end of the 80 % interval that is shown."""

MAX_PARALLELISM = 32768
"""Flink's own upper bound of a job's parallelism (2**15 key groups)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeTarget:
    """Finish within `target_s`, with a probability of at least `confidence`, at least cost.

    Attributes:
        target_s: Wall-clock seconds from the start of the run.
        confidence: Probability between 0 and 1, both excluded.
    """

    target_s: float
    confidence: float = DEFAULT_CONFIDENCE

    def __post_init__(self) -> None:
        require_positive("target_s", self.target_s, unit="seconds")
        require_fraction("confidence", self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyTarget:
    """Finish as fast as possible while parallel efficiency stays at or above `min_efficiency`.

    Attributes:
        min_efficiency: ``T(p0) p0 / (T(p) p)`` against the narrowest parallelism p0 of the bounds.
    """

    min_efficiency: float

    def __post_init__(self) -> None:
        require_fraction("min_efficiency", self.min_efficiency)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBudget:
    """Finish as fast as possible and spend at most so much, with a probability of at least `confidence`.

    Attributes:
        budget_slot_s: Slot-seconds of the whole run; for a budget of money, that over the price of one.
        confidence: Probability between 0 and 1, both excluded.
    """

    budget_slot_s: float
    confidence: float = DEFAULT_CONFIDENCE

    def __post_init__(self) -> None:
        require_positive("budget_slot_s", self.budget_slot_s, unit="slot-seconds")
        require_fraction("confidence", self.confidence)


Objective = RuntimeTarget | EfficiencyTarget | CostBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Least and most parallelism that a run may be given, both included."""

    min_parallelism: int = 1
    max_parallelism: int = MAX_PARALLELISM

    def __post_init__(self) -> None:
        for name in ("min_parallelism", "max_parallelism"):
            value = getattr(self, name)
            if not 1 <= value <= MAX_PARALLELISM:
                raise InvalidValueError(f"bounds.{name}", f"must lie between 1 and {MAX_PARALLELISM}, got {value}")
        if self.min_parallelism > self.max_parallelism:
            raise InvalidValueError(
                "bounds",
                f"min_parallelism {self.min_parallelism} is above max_parallelism {self.max_parallelism}; swap them",
            )

    def clamp(self, parallelism: int) -> int:
        """The parallelism inside the bounds that is nearest to `parallelism`."""
        return min(max(parallelism, self.min_parallelism), self.max_parallelism)
