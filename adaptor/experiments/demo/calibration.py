"""What is measured before the acts, to choose their targets; adaptor is told nothing of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.domain.duration import format_duration
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.demo.play import driver_arguments
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.demo.stage import Stage

FIXED_COST_RATIO = 5.0
"""Least ratio of a superstep at parallelism 1 to one without data, so that scale-out can be seen."""

TINY_FRACTION = 0.001
"""Share of the flights whose superstep costs nothing but what is fixed: about 330 rows."""

ENLARGE = 5
"""How often each flight appears, jittered: 1.6 million points, of which a superstep at parallelism 1 was seen to take
7 times its fixed cost on two cores."""

MOST_ENLARGED = 80
"""Where enlarging ends: about 2.5 GB of CSV."""

CALIBRATION_K = 6
"""Clusters of the supersteps that are measured, as in the first act."""

RPC_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the demo measured before its acts.

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

    def expected_s(self, fraction: float) -> float:
        """Seconds of a superstep at parallelism 1 on a share of the data: the work shrinks, what is fixed does not."""
        return self.fixed_s + fraction * max(0.0, self.superstep_s - self.fixed_s)


def calibrated(stage: Stage, screen: Screen, *, seed: int) -> Calibration:
    """Prepare the points, enlarged until a superstep at parallelism 1 is long enough.

    Args:
        stage: Where to run.
        screen: Shows what is going on.
        seed: Of the jitter and the start centroids.

    Raises:
        AdaptorError: If a step fails.
    """
    tiny = prepared(stage, enlarge=1, fraction=TINY_FRACTION, seed=seed)
    fixed_s = _superstep_s(stage, tiny, seed=seed, name="fixed-cost")
    enlarge = ENLARGE
    while True:
        screen.say(f"preparing the flights, each {enlarge} times with jitter ...")
        points = prepared(stage, enlarge=enlarge, fraction=1.0, seed=seed)
        superstep_s = _superstep_s(stage, points, seed=seed, name="calibration")
        calibration = Calibration(
            points=points, rows=rows_of(points), enlarge=enlarge, fixed_s=fixed_s, superstep_s=superstep_s
        )
        if calibration.ratio >= FIXED_COST_RATIO or enlarge >= MOST_ENLARGED:
            break
        enlarge *= 2
    screen.say(
        f"{calibration.rows:,} points; a superstep at parallelism 1 takes {format_duration(superstep_s)}, "
        f"{calibration.ratio:.1f} times the {format_duration(fixed_s)} of one without data. "
        "This chose the targets; adaptor itself is told nothing of it."
    )
    return calibration


def prepared(stage: Stage, *, enlarge: int, fraction: float, seed: int) -> Path:
    """The folder of these points, which are written if they are not there.

    Raises:
        EmbeddedFlinkError: If they cannot be written.
    """
    folder = stage.home / "points" / f"x{enlarge}-{fraction:g}-seed{seed}"
    arguments = [str(folder), "--enlarge", str(enlarge), "--seed", str(seed), "--fraction", f"{fraction:g}"]
    stage.run_job("flights.py", arguments, log="flights.log")
    return folder


def rows_of(points: Path) -> int:
    """How many points a folder holds."""
    return int(json.loads((points / "manifest.json").read_text())["rows"])


def _superstep_s(stage: Stage, points: Path, *, seed: int, name: str) -> float:
    """Seconds of a warm superstep at parallelism 1: the last of three without data, of two with."""
    supersteps = 3 if name == "fixed-cost" else 2
    plan = ActPlan(
        name=name, question="", start=1, target_s=3600.0, points=points, k=CALIBRATION_K, supersteps=supersteps
    )
    story = ActStory(plan, f"{name}-{uuid.uuid4().hex[:8]}")
    extra = ["--program", f"kmeans-{name}", "--policy", "static"]
    stage.run_job("kmeans.py", [*driver_arguments(stage, story, seed=seed), *extra], log=f"{name}.log")
    with grpc.insecure_channel(stage.address) as channel:
        request = pb.GetRunRequest(run_id=story.run_id)
        run = runs_pb2_grpc.RunServiceStub(channel).GetRun(request, timeout=RPC_TIMEOUT_S)
    return float(run.observations[-1].duration_s)
