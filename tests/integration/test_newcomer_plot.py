"""The newcomers' starts are drawn."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.html_report.drawing import svg_of
from adaptor.experiments.newcomer.experiment import Start
from adaptor.experiments.newcomer.plot import label, plots

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


def test_the_plots_hold_all_three_starts() -> None:
    """Also where a newcomer had no shared data, whose weight is then not drawn."""
    starts = [
        a_start("sharing", 1, 1, 1, weight=1.0),
        a_start("off", 2, 1, 1, weight=None),
        a_start("misleading", 4, 2, 1, weight=1.0),
    ]
    parallelism, durations, weight = plots(starts)
    for plot in (parallelism, durations, weight):
        assert [one.name for one in plot.series] == [label(one) for one in starts]
        assert all(label(one) in svg_of(plot) for one in starts)
    assert [list(one.y) for one in parallelism.series] == [[1, 1, 1], [2, 1, 1], [4, 2, 1]]
    assert list(weight.series[0].y) == [1.0, 1 / 2, 1 / 3]
    assert all(math.isnan(value) for value in weight.series[1].y)
