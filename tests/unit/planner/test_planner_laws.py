"""What holds for every policy and whatever was measured."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.objective import Bounds, EfficiencyTarget, RuntimeTarget
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.plan import ReasonCode
from adaptor.planner.outlook import MAX_ALTERNATIVES, Outlook
from adaptor.planner.policies import POLICIES, adaptor_policy
from adaptor.planner.situation import legal_parallelisms
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
)
SITUATION = st.fixed_dictionaries(
    {
        "objective": OBJECTIVE,
        "current_parallelism": st.integers(1, 16),
        "supersteps_left": st.integers(1, 1000),
        "elapsed_s": st.floats(0.0, 10_000.0),
        "gap_s": st.floats(0.0, 100.0),
        "adaptation_cost_s": st.floats(0.0, 100.0),
        "explorations_left": st.integers(0, 3),
        "cpu_utilisation": st.none() | st.floats(0.0, 2.0),
        "failing": st.frozensets(st.integers(1, 12), max_size=3),
        "candidates": st.tuples(st.integers(1, 4), st.integers(4, 12)),
    }
)


def on_target(view: dict[str, Any], target_s: float) -> Outlook:
    """The same knowledge under another target."""
    return a_view(*view["observations"], **view["fields"], objective=RuntimeTarget(target_s=target_s))


@given(st.sampled_from(sorted(POLICIES)), OBSERVATIONS, SITUATION)
def test_a_choice_is_always_a_candidate_with_a_reason_and_a_verdict_for_each_alternative(
    policy: str, observations: list[ObservedDuration], fields: dict[str, Any]
) -> None:
    """No policy leaves the bounds, and none leaves an alternative without a word."""
    view = a_view(*observations, **fields)
    choice = POLICIES[policy](view)
    assert choice.parallelism in view.situation.candidates
    assert choice.reason.text
    alternatives = view.alternatives(choice.parallelism, choice.verdicts)
    assert [one.parallelism for one in alternatives] == view.situation.candidates.tolist()
    assert all(one.verdict for one in alternatives)


@given(OBSERVATIONS, SITUATION)
def test_the_same_situation_gives_the_same_choice(observations: list[ObservedDuration], fields: dict[str, Any]) -> None:
    """Nothing but the situation counts."""
    first, second = a_view(*observations, **fields), a_view(*observations, **fields)
    assert adaptor_policy(first) == adaptor_policy(second)


@given(OBSERVATIONS, SITUATION, st.floats(1.0, 5000.0), st.floats(1.0, 10.0))
def test_a_looser_target_never_costs_more(
    observations: list[ObservedDuration], fields: dict[str, Any], target_s: float, factor: float
) -> None:
    """Within the same knowledge, wherever both targets can be met and tries are left."""
    fields = {**fields, "explorations_left": 3, "supersteps_left": max(2, fields["supersteps_left"])}
    costs = []
    for one in (target_s, target_s * factor):
        view = a_view(*observations, **{**fields, "objective": RuntimeTarget(target_s=one)})
        choice = adaptor_policy(view)
        if choice.reason.code is not ReasonCode.CHEAPEST_ON_TIME:
            return
        costs.append(view.cost_slot_s[view.situation.index(choice.parallelism)])
    assert costs[1] <= costs[0]


@given(OBSERVATIONS, SITUATION)
def test_without_tries_left_nothing_is_called_a_try(
    observations: list[ObservedDuration], fields: dict[str, Any]
) -> None:
    """The narrowest and the widest measured parallelism enclose what may be chosen, unless only beyond is on time."""
    view = a_view(*observations, **{**fields, "explorations_left": 0})
    choice = adaptor_policy(view)
    text = choice.reason.text
    assert "tried" not in text.replace("nothing else may be tried", "")


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 100))
def test_legal_parallelisms_lie_inside_the_bounds_and_the_slots(least: int, more: int, slots: int) -> None:
    """At least the least of the bounds is always there: a run without slots must wait for them, not end."""
    bounds = Bounds(min_parallelism=least, max_parallelism=least + more)
    legal = legal_parallelisms(bounds, slots).tolist()
    assert legal[0] == least
    assert legal == list(range(least, legal[-1] + 1))
    assert legal[-1] <= max(least, min(least + more, slots))


def test_of_very_many_alternatives_an_even_choice_is_shown() -> None:
    """A plan for 30,000 slots stays small enough for the store and one message; what was chosen is among them."""
    view = a_view(*measured(1, 100.0), *measured(7, 20.0), candidates=(1, 30_000))
    choice = adaptor_policy(view)
    alternatives = view.alternatives(choice.parallelism, choice.verdicts)
    shown = [one.parallelism for one in alternatives]
    assert len(shown) <= MAX_ALTERNATIVES
    assert {1, 30_000, choice.parallelism} <= set(shown)
    assert shown == sorted(shown)


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_the_chosen_alternative_says_so(policy: str) -> None:
    """Exactly one does."""
    view = a_view(*measured(1, 10.0), *measured(2, 6.0), cpu_utilisation=0.7)
    choice = POLICIES[policy](view)
    verdicts = [one.verdict for one in view.alternatives(choice.parallelism, choice.verdicts)]
    assert verdicts.count("chosen") == 1
