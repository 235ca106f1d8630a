"""The load of a day: few records at night, all of them at noon, and a surge in the evening that nobody foretells."""

from __future__ import annotations

import math
from dataclasses import dataclass

NIGHT, NOON = 0.1, 1.0
"""Share of the records that do the work; `flink-jobs/stream.py` lets through the same."""

SURGE = (0.85, 0.93)
"""Part of the day in which all records do the work although it is late: 48 s of ten minutes, longer than anything that
decides here waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLoad:
    """What arrives in the course of a day.

    Attributes:
        day_s: Seconds of the day in fast motion.
        noon_records_per_s: Records a second at noon.
    """

    day_s: float
    noon_records_per_s: float

    def records_per_s(self, at_s: float) -> float:
        """Records a second that arrive at a moment, in seconds since the day began."""
        return self.noon_records_per_s * busy_share((at_s / self.day_s) % 1.0)

    def needed(self, at_s: float, *, worker_records_per_s: float, utilisation: float) -> int:
        """Workers that the load of a moment needs, if each is to be at work that share of its time."""
        return max(1, math.ceil(self.records_per_s(at_s) / (worker_records_per_s * utilisation) - 1e-6))

    @property
    def surge_began_s(self) -> float:
        """When the surge began, in seconds since the day did."""
        return SURGE[0] * self.day_s


def busy_share(phase: float) -> float:
    """Share of the records that do the work, by the part of the day that is over."""
    if SURGE[0] <= phase < SURGE[1]:
        return NOON
    return (NIGHT + NOON) / 2 - (NOON - NIGHT) / 2 * math.cos(2 * math.pi * phase)
