"""The demo from curtain to curtain: data, calibration, acts, check, summary."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.domain.duration import format_duration
from adaptor.errors import EmbeddedFlinkError
from adaptor.experiments.demo.act import ActPlan, ActStory, follow
from adaptor.experiments.demo.screen import Screen, summary_table
from adaptor.experiments.demo.stage import Stage
from adaptor.experiments.report import Figure, Report

SUPERSTEPS = 10
"""Limit of each act: enough to pay for two tries of a parallelism, few enough for two acts in six minutes."""

UNDER_PROVISIONED_SHARE = 0.88
"""Target of the first act as a share of what parallelism 1 needs: two cores were seen to need 0.74 of it."""

OVER_PROVISIONED_SHARE = 1.6
"""Target of the second act as a share of what parallelism 1 needs: so loose that one slot suffices."""

FIXED_COST_RATIO = 5.0
"""Least ratio of a superstep at parallelism 1 to one without data, so that scale-out can be seen."""

TINY_FRACTION = 0.001
"""Share of the flights whose superstep costs nothing but what is fixed: about 330 rows."""

CLUSTERS = {"under-provisioned": 6, "over-provisioned": 8}
"""K of each act. They differ so that the second act is a program adaptor knows nothing of."""

ENLARGE = 5
"""How often each flight appears, jittered: 1.6 million points, of which a superstep at parallelism 1 was seen to take
7 times its fixed cost on two cores."""

MOST_ENLARGED = 80
"""Where enlarging ends: about 2.5 GB of CSV."""

RPC_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChoices:
    """What a user may choose.

    Attributes:
        home: Folder for everything the demo writes.
        state_dir: State directory of the service; ``None`` takes a new one for each demo.
        target_s: Runtime target of a single act of one's own; ``None`` calibrates one.
        start: Start parallelism of a single act of one's own; ``None`` plays the two acts.
        seed: Of the jitter and the start centroids.
    """

    home: Path
    state_dir: Path | None
    target_s: float | None
    start: int | None
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the demo measured before its acts, to choose targets; adaptor is not told.

    Attributes:
        points: Folder of the points.
        rows: Number of points.
        enlarge: How often each flight appears.
        fixed_s: Seconds of a superstep without data.
        superstep_s: Seconds of a superstep at parallelism 1.
    """

    points: Path
    rows: int
    enlarge: int
    fixed_s: float
    superstep_s: float

    @property
    def ratio(self) -> float:
        """How many times the fixed cost a superstep takes."""
        return self.superstep_s / self.fixed_s


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
        calibration = _calibrated(stage, choices, screen)
        stories = [_played(stage, plan, calibration, choices, screen) for plan in _acts(stage, calibration, choices)]
        checks = [_checked(stage, story, calibration) for story in stories]
    _close(screen, stories, checks, state_dir)
    return _report(choices, calibration, stories, checks, time.monotonic() - began_s, state_dir)


