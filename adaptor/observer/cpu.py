"""CPU use of TaskManagers from two readings of their counters.

Counters and not Flink's `CPU.Load`, because a load is a moment's value and a superstep is an interval. Two things can
lie between two readings, and both show in the counter itself: a TaskManager that was restarted counts from zero under
a name that may be the old one, and one whose value Flink has not fetched anew shows exactly the old value (the counter
steps by 10 ms, and an idle JVM uses that within about a second). The first starts anew, the second keeps its old
reading, so that the next difference is taken over the time that it really spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuReading:
    """The counter of one TaskManager at one moment.

    Attributes:
        taken_at_s: When, by the observer's monotonic clock.
        cpu_ns: CPU time its process had used, in nanoseconds.
        slots: Its slots.
    """

    taken_at_s: float
    cpu_ns: int
    slots: int


CpuReadings = Mapping[str, CpuReading]
"""Readings by the TaskManager's resource id."""


def cpu_utilisation(before: CpuReadings, after: CpuReadings) -> float | None:
    """CPU time used between two readings, divided by wall-clock time and slots.

    Returns:
        1.0 for one full core a slot; ``None`` if no TaskManager can be compared.
    """
    spans = [(before[name], now) for name, now in after.items() if name in before and _advanced(before[name], now)]
    slot_seconds = sum((now.taken_at_s - then.taken_at_s) * now.slots for then, now in spans)
    cpu_seconds = sum(now.cpu_ns - then.cpu_ns for then, now in spans) / _NS_PER_S
    return cpu_seconds / slot_seconds if slot_seconds > 0 else None


def next_baseline(before: CpuReadings, after: CpuReadings) -> CpuReadings:
    """What the reading after `after` is to be compared with; TaskManagers that are gone are forgotten."""
    return {name: before[name] if _is_stale(before.get(name), now) else now for name, now in after.items()}


def _advanced(then: CpuReading, now: CpuReading) -> bool:
    return now.cpu_ns > then.cpu_ns and now.taken_at_s > then.taken_at_s


def _is_stale(then: CpuReading | None, now: CpuReading) -> bool:
    return then is not None and then.cpu_ns == now.cpu_ns
