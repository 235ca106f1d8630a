"""The demo from curtain to curtain: calibration, acts, check, summary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptor.domain.duration import format_duration
from adaptor.experiments.demo import peers
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.demo.calibration import Calibration, calibrated, prepared
from adaptor.experiments.demo.newcomer import FRACTION, LOG_NAME, Joining, newcomer, newcomers_plan
from adaptor.experiments.demo.play import checked, played
from adaptor.experiments.demo.screen import Screen, summary_table
from adaptor.experiments.demo.stage import Stage
from adaptor.experiments.report import Figure, Report

SUPERSTEPS = 10
"""Limit of the first two acts: enough to pay for two tries of a parallelism, few enough for three acts in six
minutes."""

UNDER_PROVISIONED_SHARE = 0.88
"""Target of the first act as a share of what parallelism 1 needs: two cores were seen to need 0.74 of it."""

OVER_PROVISIONED_SHARE = 1.6
"""Target of the second act as a share of what parallelism 1 needs: so loose that one slot suffices."""

CLUSTERS = {"under-provisioned": 6, "over-provisioned": 8}
"""K of the first two acts. They differ so that nobody has measured the second act's execution context."""

CHOSEN_CLUSTERS = 6
"""K of a single act of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChoices:
    """What a user may choose.

    Attributes:
        home: Folder for everything the demo writes.
        state_dir: State directory of the first service; ``None`` takes a new one for each demo.
        target_s: Runtime target of a single act of one's own; ``None`` calibrates one.
        start: Start parallelism of a single act of one's own.
        seed: Of the jitter and the start centroids.
    """

    home: Path
    state_dir: Path | None
    target_s: float | None
    start: int | None
    seed: int

    @property
    def single(self) -> bool:
        """Whether to play one act of the user's own instead of the three."""
        return self.target_s is not None or self.start is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """Everything that was seen.

    Attributes:
        calibration: What the targets were made of.
        stories: Of the acts.
        checks: Their clusters beside scikit-learn's.
        joining: How the newcomer joined; ``None`` without a third act.
    """

    calibration: Calibration
    stories: Sequence[ActStory]
    checks: Sequence[dict[str, Any]]
    joining: Joining | None


def run_demo(choices: DemoChoices, screen: Screen) -> Report:
    """Play the demo.

    Args:
        choices: What the user chose.
        screen: Shows it.

    Returns:
        Figures and acts.

    Raises:
        AdaptorError: If a step fails; every process has been ended then.
    """
    began_s = time.monotonic()
    state_dir = choices.state_dir or choices.home / "state" / time.strftime("%Y%m%d-%H%M%S")
    screen.say("starting the embedded Flink and the service ...")
    with Stage(choices.home, state_dir) as stage:
        screen.say(f"Flink answers at {stage.rest_url}, adaptor at {stage.address}, state in {_shown(state_dir)}")
        calibration = calibrated(stage, screen, seed=choices.seed)
        play = _single_act if choices.single else _three_acts
        seen = play(stage, calibration, choices, screen)
    _close(screen, seen, state_dir)
    return _report(choices, seen, time.monotonic() - began_s, state_dir)


