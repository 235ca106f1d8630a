"""What it is worth to run the next superstep at each candidate, going on as well as one then can.

A plan is not one parallelism for the rest of the run. Whatever the next superstep is run at, its duration will teach
something of every other parallelism, and the run goes on at what then looks best. So every candidate p is judged by a
tree of three levels:

1. the next superstep at p ends in one of `FIRST` ways, quantiles of its predicted duration. Each moves the expectation
   of every candidate q by ``cov(q, p) / var(p)`` and narrows its variance [Rasmussen06, ch. 2];
2. the run stays at p, or it goes to some q for a superstep, which ends in one of `SECOND` ways;
3. there it stays, or it goes back to p, which is known by then.

At each level the option is taken that serves the objective best with the confidence it asks for, every change being
paid for. So a superstep that teaches much is worth more than its own time, one that can be mended afterwards is dared
and one that cannot is not, and nothing is tried near the end.

Why no more levels: were the curve known, the cheapest schedule within a time would be a linear program with two
constraints (all work is done, the time is kept), so an optimum uses at most two parallelisms [Dantzig63]; the tree has
two, and a way back. What is uncertain is decided again at the next barrier, knowing more.

Arrays are over n candidates p, J first endings, m candidates q, K second endings, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from adaptor.domain.objective import CostBudget, EfficiencyTarget, RuntimeTarget
from adaptor.models.arrays import Counts, Flags, Floats
from adaptor.planner.endings import FIRST, SECOND
from adaptor.planner.situation import Situation

MOST_LATER = 16
"""Candidates q that are compared from the second superstep on, evenly chosen: it is decided again before it comes."""

USUAL_SCALE, NEAR_EVEN = 1.5, 0.1
"""Scale of the logistic curve that is nearest to Student's t, and how near one half a confidence may come until that is
taken: there both agree whatever the scale."""

HOPELESS = 0.05
"""Chance below which what is wanted no longer steers: the usual level of significance."""

LARGEST_VARIANCE = 1.0
"""Variance of log seconds that a mean is corrected for: with more, the tail of Student's t has no mean at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookahead:
    """What each candidate for the next superstep leads to; every array has shape (n,).

    Attributes:
        finish_s: Expected seconds from the run's start to its end.
        cost_slot_s: Expected slot-seconds from now to the end.
        chance: Probability that the objective is met.
        then: What the rest will most likely be run at.
    """

    finish_s: Floats
    cost_slot_s: Floats
    chance: Floats
    then: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """Ways to go on; arrays of one shape.

    Attributes:
        seconds: Expected, to the end.
        slot_s: Expected slot-seconds, to the end.
        slack: By how many standard deviations the objective is met; below zero it is more likely missed.
    """

    seconds: Floats
    slot_s: Floats
    slack: Floats

    def where(self, flags: Flags, other: _Options) -> _Options:
        """These where flagged, the others elsewhere."""
        return _Options(
            seconds=np.where(flags, self.seconds, other.seconds),
            slot_s=np.where(flags, self.slot_s, other.slot_s),
            slack=np.where(flags, self.slack, other.slack),
        )


def lookahead(situation: Situation) -> Lookahead:
    """Judge every candidate for the next superstep.

    Args:
        situation: With a prediction that knows every candidate.
    """
    return _Tree(situation).judged()


