"""Which observations of a group are believed, and what is made of the group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.models.arrays import Floats
from adaptor.models.beliefs import WRONG, Group, Sources, judgement
from adaptor.models.groups import Observed, Summary, equal_votes, weighted_median

NOISE = 0.05


def a_group(*log_s: float, expected: float = 0.0, spread: float = 0.3, votes: float = 1.0) -> Group:
    """Observations of one truth."""
    return Group(
        log_s=np.array(log_s),
        votes=np.full(len(log_s), votes),
        expected=expected,
        spread=spread,
        noise=NOISE,
        scatter=float(np.std(log_s)),
    )


def wrong(group: Group, share: float = WRONG) -> Floats:
    """The same share for each."""
    return np.full(len(group.log_s), share)


def test_observations_that_agree_are_believed_however_far_the_rest_says_otherwise() -> None:
    """A memory cliff: five observations agree, three times as long as the rest expects."""
    group = a_group(1.1, 1.12, 1.09, 1.1, 1.11)
    found = judgement(group, wrong(group))
    assert found.beliefs.min() > 0.95
    assert found.doubt == pytest.approx(0.0, abs=0.01)


def test_one_that_lies_off_is_not_believed() -> None:
    """Ten times as long as the other four."""
    group = a_group(0.0, 0.02, -0.01, 0.01, 2.3)
    found = judgement(group, wrong(group))
    assert found.beliefs[:4].min() > 0.9
    assert found.beliefs[4] < 0.01


def test_two_that_agree_outweigh_three_that_do_not() -> None:
    """Where wrong ones are frequent, they are still wrong each in its own way."""
    group = a_group(0.0, 0.01, 1.2, -1.7, 2.1)
    found = judgement(group, wrong(group, 0.3))
    assert found.beliefs[:2].min() > 0.9
    assert found.beliefs[2:].max() < 0.1


def test_the_rest_decides_between_two_that_differ() -> None:
    """One as expected, one ten times as long."""
    group = a_group(0.0, 2.3, spread=0.15)
    found = judgement(group, wrong(group))
    assert found.beliefs[0] > 0.9
    assert found.beliefs[1] < 0.5


def test_a_group_that_can_be_read_in_two_ways_is_doubted() -> None:
    """Two pairs that agree among themselves, the rest knowing nothing: neither reading is sure."""
    group = a_group(0.0, 0.01, 2.0, 2.01, expected=1.0, spread=2.0)
    assert judgement(group, wrong(group)).doubt > 0.2


def test_a_group_in_which_nothing_is_right_counts_as_noise() -> None:
    """All from a contributor who is nearly always wrong."""
    group = a_group(1.5, -1.2, 2.2)
    assert judgement(group, wrong(group, 0.95)).doubt > 0.5


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8), st.floats(-2, 2), st.floats(0.15, 2))
def test_beliefs_are_probabilities_and_move_with_the_unit_of_time(
    log_s: list[float], expected: float, spread: float
) -> None:
    """Whatever was measured: from 0 to 1, and the same for seconds and minutes."""
    group = a_group(*log_s, expected=expected, spread=spread)
    found = judgement(group, wrong(group))
    moved = a_group(*(one + 4.0 for one in log_s), expected=expected + 4.0, spread=spread)
    again = judgement(moved, wrong(moved))
    assert ((found.beliefs > 0) & (found.beliefs <= 1)).all()
    assert found.doubt >= 0
    assert again.beliefs == pytest.approx(found.beliefs, abs=1e-3)
    assert again.doubt == pytest.approx(found.doubt, abs=1e-3)


def test_shares_of_wrong_observations_are_learnt_for_everybody_and_each() -> None:
    """A liar is told from others, and a newcomer is expected to be like everybody."""
    contributor = np.repeat([0, 1], 50)
    sources = Sources.learnt(np.where(contributor == 0, 1.0, 0.0), np.ones(100), contributor, contributors=3)
    assert sources.by_contributor[0] < 0.1 < sources.wrong < 0.9 < sources.by_contributor[1]
    assert sources.by_contributor[2] == pytest.approx(sources.wrong)
    assert sources.at_least(np.array([0.5, 0.0, 0.0])).by_contributor[0] == 0.5


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_the_weighted_median_of_equal_weights_is_the_usual_one(values: list[float]) -> None:
    """For odd and even numbers."""
    found = weighted_median(np.array(values), np.full(len(values), 0.3))
    assert found == pytest.approx(float(np.median(values)), abs=1e-9)


def test_nobody_has_more_votes_than_the_middle_contributor() -> None:
    """Whoever measured a hundred times counts as whoever measured twice."""
    votes = equal_votes(["a"] * 2 + ["b"] * 2 + ["c"] * 100)
    assert votes[:4].tolist() == [1.0] * 4
    assert votes[4:].sum() == pytest.approx(2.0)


def test_what_is_not_believed_does_not_count() -> None:
    """Neither for the middle of its group nor for what it is worth."""
    observed = Observed(
        group=np.array([0, 0, 0, 0, 1]),
        log_s=np.array([1.0, 1.0, 1.0, 9.0, 2.0]),
        contributor=np.zeros(5, dtype=np.int64),
        votes=np.ones(5),
        free=np.ones(5),
    )
    whole = Summary.of(observed, np.ones(5))
    less = Summary.of(observed, np.array([1.0, 1.0, 1.0, 1e-6, 1e-6]))
    assert less.log_s == pytest.approx([1.0, 2.0], abs=1e-4)
    assert less.worth[0] < whole.worth[0]
    assert less.variance(0.05)[1] > 1000 * whole.variance(0.05)[1]
