"""Small days: what is checked at every step holds, figures repeat, and no schedule exceeds a bound."""

from __future__ import annotations

import numpy as np
import pytest

from adaptor.experiments.arbitrate.arbiters import ARBITERS, Scene
from adaptor.experiments.arbitrate.bounds import clairvoyant, informed, useful
from adaptor.experiments.arbitrate.campaign import Choices
from adaptor.experiments.arbitrate.simulated import experiment_simulated
from adaptor.experiments.arbitrate.workload import ClusterDay, cluster_day
from adaptor.experiments.arbitrate.world import play

TINY = Choices(runs=4, clusters=2, loads=(0.7, 1.3), seeds=1)


def a_day(*, load: float = 1.3, seed: int = 1) -> ClusterDay:
    """Few runs that do not fit."""
    return cluster_day(seed, 4, load=load, runs=10)


@pytest.mark.parametrize("name", sorted(ARBITERS))
def test_every_run_ends_and_nothing_is_ever_exceeded(name: str) -> None:
    """Under every arbiter, with a manager that dies and a quota."""
    day = a_day()
    played = play(day, ARBITERS[name])
    assert sorted(one.run_id for one in played.ended) == sorted(run.run_id for run in day.runs)
    assert played.faults == {}
    assert all(one.slot_s > 0 for one in played.ended)


def test_an_arbiter_that_gives_more_than_there_is_cannot_make_a_run_take_it() -> None:
    """At a barrier only what is free can be taken; so the capacity holds whatever is decided."""

    def greedy(scene: Scene) -> dict[str, int]:
        return {demand.run_id: demand.most_slots for demand in scene.demands}

    assert play(a_day(), greedy).faults == {}


def test_a_step_that_exceeds_the_capacity_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is not one that cannot fail: here barriers hand out whatever is asked for."""
    monkeypatch.setattr("adaptor.experiments.arbitrate.world.slots_at_barrier", lambda **given: given["share_slots"])

    def greedy(scene: Scene) -> dict[str, int]:
        return {demand.run_id: demand.most_slots for demand in scene.demands}

    assert play(a_day(load=5.0), greedy).faults["capacity exceeded after a barrier"] > 0


@pytest.mark.parametrize("name", sorted(ARBITERS))
def test_no_arbiter_exceeds_the_clairvoyant_bound(name: str) -> None:
    """Nor does the bound with less information."""
    day = a_day()
    most = clairvoyant(day).weight_met + 1e-6
    assert play(day, ARBITERS[name]).weight_met <= most
    assert informed(day).weight_met <= most


def test_options_that_a_mixture_beats_are_left_out() -> None:
    """Half the time 1 slot and half the time 4 does more than 2 slots."""
    slots, rates = useful(np.array([1, 2, 4, 5]), np.array([1.0, 1.5, 3.5, 3.4]))
    assert (slots.tolist(), rates.tolist()) == ([1, 4], [1.0, 3.5])


def test_the_offered_load_is_what_was_asked_for() -> None:
    """The same runs, and a capacity that fits."""
    days = [cluster_day(3, 0, load=load, runs=20) for load in (0.5, 1.0)]
    assert [run.arrives_s for run in days[0].runs] == [run.arrives_s for run in days[1].runs]
    for day, load in zip(days, (0.5, 1.0), strict=True):
        needed = sum(run.cheapest_slot_s for run in day.runs)
        assert needed / day.capacity.slot_s_between(0.0, 86_400.0) == pytest.approx(load, rel=0.1)


def test_the_same_seeds_give_the_same_figures_on_any_number_of_cores() -> None:
    """All but memory, which is measured."""
    one, two = (experiment_simulated(TINY, progress=lambda _: None, cores=cores) for cores in (1, 2))
    figures = [
        [(figure.name, figure.value, figure.baseline) for figure in report.figures if "memory" not in figure.name]
        for report in (one, two)
    ]
    assert figures[0] == figures[1]
    assert {figure.name for figure in one.figures if figure.name.endswith("_130")} == {
        f"arbitrate_{what}_130"
        for what in ("targets_met", "of_bound", "of_whole", "of_clairvoyant", "baselines_beaten", "cost", "changes")
    }
    assert one.as_json()
