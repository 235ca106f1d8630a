"""Runs a program under adaptor and under each static parallelism, and compares the result of every run."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptor.domain.duration import format_duration
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.demo.play import common_arguments, compared, perform, state_folder
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.demo.stage import Stage
from adaptor.experiments.local_runs.outcome import LocalRun, Question
from adaptor.experiments.local_runs.programs import PROGRAMS, Program, prepared
from adaptor.experiments.local_runs.rendering import report_of
from adaptor.experiments.local_runs.variants import Aim, Variant, interleaved, variants
from adaptor.experiments.report import Report

LIMIT = 200
"""Supersteps after which a program that ends by itself is ended: several times what any graph here needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalChoices:
    """What a user may choose.

    Attributes:
        home: Folder for everything that is written.
        job: Name of the program.
        repeats: Runs of each variant.
        supersteps: Of programs that do not end by themselves.
        target_share: Runtime target as a share of what the first run, at parallelism 1, took.
        size: Copies that the input is made of; ``None`` takes the program's own.
        seed: Of the input.
    """

    home: Path
    job: str
    repeats: int
    supersteps: int
    target_share: float
    size: int | None
    seed: int


def experiment_local(choices: LocalChoices, screen: Screen) -> Report:
    """Run every variant as often as asked for, one after another.

    Every run has a service of its own that knows nothing yet, and TaskManagers that were started for it.

    Args:
        choices: What the user chose.
        screen: Shows what is going on.

    Raises:
        AdaptorError: If a step fails or a result is wrong; every process has been ended then.
    """
    program, began_s = PROGRAMS[choices.job], time.monotonic()
    size = choices.size or program.size
    screen.say("starting the embedded Flink ...")
    state = choices.home / "state" / time.strftime(f"%Y%m%d-%H%M%S-local-{program.name}")
    with Stage(choices.home, state) as stage:
        stage.let_go_of_slots()
        screen.say(f"preparing the input of {program.name} ...")
        points = prepared(stage, program, size=size, seed=choices.seed)
        runner = Runner(stage, screen, program, points=points, seed=choices.seed)
        runs = list(runner.runs(choices))
    question = Question(
        program=program,
        size=size,
        repeats=choices.repeats,
        supersteps=runner.supersteps,
        target_s=runner.target_s,
        target_share=choices.target_share,
    )
    return report_of(question, runs, seed=choices.seed, duration_s=time.monotonic() - began_s)


class Runner:
    """Runs variants; the first run sets the target and says how many supersteps there are.

    Args:
        stage: Where, with a first service that does not hold the cluster.
        screen: Told of every run.
        program: What is run.
        points: Its input.
        seed: Of its start.

    Attributes:
        supersteps: Limit of every run but the first.
        target_s: Runtime target of runs that have one.
    """

    def __init__(self, stage: Stage, screen: Screen, program: Program, *, points: Path, seed: int) -> None:
        self.supersteps = 0
        self.target_s = math.inf
        self._stage = stage
        self._screen = screen
        self._program = program
        self._points = points
        self._seed = seed

    def runs(self, choices: LocalChoices) -> Iterator[LocalRun]:
        """Every run, in order."""
        self.supersteps = LIMIT if self._program.ends_by_itself else choices.supersteps
        for repeat, variant in interleaved(variants(most=self._stage.most_slots), repeats=choices.repeats):
            run = self._run(repeat, variant)
            if self.target_s == math.inf:
                self.supersteps = len(run.story.observations)
                self.target_s = choices.target_share * run.story.elapsed_s
            self._screen.say(
                f"repeat {repeat}, {variant.name}: {format_duration(run.story.elapsed_s)}, "
                f"{run.story.slot_seconds:.0f} slot-seconds, parallelism {run.parallelisms_text}"
            )
            yield run

    def _run(self, repeat: int, variant: Variant) -> LocalRun:
        plan = ActPlan(
            name=f"local-{self._program.name}-{repeat}-{variant.code}",
            question="",
            start=variant.start,
            target_s=self.target_s if variant.aim is Aim.TARGET else math.inf,
            points=self._points,
            supersteps=self.supersteps,
        )
        story = ActStory(plan, f"{plan.name}-{time.strftime('%H%M%S')}")
        with self._stage.newcomer(plan.name, self._stage.first.state_dir / plan.name):
            self._stage.provide_slots(0)  # Nobody profits from code that another run has warmed up.
            perform(
                self._stage,
                story,
                script=self._program.script,
                arguments=self._arguments(story, variant),
                on_change=lambda _: None,
            )
        check = compared(self._stage, story, script=self._program.check)
        shutil.rmtree(state_folder(self._stage, story))  # Up to 100 MB, and a result that was compared.
        return LocalRun(repeat=repeat, variant=variant, story=story, check=check)

    def _arguments(self, story: ActStory, variant: Variant) -> list[str]:
        state_folder(self._stage, story).mkdir(parents=True)
        return [
            *common_arguments(self._stage, story),
            *(self._program.input_option, str(self._points), "--policy", variant.policy),
            *self._program.options,
            *(("--seed", str(self._seed)) if self._program.draws_start else ()),
            *objective_arguments(story.plan, most=self._stage.most_slots),
        ]


def objective_arguments(plan: ActPlan, *, most: int) -> list[str]:
    """The objective of a run: its target if it has one, else as fast as possible.

    No parallelism up to `most` that is faster than 1 has a parallel efficiency of less than one part in `most`, so with
    that as the least efficiency none is ruled out.
    """
    if math.isfinite(plan.target_s):
        return ["--runtime-target-s", f"{plan.target_s:.3f}"]
    return ["--efficiency-target", f"{1 / (most + 1):.3f}"]
