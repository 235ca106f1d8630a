"""Three K-Means runs with different targets and priorities share the embedded Flink, once under each way to share.

A run alone, at parallelism 1, comes first: it says how long the others' targets are, and what it measured is known in
the same way to all that follow. The loosest run comes first and the most urgent last. In the middle half of the slots
are taken back, as a manager would, and given again later. Everything passes through the service's gRPC API.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.cluster import ClusterManager, StaleRevisionError
from adaptor.experiments.arbitrate.sharers import RULES, Rule, Sharer
from adaptor.experiments.demo.act import ActPlan, ActStory, follow
from adaptor.experiments.demo.play import common_arguments, compared, perform, state_folder
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.demo.stage import Stage
from adaptor.experiments.local_runs.programs import PROGRAMS, Program, prepared

T = TypeVar("T")

CLUSTER = "embedded"

FALL_AFTER, RISE_AFTER = 0.5, 1.1
"""When half of the slots are taken back, and given again, in times of what a run takes alone."""

WITHIN = 3.0
"""Time that runs have to give slots back, in supersteps of a run alone: others slow them down."""

TRIES = 20
"""At a write that another manager may come before; it writes no more than a few times in a second."""

APART_S = 2.0
"""Between two runs that come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One of the runs.

    Attributes:
        name: One word.
        target: In times of what a run takes alone at parallelism 1.
        priority: Of its run.
    """

    name: str
    target: float
    priority: int


ROLES = (
    Role(name="patient", target=3.2, priority=0),
    Role(name="usual", target=2.4, priority=0),
    Role(name="urgent", target=1.5, priority=1),
)
"""In the order in which they come. With three runs on two cores the work alone takes 1.5 times what one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealChoices:
    """What a user may choose.

    Attributes:
        home: Folder for everything that is written.
        runs: How many come; roles are taken in turn.
        supersteps: Of each.
        size: Copies that the input is made of; ``None`` takes the program's own.
        seed: Of the input and its start.
    """

    home: Path
    runs: int
    supersteps: int
    size: int | None
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of taking slots back.

    Attributes:
        at_s: When it was asked for, in seconds since the epoch.
        given_again_s: When the slots were given again.
        status: As the service saw it; ``None`` where grants were fixed by a rule.
    """

    at_s: float
    given_again_s: float
    status: pb.ReclaimStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """All runs under one way to share.

    Attributes:
        name: Of the way.
        roles: Of each run.
        stories: What happened to each.
        taken: What came of taking slots back.
        agree: Whether every result agrees with a plain computation.
        began_s: When the first one came.
    """

    name: str
    roles: Sequence[Role]
    stories: Sequence[ActStory]
    taken: Taken
    agree: bool
    began_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The whole experiment.

    Attributes:
        alone_s: Seconds of a run alone at parallelism 1.
        slots: Of the cluster.
        ways: All runs under each way to share.
    """

    alone_s: float
    slots: int
    ways: Sequence[Shared]


def play_real(choices: RealChoices, screen: Screen) -> Played:
    """Run everything, one way to share after the other.

    Args:
        choices: What the user chose.
        screen: Told what is going on.

    Raises:
        AdaptorError: If a step fails or a result is wrong; every process has been ended then.
    """
    program = PROGRAMS["kmeans"]
    screen.say("starting the embedded Flink ...")
    state = choices.home / "state" / time.strftime("%Y%m%d-%H%M%S-arbitrate")
    with Stage(choices.home, state) as stage:
        stage.let_go_of_slots()
        points = prepared(stage, program, size=choices.size or program.size, seed=choices.seed)
        play = _Play(stage, screen, program, choices=choices, points=points)
        alone_s = play.alone()
        ways = [play.shared(name, rule, alone_s=alone_s) for name, rule in RULES.items()]
        return Played(alone_s=alone_s, slots=stage.most_slots, ways=ways)


