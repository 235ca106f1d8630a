"""A cluster whose slots are shared: what it has now and later, who may have how much of it, and for how long."""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from adaptor.domain.checks import (
    require_finite,
    require_not_negative,
    require_positive,
    require_text,
)
from adaptor.errors import InvalidValueError

MAX_ID_LENGTH = 100
"""Longest identity of a cluster or a tenant, in characters; as long as a run's may be."""

MAX_CLUSTER_SLOTS = 1_000_000
"""Most slots of a cluster: an order above the largest Flink clusters that were published."""

MAX_PRIORITY = 1000
"""Highest priority of a tenant or a run; the lowest is its negative. More levels than anybody tells apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A Flink cluster as its manager registers it.

    Attributes:
        cluster_id: Chosen by the manager.
        flink_url: Base address of the cluster's REST API.
        slots_per_task_manager: Slots that come and go together, in number.
        node_type: What its TaskManagers run on, in the words of execution contexts; empty if unknown.
        price_per_slot_s: Money for one slot-second, in any currency; 0 if it is not told.
    """

    cluster_id: str
    flink_url: str
    slots_per_task_manager: int = 1
    node_type: str = ""
    price_per_slot_s: float = 0.0

    def __post_init__(self) -> None:
        require_text("cluster_id", self.cluster_id, max_length=MAX_ID_LENGTH)
        if not self.flink_url.startswith(("http://", "https://")):
            raise InvalidValueError("flink_url", f"must start with http:// or https://, got {self.flink_url!r}")
        if not 1 <= self.slots_per_task_manager <= MAX_CLUSTER_SLOTS:
            raise InvalidValueError("slots_per_task_manager", f"must be at least 1, got {self.slots_per_task_manager}")
        require_not_negative("price_per_slot_s", self.price_per_slot_s, unit="money per slot-second")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityStep:
    """From a time on, a cluster has so many slots.

    Attributes:
        from_s: Seconds since the epoch.
        slots: In number; what is over whole TaskManagers is not used.
    """

    from_s: float
    slots: int

    def __post_init__(self) -> None:
        require_finite("capacity.from_s", self.from_s)
        if not 0 <= self.slots <= MAX_CLUSTER_SLOTS:
            raise InvalidValueError("capacity.slots", f"must lie between 0 and {MAX_CLUSTER_SLOTS}, got {self.slots}")


@dataclass(frozen=True, slots=True)
class CapacityCurve:
    """Slots of a cluster over time: what there is now, and what was announced.

    Attributes:
        steps: Ascending in time, no two at the same; before the first there are no slots.
    """

    steps: tuple[CapacityStep, ...] = ()

    def __post_init__(self) -> None:
        times = [step.from_s for step in self.steps]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise InvalidValueError("capacity.steps", "must ascend in time, each step later than the one before")

    @classmethod
    def constant(cls, slots: int) -> CapacityCurve:
        """The same number of slots at all times."""
        return cls((CapacityStep(from_s=0.0, slots=slots),))

    def at(self, at_s: float) -> int:
        """Slots at a time in seconds since the epoch."""
        index = bisect_right(self.steps, at_s, key=_from_s)
        return self.steps[index - 1].slots if index else 0

    def least_between(self, from_s: float, until_s: float) -> int:
        """Fewest slots at any time from `from_s` to `until_s`, both included."""
        later = [step.slots for step in self.steps if from_s < step.from_s <= until_s]
        return min([self.at(from_s), *later])

    def most_from(self, from_s: float) -> int:
        """Most slots at any time from then on, as far as is announced."""
        return max([self.at(from_s), *(step.slots for step in self.steps if step.from_s > from_s)])

    def slot_s_between(self, from_s: float, until_s: float) -> float:
        """Slot-seconds from `from_s` to `until_s`; none if that is not later."""
        if until_s <= from_s:
            return 0.0
        inside = [step for step in self.steps if from_s < step.from_s < until_s]
        times = [from_s, *(step.from_s for step in inside), until_s]
        slots = [self.at(from_s), *(step.slots for step in inside)]
        return sum(one * (end - begin) for one, (begin, end) in zip(slots, pairwise(times), strict=True))

    def changed(self, steps: Iterable[CapacityStep], *, now_s: float) -> CapacityCurve:
        """The curve after an announcement: what it says for its times replaces what was said, the past is forgotten.

        Args:
            steps: Announced, in any order; where two have the same time the last one counts.
            now_s: Seconds since the epoch.
        """
        known = {step.from_s: step for step in (*self.steps, *steps)}
        current = self.at(now_s)
        ahead = [known[at_s] for at_s in sorted(known) if at_s > now_s]
        now = [step for step in steps if step.from_s <= now_s]
        if now:
            current = max(now, key=_from_s).slots
        return CapacityCurve((CapacityStep(from_s=now_s, slots=current), *ahead))


