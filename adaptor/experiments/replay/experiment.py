"""The whole experiment on one curve, and with `battery` on many; one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptor.experiments.replay import regrets, single, surplus
from adaptor.experiments.replay.battery import run_jobs
from adaptor.experiments.replay.cases import Setup
from adaptor.experiments.report import Report
from adaptor.experiments.simulated.curves import Curve, synthetic_curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be replayed.

    Attributes:
        curve: Of the run from a poor start.
        log: Curves that others shared; those of the same program stand for the peer's.
        battery: Curves of the battery besides the synthetic ones; empty for none.
        setup: How runs begin; its cost of a change is the battery's.
        costs_s: Costs of a change that are compared on `curve`, seconds.
        seed: Of everything random.
    """

    curve: Curve
    log: Sequence[Curve]
    battery: Sequence[Curve]
    setup: Setup
    costs_s: Sequence[float]
    seed: int


def experiment_replay(request: Request, *, progress: Callable[[str], None]) -> Report:
    """Replay, and set every policy beside the best schedule."""
    setup = request.setup
    cases = run_jobs(
        single.jobs_of(request.curve, request.log, setup, request.costs_s, request.seed), progress=progress
    )
    figures, tables = single.figures_of(cases), [single.table_of(cases)]
    plots = single.plots_of(cases, setup.slots_per_node)
    if request.battery:
        curves = [*request.battery, *synthetic_curves(request.seed)]
        many = run_jobs(regrets.jobs_of(curves, request.log, setup, request.seed), progress=progress)
        flat = surplus.replay_surplus(curves, request.log, setup, request.seed)
        figures += [*regrets.figures_of(many), *surplus.figures_of(flat)]
        tables += [regrets.table_of(many), regrets.worst_of(many), surplus.table_of(flat)]
        plots.append(regrets.plot_of(many))
    return Report(
        title=f"{request.curve.name} replayed from {setup.start_nodes} nodes in {setup.supersteps} supersteps",
        question=(
            "How near does each policy come to the best schedule that the curve allows, when nothing is known "
            "beforehand, when peers ran other programs, when one ran this one, and when one misleads?"
        ),
        figures=figures,
        seeds={"seed": request.seed},
        tables=tables,
        plots=plots,
    )
