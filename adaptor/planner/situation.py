"""Everything a policy may look at when it decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adaptor.domain.objective import Bounds, Objective
from adaptor.models.arrays import Counts
from adaptor.models.prediction import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A run at a barrier, seen from the superstep that comes next.

    Attributes:
        objective: What is wanted.
        current_parallelism: What the superstep before used, or the start parallelism before the first.
        supersteps_left: How many are still to be run, the next one included; at least 1.
        elapsed_s: Seconds since the start of the run.
        gap_s: Seconds that the driver spends between two supersteps.
        adaptation_cost_s: Seconds a change of parallelism is expected to cost.
        prediction: Of superstep durations, for every candidate.
        measured: Parallelisms that were ever measured in this execution context.
        failing: Parallelisms at which supersteps of this run fail.
        explorations_left: How many more parallelisms may be tried only to learn.
        cpu_utilisation: CPU time over wall-clock time and slots in the superstep before; ``None`` if unknown.
    """

    objective: Objective
    current_parallelism: int
    supersteps_left: int
    elapsed_s: float
    gap_s: float
    adaptation_cost_s: float
    prediction: Prediction
    measured: frozenset[int]
    failing: frozenset[int]
    explorations_left: int
    cpu_utilisation: float | None

    @property
    def candidates(self) -> Counts:
        """Parallelisms that could be used, ascending, shape (n,)."""
        return self.prediction.parallelisms

    @property
    def nearest_candidate(self) -> int:
        """The current parallelism, or what is nearest to it where that may no longer be used."""
        lowest, highest = int(self.candidates[0]), int(self.candidates[-1])
        return min(max(self.current_parallelism, lowest), highest)

    def index(self, parallelism: int) -> int:
        """Where a candidate stands in the arrays."""
        return parallelism - int(self.candidates[0])


def legal_parallelisms(bounds: Bounds, slots: int) -> Counts:
    """Every parallelism inside the bounds that the slots allow, ascending; at least the least of the bounds."""
    highest = max(bounds.min_parallelism, min(bounds.max_parallelism, slots))
    return np.arange(bounds.min_parallelism, highest + 1, dtype=np.int64)
