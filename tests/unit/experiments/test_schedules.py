"""Nobody who knows the curve does better than the best schedule: it is compared with all there are."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adaptor.experiments.simulated.schedules import (
    STEPS,
    Choices,
    Schedule,
    added_up,
    cheapest_within,
    fastest_within,
)

SUPERSTEPS = 4
SECONDS = st.lists(st.floats(1.0, 100.0), min_size=3, max_size=3)


def choices(seconds: list[float], change_s: float, first: int | None) -> Choices:
    """Three parallelisms over four supersteps that are all alike."""
    return Choices(
        parallelisms=np.array([1, 2, 4]),
        superstep_s=np.tile(seconds, (SUPERSTEPS, 1)),
        slots=np.array([1.0, 2.0, 4.0]),
        adaptation_cost_s=change_s,
        first=first,
    )


def every(given: Choices) -> list[Schedule]:
    """All 81 schedules, or the 27 with this start."""
    starts = range(3) if given.first is None else [given.first]
    return [added_up(given, (a, *rest)) for a in starts for rest in product(range(3), repeat=SUPERSTEPS - 1)]


@given(SECONDS, st.floats(0.0, 30.0), st.sampled_from([None, 0, 2]), st.floats(0.8, 3.0))
def test_no_schedule_within_the_cap_is_faster(
    seconds: list[float], change_s: float, first: int | None, share: float
) -> None:
    """Up to what counting the cap in parts rounds away."""
    given = choices(seconds, change_s, first)
    cap = share * min(one.slot_s for one in every(given))
    best = fastest_within(given, cap)
    spared = [one.runtime_s for one in every(given) if one.slot_s <= cap * (1 - SUPERSTEPS / STEPS)]
    if best is None:
        assert not spared
        return
    assert best.slot_s <= cap * (1 + SUPERSTEPS / STEPS)
    assert best.runtime_s <= min(spared, default=np.inf) + 1e-9


@given(SECONDS, st.floats(0.0, 30.0), st.sampled_from([None, 0, 2]), st.floats(0.8, 3.0))
def test_no_schedule_in_time_is_cheaper(seconds: list[float], change_s: float, first: int | None, share: float) -> None:
    """The same with time and cost changed round."""
    given = choices(seconds, change_s, first)
    target_s = share * min(one.runtime_s for one in every(given))
    best = cheapest_within(given, target_s)
    spared = [one.slot_s for one in every(given) if one.runtime_s <= target_s * (1 - SUPERSTEPS / STEPS)]
    if best is None:
        assert not spared
        return
    assert best.runtime_s <= target_s * (1 + SUPERSTEPS / STEPS)
    assert best.slot_s <= min(spared, default=np.inf) + 1e-9


def test_a_cap_that_nothing_keeps_has_no_schedule() -> None:
    """It is said, not bent."""
    assert fastest_within(choices([10.0, 6.0, 4.0], 0.0, None), 1.0) is None
