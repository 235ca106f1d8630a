"""What one run meets at every scale-out: seconds of each superstep, and which of them fail before they succeed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.domain.checks import SHORTEST_S
from adaptor.experiments.simulated.schedules import Choices, Schedule, added_up, cheapest_within, fastest_within
from adaptor.models.arrays import Counts, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw of a job's durations, the same for every policy.

    Attributes:
        sizes: Scale-outs that can be had, ascending, shape (n,).
        superstep_s: Seconds of each superstep at each, shape (supersteps, n).
        lost: Share of each superstep after which a first try fails; 0 where there is none, shape (supersteps,).
    """

    sizes: Counts
    superstep_s: Floats
    lost: Floats

    def duration_s(self, superstep: int, size: int) -> float:
        """Seconds of a superstep, numbered from 1, that ends well."""
        return float(self.superstep_s[superstep - 1, np.searchsorted(self.sizes, size)])

    def failed_s(self, superstep: int, size: int) -> float:
        """Seconds until its first try fails; none if it does not."""
        lost = float(self.lost[superstep - 1])
        return max(SHORTEST_S, self.duration_s(superstep, size) * lost) if lost else 0.0

    @property
    def run_s(self) -> Floats:
        """Seconds of the whole run at each scale-out, failed tries included, shape (n,)."""
        seconds: Floats = self._with_lost.sum(axis=0)
        return seconds

    @property
    def _with_lost(self) -> Floats:
        return self.superstep_s * (1 + self.lost)[:, np.newaxis]

    def best(self, target_s: float, *, adaptation_cost_s: float) -> tuple[Schedule, bool]:
        """The cheapest schedule in time, known only afterwards, and whether there is one; else the fastest."""
        choices = self._choices(adaptation_cost_s)
        found = cheapest_within(choices, target_s)
        if found is not None:
            return found, True
        dearest = float((self._with_lost * self.sizes).max(axis=1).sum())
        fastest = fastest_within(choices, dearest)
        if fastest is None:
            raise ValueError("a schedule that changes nothing stays below the dearest of all")
        return fastest, False

    def met_by(self, schedule: Sequence[int], *, adaptation_cost_s: float) -> Schedule:
        """What a schedule, a scale-out for each superstep, comes to in this draw."""
        return added_up(self._choices(adaptation_cost_s), np.searchsorted(self.sizes, schedule).tolist())

    def _choices(self, adaptation_cost_s: float) -> Choices:
        return Choices(
            parallelisms=self.sizes,
            superstep_s=self._with_lost,
            slots=self.sizes.astype(np.float64),
            adaptation_cost_s=adaptation_cost_s,
            first=None,
        )
