"""What holds for every policy and whatever was measured."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.objective import Bounds, CostBudget, EfficiencyTarget, RuntimeTarget
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.plan import ReasonCode
from adaptor.planner.alternatives import alternatives
from adaptor.planner.comparison import WORTH_WAITING
from adaptor.planner.outlook import MAX_ALTERNATIVES
from adaptor.planner.policies import POLICIES
from adaptor.planner.policies.own import choose
from adaptor.planner.situation import MOST_COMPARED, compared_parallelisms
from adaptor.testing.values import a_view, measured

OBSERVATION = st.builds(
    ObservedDuration,
    parallelism=st.integers(1, 12),
    duration_s=st.floats(min_value=0.1, max_value=1000.0),
    cold=st.booleans(),
)
OBSERVATIONS = st.lists(OBSERVATION, max_size=8)
OBJECTIVE = st.one_of(
    st.builds(RuntimeTarget, target_s=st.floats(1.0, 10_000.0), confidence=st.floats(0.01, 0.99)),
    st.builds(EfficiencyTarget, min_efficiency=st.floats(0.01, 0.99)),
    st.builds(CostBudget, budget_slot_s=st.floats(1.0, 100_000.0), confidence=st.floats(0.01, 0.99)),
)
AS_FAST_AS_ALLOWED = (ReasonCode.FASTEST_WITHIN_BUDGET, ReasonCode.FASTEST_EFFICIENT)
SITUATION = st.fixed_dictionaries(
    {
        "objective": OBJECTIVE,
        "current_parallelism": st.integers(1, 16),
        "supersteps_left": st.integers(1, 1000),
        "elapsed_s": st.floats(0.0, 10_000.0),
        "gap_s": st.floats(0.0, 100.0),
        "adaptation_cost_s": st.floats(0.0, 100.0),
        "spent_slot_s": st.floats(0.0, 50_000.0),
        "slots_per_task_manager": st.integers(1, 8),
        "cpu_utilisation": st.none() | st.floats(0.0, 2.0),
        "failing": st.frozensets(st.integers(1, 12), max_size=3),
        "candidates": st.tuples(st.integers(1, 4), st.integers(4, 12)),
    }
)


@given(st.sampled_from(sorted(POLICIES)), OBSERVATIONS, SITUATION)
def test_a_choice_is_always_a_candidate_with_a_reason_and_a_verdict_for_each_alternative(
    policy: str, observations: list[ObservedDuration], fields: dict[str, Any]
) -> None:
    """No policy leaves the bounds, and none leaves an alternative without a word."""
    view = a_view(*observations, **fields)
    choice = POLICIES[policy].choose(view)
    candidates = view.situation.candidates.tolist()
    assert candidates[0] <= choice.parallelism <= candidates[-1]
    assert choice.reason.text
    shown = alternatives(view, choice)
    assert {one.parallelism for one in shown} == {*candidates, choice.parallelism}
    assert all(one.verdict for one in shown)


@given(OBSERVATIONS, SITUATION)
def test_the_same_situation_gives_the_same_choice(observations: list[ObservedDuration], fields: dict[str, Any]) -> None:
    """Nothing but the situation counts."""
    first, second = a_view(*observations, **fields), a_view(*observations, **fields)
    one, other = choose(first), choose(second)
    assert (one.parallelism, one.reason, one.verdicts) == (other.parallelism, other.reason, other.verdicts)


@given(OBSERVATIONS, SITUATION, st.floats(1.0, 5000.0), st.floats(1.0, 10.0))
def test_a_looser_target_never_costs_more(
    observations: list[ObservedDuration], fields: dict[str, Any], target_s: float, factor: float
) -> None:
    """Within the same knowledge, wherever both targets are met, but for what is paid to act at once."""
    costs = []
    for one in (target_s, target_s * factor):
        view = a_view(*observations, **{**fields, "objective": RuntimeTarget(target_s=one)})
        choice = choose(view)
        if choice.reason.code is not ReasonCode.CHEAPEST_ON_TIME or choice.ahead is None:
            return
        costs.append(float(choice.ahead.cost_slot_s[view.situation.index(choice.parallelism)]))
    assert costs[1] <= costs[0] * (1 + WORTH_WAITING)


@given(OBSERVATIONS, SITUATION)
def test_a_target_that_is_called_met_is_met_with_the_confidence_asked_for(
    observations: list[ObservedDuration], fields: dict[str, Any]
) -> None:
    """Per run, not per superstep."""
    view = a_view(*observations, **fields)
    choice = choose(view)
    if choice.reason.code in (ReasonCode.CHEAPEST_ON_TIME, ReasonCode.FASTEST_WITHIN_BUDGET):
        assert choice.ahead is not None
        chance = choice.ahead.chance[view.situation.index(choice.parallelism)]
        assert chance >= fields["objective"].confidence


@given(OBSERVATIONS, SITUATION, st.integers(4, 12), st.integers(0, 4))
def test_more_slots_never_worsen_the_predicted_finish(
    observations: list[ObservedDuration], fields: dict[str, Any], slots: int, more: int
) -> None:
    """Where the run is to be as fast as its limit allows, but for what is paid to act at once."""
    if isinstance(fields["objective"], RuntimeTarget):
        fields = {**fields, "objective": CostBudget(budget_slot_s=fields["objective"].target_s)}
    finishes = []
    for most in (slots, slots + more):
        view = a_view(*observations, **{**fields, "candidates": (1, most), "current_parallelism": 1})
        choice = choose(view)
        if choice.reason.code not in AS_FAST_AS_ALLOWED or choice.ahead is None:
            return
        finishes.append(float(choice.ahead.finish_s[view.situation.index(choice.parallelism)]))
    assert finishes[1] <= finishes[0] * (1 + WORTH_WAITING)


@given(OBSERVATIONS, SITUATION, st.floats(0.0, 100.0), st.floats(1.0, 100.0))
def test_who_stays_at_one_cost_of_a_change_stays_at_a_higher_one(
    observations: list[ObservedDuration], fields: dict[str, Any], cost_s: float, factor: float
) -> None:
    """So a higher cost never brings a change about."""
    chosen = []
    for one in (cost_s, cost_s * factor):
        view = a_view(*observations, **{**fields, "adaptation_cost_s": one})
        chosen.append(choose(view).parallelism == view.situation.current_parallelism)
    assert chosen[1] or not chosen[0]


@given(st.integers(1, 40), st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 9))
def test_compared_parallelisms_lie_inside_the_bounds_and_the_slots(
    least: int, more: int, slots: int, per_task_manager: int
) -> None:
    """At least the least of the bounds is always there: a run without slots must wait for them, not end."""
    bounds = Bounds(min_parallelism=least, max_parallelism=least + more)
    compared = compared_parallelisms(bounds, slots, slots_per_task_manager=per_task_manager, always={7, 33}).tolist()
    assert compared == sorted(set(compared))
    assert (compared[0], compared[-1]) == (least, max(least, min(least + more, slots)))
    if compared[-1] - compared[0] < MOST_COMPARED:
        assert compared == list(range(compared[0], compared[-1] + 1))
    assert {one for one in (7, 33) if compared[0] <= one <= compared[-1]} <= set(compared)


def test_of_very_many_alternatives_an_even_choice_is_shown() -> None:
    """A plan for 30,000 slots stays small enough for the store and one message; what was chosen is among them."""
    view = a_view(*measured(1, 100.0), *measured(7, 20.0), candidates=(1, 30_000))
    choice = choose(view)
    shown = [one.parallelism for one in alternatives(view, choice)]
    assert len(shown) <= MAX_ALTERNATIVES
    assert {1, 30_000, choice.parallelism} <= set(shown)
    assert shown == sorted(shown)


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_the_chosen_alternative_says_so(policy: str) -> None:
    """Exactly one does."""
    view = a_view(*measured(1, 10.0), *measured(2, 6.0), cpu_utilisation=0.7)
    choice = POLICIES[policy].choose(view)
    assert [one.verdict for one in alternatives(view, choice)].count("chosen") == 1
