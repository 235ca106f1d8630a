"""The best schedules of a known curve: what no policy can beat, found by dynamic programming over supersteps.

A schedule names a parallelism for each superstep. Two sums are traded for each other, time and slot-seconds, changes
included, so for every parallelism of the last superstep a row of the least time for each cost is kept; costs are
counted in `STEPS` parts of the cap, rounded to the nearest, and what is found is added up exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.models.arrays import Counts, Floats

STEPS = 2000
"""Parts that a cap is divided into: rounding then moves no result by more than a thousandth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a superstep can be run at.

    Attributes:
        parallelisms: Ascending, shape (n,).
        superstep_s: Seconds of a superstep at each, shape (supersteps, n).
        slots: Slots that each occupies, shape (n,).
        adaptation_cost_s: Seconds of a change, paid for with the slots it leads to.
        first: Index of the parallelism of the first superstep; ``None`` where it is free.
    """

    parallelisms: Counts
    superstep_s: Floats
    slots: Floats
    adaptation_cost_s: float
    first: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule with what it comes to."""

    parallelisms: tuple[int, ...]
    runtime_s: float
    slot_s: float


def fastest_within(choices: Choices, cap_slot_s: float) -> Schedule | None:
    """The fastest schedule that costs at most so much; ``None`` if there is none."""
    time, cost = choices.superstep_s, choices.superstep_s * choices.slots
    change_s, change = choices.adaptation_cost_s, choices.adaptation_cost_s * choices.slots
    return _best(
        choices,
        least=time,
        least_change=np.full(len(change), change_s),
        capped=cost,
        capped_change=change,
        cap=cap_slot_s,
    )


def cheapest_within(choices: Choices, target_s: float) -> Schedule | None:
    """The cheapest schedule that ends in time; ``None`` if there is none."""
    time, cost = choices.superstep_s, choices.superstep_s * choices.slots
    change_s, change = choices.adaptation_cost_s, choices.adaptation_cost_s * choices.slots
    return _best(
        choices,
        least=cost,
        least_change=change,
        capped=time,
        capped_change=np.full(len(change), change_s),
        cap=target_s,
    )


def added_up(choices: Choices, indices: Sequence[int]) -> Schedule:
    """What a schedule comes to."""
    runtime_s = slot_s = 0.0
    for superstep, at in enumerate(indices):
        changed = superstep > 0 and at != indices[superstep - 1]
        seconds = float(choices.superstep_s[superstep, at]) + changed * choices.adaptation_cost_s
        runtime_s, slot_s = runtime_s + seconds, slot_s + seconds * float(choices.slots[at])
    return Schedule(
        parallelisms=tuple(int(choices.parallelisms[at]) for at in indices), runtime_s=runtime_s, slot_s=slot_s
    )


def _best(
    choices: Choices, *, least: Floats, least_change: Floats, capped: Floats, capped_change: Floats, cap: float
) -> Schedule | None:
    """The schedule with the least of one sum while the other stays within its cap."""
    supersteps, count = choices.superstep_s.shape
    unit = cap / STEPS
    value = np.full((count, STEPS + 1), np.inf)
    came: list[Counts] = []
    for at in range(count) if choices.first is None else [choices.first]:
        parts = round(capped[0, at] / unit)
        if parts <= STEPS:
            value[at, parts] = least[0, at]
    for superstep in range(1, supersteps):
        value, before = _after(value, least[superstep], least_change, capped[superstep], capped_change, unit)
        came.append(before)
    if not np.isfinite(value).any():
        return None
    at, parts = divmod(int(np.argmin(value)), value.shape[1])
    indices = [at]
    for superstep in range(supersteps - 1, 0, -1):
        source = int(came[superstep - 1][indices[0], parts])
        changed = source != indices[0]
        parts -= _parts(capped[superstep, indices[0]] + changed * capped_change[indices[0]], unit)
        indices.insert(0, source)
    return added_up(choices, indices)


def _after(
    value: Floats, least: Floats, least_change: Floats, capped: Floats, capped_change: Floats, unit: float
) -> tuple[Floats, Counts]:
    """One superstep more: the new rows, and where each entry came from."""
    count = len(value)
    best = value.argmin(axis=0)
    cheapest = value[best, np.arange(value.shape[1])]
    after, before = np.full_like(value, np.inf), np.zeros(value.shape, dtype=np.int64)
    for at in range(count):
        for source, origin, changed in ((value[at], np.full(value.shape[1], at), 0), (cheapest, best, 1)):
            parts = _parts(capped[at] + changed * capped_change[at], unit)
            if parts > STEPS:
                continue
            moved = source[: STEPS + 1 - parts] + least[at] + changed * least_change[at]
            # From itself is never a change, even where it is the best of all.
            better = moved < after[at, parts:]
            after[at, parts:][better] = moved[better]
            before[at, parts:][better] = origin[: STEPS + 1 - parts][better]
    return after, before


def _parts(amount: float, unit: float) -> int:
    return round(float(amount) / unit)
