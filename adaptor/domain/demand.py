"""What slots are worth to a run: how it would finish, and at what cost, with each number of them.

A demand is made at a moment (`at_s`) and says what would be true if the run went on from its next iteration barrier
with so many slots until its end. It is what an arbiter decides by, and what a cluster's manager may ask for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise

from adaptor.domain.checks import require_finite, require_not_negative, require_positive
from adaptor.domain.cluster import MAX_CLUSTER_SLOTS, MAX_ID_LENGTH, require_priority
from adaptor.domain.plan import Interval
from adaptor.errors import InvalidValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """In whose name a run asks for slots, and how much that counts.

    Attributes:
        tenant_id: Whose quota it counts against; empty for none.
        priority: Among the runs of tenants of equal priority; the higher is served first.
        weight: Of its target and in a fair share; multiplied with its tenant's.
        pausable: Whether it can wait at a barrier with no slots at all, as a driver loop can whose state lies in files.
    """

    tenant_id: str = ""
    priority: int = 0
    weight: float = 1.0
    pausable: bool = False

    def __post_init__(self) -> None:
        if len(self.tenant_id) > MAX_ID_LENGTH:
            raise InvalidValueError("tenant_id", f"must have at most {MAX_ID_LENGTH} characters")
        require_priority("priority", self.priority)
        require_positive("weight", self.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandPoint:
    """What one number of slots would mean.

    Attributes:
        slots: In number, whole TaskManagers.
        finish_s: Seconds from the run's start to its end; ``None`` where nothing is known.
        on_time_probability: Of meeting its objective (target, or budget); ``None`` where it has none that can be
            missed, or nothing is known.
        cost_slot_s: Expected slot-seconds from now to its end, adaptation included; ``None`` where nothing is known.
    """

    slots: int
    finish_s: Interval | None = None
    on_time_probability: float | None = None
    cost_slot_s: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= MAX_CLUSTER_SLOTS:
            raise InvalidValueError("point.slots", f"must lie between 1 and {MAX_CLUSTER_SLOTS}, got {self.slots}")
        if self.on_time_probability is not None and not 0 <= self.on_time_probability <= 1:
            raise InvalidValueError(
                "point.on_time_probability", f"must lie between 0 and 1, got {self.on_time_probability}"
            )
        if self.cost_slot_s is not None:
            require_not_negative("point.cost_slot_s", self.cost_slot_s, unit="slot-seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A run's demand at a moment.

    Attributes:
        run_id: The run.
        claim: In whose name.
        at_s: When it was made, in seconds since the epoch.
        started_at_s: When the run started, in seconds since the epoch.
        target_s: Seconds from its start within which it should finish; ``None`` if it has no runtime target.
        confidence: Probability with which its objective is to be met, above zero; ``None`` if it cannot be missed.
        least_slots: The fewest that it can go on with.
        wanted_slots: What would serve its objective best.
        most_slots: More would not be used.
        held_slots: What it holds until its next barrier; 0 while it waits.
        points: What each number would mean, ascending in slots, from the least to the most; of many an even choice.
        next_superstep: The superstep that the next barrier comes before, from 1.
        barrier_in_s: Seconds from `at_s` to its next barrier; ``None`` if unknown, zero while it stands at one.
        superstep_s: Seconds that a superstep takes with the slots it holds; ``None`` if unknown.
        adaptation_s: Seconds that a change of its parallelism is expected to cost.
        waiting_since_s: Since when it has had no slots, in seconds since the epoch; ``None`` while it holds some.
    """

    run_id: str
    claim: Claim
    at_s: float
    started_at_s: float
    least_slots: int
    wanted_slots: int
    most_slots: int
    held_slots: int
    points: tuple[DemandPoint, ...]
    target_s: float | None = None
    confidence: float | None = None
    next_superstep: int = 1
    barrier_in_s: Interval | None = None
    superstep_s: Interval | None = None
    adaptation_s: float = 0.0
    waiting_since_s: float | None = None

    def __post_init__(self) -> None:
        require_finite("demand.at_s", self.at_s, self.started_at_s)
        slots = [point.slots for point in self.points]
        if not slots or any(wider <= narrower for narrower, wider in pairwise(slots)):
            raise InvalidValueError("demand.points", "must have at least one point and ascend in slots")
        if (slots[0], slots[-1]) != (self.least_slots, self.most_slots):
            raise InvalidValueError("demand.points", "must reach from least_slots to most_slots")
        if not self.least_slots <= self.wanted_slots <= self.most_slots:
            raise InvalidValueError(
                "demand.wanted_slots", f"{self.wanted_slots} must lie in {self.least_slots}..{self.most_slots}"
            )
        if not 0 <= self.held_slots <= MAX_CLUSTER_SLOTS:
            raise InvalidValueError("demand.held_slots", f"must be at least 0, got {self.held_slots}")
        if self.confidence is not None and not 0 < self.confidence <= 1:
            raise InvalidValueError("demand.confidence", f"must be above 0 and at most 1, got {self.confidence}")
        require_not_negative("demand.adaptation_s", self.adaptation_s, unit="seconds")

    @property
    def barrier_by_s(self) -> float | None:
        """When the next barrier will most likely have come, in seconds since the epoch; ``None`` if unknown."""
        return None if self.barrier_in_s is None else self.at_s + self.barrier_in_s.high

    def as_of(self, at_s: float) -> Demand:
        """The same demand at a later moment before the run's next barrier.

        The barrier is nearer then; of a run that waits, the end is later by as much.

        Args:
            at_s: Seconds since the epoch; an earlier moment than the demand's own leaves it as it is.
        """
        passed_s = at_s - self.at_s
        if passed_s <= 0:
            return self
        nearer = self.barrier_in_s and _nearer(self.barrier_in_s, passed_s)
        points = self.points
        if not self.held_slots:
            points = tuple(_later(point, passed_s, target_s=self.target_s) for point in points)
        return replace(self, at_s=at_s, barrier_in_s=nearer, points=points)

    def point_at(self, slots: int) -> DemandPoint | None:
        """What so many slots would mean: the widest point that is not wider; ``None`` below the least."""
        index = bisect_right(self.points, slots, key=_slots)
        return self.points[index - 1] if index else None

    def limited_to(self, slots: int) -> Demand:
        """The demand of a run that may have no more than so many, but at least its least."""
        kept = tuple(point for point in self.points if point.slots <= max(slots, self.least_slots))
        most = kept[-1].slots
        return replace(self, points=kept, most_slots=most, wanted_slots=min(self.wanted_slots, most))


