"""A decision with everything that led to it. What the job gets, the store keeps and the screen shows is this."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from adaptor.domain.checks import require_finite


class ReasonCode(enum.Enum):
    """Why a plan says what it says, for programs; `Reason.text` says the same to people."""

    CHEAPEST_ON_TIME = "cheapest_on_time"
    FASTEST_AVAILABLE = "fastest_available"
    NO_GAIN_FROM_MORE = "no_gain_from_more"
    FASTEST_EFFICIENT = "fastest_efficient"
    FASTEST_WITHIN_BUDGET = "fastest_within_budget"
    CHEAPEST_AVAILABLE = "cheapest_available"
    EXPLORE_WIDER = "explore_wider"
    EXPLORE_NARROWER = "explore_narrower"
    NOTHING_KNOWN = "nothing_known"
    UTILISATION_RULE = "utilisation_rule"
    UTILISATION_UNKNOWN = "utilisation_unknown"
    PUBLISHED_RULE = "published_rule"
    STATIC = "static"
    LAST_SUPERSTEP = "last_superstep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, once for programs and once for people."""

    code: ReasonCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A predicted quantity with the range that should hold it in a share `level` of all cases.

    Attributes:
        low: Lower end.
        expected: Most probable value.
        high: Upper end.
        level: Probability between 0 and 1 that the truth lies inside.
    """

    low: float
    expected: float
    high: float
    level: float

    def __post_init__(self) -> None:
        require_finite("interval", self.low, self.expected, self.high)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One parallelism that could have been chosen, and what was expected of it.

    Attributes:
        parallelism: The candidate.
        superstep_s: Predicted duration of one superstep, in seconds; ``None`` where nothing is known.
        finish_s: Predicted seconds from the run's start to its end if it were kept.
        cost_slot_s: Expected slot-seconds of the rest of the run if the next superstep used it and the rest what then
            serves best.
        on_time_probability: Probability that the objective is met on those terms: target, budget or efficiency;
            ``None`` where the policy does not tell.
        outside_observed_range: Whether the prediction extrapolates.
        verdict: Why it was chosen or not, in words.
    """

    parallelism: int
    superstep_s: Interval | None
    finish_s: Interval | None
    cost_slot_s: float | None
    on_time_probability: float | None
    outside_observed_range: bool
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a plan rests on.

    Attributes:
        own_observations: Observations of this run that the model used.
        earlier_observations: Those of earlier runs of the same execution context on this machine.
        shared_observations: Those of peers.
        distinct_parallelisms: At how many parallelisms any of them were made.
        model: Name of the model that predicted.
        supersteps_left: Supersteps the plan counts on, this one included.
        elapsed_s: Seconds since the start of the run.
        adaptation_cost_s: Seconds that a rescale is expected to cost.
        slots: Slots that exist or can be had.
        contributors: Peers whose observations were used, the largest first.
        shared_weight: From 0 to 1, how much predictions that peers' observations are part of count, by how they
            foretold this run; ``None`` if there are none.
        supersteps_left_low: As many are left at least, or more, with the probability of nine in ten.
        supersteps_left_high: As many at most, or fewer, with the same.
        supersteps_basis: What the number rests on: the run's limit, similar runs, or its convergence.
    """

    own_observations: int
    earlier_observations: int
    shared_observations: int
    distinct_parallelisms: int
    model: str
    supersteps_left: int
    elapsed_s: float
    adaptation_cost_s: float
    slots: int
    contributors: tuple[str, ...] = ()
    shared_weight: float | None = None
    supersteps_left_low: int | None = None
    supersteps_left_high: int | None = None
    supersteps_basis: str = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The parallelism of the next superstep.

    Attributes:
        run_id: The run it is for.
        superstep: The superstep it is for, from 1.
        parallelism: What to use.
        previous_parallelism: What the superstep before used; equal to `parallelism` if the plan is to stay.
        policy: Name of the policy that decided.
        reason: Why.
        predicted_s: Predicted duration of the superstep it is for; ``None`` where nothing is known.
        alternatives: Candidates that were weighed, narrowest first; of very many an even choice.
        evidence: What the plan rests on.
    """

    run_id: str
    superstep: int
    parallelism: int
    previous_parallelism: int
    policy: str
    reason: Reason
    predicted_s: Interval | None
    alternatives: tuple[Alternative, ...]
    evidence: Evidence

    @property
    def stays(self) -> bool:
        """Whether the plan changes nothing."""
        return self.parallelism == self.previous_parallelism