class _Play:
    def __init__(self, stage: Stage, screen: Screen, program: Program, *, choices: RealChoices, points: Path) -> None:
        self._stage, self._screen, self._program = stage, screen, program
        self._choices, self._points = choices, points
        self._known = stage.first.state_dir.parent / f"{stage.first.state_dir.name}-known"

    def alone(self) -> float:
        """Seconds of a run alone at parallelism 1; what it measured is kept for all that follow."""
        story = self._story("alone", target_s=1e6)
        with self._stage.newcomer("arbitrate-alone", self._known):
            arguments = [*self._arguments(story), "--policy", "static"]
            perform(self._stage, story, script=self._program.script, arguments=arguments, on_change=lambda _: None)
        self._screen.say(f"a run alone takes {story.elapsed_s:.0f} s at parallelism 1")
        return story.elapsed_s

    def shared(self, name: str, rule: Rule | None, *, alone_s: float) -> Shared:
        """All runs under one way to share."""
        code = name.replace(" ", "-")
        state = self._known.with_name(f"{self._known.name}-{code}")
        shutil.copytree(self._known, state)
        roles = list(itertools.islice(itertools.cycle(ROLES), self._choices.runs))
        stories = [
            self._story(f"{code}-{index}-{role.name}", target_s=role.target * alone_s)
            for index, role in enumerate(roles)
        ]
        with self._stage.newcomer(f"arbitrate-{code}", state), ClusterManager(self._stage.address) as manager:
            slots = self._stage.most_slots
            manager.register(CLUSTER, self._stage.rest_url, capacity_slots=slots)
            order = [one.run_id for one in stories]
            with Sharer(self._stage.address, CLUSTER, rule, order=order):
                began_s = time.time()
                followers = self._started(roles, stories)
                superstep_s = alone_s / self._choices.supersteps
                taken = _taken(
                    manager,
                    slots=slots // 2,
                    began_s=began_s,
                    alone_s=alone_s,
                    within_s=WITHIN * superstep_s,
                    fixed=rule is not None,
                )
                for one in followers:
                    one.join()
        agree = all(compared(self._stage, one, script=self._program.check)["agree"] for one in stories)
        met = sum(one.elapsed_s <= one.plan.target_s for one in stories)
        self._screen.say(f"{name}: {met} of {len(stories)} targets met")
        return Shared(name=name, roles=roles, stories=stories, taken=taken, agree=agree, began_s=began_s)

    def _started(self, roles: Sequence[Role], stories: Sequence[ActStory]) -> list[threading.Thread]:
        followers = []
        for role, story in zip(roles, stories, strict=True):
            arguments = [*self._arguments(story), "--priority", str(role.priority), "--pausable"]
            driver = self._stage.start_job(self._program.script, arguments, log=f"{story.plan.name}.log")
            one = threading.Thread(
                target=follow,
                args=(story,),
                kwargs={"address": self._stage.address, "driver": driver, "on_change": lambda _: None},
                daemon=True,
            )
            one.start()
            followers.append(one)
            time.sleep(APART_S)
        return followers

    def _story(self, name: str, *, target_s: float) -> ActStory:
        plan = ActPlan(
            name=f"arbitrate-{name}",
            question="",
            start=1,
            target_s=target_s,
            points=self._points,
            supersteps=self._choices.supersteps,
        )
        return ActStory(plan, f"{plan.name}-{time.strftime('%H%M%S')}")

    def _arguments(self, story: ActStory) -> list[str]:
        state_folder(self._stage, story).mkdir(parents=True)
        return [
            *common_arguments(self._stage, story),
            *(self._program.input_option, str(self._points)),
            *self._program.options,
            *("--seed", str(self._choices.seed), "--runtime-target-s", f"{story.plan.target_s:.3f}"),
        ]


def _taken(
    manager: ClusterManager, *, slots: int, began_s: float, alone_s: float, within_s: float, fixed: bool
) -> Taken:
    """Take slots back in the middle and give them again later."""
    _sleep_until(began_s + FALL_AFTER * alone_s)
    at_s, status = time.time(), None
    everything = manager.cluster(CLUSTER).capacity_slots
    if fixed:
        _until_accepted(lambda: manager.set_capacity(CLUSTER, everything - slots))
    else:
        status = _until_accepted(lambda: manager.reclaim(CLUSTER, slots=slots, within_s=within_s))
    _sleep_until(began_s + RISE_AFTER * alone_s)
    if status is not None:
        status = manager.reclaim_status(status.reclaim_id)
    _until_accepted(lambda: manager.set_capacity(CLUSTER, everything))
    return Taken(at_s=at_s, given_again_s=time.time(), status=status)


def _until_accepted(write: Callable[[], T]) -> T:
    """Write again where another manager, which fixes grants, wrote since the revision was read."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(StaleRevisionError):
            return write()
    return write()


def _sleep_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.time()))
