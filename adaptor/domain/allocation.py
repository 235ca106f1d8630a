"""How a cluster's slots are shared out among its runs, what can be taken back, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from adaptor.domain.checks import require_positive
from adaptor.domain.plan import Interval
from adaptor.errors import InvalidValueError


class ShareCode(enum.Enum):
    """Why a run gets what it gets, for programs."""

    AS_WANTED = "as_wanted"
    MORE_THAN_WANTED = "more_than_wanted"
    KEPT = "kept"
    LESS_ON_TIME = "less_on_time"
    LESS = "less"
    OUT_OF_REACH = "out_of_reach"
    QUOTA = "quota"
    WAITS = "waits"
    NO_SLOTS = "no_slots"
    WAITED_LONG = "waited_long"


class TakerCode(enum.Enum):
    """Why slots went to another run."""

    PRIORITY = "priority"
    WEIGHT = "weight"
    FAIR_SHARE = "fair_share"
    CANNOT_STOP = "cannot_stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Another run that has slots which this one wanted.

    Attributes:
        run_id: That run.
        slots: How many, in number.
        code: Why it has them.
    """

    run_id: str
    slots: int
    code: TakerCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one run may have from its next barrier on.

    Attributes:
        run_id: The run.
        slots: Whole TaskManagers; 0 if it must wait.
        wanted_slots: What it asked for.
        held_slots: What it holds until its next barrier.
        on_time: Whether its objective is met with the confidence asked for; ``None`` if it has none to be missed.
        on_time_probability: Of that; ``None`` if it has none or nothing is known.
        finish_s: Seconds from its start to its end; ``None`` if unknown, or while it waits.
        cost_slot_s: Slot-seconds from now to its end; ``None`` as above.
        code: Why, for programs.
        takers: Runs that have what it wanted and did not get, the largest first.
        text: Why, for people.
    """

    run_id: str
    slots: int
    wanted_slots: int
    held_slots: int
    on_time: bool | None
    on_time_probability: float | None
    finish_s: Interval | None
    cost_slot_s: float | None
    code: ShareCode
    takers: tuple[Taker, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Shares of all runs of a cluster.

    Attributes:
        cluster_id: The cluster.
        at_s: When it was decided, in seconds since the epoch.
        capacity_slots: Whole TaskManagers' slots that were shared out: what there is until the barriers come.
        shares: Of every run, ascending by run id.
        weighted_targets: Sum of the weights of all objectives that can be missed.
        weighted_targets_met: Of those, the sum over the ones that are pursued, now or later, of weights times
            probability, where the confidence asked for counts as certainty.
    """

    cluster_id: str
    at_s: float
    capacity_slots: int
    shares: tuple[Share, ...]
    weighted_targets: float
    weighted_targets_met: float

    @property
    def free_slots(self) -> int:
        """Slots that nobody gets."""
        return self.capacity_slots - sum(share.slots for share in self.shares)

    def share_of(self, run_id: str) -> Share | None:
        """The share of a run; ``None`` if it was not among them."""
        return next((share for share in self.shares if share.run_id == run_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReclaimRequest:
    """A manager wants slots back.

    Attributes:
        cluster_id: Of which cluster.
        slots: How many, in number.
        within_s: Seconds from now by which they must be free.
    """

    cluster_id: str
    slots: int
    within_s: float

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise InvalidValueError("reclaim.slots", f"must be at least 1, got {self.slots}")
        require_positive("reclaim.within_s", self.within_s, unit="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReclaimPart:
    """What one run gives.

    Attributes:
        run_id: The run.
        from_slots: What it holds.
        to_slots: What it keeps.
        before_superstep: The barrier at which it gives: the one before this superstep.
        expected_in_s: Seconds from now to that barrier.
        on_time_probability_before: Of meeting its objective without the reclaim; ``None`` if it has none.
        on_time_probability_after: With it.
        finish_moves_s: By how many seconds its expected end moves; ``None`` if unknown.
        text: All of that for people.
    """

    run_id: str
    from_slots: int
    to_slots: int
    before_superstep: int
    expected_in_s: Interval
    on_time_probability_before: float | None
    on_time_probability_after: float | None
    finish_moves_s: float | None
    text: str


class MissingCode(enum.Enum):
    """Why slots cannot be had."""

    NOT_THERE = "not_there"
    LEAST_NEEDED = "least_needed"
    BARRIER_TOO_LATE = "barrier_too_late"
    BARRIER_UNKNOWN = "barrier_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Slots that cannot be had.

    Attributes:
        slots: How many, in number.
        code: Why, for programs.
        text: Why, for people.
    """

    slots: int
    code: MissingCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReclaimPlan:
    """What a reclaim would do, or does once it is binding.

    Attributes:
        request: What was asked.
        at_s: When this was decided, in seconds since the epoch.
        free_slots: Slots that nobody holds and that can go at once, in number.
        parts: What runs give, those with the earliest barriers first.
        missing: What could not be had, by reason.
        allocation: The shares that go with it, on what capacity is left.
    """

    request: ReclaimRequest
    at_s: float
    free_slots: int
    parts: tuple[ReclaimPart, ...]
    missing: tuple[Missing, ...]
    allocation: Allocation

    @property
    def had_slots(self) -> int:
        """Slots of those asked for that will be free in time."""
        return self.request.slots - sum(one.slots for one in self.missing)