class _Tree:
    """The tree over one situation."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        prediction = situation.prediction
        self._variance = np.diag(situation.joint.covariance)
        self._spread = np.sqrt(self._variance + prediction.noise**2)
        self._tail = float(stdtrit(prediction.degrees_of_freedom, self._confidence))
        self._first = stdtrit(prediction.degrees_of_freedom, FIRST.quantiles)
        self._gain = situation.joint.covariance / self._spread[:, np.newaxis]
        self._known = np.maximum(self._variance - self._gain**2, 0.0)
        # What lies inside of one ending at p itself, as a variance of its log seconds, shape (n, 1).
        self._inside_own = (FIRST.width * np.diag(self._gain)[:, np.newaxis]) ** 2
        self._later = self._candidates_later()
        moved_s = situation.moved * situation.adaptation.expected_s
        logs = prediction.expected_log_s[:, np.newaxis] + self._spread[:, np.newaxis] * self._first
        self._own_after = prediction.expected_log_s[:, np.newaxis] + np.diag(self._gain)[:, np.newaxis] * self._first
        self._after = self._after_first(self._later)
        self._taken_s = np.exp(logs) * situation.work[0] + (situation.gap_s + moved_s)[:, np.newaxis]

    @property
    def _confidence(self) -> float:
        objective = self._situation.objective
        return 0.5 if isinstance(objective, EfficiencyTarget) else objective.confidence

    def judged(self) -> Lookahead:
        """The mean over all first endings, each going on as is then best."""
        if self._situation.supersteps_left == 1:
            return self._at_the_end()
        stay, go = self._stay(), self._go()
        served = self._chance(stay.slack)[:, :, np.newaxis]
        options = _Options(
            seconds=np.concatenate([stay.seconds[:, :, np.newaxis], go.seconds], axis=2),
            slot_s=np.concatenate([stay.slot_s[:, :, np.newaxis], go.slot_s], axis=2),
            slack=np.concatenate([served, go.slack], axis=2),
        )
        return self._summed(options)

    def _summed(self, options: _Options) -> Lookahead:
        """The best of all options for each p and first ending; their `slack` is a chance here."""
        situation = self._situation
        met = options.slack >= self._confidence
        worth = np.where(met, self._worth(options), np.inf).argmin(axis=2)
        likeliest = options.slack.argmax(axis=2)
        # What cannot be met any more is at least not missed by far.
        nearest = np.where(options.slack < 0, np.inf, self._load(options)).argmin(axis=2)
        unmet = np.where(options.slack.max(axis=2) >= HOPELESS, likeliest, nearest)
        chosen = np.where(met.any(axis=2), worth, unmet)[:, :, np.newaxis]
        seconds = np.take_along_axis(options.seconds, chosen, axis=2)[:, :, 0] + self._taken_s
        slot_s = np.take_along_axis(options.slot_s, chosen, axis=2)[:, :, 0]
        slot_s = slot_s + self._taken_s * situation.slots[:, np.newaxis]
        chance = np.take_along_axis(options.slack, chosen, axis=2)[:, :, 0]
        middle = chosen[:, len(FIRST.chances) // 2, 0]
        then = np.where(middle == 0, np.arange(len(middle)), self._later[np.maximum(middle - 1, 0)])
        return Lookahead(
            finish_s=situation.elapsed_s + seconds @ FIRST.chances,
            cost_slot_s=slot_s @ FIRST.chances,
            chance=chance @ FIRST.chances,
            then=situation.candidates[then],
        )

    def _stay(self) -> _Options:
        """All that is left at p, shape (n, J)."""
        situation = self._situation
        left = situation.supersteps_left - 1
        variance = np.diag(self._known)[:, np.newaxis]
        median_s = np.exp(self._own_after) * situation.work[1:].sum()
        slots = situation.slots[:, np.newaxis]
        return self._options(
            median_s=median_s,
            mean=_mean(variance),
            slots=slots,
            fixed_s=np.full((len(variance), 1), situation.gap_s * left),
            fixed_slot_s=situation.gap_s * left * slots,
            risk_s=0.0,
            risk_slot_s=0.0,
            spread=np.sqrt(variance + self._inside_own + self._averaged(1)),
            left=self._left(),
            efficiency=self._own_efficiency(),
        )

    def _go(self) -> _Options:
        """A superstep at q and then the better of q and p, shape (n, J, m); `slack` is the chance."""
        taken_s = self._second_taken_s()
        there, back = self._there(taken_s), self._back(taken_s)
        met_there, met_back = there.slack >= self._tail, back.slack >= self._tail
        worth = self._worth(there) <= self._worth(back)
        less = self._load(there) <= self._load(back)
        better = np.where(met_there & met_back, worth, np.where(met_there | met_back, met_there, less))
        taken = there.where(better, back)
        chances = SECOND.chances
        chance = self._chance(taken.slack) @ chances
        # No candidate that may not be tried after p, nor p itself, which is staying.
        barred = ~self._situation.reachable_after[:, self._later] | (
            self._later == np.arange(len(self._taken_s))[:, np.newaxis]
        )
        chance[np.broadcast_to(barred[:, np.newaxis, :], chance.shape)] = -1.0
        return _Options(seconds=taken.seconds @ chances, slot_s=taken.slot_s @ chances, slack=chance)

    def _there(self, taken_s: Floats) -> _Options:
        """On at q, shape (n, J, m, K)."""
        situation, later = self._situation, self._later
        left = situation.supersteps_left - 2
        variance = self._known[:, later]
        noise = situation.prediction.noise**2
        total = variance + noise
        second = stdtrit(situation.prediction.degrees_of_freedom, SECOND.quantiles)
        moved = np.exp((variance / np.sqrt(total))[:, np.newaxis, :, np.newaxis] * second)
        median_s = np.exp(self._after)[..., np.newaxis] * moved * situation.work[2:].sum()
        settled = (variance * noise / total)[:, np.newaxis, :, np.newaxis]
        inside = (SECOND.width**2 * variance**2 / total) + (FIRST.width * self._gain[:, later]) ** 2
        inside = inside[:, np.newaxis, :, np.newaxis]
        slots = situation.slots[later][:, np.newaxis]
        fixed_s = taken_s + situation.gap_s * left
        risk_s = situation.adaptation.high_s - situation.adaptation.expected_s
        return self._options(
            median_s=median_s,
            mean=_mean(settled),
            slots=slots,
            fixed_s=fixed_s,
            fixed_slot_s=fixed_s * slots,
            risk_s=risk_s,
            risk_slot_s=risk_s * slots,
            spread=np.sqrt(settled + inside + self._averaged(2)),
            left=self._left()[:, :, np.newaxis, np.newaxis],
            efficiency=self._efficiency()[..., np.newaxis] - np.log(moved),
        )

    def _back(self, taken_s: Floats) -> _Options:
        """Back at p after one superstep at q, shape (n, J, m, K)."""
        situation = self._situation
        left = situation.supersteps_left - 2
        variance = np.diag(self._known)[:, np.newaxis, np.newaxis, np.newaxis]
        median_s = np.exp(self._own_after)[:, :, np.newaxis, np.newaxis] * situation.work[2:].sum()
        slots, there = (
            situation.slots[:, np.newaxis, np.newaxis, np.newaxis],
            situation.slots[self._later][:, np.newaxis],
        )
        change_s = situation.adaptation.expected_s if left else 0.0
        return_s = situation.gap_s * left + change_s
        risk_s = situation.adaptation.high_s - situation.adaptation.expected_s
        return self._options(
            median_s=median_s,
            mean=_mean(variance),
            slots=slots,
            fixed_s=taken_s + return_s,
            fixed_slot_s=taken_s * there + return_s * slots,
            risk_s=2 * risk_s,
            risk_slot_s=risk_s * (slots + there),
            spread=np.sqrt(variance + self._inside_own[:, :, np.newaxis, np.newaxis] + self._averaged(2)),
            left=self._left()[:, :, np.newaxis, np.newaxis],
            efficiency=self._own_efficiency()[:, :, np.newaxis, np.newaxis],
        )

    def _second_taken_s(self) -> Floats:
        """Seconds of one superstep at q with gap and change, shape (n, J, m, K)."""
        situation, later = self._situation, self._later
        spread = np.sqrt(self._known[:, later] + situation.prediction.noise**2)
        second = stdtrit(situation.prediction.degrees_of_freedom, SECOND.quantiles)
        ends = np.exp(spread[:, np.newaxis, :, np.newaxis] * second)
        usual_s = np.exp(self._after)[..., np.newaxis] * situation.work[1]
        taken_s: Floats = usual_s * ends + situation.gap_s + situation.adaptation.expected_s
        return taken_s

    def _options(
        self,
        *,
        median_s: Floats,
        mean: Floats,
        slots: Floats,
        fixed_s: Floats,
        fixed_slot_s: Floats,
        risk_s: float,
        risk_slot_s: Floats | float,
        spread: Floats,
        left: Floats,
        efficiency: Floats,
    ) -> _Options:
        """Supersteps of `median_s` in all, on so many slots, after what is fixed."""
        objective = self._situation.objective
        seconds, slot_s = median_s * mean + fixed_s, median_s * mean * slots + fixed_slot_s
        if isinstance(objective, EfficiencyTarget):
            return _Options(seconds=seconds, slot_s=slot_s, slack=np.broadcast_to(efficiency, seconds.shape))
        counted, fixed = median_s, fixed_s + risk_s
        if isinstance(objective, CostBudget):
            counted, fixed = median_s * slots, fixed_slot_s + risk_slot_s
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = np.log(np.maximum(left - fixed, 0.0) / counted) / spread
        # Nothing left to do is done in time if there is any time.
        slack = np.where(counted > 0, slack, np.where(left >= fixed, np.inf, -np.inf))
        return _Options(seconds=seconds, slot_s=slot_s, slack=slack)

    def _left(self) -> Floats:
        """Of the target or the budget, after the next superstep, shape (n, J)."""
        situation, objective = self._situation, self._situation.objective
        left: Floats = np.zeros_like(self._taken_s)
        if isinstance(objective, RuntimeTarget):
            left = objective.target_s - situation.elapsed_s - self._taken_s
        elif isinstance(objective, CostBudget):
            left = objective.budget_slot_s - situation.spent_slot_s - self._taken_s * situation.slots[:, np.newaxis]
        return left

    def _own_efficiency(self) -> Floats:
        """Log of the parallel efficiency of p over its limit after each first ending, shape (n, J)."""
        work = self._own_after + np.log(self._situation.candidates)[:, np.newaxis]
        efficiency: Floats = self._narrowest()[:, :, 0] - work
        return efficiency

    def _efficiency(self) -> Floats:
        """The same of each q, shape (n, J, m)."""
        efficiency: Floats = self._narrowest() - self._after - np.log(self._situation.candidates[self._later])
        return efficiency

    def _narrowest(self) -> Floats:
        """Log work of the narrowest candidate less the log of the limit, shape (n, J, 1); zero if none is asked for."""
        objective, candidates = self._situation.objective, self._situation.candidates
        if not isinstance(objective, EfficiencyTarget):
            return np.zeros((len(candidates), len(self._first), 1))
        first = np.zeros(1, dtype=np.int64)
        narrowest: Floats = self._after_first(first) + np.log(candidates[0]) - np.log(objective.min_efficiency)
        return narrowest

    def _after_first(self, later: Counts) -> Floats:
        """Log seconds expected at candidates q after each first ending, shape (n, J, m)."""
        expected = self._situation.prediction.expected_log_s[later]
        moved: Floats = expected + self._gain[:, np.newaxis, later] * self._first[:, np.newaxis]
        return moved

    def _averaged(self, done: int) -> float:
        """Variance of noise between the supersteps after so many, in their mean."""
        work = self._situation.work[done:]
        if not len(work):
            return 0.0
        averaged = float(work @ work) / float(work.sum()) ** 2
        return self._situation.prediction.noise**2 * averaged + self._situation.work_spread**2

    def _worth(self, options: _Options) -> Floats:
        """What the objective wants least of."""
        return options.slot_s if isinstance(self._situation.objective, RuntimeTarget) else options.seconds

    def _load(self, options: _Options) -> Floats:
        """What the objective has a limit for."""
        return options.slot_s if isinstance(self._situation.objective, CostBudget) else options.seconds

    def _chance(self, slack: Floats) -> Floats:
        """Probability that the objective is met with so much slack, by a logistic curve that is quick to compute.

        It agrees with Student's t at one half and at the confidence asked for.
        """
        if isinstance(self._situation.objective, EfficiencyTarget):
            met: Floats = np.where(slack >= 0, 1.0, 0.0)
            return met
        scale = (
            np.log(self._confidence / (1 - self._confidence)) / self._tail
            if abs(self._tail) > NEAR_EVEN
            else USUAL_SCALE
        )
        chance: Floats = 1 / (1 + np.exp(np.clip(-scale * slack, -700, 700)))
        return chance

    def _candidates_later(self) -> Counts:
        """Indices of candidates q, ascending."""
        count = len(self._situation.candidates)
        even = np.linspace(0, count - 1, min(count, MOST_LATER)).round().astype(np.int64)
        current = self._situation.index(self._situation.nearest_candidate)
        later: Counts = np.unique(np.append(even, current))
        return later

    def _at_the_end(self) -> Lookahead:
        """Where no superstep comes after the next one."""
        situation, prediction, objective = self._situation, self._situation.prediction, self._situation.objective
        expected_s = self._taken_s @ FIRST.chances
        fixed_s = situation.gap_s + situation.moved * situation.adaptation.high_s
        left_s = np.full(len(fixed_s), np.inf)
        if isinstance(objective, RuntimeTarget):
            left_s = objective.target_s - situation.elapsed_s - fixed_s
        elif isinstance(objective, CostBudget):
            left_s = (objective.budget_slot_s - situation.spent_slot_s) / situation.slots - fixed_s
        with np.errstate(divide="ignore"):
            slack = np.log(np.maximum(left_s, 0.0)) - prediction.expected_log_s - np.log(situation.work[0])
        return Lookahead(
            finish_s=situation.elapsed_s + expected_s,
            cost_slot_s=expected_s * situation.slots,
            chance=stdtr(prediction.degrees_of_freedom, slack / self._spread),
            then=situation.candidates,
        )


def _mean(variance: Floats) -> Floats:
    """Factor from the median of a log-normal quantity to its mean."""
    mean: Floats = np.exp(np.minimum(variance, LARGEST_VARIANCE) / 2)
    return mean
