"""The order, targets and services of local runs, on a stage where drivers only pretend to run."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.experiments.demo.act import ActStory
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.local_runs import experiment
from adaptor.experiments.local_runs.experiment import LIMIT, LocalChoices, Runner
from adaptor.experiments.local_runs.programs import PROGRAMS
from adaptor.experiments.local_runs.variants import Aim

SUPERSTEPS_OF_COMPONENTS = 7
SECONDS_AT_1 = 4.0


class PretendedStage:
    """Slots, services and drivers in memory."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rest_url = "http://127.0.0.1:1"
        self.most_slots = 4
        self.first = SimpleNamespace(state_dir=home / "state")
        self.services: list[Path] = []
        self.told: list[tuple[str, ...]] = []
        self.slots = 4

    def provide_slots(self, slots: int) -> None:
        self.slots = slots

    @contextlib.contextmanager
    def newcomer(self, name: str, state_dir: Path) -> Iterator[None]:
        self.services.append(state_dir)
        yield


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedStage:
    stage = PretendedStage(tmp_path)

    def perform(
        stage: PretendedStage,
        story: ActStory,
        *,
        script: str,
        arguments: Sequence[str],
        on_change: Callable[[ActStory], None],
    ) -> None:
        assert stage.slots == 0, "TaskManagers of another run are still there"
        stage.slots = 1
        stage.told.append(tuple(arguments))
        supersteps = min(story.plan.supersteps, SUPERSTEPS_OF_COMPONENTS if script == "components.py" else LIMIT)
        story.started_at_s = 1000.0
        for number in range(1, supersteps + 1):
            one = pb.Observation(superstep=number, requested_parallelism=story.plan.start, duration_s=SECONDS_AT_1)
            story.observations.append((1000.0 + number * SECONDS_AT_1 / story.plan.start, one))
        story.ended_at_s = story.observations[-1][0]

    def compared(stage: PretendedStage, story: ActStory, *, script: str) -> dict[str, Any]:
        assert (stage.home / "runs" / story.run_id).is_dir()
        return {"agree": True, "script": script}

    monkeypatch.setattr(experiment, "perform", perform)
    monkeypatch.setattr(experiment, "compared", compared)
    return stage


def run(stage: PretendedStage, job: str, *, repeats: int = 2) -> tuple[Runner, list[experiment.LocalRun]]:
    choices = LocalChoices(home=stage.home, job=job, repeats=repeats, supersteps=5, target_share=0.5, size=None, seed=1)
    screen = Screen(Console(file=io.StringIO()))
    runner = Runner(stage, screen, PROGRAMS[job], points=stage.home / "input", seed=7)
    return runner, list(runner.runs(choices))


def option(arguments: Sequence[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def test_the_first_run_makes_the_target_and_only_one_variant_is_told(stage: PretendedStage) -> None:
    """Half of what five supersteps at parallelism 1 took; everybody else is to be as fast as possible."""
    runner, runs = run(stage, "kmeans")
    assert runner.target_s == pytest.approx(0.5 * 5 * SECONDS_AT_1)
    for one, arguments in zip(runs, stage.told, strict=True):
        aims_at_target = one.variant.aim is Aim.TARGET
        assert ("--runtime-target-s" in arguments) is aims_at_target
        assert math.isfinite(one.story.plan.target_s) is aims_at_target
        assert option(arguments, "--policy") == ("" if one.variant.aim else "static")
        assert option(arguments, "--parallelism") == str(one.variant.start)
        assert option(arguments, "--seed") == "7"
        assert one.check == {"agree": True, "script": "check_kmeans.py"}


def test_every_run_has_a_service_of_its_own_and_leaves_no_loop_state(stage: PretendedStage) -> None:
    """So nothing is learnt from another run, and the disk does not fill."""
    _, runs = run(stage, "pagerank")
    assert len(runs) == 12
    assert len(set(stage.services)) == len(runs)
    assert list((stage.home / "runs").iterdir()) == []


def test_a_program_that_ends_by_itself_tells_the_others_how_many_supersteps_there_are(stage: PretendedStage) -> None:
    """The first run may go on as long as it wants; then the limit is known."""
    runner, _ = run(stage, "components", repeats=1)
    limits = [int(option(arguments, "--max-supersteps")) for arguments in stage.told]
    assert limits[0] == LIMIT
    assert set(limits[1:]) == {SUPERSTEPS_OF_COMPONENTS} == {runner.supersteps}
