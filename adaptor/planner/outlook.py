"""What every candidate would mean for the rest of the run: finish, cost, and the chance of meeting a target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Alternative, Interval
from adaptor.models.arrays import Flags, Floats
from adaptor.models.prediction import INTERVAL_LEVEL
from adaptor.planner.situation import Situation

MAX_ALTERNATIVES = 64
"""Most alternatives in a plan: more than anybody reads, about 25 kB of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Every array has the candidates' shape (n,); NaN marks unknown.

    Attributes:
        situation: What it was computed from.
        finish_low_s: Lower end of the seconds from the run's start to its end.
        finish_s: Most probable seconds from the run's start to its end.
        finish_high_s: Upper end.
        cost_slot_s: Expected slot-seconds of the rest of the run, adaptation included.
        on_time: Probability of meeting the runtime target; all NaN without one.
    """

    situation: Situation
    finish_low_s: Floats
    finish_s: Floats
    finish_high_s: Floats
    cost_slot_s: Floats
    on_time: Floats

    @property
    def known(self) -> Flags:
        """Which candidates anything is known of."""
        return self.situation.prediction.known

    @property
    def selectable(self) -> Flags:
        """Candidates that something is known of and that do not fail; if all of those fail, all of those."""
        fit = self.known & ~np.isin(self.situation.candidates, list(self.situation.failing))
        return fit if fit.any() else self.known

    def alternatives(self, chosen: int, verdicts: dict[int, str]) -> tuple[Alternative, ...]:
        """Candidates with their verdicts, narrowest first: all, or of many an even choice of `MAX_ALTERNATIVES`.

        Args:
            chosen: The parallelism chosen, which is always among them.
            verdicts: By parallelism, where the policy gave one.
        """
        words = dict.fromkeys(self.situation.failing, "supersteps fail at it") | {chosen: "chosen"} | verdicts
        return tuple(
            self._alternative(
                self.situation.index(one),
                one,
                words.get(one, "not compared" if self.known[self.situation.index(one)] else "nothing is known of it"),
            )
            for one in self.shown(chosen)
        )

    def shown(self, chosen: int) -> tuple[int, ...]:
        """Candidates that are shown beside the chosen one, itself included, ascending."""
        candidates = self.situation.candidates
        if len(candidates) > MAX_ALTERNATIVES:
            even = np.geomspace(candidates[0], candidates[-1], MAX_ALTERNATIVES - 1).round().astype(np.int64)
            candidates = np.union1d(even, [chosen])
        return tuple(int(one) for one in candidates)

    def _alternative(self, i: int, parallelism: int, verdict: str) -> Alternative:
        if not self.known[i]:
            return Alternative(
                parallelism=parallelism,
                superstep_s=None,
                finish_s=None,
                cost_slot_s=None,
                on_time_probability=None,
                outside_observed_range=True,
                verdict=verdict,
            )
        return Alternative(
            parallelism=parallelism,
            superstep_s=self.situation.prediction.superstep_interval(i),
            finish_s=Interval(
                low=float(self.finish_low_s[i]),
                expected=float(self.finish_s[i]),
                high=float(self.finish_high_s[i]),
                level=INTERVAL_LEVEL,
            ),
            cost_slot_s=float(self.cost_slot_s[i]),
            on_time_probability=None if np.isnan(self.on_time[i]) else float(self.on_time[i]),
            outside_observed_range=bool(self.situation.prediction.outside_observed_range[i]),
            verdict=verdict,
        )


def outlook(situation: Situation) -> Outlook:
    """The rest of the run at each candidate, if nothing were changed again."""
    left = situation.supersteps_left
    low, expected, high = situation.prediction.rest_s(left)
    fixed = fixed_s(situation)
    rest = expected + fixed - situation.elapsed_s
    target = situation.objective
    if isinstance(target, RuntimeTarget):
        on_time = situation.prediction.probability_within(target.target_s - fixed, left)
    else:
        on_time = np.full(len(expected), np.nan)
    return Outlook(
        situation=situation,
        finish_low_s=fixed + low,
        finish_s=fixed + expected,
        finish_high_s=fixed + high,
        cost_slot_s=rest * situation.candidates,
        on_time=on_time,
    )


def fixed_s(situation: Situation) -> Floats:
    """Seconds of the run that no parallelism changes: what is past, the driver's gaps, and a change's cost."""
    change = np.where(situation.candidates == situation.current_parallelism, 0.0, situation.adaptation_cost_s)
    return situation.elapsed_s + situation.gap_s * situation.supersteps_left + change
