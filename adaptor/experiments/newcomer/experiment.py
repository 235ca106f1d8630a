"""One act played by three newcomers: with the first one's log, without any, and with a log that misleads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from rich.table import Table

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.domain.context import ExecutionContext
from adaptor.domain.duration import format_duration
from adaptor.experiments.demo import peers
from adaptor.experiments.demo.act import ActPlan, ActStory, shared_weight
from adaptor.experiments.demo.calibration import RPC_TIMEOUT_S, Calibration, calibrated, prepared
from adaptor.experiments.demo.newcomer import FRACTION, LOG_NAME, Joining, joined, newcomers_plan
from adaptor.experiments.demo.play import played
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.demo.script import under_provisioned
from adaptor.experiments.demo.service_process import ServiceProcess
from adaptor.experiments.demo.stage import Stage
from adaptor.experiments.newcomer.misleading import MisleadingPeer, misleading_observations
from adaptor.experiments.newcomer.plot import plots
from adaptor.experiments.report import Figure, Report

Join = Callable[[ServiceProcess], Joining | None]
"""Lets a newcomer join what it is to join."""

QUESTIONS = {
    "sharing": "has joined the first service's log",
    "off": "knows nobody",
    "misleading": "has joined a log of made-up durations",
}
"""The three newcomers, in the order of playing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One newcomer's act.

    Attributes:
        name: A key of `QUESTIONS`.
        story: What happened.
        joining: How it joined; ``None`` without a log.
    """

    name: str
    story: ActStory
    joining: Joining | None

    @property
    def weights(self) -> list[float | None]:
        """How much peers' observations counted in the plan for each superstep."""
        plans = self.story.plans
        return [shared_weight(plans.get(one.superstep, pb.Plan())) for _, one in self.story.observations]

    @property
    def parallelisms(self) -> list[int]:
        """What each superstep was submitted with."""
        return [one.requested_parallelism for _, one in self.story.observations]

    def as_json(self) -> dict[str, Any]:
        """The start's result."""
        return {
            "newcomer": self.name,
            "joining": self.joining.as_json() if self.joining else None,
            **self.story.as_json(),
        }


def experiment_newcomer(home: Path, screen: Screen, *, seed: int) -> Report:
    """Play the first act once, then the newcomer's act three times.

    Args:
        home: Folder for everything that is written.
        screen: Shows the acts.
        seed: Of the jitter, the start centroids, and the noise of made-up durations.

    Raises:
        AdaptorError: If a step fails; every process has been ended then.
    """
    began_s = time.monotonic()
    state_dir = home / "state" / time.strftime("%Y%m%d-%H%M%S-newcomers")
    screen.say("starting the embedded Flink and the service ...")
    with Stage(home, state_dir) as stage:
        calibration = calibrated(stage, screen, seed=seed)
        half = prepared(stage, enlarge=calibration.enlarge, fraction=FRACTION, seed=seed)
        peers.ensure_log(stage.address, LOG_NAME)
        first = played(stage, under_provisioned(calibration), screen, seed=seed)
        context = _context_of(stage, first)
        peers.when_published(stage.first.address)
        stage.let_go_of_slots()
        claims = misleading_observations(
            context, superstep_at_1_s=calibration.superstep_s, most=stage.most_slots, seed=seed
        )
        with MisleadingPeer(state_dir.with_name(f"{state_dir.name}-misleading-peer"), claims) as liar:
            joins: dict[str, Join] = {
                "sharing": lambda service: _joined_first(stage, service),
                "off": lambda _: None,
                "misleading": lambda service: joined(service, liar.invitation, liar.ahead),
            }
            starts = [
                _start(stage, _plan(name, first, calibration, half), join, screen, seed=seed, state_dir=state_dir)
                for name, join in joins.items()
            ]
    screen.show(starts_table(starts))
    return _report(first, starts, calibration, seed=seed, duration_s=time.monotonic() - began_s)


def _plan(name: str, first: ActStory, calibration: Calibration, points: Path) -> ActPlan:
    return newcomers_plan(first, calibration, points=points, name=name, question=f"a newcomer that {QUESTIONS[name]}")


