"""The command that compares policies on recorded iterative jobs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import Duration, json_option, report_option, write_to
from adaptor.experiments.traces.experiment import Request, experiment_traces


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


class Told:
    """Progress on stderr: every per cent that is done, in a line that is written over where somebody looks on.

    Args:
        name: Of the experiment.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._told = -1

    def __call__(self, done: int, all_: int) -> None:
        """So many parts of so many are done."""
        percent = 100 * done // all_
        if percent > self._told:
            self._told = percent
            looked_at = sys.stderr.isatty()
            click.echo(f"{self._name}: {done} of {all_}, {percent} %", err=True, nl=not looked_at or done == all_)
            click.echo("\r" if looked_at and done < all_ else "", err=True, nl=False)


@click.command()
@click.argument("traced", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
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
@report_option
@json_option
def traces(
    traced: Path,
    target: float | None,
    least_runs: int,
    repeats: int,
    runs: int,
    chains: int,
    failures: float,
    adaptation_cost: float,
    seed: int,
    processes: int | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Run the recorded iterative jobs in DIR under every policy that knows runtime targets.

    Each policy meets the same draws of superstep times from runs of constant scale-out and knows other runs of the
    job. Late runs and overrun stand beside executor-seconds and beside the best schedule of the same draw.
    """
    request = Request(
        folder=traced,
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
    report = experiment_traces(request, Told("traces"))
    write_to(folder, report, name="traces")
    print_report(report, as_json=as_json)
