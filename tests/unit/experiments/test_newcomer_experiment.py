"""The newcomers' experiment: made-up durations that mislead, and starts side by side."""

from __future__ import annotations

import pytest
from rich.console import Console
from test_demo_newcomer import a_story, informed

from adaptor.domain.context import ExecutionContext
from adaptor.experiments.newcomer.experiment import Start, figures_of, starts_table
from adaptor.experiments.newcomer.misleading import REPEATS, claimed_s, misleading_observations
from adaptor.experiments.newcomer.plot import label

CONTEXT = ExecutionContext(program="kmeans", data={"rows": "100"})


def test_the_best_parallelism_is_claimed_to_be_the_worst() -> None:
    """Every wider one is claimed to cost less, in seconds and in slot-seconds."""
    claims = [claimed_s(parallelism, 10.0) for parallelism in range(1, 5)]
    assert claims[0] > 10.0
    costs = [parallelism * claim for parallelism, claim in enumerate(claims, start=1)]
    assert costs == sorted(costs, reverse=True)


def test_made_up_observations_look_like_a_run() -> None:
    """Supersteps in order, even durations, shareable, the same for the same seed."""
    made = misleading_observations(CONTEXT, superstep_at_1_s=10.0, most=4, seed=1)
    assert [one.superstep for one in made] == list(range(1, 4 * REPEATS + 1))
    assert {one.parallelism for one in made} == {1, 2, 3, 4}
    assert all(one.shareable and not one.failed and one.context == CONTEXT for one in made)
    for one in made:
        assert one.duration_s == pytest.approx(claimed_s(one.parallelism, 10.0), rel=0.1)
    assert made == misleading_observations(CONTEXT, superstep_at_1_s=10.0, most=4, seed=1)
    assert made != misleading_observations(CONTEXT, superstep_at_1_s=10.0, most=4, seed=2)


def the_starts() -> list[Start]:
    return [
        Start(name="sharing", story=informed(a_story(1, 1)), joining=None),
        Start(name="off", story=a_story(2, 1), joining=None),
    ]


def test_the_starts_stand_side_by_side() -> None:
    """Parallelism, target, cost and weight of each."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(starts_table(the_starts()))
    text = captured.get()
    assert "1 1" in text
    assert "2 1" in text
    assert "1.00 none" in text


def test_every_figure_stands_beside_the_newcomer_that_knows_nobody() -> None:
    """Its own figures have no baseline; a weight is compared with that of superstep 1."""
    sharing, off = the_starts()
    figures = {one.name: one for one in figures_of(sharing, off.story)}
    assert (figures["newcomer_sharing_slot_seconds"].value, figures["newcomer_sharing_slot_seconds"].baseline) == (
        20,
        30,
    )
    assert figures["newcomer_sharing_superstep_1_parallelism"].value == 1
    assert figures["newcomer_sharing_shared_weight"].baseline == 1.0
    alone = {one.name: one for one in figures_of(off, off.story)}
    assert alone["newcomer_off_runtime"].baseline is None
    assert "newcomer_off_shared_weight" not in alone


def test_a_curve_is_labelled_with_what_it_came_to() -> None:
    """Which log, time, target, cost."""
    assert label(the_starts()[0]) == "sharing: 20 s of 90 s, 20 slot-seconds, 0 rescales"
