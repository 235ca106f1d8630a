"""The picture of the newcomers' starts is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.newcomer.experiment import Start
from adaptor.experiments.newcomer.plot import draw

pytest.importorskip("matplotlib")


def a_start(name: str, *parallelisms: int, weight: float | None) -> Start:
    plan = ActPlan(name=name, question="", start=2, target_s=90.0, points=Path("points"), k=6, supersteps=6)
    story = ActStory(plan, f"run-{name}", started_at_s=0.0, ended_at_s=60.0)
    for number, parallelism in enumerate(parallelisms, start=1):
        told = pb.Plan(superstep=number, parallelism=parallelism)
        if weight is not None:
            told.evidence.shared_weight = weight / number
        story.plans[number] = told
        observation = pb.Observation(superstep=number, requested_parallelism=parallelism, duration_s=9.0)
        story.observations.append((10.0 * number, observation))
    return Start(name=name, story=story, joining=None)


def test_the_picture_holds_all_three_starts(tmp_path: Path) -> None:
    """Also where a newcomer had no shared data, whose weight is then not drawn."""
    starts = [
        a_start("sharing", 1, 1, 1, weight=1.0),
        a_start("off", 2, 1, 1, weight=None),
        a_start("misleading", 4, 2, 1, weight=1.0),
    ]
    draw(starts, tmp_path / "report" / "newcomer.svg")
    text = (tmp_path / "report" / "newcomer.svg").read_text()
    assert text.lstrip().startswith("<?xml")
    assert text.count("<path") > sum(len(one.parallelisms) for one in starts)
