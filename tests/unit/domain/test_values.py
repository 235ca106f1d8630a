"""Values refuse nonsense when they are built, and say which field it was in."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.objective import MAX_PARALLELISM, Bounds, CostBudget, EfficiencyTarget, RuntimeTarget
from adaptor.domain.observation import ObservedDuration
from adaptor.domain.plan import Interval
from adaptor.domain.run import MAX_SUPERSTEPS, PlanningSettings
from adaptor.domain.statistics import Spread
from adaptor.errors import InvalidValueError
from adaptor.testing.values import a_report, a_spec

NONSENSE: list[tuple[str, Callable[[], object]]] = [
    ("target_s", lambda: RuntimeTarget(target_s=0)),
    ("target_s", lambda: RuntimeTarget(target_s=-1)),
    ("target_s", lambda: RuntimeTarget(target_s=math.nan)),
    ("target_s", lambda: RuntimeTarget(target_s=math.inf)),
    ("confidence", lambda: RuntimeTarget(target_s=1, confidence=1)),
    ("confidence", lambda: RuntimeTarget(target_s=1, confidence=0)),
    ("min_efficiency", lambda: EfficiencyTarget(min_efficiency=1.5)),
    ("min_efficiency", lambda: EfficiencyTarget(min_efficiency=math.nan)),
    ("bounds.min_parallelism", lambda: Bounds(min_parallelism=0)),
    ("bounds.max_parallelism", lambda: Bounds(max_parallelism=MAX_PARALLELISM + 1)),
    ("bounds", lambda: Bounds(min_parallelism=4, max_parallelism=2)),
    ("context.program", lambda: ExecutionContext(program=" ")),
    ("context.node_type", lambda: ExecutionContext(program="p", node_type="n" * 201)),
    ("context.parameters", lambda: ExecutionContext(program="p", parameters={str(i): "1" for i in range(65)})),
    ("context.parameters['k']", lambda: ExecutionContext(program="p", parameters={"k": ""})),
    ("context.data key", lambda: ExecutionContext(program="p", data={"": "1"})),
    ("run_id", lambda: a_spec("")),
    ("run_id", lambda: a_spec("../etc")),
    ("run_id", lambda: a_spec("x" * 101)),
    ("run_id", lambda: a_spec("line\n")),
    ("max_supersteps", lambda: a_spec(max_supersteps=0)),
    ("max_supersteps", lambda: a_spec(max_supersteps=MAX_SUPERSTEPS + 1)),
    ("start_parallelism", lambda: a_spec(start_parallelism=5)),
    ("start_parallelism", lambda: a_spec(start_parallelism=0)),
    ("flink_url", lambda: a_spec(flink_url="localhost:8081")),
    ("superstep", lambda: a_report(0)),
    ("attempt", lambda: a_report(1, attempt=0)),
    ("requested_parallelism", lambda: a_report(1, at=0)),
    ("missed_supersteps", lambda: a_report(1, missed_supersteps=-1)),
    ("duration_s", lambda: a_report(1, 0.0)),
    ("duration_s", lambda: a_report(1, math.nan)),
    ("duration_s", lambda: a_report(1, 5e-324)),
    ("duration_s", lambda: a_report(1, 1e300)),
    ("duration_s", lambda: ObservedDuration(parallelism=1, duration_s=-1)),
    ("parallelism", lambda: ObservedDuration(parallelism=0, duration_s=1)),
    ("superstep", lambda: ObservedDuration(parallelism=1, duration_s=1, superstep=0)),
    ("existing_slots", lambda: Capacity(existing_slots=-1, obtainable_slots=0)),
    ("initial_adaptation_cost_s", lambda: PlanningSettings(initial_adaptation_cost_s=-1)),
    ("budget_slot_s", lambda: CostBudget(budget_slot_s=0.0)),
    ("interval", lambda: Interval(low=1, expected=2, high=math.inf, level=0.8)),
    ("spread", lambda: Spread(minimum=math.nan, median=1, maximum=1)),
]


@pytest.mark.parametrize(("field", "build"), NONSENSE, ids=[f"{n}-{field}" for n, (field, _) in enumerate(NONSENSE)])
def test_nonsense_is_refused_and_its_field_named(field: str, build: Callable[[], object]) -> None:
    """The error carries the field as its owner knows it, and its text begins with it."""
    with pytest.raises(InvalidValueError) as caught:
        build()
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_reversed_bounds_come_with_a_remedy() -> None:
    """Who mixed the two up is told so."""
    with pytest.raises(InvalidValueError, match="min_parallelism 4 is above max_parallelism 2; swap them"):
        Bounds(min_parallelism=4, max_parallelism=2)


def test_bounds_clamp_to_the_nearest_inside() -> None:
    """What lies outside becomes the nearer bound."""
    assert [Bounds(min_parallelism=2, max_parallelism=4).clamp(one) for one in (1, 2, 3, 4, 9)] == [2, 2, 3, 4, 4]


def test_the_key_of_a_context_does_not_depend_on_the_order_of_its_pairs() -> None:
    """Two runs of the same context find each other however they were described."""
    one = ExecutionContext(program="p", parameters={"k": "8", "seed": "1"}, data={"rows": "3", "columns": "4"})
    other = ExecutionContext(program="p", parameters={"seed": "1", "k": "8"}, data={"columns": "4", "rows": "3"})
    assert one.key == other.key


def test_the_key_of_a_context_depends_on_everything_in_it() -> None:
    """No two different contexts share a key, not even if a pair only moved from parameters to data."""
    contexts = [
        ExecutionContext(program="p"),
        ExecutionContext(program="q"),
        ExecutionContext(program="p", node_type="big"),
        ExecutionContext(program="p", parameters={"k": "8"}),
        ExecutionContext(program="p", data={"k": "8"}),
        ExecutionContext(program="p", parameters={"k": "9"}),
        ExecutionContext(program="p", parameters={"k": "8", "l": "8"}),
    ]
    assert len({one.key for one in contexts}) == len(contexts)


@pytest.mark.parametrize(("existing", "obtainable", "most"), [(2, 4, 4), (4, 2, 4), (0, 0, 0)])
def test_a_plan_may_count_on_what_exists_and_on_what_can_be_had(existing: int, obtainable: int, most: int) -> None:
    """Whichever is more."""
    assert Capacity(existing_slots=existing, obtainable_slots=obtainable).most_slots == most