def _shown(path: Path) -> Path:
    """A path as the user would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


# --- acts ----------------------------------------------------------------------------------------------------


def _single_act(stage: Stage, calibration: Calibration, choices: DemoChoices, screen: Screen) -> Played:
    target_s = choices.target_s or UNDER_PROVISIONED_SHARE * SUPERSTEPS * calibration.superstep_s
    plan = ActPlan(
        name="chosen",
        question="your own start and target",
        start=choices.start or 1,
        target_s=target_s,
        points=calibration.points,
        k=CHOSEN_CLUSTERS,
        supersteps=SUPERSTEPS,
    )
    story = played(stage, plan, screen, seed=choices.seed)
    return Played(calibration=calibration, stories=[story], checks=[checked(stage, story)], joining=None)


def _three_acts(stage: Stage, calibration: Calibration, choices: DemoChoices, screen: Screen) -> Played:
    peers.ensure_log(stage.address, LOG_NAME)
    half = prepared(stage, enlarge=calibration.enlarge, fraction=FRACTION, seed=choices.seed)
    plans = [under_provisioned(calibration), _over_provisioned(calibration, start=stage.most_slots)]
    stories = [played(stage, plan, screen, seed=choices.seed) for plan in plans]
    checks = [checked(stage, story) for story in stories]
    screen.say("\nthe first service goes on without the cluster; an empty one joins its log ...")
    empty = _newcomers_state(stage.first.state_dir)
    with newcomer(stage, empty) as (service, joining):
        screen.say(
            f"adaptor at {service.address}, state in {_shown(empty)}, joined by invitation and held all "
            f"{joining.entries} entries after {joining.joined_s:.1f} s"
        )
        plan = newcomers_plan(stories[0], calibration, points=half)
        stories.append(played(stage, plan, screen, seed=choices.seed))
        checks.append(checked(stage, stories[-1]))
    return Played(calibration=calibration, stories=stories, checks=checks, joining=joining)


def under_provisioned(calibration: Calibration) -> ActPlan:
    """The act that starts with too little."""
    alone_s = SUPERSTEPS * calibration.superstep_s
    return ActPlan(
        name="under-provisioned",
        question=f"starts at 1, which needs about {format_duration(alone_s)}: too slow for its target",
        start=1,
        target_s=UNDER_PROVISIONED_SHARE * alone_s,
        points=calibration.points,
        k=CLUSTERS["under-provisioned"],
        supersteps=SUPERSTEPS,
        shareable=True,
    )


def _over_provisioned(calibration: Calibration, *, start: int) -> ActPlan:
    return ActPlan(
        name="over-provisioned",
        question=f"starts at {start}, though its target needs fewer",
        start=start,
        target_s=OVER_PROVISIONED_SHARE * SUPERSTEPS * calibration.superstep_s,
        points=calibration.points,
        k=CLUSTERS["over-provisioned"],
        supersteps=SUPERSTEPS,
        shareable=True,
    )


def _newcomers_state(first: Path) -> Path:
    """Beside the first service's state directory, and as new as that one's log."""
    return first.with_name(f"{first.name}-newcomer-{time.strftime('%H%M%S')}")


# --- after the acts ------------------------------------------------------------------------------------------


def _close(screen: Screen, seen: Played, state_dir: Path) -> None:
    screen.show(summary_table(seen.stories))
    for story, check in zip(seen.stories, seen.checks, strict=True):
        verdict = (
            "the same clusters as scikit-learn's K-Means" if check["agree"] else "OTHER clusters than scikit-learn"
        )
        screen.say(
            f"Act {story.plan.name} found {verdict} (centroids differ by at most {check['max_difference']:.1e})."
        )
    inside, predicted = _coverage(seen.stories)
    screen.say(f"{inside} of {predicted} predicted durations lay inside their 80 % interval.")
    screen.say(
        f"adaptor explain {seen.stories[0].run_id} 3 --state-dir {_shown(state_dir)}   "
        "says why superstep 3 ran as it did."
    )


def _coverage(stories: Sequence[ActStory]) -> tuple[int, int]:
    pairs = [story.inside_interval for story in stories]
    return sum(inside for inside, _ in pairs), sum(predicted for _, predicted in pairs)


def _report(choices: DemoChoices, seen: Played, duration_s: float, state_dir: Path) -> Report:
    inside, predicted = _coverage(seen.stories)
    met = sum(story.elapsed_s <= story.plan.target_s for story in seen.stories)
    figures = [
        Figure(name="demo_duration", value=duration_s, unit="s"),
        Figure(name="demo_targets_met", value=met, unit="acts"),
        Figure(name="demo_fixed_cost_ratio", value=seen.calibration.ratio, unit="times"),
        Figure(name="demo_inside_interval", value=inside / predicted if predicted else None, unit="share"),
        *_newcomers_figures(seen),
        *(figure for story in seen.stories for figure in act_figures(story)),
    ]
    return Report(
        title="adaptor demo: K-Means over jittered flights",
        figures=figures,
        seeds={"seed": choices.seed},
        details={
            "rows": seen.calibration.rows,
            "fixed_cost_s": seen.calibration.fixed_s,
            "superstep_at_1_s": seen.calibration.superstep_s,
            "state_dir": str(_shown(state_dir)),
            "checks": list(seen.checks),
            "joining": seen.joining.as_json() if seen.joining else None,
            "acts": [story.as_json() for story in seen.stories],
        },
    )


def _newcomers_figures(seen: Played) -> list[Figure]:
    if seen.joining is None:
        return []
    used = seen.stories[-1].first_plan.evidence.shared_observations
    return [
        Figure(name="demo_newcomer_joined", value=seen.joining.joined_s, unit="s"),
        Figure(name="demo_newcomer_shared_observations", value=used, unit="observations"),
    ]


def act_figures(story: ActStory) -> list[Figure]:
    """Runtime and slot-seconds of an act beside those of its static start."""
    name, static_s = story.plan.name.replace("-", "_"), story.static_start_s
    static = f"static start at {story.plan.start}, predicted"
    slot_s = None if static_s is None else static_s * story.plan.start
    return [
        Figure(name=f"demo_{name}_runtime", value=story.elapsed_s, unit="s", baseline=static_s, baseline_name=static),
        Figure(
            name=f"demo_{name}_slot_seconds",
            value=story.slot_seconds,
            unit="slot-seconds",
            baseline=slot_s,
            baseline_name=static,
        ),
    ]
