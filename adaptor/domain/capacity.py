"""How many slots there are, and how many there could be."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.checks import require_not_negative
from adaptor.errors import InvalidValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Slots of a cluster at one moment.

    Attributes:
        existing_slots: Slots registered at the JobManager.
        obtainable_slots: Slots there would be after asking the provisioner for the most it can give.
        slots_per_task_manager: Slots that come and go together; 1 where that is not known.
    """

    existing_slots: int
    obtainable_slots: int
    slots_per_task_manager: int = 1

    def __post_init__(self) -> None:
        if self.slots_per_task_manager < 1:
            raise InvalidValueError("slots_per_task_manager", f"must be at least 1, got {self.slots_per_task_manager}")
        require_not_negative("existing_slots", self.existing_slots)
        require_not_negative("obtainable_slots", self.obtainable_slots)

    @property
    def most_slots(self) -> int:
        """Slots a plan may count on, in number."""
        return max(self.existing_slots, self.obtainable_slots)