def _shown(path: Path) -> Path:
    """A path as the user would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _acts(stage: Stage, calibration: Calibration, choices: DemoChoices) -> list[ActPlan]:
    alone_s = SUPERSTEPS * calibration.superstep_s
    if choices.start is not None or choices.target_s is not None:
        start = choices.start or 1
        target_s = choices.target_s or UNDER_PROVISIONED_SHARE * alone_s
        return [ActPlan(name="chosen", question="your own start and target", start=start, target_s=target_s)]
    return [
        ActPlan(
            name="under-provisioned",
            question=f"starts at 1, which needs about {format_duration(alone_s)}: too slow for its target",
            start=1,
            target_s=UNDER_PROVISIONED_SHARE * alone_s,
        ),
        ActPlan(
            name="over-provisioned",
            question=f"starts at {stage.most_slots}, though its target needs fewer",
            start=stage.most_slots,
            target_s=OVER_PROVISIONED_SHARE * alone_s,
        ),
    ]


# --- before the acts -----------------------------------------------------------------------------------------


def _calibrated(stage: Stage, choices: DemoChoices, screen: Screen) -> Calibration:
    """Prepare the points, enlarged until a superstep at parallelism 1 is long enough."""
    tiny = _prepared(stage, choices, enlarge=1, fraction=TINY_FRACTION)
    fixed_s = _superstep_s(stage, tiny, choices, name="fixed-cost")
    enlarge = ENLARGE
    while True:
        screen.say(f"preparing the flights, each {enlarge} times with jitter ...")
        points = _prepared(stage, choices, enlarge=enlarge, fraction=1.0)
        superstep_s = _superstep_s(stage, points, choices, name="calibration")
        rows = int(json.loads((points / "manifest.json").read_text())["rows"])
        calibration = Calibration(points=points, rows=rows, enlarge=enlarge, fixed_s=fixed_s, superstep_s=superstep_s)
        if calibration.ratio >= FIXED_COST_RATIO or enlarge >= MOST_ENLARGED:
            break
        enlarge *= 2
    screen.say(
        f"{rows:,} points; a superstep at parallelism 1 takes {format_duration(superstep_s)}, "
        f"{calibration.ratio:.1f} times the {format_duration(fixed_s)} of one without data. "
        "This chose the targets; adaptor itself is told nothing of it."
    )
    return calibration


def _prepared(stage: Stage, choices: DemoChoices, *, enlarge: int, fraction: float) -> Path:
    folder = choices.home / "points" / f"x{enlarge}-{fraction:g}-seed{choices.seed}"
    arguments = [str(folder), "--enlarge", str(enlarge), "--seed", str(choices.seed), "--fraction", f"{fraction:g}"]
    stage.run_job("flights.py", arguments, log="flights.log")
    return folder


def _superstep_s(stage: Stage, points: Path, choices: DemoChoices, *, name: str) -> float:
    """Seconds of a warm superstep at parallelism 1: the last of three without data, of two with."""
    story = ActStory(ActPlan(name=name, question="", start=1, target_s=3600.0), f"{name}-{uuid.uuid4().hex[:8]}")
    supersteps = 3 if name == "fixed-cost" else 2
    extra = ["--program", f"kmeans-{name}", "--policy", "static", "--max-supersteps", str(supersteps)]
    arguments = _driver_arguments(stage, story, points, choices, k=CLUSTERS["under-provisioned"])
    stage.run_job("kmeans.py", [*arguments, *extra], log=f"{name}.log")
    with grpc.insecure_channel(stage.address) as channel:
        request = pb.GetRunRequest(run_id=story.run_id)
        run = runs_pb2_grpc.RunServiceStub(channel).GetRun(request, timeout=RPC_TIMEOUT_S)
    return float(run.observations[-1].duration_s)


# --- acts ----------------------------------------------------------------------------------------------------


def _played(stage: Stage, plan: ActPlan, calibration: Calibration, choices: DemoChoices, screen: Screen) -> ActStory:
    stage.provide_slots(plan.start)
    story = ActStory(plan, f"demo-{plan.name}-{uuid.uuid4().hex[:8]}")
    arguments = _driver_arguments(stage, story, calibration.points, choices, k=CLUSTERS.get(plan.name, 6))
    arguments += ["--max-supersteps", str(SUPERSTEPS), "--data", f"enlarge={calibration.enlarge}"]
    log = f"{plan.name}.log"
    driver = stage.start_job("kmeans.py", arguments, log=log)
    with screen.act(story):
        follow(story, address=stage.address, driver=driver, on_change=screen.update)
    stage.require_success(driver, log=log)
    if story.ended_at_s is None:
        raise EmbeddedFlinkError(f"the run of act {plan.name} ended without a word to the service; see {stage.logs}")
    return story


def _driver_arguments(stage: Stage, story: ActStory, points: Path, choices: DemoChoices, *, k: int) -> list[str]:
    state = stage.home / "runs" / story.run_id
    return [
        *("--flink", stage.rest_url, "--points", str(points), "--state", str(state), "--run-id", story.run_id),
        *("--k", str(k), "--seed", str(choices.seed), "--parallelism", str(story.plan.start)),
        *("--runtime-target-s", f"{story.plan.target_s:.3f}", "--max-parallelism", str(stage.most_slots)),
        *("--result", str(_result_file(stage, story))),
    ]


def _result_file(stage: Stage, story: ActStory) -> Path:
    return stage.home / "runs" / story.run_id / "result.json"


def _checked(stage: Stage, story: ActStory, calibration: Calibration) -> dict[str, Any]:
    """Compare an act's clusters with scikit-learn's on the same points and starting centroids."""
    log = f"check-{story.plan.name}.log"
    stage.run_job("check_kmeans.py", [str(_result_file(stage, story)), str(calibration.points)], log=log)
    answer: dict[str, Any] = json.loads((stage.logs / log).read_text().splitlines()[-1])
    return answer


# --- after the acts ------------------------------------------------------------------------------------------


def _close(screen: Screen, stories: Sequence[ActStory], checks: Sequence[dict[str, Any]], state_dir: Path) -> None:
    screen.show(summary_table(stories))
    for story, check in zip(stories, checks, strict=True):
        verdict = (
            "the same clusters as scikit-learn's K-Means" if check["agree"] else "OTHER clusters than scikit-learn"
        )
        screen.say(
            f"Act {story.plan.name} found {verdict} (centroids differ by at most {check['max_difference']:.1e})."
        )
    inside, predicted = _coverage(stories)
    screen.say(f"{inside} of {predicted} predicted durations lay inside their 80 % interval.")
    screen.say(
        f"adaptor explain {stories[0].run_id} 3 --state-dir {_shown(state_dir)}   says why superstep 3 ran as it did."
    )


def _coverage(stories: Sequence[ActStory]) -> tuple[int, int]:
    pairs = [story.inside_interval for story in stories]
    return sum(inside for inside, _ in pairs), sum(predicted for _, predicted in pairs)


def _report(
    choices: DemoChoices,
    calibration: Calibration,
    stories: Sequence[ActStory],
    checks: Sequence[dict[str, Any]],
    duration_s: float,
    state_dir: Path,
) -> Report:
    inside, predicted = _coverage(stories)
    figures = [
        Figure(name="demo_duration", value=duration_s, unit="s"),
        Figure(
            name="demo_targets_met", value=sum(story.elapsed_s <= story.plan.target_s for story in stories), unit="acts"
        ),
        Figure(name="demo_fixed_cost_ratio", value=calibration.ratio, unit="times"),
        Figure(name="demo_inside_interval", value=inside / predicted if predicted else None, unit="share"),
    ]
    for story in stories:
        name, static_s = story.plan.name.replace("-", "_"), story.static_start_s
        static = f"static start at {story.plan.start}, predicted"
        figures.append(
            Figure(
                name=f"demo_{name}_runtime", value=story.elapsed_s, unit="s", baseline=static_s, baseline_name=static
            )
        )
        figures.append(
            Figure(
                name=f"demo_{name}_slot_seconds",
                value=story.slot_seconds,
                unit="slot-seconds",
                baseline=None if static_s is None else static_s * story.plan.start,
                baseline_name=static,
            )
        )
    return Report(
        title="adaptor demo: K-Means over jittered flights",
        figures=figures,
        seeds={"seed": choices.seed},
        details={
            "rows": calibration.rows,
            "fixed_cost_s": calibration.fixed_s,
            "superstep_at_1_s": calibration.superstep_s,
            "state_dir": str(_shown(state_dir)),
            "checks": list(checks),
            "acts": [story.as_json() for story in stories],
        },
    )
