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
        processes: To spread the work over; no figure depends on it.
    """

    curve: Curve
    log: Sequence[Curve]
    battery: Sequence[Curve]
    setup: Setup
    costs_s: Sequence[float]
    seed: int
    processes: int = 1


def experiment_replay(request: Request, *, progress: Callable[[str], None]) -> Report:
    """Replay, and set every policy beside the best schedule."""
    setup = request.setup
    jobs = single.jobs_of(request.curve, request.log, setup, request.costs_s, request.seed)
    cases = run_jobs(jobs, processes=request.processes, progress=progress)
    figures, tables = single.figures_of(cases), [single.table_of(cases)]
    plots = single.plots_of(cases, setup.slots_per_node)
    curves = [*request.battery, *synthetic_curves(request.seed)] if request.battery else []
    if curves:
        jobs = regrets.jobs_of(curves, request.log, setup, request.seed)
        many = run_jobs(jobs, processes=request.processes, progress=progress)
        figures += regrets.figures_of(many)
        tables += [regrets.table_of(many), regrets.worst_of(many)]
        plots.append(regrets.plot_of(many))
    wide = [request.curve, *(one for one in curves if one.name != request.curve.name)]
    flat = surplus.replay_surplus(wide, request.log, setup, request.seed, processes=request.processes)
    figures += surplus.figures_of(flat)
    tables += [surplus.table_of(flat)] if flat else []
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
