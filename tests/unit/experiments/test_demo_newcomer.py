"""The third act: what the newcomer runs, what is shown of whose data it used, and when a log counts as held."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import sharing_pb2
from adaptor.experiments.demo.act import ActPlan, ActStory, shared_weight
from adaptor.experiments.demo.calibration import Calibration
from adaptor.experiments.demo.newcomer import SUPERSTEPS, TARGET_SHARE, newcomers_plan
from adaptor.experiments.demo.peers import Ahead, caught_up, everything_published
from adaptor.experiments.demo.screen import sources_text

KEYS = ("ab" * 32, "cd" * 32)
POINTS = Path("points")


def a_story(*parallelisms: int, name: str = "first") -> ActStory:
    """A run whose supersteps took 10 s each, one after the other."""
    plan = ActPlan(name=name, question="", start=1, target_s=90.0, points=POINTS, k=6, supersteps=10)
    story = ActStory(plan, f"run-{name}", started_at_s=1000.0, ended_at_s=1000.0 + 10 * len(parallelisms))
    for number, parallelism in enumerate(parallelisms, start=1):
        story.plans[number] = pb.Plan(superstep=number, parallelism=parallelism)
        one = pb.Observation(superstep=number, requested_parallelism=parallelism, duration_s=10.0)
        story.observations.append((1000.0 + 10 * number, one))
    return story


def informed(story: ActStory) -> ActStory:
    """The same, its first plan made from what two peers shared."""
    story.plans[1].evidence.shared_observations = 19
    story.plans[1].evidence.contributors.extend(KEYS)
    story.plans[1].evidence.shared_weight = 1.0
    story.plans[1].predicted_s.CopyFrom(pb.Interval(low=2.0, expected=5.0, high=14.0, level=0.8))
    return story


def test_the_newcomer_runs_the_first_acts_program_from_its_most_used_parallelism() -> None:
    """On half the data, with a target of its own."""
    calibration = Calibration(points=POINTS, rows=100, enlarge=5, fixed_s=2.0, superstep_s=10.0)
    plan = newcomers_plan(a_story(1, 2, 2, 3), calibration, points=Path("half"))
    assert (plan.start, plan.k, plan.points, plan.supersteps) == (2, 6, Path("half"), SUPERSTEPS)
    assert plan.target_s == pytest.approx(TARGET_SHARE * SUPERSTEPS * 6.0)
    assert plan.shareable
    assert "asks for 2" in plan.question


@pytest.mark.parametrize(("used", "most"), [((1, 2, 2), 2), ((1, 2), 2), ((2, 1), 2), ((3, 1, 1), 1), ((), 1)])
def test_the_most_used_parallelism_is_the_widest_of_equal_ones(used: tuple[int, ...], most: int) -> None:
    """And the start where no superstep ended."""
    assert a_story(*used).most_used == most


def test_work_shrinks_with_the_data_and_what_is_fixed_does_not() -> None:
    """Nothing goes below the fixed part, not even where the calibration was disturbed."""
    assert Calibration(points=POINTS, rows=1, enlarge=1, fixed_s=2.0, superstep_s=10.0).expected_s(0.5) == 6.0
    assert Calibration(points=POINTS, rows=1, enlarge=1, fixed_s=2.0, superstep_s=1.0).expected_s(0.5) == 2.0


def test_the_json_of_an_act_says_whose_data_its_start_rests_on() -> None:
    """Keys by their first digits, weights by superstep."""
    told = informed(a_story(1, 1)).as_json()
    assert told["shared_observations"] == 19
    assert told["superstep_1_parallelism"] == 1
    assert told["contributors"] == ["ab" * 6, "cd" * 6]
    assert [one["shared_weight"] for one in told["supersteps"]] == [1.0, None]


def test_an_act_without_peers_says_so() -> None:
    """Zero observations, no line on the screen."""
    story = a_story(2)
    told = story.as_json()
    assert (told["shared_observations"], told["contributors"], told["superstep_1_parallelism"]) == (0, [], 2)
    assert sources_text(story) == ""
    assert shared_weight(story.first_plan) is None


def test_the_screen_says_whose_observations_planned_superstep_1() -> None:
    """With the interval and the target, and that nothing else was known."""
    text = sources_text(informed(a_story(1)))
    assert text == (
        "superstep 1 was planned at 1 from 19 shared observations of abababababab, cdcdcdcdcdcd "
        "(first 12 digits of the key) alone: predicted 2.0s .. 14.0s, target 1m30s"
    )


def a_status(**values: int) -> sharing_pb2.GetSharingStatusResponse:
    """Ten entries, all indexed, in sync with one peer, unless said otherwise."""
    peer = sharing_pb2.PeerStatus(
        peer=KEYS[0], heads=values.pop("heads", 1), unknown_heads=values.pop("unknown_heads", 0)
    )
    return sharing_pb2.GetSharingStatusResponse(**{"applied": 10, "indexed": 10, **values}, peers=[peer])


@pytest.mark.parametrize(
    ("status", "claim"),
    [
        (a_status(), True),
        (a_status(applied=11, indexed=11), True),
        (a_status(heads=0), False),
        (a_status(unknown_heads=1), False),
        (a_status(missing_count=1), False),
        (a_status(indexed=9), False),
        (a_status(applied=9, indexed=9), False),
        (sharing_pb2.GetSharingStatusResponse(applied=10, indexed=10), False),
    ],
)
def test_a_log_is_held_only_against_named_heads(status: sharing_pb2.GetSharingStatusResponse, claim: bool) -> None:
    """All heads the peer named, nothing missing, everything indexed, and as much as the peer had."""
    assert caught_up(status, Ahead(own=KEYS[0], applied=10)) is claim


@pytest.mark.parametrize(
    ("status", "claim"),
    [(a_status(), True), (a_status(unpublished=1), False), (a_status(indexed=9), False), (a_status(applied=0), False)],
)
def test_everything_is_published_when_nothing_waits(status: sharing_pb2.GetSharingStatusResponse, claim: bool) -> None:
    """An empty log has nothing to be joined for."""
    assert everything_published(status) is claim
