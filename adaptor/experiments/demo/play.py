"""Plays an act: the driver runs, the service's watch tells what happens, scikit-learn checks the result."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from adaptor.errors import EmbeddedFlinkError
from adaptor.experiments.demo.act import ActPlan, ActStory, follow
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.demo.stage import Stage


def played(stage: Stage, plan: ActPlan, screen: Screen, *, seed: int) -> ActStory:
    """Play an act to its end.

    Args:
        stage: Where.
        plan: What the act is about.
        screen: Shows it.
        seed: Of the start centroids.

    Raises:
        EmbeddedFlinkError: If the driver fails, or the service heard nothing of its end.
    """
    stage.provide_slots(plan.start)
    story = ActStory(plan, f"demo-{plan.name}-{uuid.uuid4().hex[:8]}")
    log = f"{plan.name}.log"
    driver = stage.start_job("kmeans.py", driver_arguments(stage, story, seed=seed), log=log)
    with screen.act(story):
        follow(story, address=stage.address, driver=driver, on_change=screen.update)
    stage.require_success(driver, log=log)
    if story.ended_at_s is None:
        raise EmbeddedFlinkError(f"the run of act {plan.name} ended without a word to the service; see {stage.logs}")
    return story


def checked(stage: Stage, story: ActStory) -> dict[str, Any]:
    """Compare an act's clusters with scikit-learn's on the same points and starting centroids.

    Raises:
        EmbeddedFlinkError: If they differ.
    """
    log = f"check-{story.plan.name}.log"
    stage.run_job("check_kmeans.py", [str(_result_file(stage, story)), str(story.plan.points)], log=log)
    answer: dict[str, Any] = json.loads((stage.logs / log).read_text().splitlines()[-1])
    return answer


def driver_arguments(stage: Stage, story: ActStory, *, seed: int) -> list[str]:
    """Command line of `kmeans.py` for an act."""
    plan = story.plan
    return [
        *("--flink", stage.rest_url, "--points", str(plan.points), "--state", str(_state_folder(stage, story))),
        *("--run-id", story.run_id, "--k", str(plan.k), "--seed", str(seed), "--parallelism", str(plan.start)),
        *("--runtime-target-s", f"{plan.target_s:.3f}", "--max-parallelism", str(stage.most_slots)),
        *("--max-supersteps", str(plan.supersteps), "--result", str(_result_file(stage, story))),
        *(("--shareable",) if plan.shareable else ()),
    ]


def _state_folder(stage: Stage, story: ActStory) -> Path:
    return stage.home / "runs" / story.run_id


def _result_file(stage: Stage, story: ActStory) -> Path:
    return _state_folder(stage, story) / "result.json"
