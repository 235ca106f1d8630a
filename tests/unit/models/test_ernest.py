"""Ernest's law is recovered from points on it, and stays sane where points say little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adaptor.models.ernest import ErnestLaw

PARALLELISMS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
COEFFICIENT = st.one_of(st.just(0.0), st.floats(min_value=0.1, max_value=50.0))
DURATION = st.floats(min_value=1e-3, max_value=1e4)


def fitted(points: dict[int, float]) -> ErnestLaw:
    """The law of points that count alike."""
    return ErnestLaw.fit(np.array([*points], dtype=float), np.array([*points.values()]), np.ones(len(points)))


@given(st.tuples(COEFFICIENT, COEFFICIENT, COEFFICIENT, COEFFICIENT))
def test_a_known_law_is_recovered_from_points_on_it(coefficients: tuple[float, float, float, float]) -> None:
    """At the points and between them, whatever the mixture of the four parts."""
    law = ErnestLaw(coefficients=coefficients)
    shares_s = law.durations_s(PARALLELISMS) / PARALLELISMS
    assume(shares_s[0] >= 1.01 * shares_s[1:].max() > 0)
    again = ErnestLaw.fit(PARALLELISMS, law.durations_s(PARALLELISMS), np.ones(len(PARALLELISMS)))
    inside = np.array([1.0, 3.0, 6.0, 12.0, 24.0])
    assert again.durations_s(inside) == pytest.approx(law.durations_s(inside), rel=1e-3)


@given(st.dictionaries(st.integers(1, 64), DURATION, min_size=2, max_size=6))
def test_a_law_has_no_negative_part_and_predicts_positive_seconds(points: dict[int, float]) -> None:
    """However wild the points, and at parallelism 1 too, where a logarithm alone would be zero."""
    law = fitted(points)
    assert min(law.coefficients) >= 0
    assert (law.durations_s(np.arange(1.0, 129.0)) > 0).all()


def test_time_that_grows_like_a_logarithm_does_not_make_one_subtask_free() -> None:
    """2 s at 4 and 4 s at 16 lie exactly on c log p, which is nothing at 1; a law without it is taken instead."""
    law = fitted({4: 2.0, 16: 4.0})
    assert law.durations_s(np.array([1.0]))[0] >= 2.0 / 4
    assert law.durations_s(np.array([4.0, 16.0])) == pytest.approx([2.0, 4.0])


def test_two_points_are_explained_by_the_simplest_law() -> None:
    """A fixed and a divided part are enough for a time that falls."""
    assert fitted({1: 10.0, 2: 6.0}).coefficients == pytest.approx((2.0, 8.0, 0.0, 0.0))


def test_a_constant_time_is_a_fixed_part_alone() -> None:
    """A job that does not scale is predicted not to scale."""
    assert fitted({1: 10.0, 2: 10.0}).durations_s(np.array([4.0, 64.0])) == pytest.approx([10.0, 10.0])


def test_a_second_weighs_more_on_a_short_superstep() -> None:
    """The fit minimises relative errors: the short one is followed more closely."""
    points = {1: 100.0, 2: 130.0, 64: 3.0}
    off = np.abs(fitted(points).durations_s(np.array([1.0, 2.0, 64.0])) / np.array([*points.values()]) - 1)
    assert off[2] < off[1]
