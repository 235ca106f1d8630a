"""Rules of managers, and what a report makes of runs that shared a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import runs_pb2
from adaptor.experiments.arbitrate.real import ROLES, Played, RealChoices, Shared, Taken
from adaptor.experiments.arbitrate.real_report import report_of, supersteps_late
from adaptor.experiments.arbitrate.sharers import equal_share, first_come
from adaptor.experiments.demo.act import ActPlan, ActStory

CHOICES = RealChoices(home=Path(), runs=3, supersteps=4, size=None, seed=1)


def wanting(*slots: int) -> list[pb.Demand]:
    """Runs a, b, c, ... that want so many."""
    return [pb.Demand(run_id=name, wanted_slots=one) for name, one in zip("abc", slots, strict=False)]


@pytest.mark.parametrize(
    ("slots", "first", "equal"),
    [
        (4, {"a": 3, "b": 1, "c": 0}, {"a": 2, "b": 1, "c": 1}),
        (2, {"a": 2, "b": 0, "c": 0}, {"a": 1, "b": 1, "c": 0}),
        (9, {"a": 3, "b": 2, "c": 1}, {"a": 3, "b": 3, "c": 3}),
    ],
)
def test_managers_with_a_rule_give_slots_in_order_or_evenly(
    slots: int, first: dict[str, int], equal: dict[str, int]
) -> None:
    """Never more than there are."""
    assert first_come(wanting(3, 2, 1), slots) == first
    assert equal_share(wanting(3, 2, 1), slots) == equal


def story(run_id: str, parallelisms: list[int], *, target_s: float) -> ActStory:
    """A run of supersteps of ten seconds each."""
    plan = ActPlan(name=run_id, question="", start=1, target_s=target_s, points=Path(), supersteps=len(parallelisms))
    told = ActStory(plan, run_id, started_at_s=100.0, ended_at_s=100.0 + 10 * len(parallelisms))
    told.observations = [
        (
            100.0 + 10 * superstep,
            runs_pb2.Observation(superstep=superstep, requested_parallelism=parallelism, duration_s=10.0),
        )
        for superstep, parallelism in enumerate(parallelisms, 1)
    ]
    return told


def shared(name: str, *, target_s: float, parallelisms: list[int]) -> Shared:
    """Three runs alike, of which the first has to give a slot before its third superstep."""
    share = pb.ReclaimShare(run_id="a", from_slots=2, to_slots=1, before_superstep=3)
    status = pb.ReclaimStatus(shares=[share], freed_slots=1) if name == "adaptor" else None
    return Shared(
        name=name,
        roles=ROLES,
        stories=[story(run_id, parallelisms, target_s=target_s) for run_id in "abc"],
        taken=Taken(at_s=115.0, given_again_s=135.0, status=status),
        agree=True,
        began_s=100.0,
    )


@pytest.mark.parametrize(("parallelisms", "late"), [([2, 2, 1, 2], 0), ([2, 2, 2, 2], 1), ([2, 1, 1, 1], 0)])
def test_a_run_is_late_with_each_superstep_on_what_it_had_to_give(parallelisms: list[int], late: int) -> None:
    """From the barrier at which it had to give until the slots are given again."""
    one = shared("adaptor", target_s=50.0, parallelisms=parallelisms)
    assert [supersteps_late(one, told) for told in one.stories] == [late, 0, 0]


def test_the_report_sets_targets_met_beside_the_best_rule() -> None:
    """With slots over time for each way to share."""
    ours = shared("adaptor", target_s=50.0, parallelisms=[2, 2, 1, 1])
    other = shared("equal share", target_s=30.0, parallelisms=[1, 1, 1, 1])
    report = report_of(CHOICES, Played(alone_s=40.0, slots=4, ways=[ours, other]))
    figures = {figure.name: (figure.value, figure.baseline, figure.baseline_name) for figure in report.figures}
    assert figures["arbitrate_real_targets_met"] == (3, 0, "equal share")
    assert figures["arbitrate_real_slot_seconds"] == (180.0, 120.0, "equal share")
    assert [plot.name for plot in report.plots] == ["slots-adaptor", "slots-equal-share"]
    assert report.as_json()
