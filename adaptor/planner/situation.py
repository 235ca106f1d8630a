"""Everything a policy may look at when it decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adaptor.domain.objective import MAX_PARALLELISM, Bounds, Objective
from adaptor.models.arrays import Counts, Flags, Floats
from adaptor.models.prediction import JointPrediction, Prediction

MOST_COMPARED = 64
"""Parallelisms up to which every single one is compared; of more, steps of an eighth of a doubling are: durations at
neighbours differ by less than any model can tell."""

FINEST_STEPS = 8
"""Steps in a doubling beyond that."""

NARROWEST_STEP = 0.5
"""Share of the narrowest parallelism measured in this execution context that is tried next at the least: work that
divides takes twice as long there at most, and data that do not fit into memory any more are noticed one step below the
edge, not far below it, where a single superstep can outlast the rest of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationCost:
    """What one change of parallelism costs, by what was measured of it.

    Attributes:
        expected_s: Seconds, the median of what was measured.
        high_s: Seconds that are not exceeded with the confidence that the objective asks for.
    """

    expected_s: float
    high_s: float


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A run at a barrier, seen from the superstep that comes next; n candidates are compared.

    Attributes:
        objective: What is wanted.
        current_parallelism: What the superstep before used, or the start parallelism before the first.
        supersteps_left: How many are expected still to be run, the next one included; at least 1. Where that is not
            known, its spread is part of `work_spread`.
        elapsed_s: Seconds since the start of the run.
        spent_slot_s: Slot-seconds since then.
        gap_s: Seconds that the driver spends between two supersteps.
        adaptation: What a change of parallelism costs.
        joint: Predicted durations of the next superstep at every candidate, and how they hang together.
        work: Factor of each coming superstep's duration on that, shape (supersteps_left,).
        work_spread: Standard deviation of the log of the work that is left: of the mean of those factors, and of how
            many supersteps there will be.
        slots_per_task_manager: Slots that come and go together.
        measured: Parallelisms that were ever measured in this execution context.
        failing: Parallelisms at which supersteps of this run fail.
        cpu_utilisation: CPU time over wall-clock time and slots in the superstep before; ``None`` if unknown.
    """

    objective: Objective
    current_parallelism: int
    supersteps_left: int
    elapsed_s: float
    spent_slot_s: float
    gap_s: float
    adaptation: AdaptationCost
    joint: JointPrediction
    work: Floats
    work_spread: float
    slots_per_task_manager: int
    measured: frozenset[int]
    failing: frozenset[int]
    cpu_utilisation: float | None

    @property
    def prediction(self) -> Prediction:
        """Of each candidate for itself."""
        return self.joint.prediction

    @property
    def candidates(self) -> Counts:
        """Parallelisms that are compared, ascending, shape (n,)."""
        return self.prediction.parallelisms

    @cached_property
    def slots(self) -> Floats:
        """Slots that each candidate occupies, shape (n,): whole TaskManagers, as only those come and go."""
        per = self.slots_per_task_manager
        occupied: Floats = np.ceil(self.candidates / per) * per
        return occupied

    @cached_property
    def moved(self) -> Flags:
        """Whether each candidate is a change, shape (n,)."""
        moved: Flags = self.candidates != self.current_parallelism
        return moved

    @cached_property
    def selectable(self) -> Flags:
        """Candidates of which something is known and at which no superstep fails; if all fail, the known ones."""
        fit = self.prediction.known & ~np.isin(self.candidates, list(self.failing))
        return fit if fit.any() else self.prediction.known

    @cached_property
    def reachable(self) -> Flags:
        """Selectable candidates that may come next: what was measured says little of parallelisms far below it."""
        near = self.selectable & (self.candidates >= min(self.measured, default=0) * NARROWEST_STEP)
        return near if near.any() else self.selectable

    @cached_property
    def reachable_after(self) -> Flags:
        """Selectable candidates that may come after each that is run next, shape (n, n).

        Where nothing was measured but something is known, others ran the program, and their range is not narrowed.
        """
        narrowest = np.minimum(min(self.measured, default=0), self.candidates)
        after: Flags = self.selectable & (self.candidates >= narrowest[:, np.newaxis] * NARROWEST_STEP)
        return after

    @cached_property
    def work_s(self) -> float:
        """What is left, in supersteps like the next one."""
        return float(self.work.sum())

    @property
    def nearest_candidate(self) -> int:
        """The current parallelism, or what is nearest to it where that may no longer be used."""
        return int(self.candidates[np.argmin(abs(self.candidates - self.current_parallelism))])

    def index(self, parallelism: int) -> int:
        """Where a candidate stands in the arrays."""
        return int(np.searchsorted(self.candidates, parallelism))


def compared_parallelisms(
    bounds: Bounds, slots: int, *, slots_per_task_manager: int = 1, always: Iterable[int] = ()
) -> Counts:
    """Parallelisms inside the bounds that the slots allow, ascending; at least the least of the bounds.

    All of them if they are few, else an even choice that fills whole TaskManagers.

    Args:
        bounds: Of the run.
        slots: That may be used.
        slots_per_task_manager: Slots that come and go together.
        always: What must be among them where it is allowed: the present one, those that were measured.
    """
    lowest = bounds.min_parallelism
    highest = max(lowest, min(bounds.max_parallelism, slots))
    if highest - lowest < MOST_COMPARED:
        return np.arange(lowest, highest + 1, dtype=np.int64)
    even = _EVEN_STEPS * slots_per_task_manager
    chosen = np.unique(np.concatenate([even, [lowest, highest], np.fromiter(always, dtype=np.int64)]))
    allowed: Counts = chosen[(chosen >= lowest) & (chosen <= highest)]
    return allowed


def _even_steps() -> Counts:
    """1 to 16, then eight to a doubling, up to Flink's limit."""
    doublings = 2 ** np.arange(1, int(np.log2(MAX_PARALLELISM // (2 * FINEST_STEPS))) + 1)
    steps = np.outer(doublings, np.arange(FINEST_STEPS + 1, 2 * FINEST_STEPS + 1)).ravel()
    even: Counts = np.concatenate([np.arange(1, 2 * FINEST_STEPS + 1), steps]).astype(np.int64)
    return even


_EVEN_STEPS = _even_steps()
