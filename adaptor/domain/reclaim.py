"""Slots that a manager takes back, from the request to the last barrier."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adaptor.domain.allocation import Missing, ReclaimPart, ReclaimPlan, ReclaimRequest


class ReclaimState(enum.Enum):
    """Where a reclaim is in its life."""

    PREVIEW = "preview"
    OPEN = "open"
    DONE = "done"
    TIMED_OUT = "timed_out"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self in (ReclaimState.DONE, ReclaimState.TIMED_OUT, ReclaimState.SUPERSEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """Slots that a manager takes back.

    Attributes:
        reclaim_id: Made by the manager; empty for a preview.
        request: What was asked.
        at_s: When, in seconds since the epoch.
        state: Where it is in its life.
        there_slots: Slots of the cluster when it was asked.
        free_slots: Of those asked for, the ones that nobody held.
        parts: What runs give.
        missing: What cannot be had.
        freed: Runs that have given.
        freed_slots: Slots that may be taken away by now.
    """

    reclaim_id: str
    request: ReclaimRequest
    at_s: float
    state: ReclaimState
    there_slots: int
    free_slots: int
    parts: tuple[ReclaimPart, ...]
    missing: tuple[Missing, ...]
    freed: tuple[str, ...] = ()
    freed_slots: int = 0

    @classmethod
    def of_plan(cls, plan: ReclaimPlan, *, reclaim_id: str, there_slots: int) -> Reclaim:
        """A reclaim as it was planned: a preview without an id, else one whose slots begin to come."""
        return cls(
            reclaim_id=reclaim_id,
            request=plan.request,
            at_s=plan.at_s,
            state=ReclaimState.OPEN if reclaim_id else ReclaimState.PREVIEW,
            there_slots=there_slots,
            free_slots=plan.free_slots,
            parts=plan.parts,
            missing=plan.missing,
        )

    @property
    def due_s(self) -> float:
        """When its time is over, in seconds since the epoch."""
        return self.at_s + self.request.within_s

    @property
    def had_slots(self) -> int:
        """Slots that will have come in the end."""
        return self.request.slots - sum(one.slots for one in self.missing)

    def seen(self, held: Mapping[str, int], *, all_held_slots: int, at_s: float) -> Reclaim:
        """The same as it stands once runs hold so much.

        What is neither held nor among the slots that are left is free for good, as no run may take it any more.

        Args:
            held: Slots that each run holds; runs that are missing hold none.
            all_held_slots: The sum over all that use the cluster.
            at_s: Now, in seconds since the epoch.
        """
        if self.state is not ReclaimState.OPEN:
            return self
        given = {one.run_id for one in self.parts if held.get(one.run_id, 0) <= one.to_slots}
        freed = tuple(one.run_id for one in self.parts if one.run_id in given or one.run_id in self.freed)
        free = min(self.had_slots, self.there_slots - all_held_slots)
        after = replace(self, freed=freed, freed_slots=max(self.freed_slots, free, 0))
        if after.freed_slots >= self.had_slots:
            return replace(after, state=ReclaimState.DONE)
        return replace(after, state=ReclaimState.TIMED_OUT) if at_s >= self.due_s else after

    def most_slots(self, run_id: str) -> float:
        """Most slots that a run may have while its slots are taken back."""
        if self.state is not ReclaimState.OPEN:
            return math.inf
        return next((one.to_slots for one in self.parts if one.run_id == run_id), math.inf)