def _slots(point: DemandPoint) -> int:
    return point.slots


def _later(point: DemandPoint, passed_s: float, *, target_s: float | None) -> DemandPoint:
    """What a point means once so many seconds passed without slots.

    The chance is no more than the interval allows: beyond its upper end, its middle and its lower end a target is met
    in one minus half of what lies outside, in half, and in half of what lies outside of all cases.
    """
    if point.finish_s is None:
        return point
    finish = point.finish_s
    moved = Interval(
        low=finish.low + passed_s,
        expected=finish.expected + passed_s,
        high=finish.high + passed_s,
        level=finish.level,
    )
    chance, outside = point.on_time_probability, (1 - finish.level) / 2
    if chance is not None and target_s is not None:
        for end_s, most in ((moved.high, 1 - outside), (moved.expected, 0.5), (moved.low, outside)):
            chance = min(chance, most) if target_s < end_s else chance
        chance = 0.0 if target_s < passed_s else chance
    return replace(point, finish_s=moved, on_time_probability=chance)


def _nearer(ahead_s: Interval, passed_s: float) -> Interval:
    low, expected, high = (max(0.0, one - passed_s) for one in (ahead_s.low, ahead_s.expected, ahead_s.high))
    return Interval(low=low, expected=expected, high=high, level=ahead_s.level)
