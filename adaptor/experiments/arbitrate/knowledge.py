"""What the planner knows of a simulated run: the shape of its curve, and its level the better the longer it runs.

The full models take milliseconds for each demand, which sixty days of a thousand runs are too many for. So the level is
learnt here by one normal distribution; everything from there to the demand is the code that decides in production.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from adaptor.control.demand import cheapest_on_time, points_of
from adaptor.domain.demand import Demand
from adaptor.domain.objective import DEFAULT_CONFIDENCE, RuntimeTarget
from adaptor.domain.plan import Interval
from adaptor.experiments.arbitrate.workload import CHANGE_S, DOUBT, NOISE, PER, SimulatedRun
from adaptor.models.arrays import Floats
from adaptor.models.prediction import INTERVAL_LEVEL, JointPrediction, Prediction
from adaptor.planner.outlook import outlook
from adaptor.planner.situation import AdaptationCost, Situation

DEGREES_OF_FREEDOM = 30.0
"""Of the predictions: the noise is known from many runs."""

_AT_ONCE = Interval(low=0.0, expected=0.0, high=0.0, level=INTERVAL_LEVEL)


@dataclass(slots=True)
class Knowledge:
    """Of one run.

    Attributes:
        run: The run; what only the simulation knows of it is not looked at.
        level: Mean of the log of the factor on `SimulatedRun.superstep_s`.
        variance: Of that.
    """

    run: SimulatedRun
    level: float = field(init=False)
    variance: float = DOUBT**2

    def __post_init__(self) -> None:
        self.level = self.run.doubt

    def observed(self, log_factor: float) -> None:
        """One more superstep took so much longer than usual, in logs."""
        gain = self.variance / (self.variance + NOISE**2)
        self.level += gain * (log_factor - self.level)
        self.variance *= 1 - gain

    def superstep_s(self) -> Floats:
        """Predicted seconds of a superstep at each number of slots, shape (n,)."""
        predicted: Floats = self.run.superstep_s * math.exp(self.level)
        return predicted

    def demand(self, *, done: int, held_slots: int, at_s: float, waiting_since_s: float | None) -> Demand:
        """The run's demand at a barrier.

        Args:
            done: Supersteps that it has done.
            held_slots: What it holds until its next barrier.
            at_s: Now.
            waiting_since_s: Since when it holds nothing; ``None`` while it holds some.
        """
        run = self.run
        view = outlook(self._situation(done=done, held_slots=held_slots, at_s=at_s))
        points = points_of(view)
        superstep_s = self._interval(held_slots) if held_slots else None
        return Demand(
            run_id=run.run_id,
            claim=run.claim,
            at_s=at_s,
            started_at_s=run.arrives_s,
            target_s=run.target_s,
            confidence=DEFAULT_CONFIDENCE,
            least_slots=points[0].slots,
            wanted_slots=cheapest_on_time(view, DEFAULT_CONFIDENCE),
            most_slots=points[-1].slots,
            held_slots=held_slots,
            points=points,
            next_superstep=done + 1,
            barrier_in_s=superstep_s or _AT_ONCE,
            superstep_s=superstep_s,
            adaptation_s=CHANGE_S,
            waiting_since_s=waiting_since_s,
        )

    def _interval(self, slots: int) -> Interval:
        expected = float(self.superstep_s()[slots // PER - 1])
        factor = math.exp(1.3 * math.sqrt(self.variance + NOISE**2))
        return Interval(low=expected / factor, expected=expected, high=expected * factor, level=INTERVAL_LEVEL)

    def _situation(self, *, done: int, held_slots: int, at_s: float) -> Situation:
        run, count = self.run, len(self.run.slots)
        left = run.supersteps - done
        return Situation(
            objective=RuntimeTarget(target_s=run.target_s),
            current_parallelism=held_slots,
            supersteps_left=left,
            elapsed_s=at_s - run.arrives_s,
            spent_slot_s=0.0,
            gap_s=0.0,
            adaptation=AdaptationCost(expected_s=CHANGE_S, high_s=CHANGE_S),
            joint=JointPrediction(
                prediction=Prediction(
                    parallelisms=run.slots,
                    expected_log_s=np.log(run.superstep_s) + self.level,
                    spread_of_expectation=np.full(count, math.sqrt(self.variance)),
                    noise=NOISE,
                    degrees_of_freedom=DEGREES_OF_FREEDOM,
                    outside_observed_range=np.zeros(count, dtype=bool),
                ),
                covariance=np.full((count, count), self.variance),
            ),
            work=np.ones(left),
            work_spread=0.0,
            slots_per_task_manager=PER,
            measured=frozenset(),
            failing=frozenset(),
            cpu_utilisation=None,
        )
