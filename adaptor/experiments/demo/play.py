"""Plays an act: the driver runs, the service's watch tells what happens, a plain computation checks the result."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
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
    story = ActStory(plan, f"demo-{plan.name}-{uuid.uuid4().hex[:8]}")
    with screen.act(story):
        arguments = driver_arguments(stage, story, seed=seed)
        perform(stage, story, script="kmeans.py", arguments=arguments, on_change=screen.update)
    return story


def perform(
    stage: Stage, story: ActStory, *, script: str, arguments: Sequence[str], on_change: Callable[[ActStory], None]
) -> None:
    """Run a driver on the slots its act starts with, and bring the story of its run to the end.

    Args:
        stage: Where.
        story: Of the run; brought up to date.
        script: Of `flink-jobs`.
        arguments: Its command line.
        on_change: Told after every message, and a few times a second.

    Raises:
        EmbeddedFlinkError: If the driver fails, or the service heard nothing of its end.
    """
    plan, log = story.plan, f"{story.plan.name}.log"
    stage.provide_slots(plan.start)
    driver = stage.start_job(script, arguments, log=log)
    follow(story, address=stage.address, driver=driver, on_change=on_change)
    stage.require_success(driver, log=log)
    if story.ended_at_s is None:
        raise EmbeddedFlinkError(f"the run of act {plan.name} ended without a word to the service; see {stage.logs}")


def checked(stage: Stage, story: ActStory) -> dict[str, Any]:
    """Compare an act's clusters with scikit-learn's on the same points and starting centroids.

    Raises:
        EmbeddedFlinkError: If they differ.
    """
    return compared(stage, story, script="check_kmeans.py")


def compared(stage: Stage, story: ActStory, *, script: str) -> dict[str, Any]:
    """What a script of `flink-jobs` says that compares an act's result with a plain computation.

    Raises:
        EmbeddedFlinkError: If they differ.
    """
    log = f"check-{story.plan.name}.log"
    stage.run_job(script, [str(result_file(stage, story)), str(story.plan.points)], log=log)
    answer: dict[str, Any] = json.loads((stage.logs / log).read_text().splitlines()[-1])
    return answer


def driver_arguments(stage: Stage, story: ActStory, *, seed: int) -> list[str]:
    """Command line of `kmeans.py` for an act."""
    plan = story.plan
    return [
        *common_arguments(stage, story),
        *("--points", str(plan.points), "--k", str(plan.k), "--seed", str(seed)),
        *("--runtime-target-s", f"{plan.target_s:.3f}"),
        *(("--shareable",) if plan.shareable else ()),
    ]


def common_arguments(stage: Stage, story: ActStory) -> list[str]:
    """The part of a command line that every driver of `flink-jobs` takes, its objective apart."""
    plan = story.plan
    return [
        *("--flink", stage.rest_url, "--state", str(state_folder(stage, story)), "--run-id", story.run_id),
        *("--parallelism", str(plan.start), "--max-parallelism", str(stage.most_slots)),
        *("--max-supersteps", str(plan.supersteps), "--result", str(result_file(stage, story))),
    ]


def state_folder(stage: Stage, story: ActStory) -> Path:
    """Where a run keeps its loop state."""
    return stage.home / "runs" / story.run_id


def result_file(stage: Stage, story: ActStory) -> Path:
    """Where a driver writes its result."""
    return state_folder(stage, story) / "result.json"
