"""The command that shows how well slots are shared out, in simulation and on a real Flink."""

from __future__ import annotations

from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import json_option, report_option, write_to
from adaptor.experiments.arbitrate.campaign import Choices
from adaptor.experiments.arbitrate.simulated import experiment_simulated


@click.command()
@click.option("--simulated", is_flag=True, help="Play days of many clusters in virtual time.")
@click.option("--runs", type=click.IntRange(1), help="Runs of a day, in all clusters together; 1000 if simulated.")
@click.option("--clusters", type=click.IntRange(1), default=10, show_default=True, help="Of the simulation.")
@click.option(
    "--load",
    "loads",
    type=click.FloatRange(0, 10, min_open=True),
    multiple=True,
    default=(0.7, 1.0, 1.3),
    show_default=True,
    help="Offered load over capacity in the simulation; may be given more than once.",
)
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True, help="Days at each load.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--cores", type=click.IntRange(1), help="Processes that simulate; all cores if not given.")
@report_option
@json_option
def arbitrate(
    simulated: bool,
    runs: int | None,
    clusters: int,
    loads: tuple[float, ...],
    seeds: int,
    seed: int,
    cores: int | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Let runs with targets share slots, under adaptor's arbitration and under simpler ways to share.

    The simulation takes about an hour and a half on two cores with all its seeds; the same seeds give the same figures
    on any number of cores.
    """
    if not simulated:
        raise click.UsageError("give --simulated")
    choices = Choices(runs=runs or 1000, clusters=clusters, loads=loads, seeds=seeds, first=seed)
    report = experiment_simulated(choices, progress=lambda text: click.echo(text, err=True), cores=cores)
    write_to(folder, report, name="arbitrate-simulated")
    print_report(report, as_json=as_json)