def _from_s(step: CapacityStep) -> float:
    return step.from_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who shares a cluster; a tenant that was never told has the values given here, and no quota.

    Attributes:
        tenant_id: Empty for runs that name none.
        quota_slots: Most slots that its runs may hold together on each cluster; ``None`` for no limit. One below what
            they hold is kept at their next barriers.
        priority: Of its runs; the higher is served first.
        weight: Of its runs' targets and in a fair share, relative to the others'.
    """

    tenant_id: str
    quota_slots: int | None = None
    priority: int = 0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if len(self.tenant_id) > MAX_ID_LENGTH:
            raise InvalidValueError("tenant_id", f"must have at most {MAX_ID_LENGTH} characters")
        if self.quota_slots is not None and not 0 <= self.quota_slots <= MAX_CLUSTER_SLOTS:
            raise InvalidValueError(
                "quota_slots", f"must lie between 0 and {MAX_CLUSTER_SLOTS}, got {self.quota_slots}"
            )
        require_priority("priority", self.priority)
        require_positive("weight", self.weight)


def require_priority(field: str, value: int) -> None:
    """Refuse a priority out of range.

    Raises:
        InvalidValueError: If `value` is beyond `MAX_PRIORITY` or its negative.
    """
    if not -MAX_PRIORITY <= value <= MAX_PRIORITY:
        raise InvalidValueError(field, f"must lie between {-MAX_PRIORITY} and {MAX_PRIORITY}, got {value}")


class LeaseExpiry(enum.Enum):
    """What becomes of a grant whose lease was not renewed in time."""

    KEEP = "keep"
    LEAST = "least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A promise that ends unless it is renewed.

    Attributes:
        holder: The manager that must renew it.
        renewed_at_s: Seconds since the epoch.
        term_s: Seconds from each renewal to the end.
    """

    holder: str
    renewed_at_s: float
    term_s: float

    def __post_init__(self) -> None:
        require_text("lease.holder", self.holder, max_length=MAX_ID_LENGTH)
        require_finite("lease.renewed_at_s", self.renewed_at_s)
        require_positive("lease.term_s", self.term_s, unit="seconds")

    @property
    def expires_at_s(self) -> float:
        """Seconds since the epoch."""
        return self.renewed_at_s + self.term_s

    def expired(self, at_s: float) -> bool:
        """Whether it has ended by then."""
        return at_s >= self.expires_at_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The most slots that a run may hold from its next iteration barrier on.

    Attributes:
        run_id: The run.
        slots: In number.
        lease: For how long; ``None`` if nobody must renew it.
    """

    run_id: str
    slots: int
    lease: Lease | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.slots <= MAX_CLUSTER_SLOTS:
            raise InvalidValueError("grant.slots", f"must lie between 0 and {MAX_CLUSTER_SLOTS}, got {self.slots}")

    def slots_at(self, at_s: float, *, expiry: LeaseExpiry, least_slots: int) -> int:
        """Slots that it is worth at a time.

        Args:
            at_s: Seconds since the epoch.
            expiry: What becomes of it once its lease has ended.
            least_slots: The fewest that the run can go on with.
        """
        if expiry is LeaseExpiry.LEAST and self.lease and self.lease.expired(at_s):
            return min(self.slots, least_slots)
        return self.slots