def _start(stage: Stage, plan: ActPlan, join: Join, screen: Screen, *, seed: int, state_dir: Path) -> Start:
    with stage.newcomer(f"newcomer-{plan.name}", state_dir.with_name(f"{state_dir.name}-{plan.name}")) as service:
        joining = join(service)
        return Start(name=plan.name, story=played(stage, plan, screen, seed=seed), joining=joining)


def _joined_first(stage: Stage, service: ServiceProcess) -> Joining:
    there = peers.when_published(stage.first.address)
    return joined(service, peers.invitation(stage.first.address), there)


def _context_of(stage: Stage, story: ActStory) -> ExecutionContext:
    """The execution context of an act, as its driver told it."""
    with grpc.insecure_channel(stage.address) as channel:
        request = pb.GetRunRequest(run_id=story.run_id)
        told = runs_pb2_grpc.RunServiceStub(channel).GetRun(request, timeout=RPC_TIMEOUT_S).start.context
    return ExecutionContext(
        program=told.program, parameters=dict(told.parameters), data=dict(told.data), node_type=told.node_type
    )


# --- results -------------------------------------------------------------------------------------------------


def starts_table(starts: Sequence[Start]) -> Table:
    """The starts side by side."""
    table = Table(title="Three newcomers, one act", title_justify="left")
    for column in ("log", "parallelism by superstep", "runtime", "target", "met", "slot-seconds", "rescales"):
        table.add_column(column)
    table.add_column("shared observations")
    table.add_column("their weight by superstep")
    for one in starts:
        story = one.story
        table.add_row(
            one.name,
            " ".join(map(str, one.parallelisms)),
            format_duration(story.elapsed_s),
            format_duration(story.plan.target_s),
            "yes" if story.elapsed_s <= story.plan.target_s else "no",
            f"{story.slot_seconds:.0f}",
            f"{story.rescales}",
            f"{story.first_plan.evidence.shared_observations}",
            " ".join("none" if weight is None else f"{weight:.2f}" for weight in one.weights),
        )
    return table


def _report(
    first: ActStory, starts: Sequence[Start], calibration: Calibration, *, seed: int, duration_s: float
) -> Report:
    off = next(one for one in starts if one.name == "off").story
    figures = [Figure(name="newcomer_duration", value=duration_s, unit="s")]
    for one in starts:
        figures += figures_of(one, off)
    return Report(
        title="adaptor experiment newcomer: one act, three newcomers",
        question="What is a shared log worth to a service that has measured nothing, and what if the log misleads?",
        figures=figures,
        seeds={"seed": seed},
        details={
            "rows": calibration.rows,
            "fixed_cost_s": calibration.fixed_s,
            "superstep_at_1_s": calibration.superstep_s,
            "first": first.as_json(),
            "starts": [one.as_json() for one in starts],
        },
        plots=plots(starts),
    )


def figures_of(start: Start, off: ActStory) -> list[Figure]:
    """What one newcomer came to, beside the one that knows nobody."""
    story, prefix = start.story, f"newcomer_{start.name}"
    compared = off is not story
    weights = [weight for weight in start.weights if weight is not None]
    figures = [
        Figure(
            name=f"{prefix}_runtime",
            value=story.elapsed_s,
            unit="s",
            baseline=off.elapsed_s if compared else None,
            baseline_name="sharing off" if compared else "",
        ),
        Figure(
            name=f"{prefix}_slot_seconds",
            value=story.slot_seconds,
            unit="slot-seconds",
            baseline=off.slot_seconds if compared else None,
            baseline_name="sharing off" if compared else "",
        ),
        Figure(name=f"{prefix}_superstep_1_parallelism", value=story.first_plan.parallelism, unit="subtasks"),
    ]
    if weights:
        figures.append(
            Figure(
                name=f"{prefix}_shared_weight",
                value=weights[-1],
                unit="share",
                baseline=weights[0],
                baseline_name="superstep 1",
            )
        )
    return figures
