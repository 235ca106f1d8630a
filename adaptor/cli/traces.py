"""The command that compares policies on recorded iterative jobs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import Duration, json_option, output
from adaptor.experiments.traces.experiment import Request, experiment_traces, write_report


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--target", type=Duration(), help="Runtime target of every file, in place of the published ones.")
@click.option(
    "--least-runs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Leave out scale-outs with fewer recorded runs; those with a single one are never learnt from.",
)
@click.option("--repeats", type=click.IntRange(1), default=300, show_default=True, help="Draws of each job.")
@click.option("--runs", type=click.IntRange(1), default=50, show_default=True, help="Recurring runs that learn.")
@click.option("--chains", type=click.IntRange(0), default=30, show_default=True, help="Repeats of the recurring runs.")
@click.option(
    "--failures",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Probability that a superstep fails once, where failures are injected.",
)
@click.option(
    "--adaptation-cost", type=Duration(), default="5s", show_default=True, help="What each change of scale-out takes."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything random.")
@click.option("--processes", type=click.IntRange(1), help="To spread the work over; by default all cores.")
@click.option("--report", "report_folder", type=click.Path(path_type=Path), help="Folder for traces.json and tables.")
@json_option
def traces(
    folder: Path,
    target: float | None,
    least_runs: int,
    repeats: int,
    runs: int,
    chains: int,
    failures: float,
    adaptation_cost: float,
    seed: int,
    processes: int | None,
    report_folder: Path | None,
    as_json: bool,
) -> None:
    """Run the recorded iterative jobs in DIR under every policy that knows runtime targets.

    Each policy meets the same draws of superstep times from runs of constant scale-out and knows other runs of the
    job. Late runs and overrun stand beside executor-seconds and beside the best schedule of the same draw.
    """
    request = Request(
        folder=folder,
        target_s=target,
        least_runs=least_runs,
        repeats=repeats,
        runs=runs,
        chains=chains,
        failures=failures,
        adaptation_cost_s=adaptation_cost,
        seed=seed,
        processes=processes or usable_cores(),
    )
    console = output(stderr=True)
    with console.status("traces ...") as status:
        report = experiment_traces(request, lambda done, all_: status.update(f"traces: {done} of {all_}"))
    if report_folder is not None:
        for file in write_report(report, report_folder):
            console.print(f"wrote {file}")
    print_report(report, as_json=as_json)
