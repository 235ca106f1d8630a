"""The command that shows how well slots are shared out, in simulation and on a real Flink."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.demo import end_as_ctrl_c_does
from adaptor.cli.options import json_option, output, report_option, write_to
from adaptor.experiments.arbitrate.campaign import Choices
from adaptor.experiments.arbitrate.real import RealChoices, play_real
from adaptor.experiments.arbitrate.real_report import report_of
from adaptor.experiments.arbitrate.simulated import experiment_simulated
from adaptor.experiments.demo.screen import Screen


@click.command()
@click.option("--simulated", is_flag=True, help="Play days of many clusters in virtual time.")
@click.option(
    "--runs",
    type=click.IntRange(1),
    help="Real runs at once, 3 if not given; or simulated runs of a day in all clusters together, 1000.",
)
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
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The first seed; of real runs, that of their input.",
)
@click.option("--cores", type=click.IntRange(1), help="Processes that simulate; all cores if not given.")
@click.option("--supersteps", type=click.IntRange(5), default=12, show_default=True, help="Of each real run.")
@click.option("--size", type=click.IntRange(1), help="Copies of the real runs' input; by default 650,000 points.")
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".adaptor/demo"), show_default=True, help="Working folder."
)
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
    supersteps: int,
    size: int | None,
    home: Path,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Let runs with targets share slots, under adaptor's arbitration and under simpler ways to share.

    On a real Flink, a few runs at once; half of the slots are taken back in the middle and given again later.
    Everything it starts has ended when the command ends.

    The simulation takes about an hour and a half on two cores with all its seeds; the same seeds give the same figures
    on any number of cores.
    """
    if not simulated:
        signal.signal(signal.SIGTERM, end_as_ctrl_c_does)
        real = RealChoices(home=home.absolute(), runs=runs or 3, supersteps=supersteps, size=size, seed=seed)
        measured = report_of(real, play_real(real, Screen(output(stderr=True))))
        write_to(folder, measured, name="arbitrate")
        print_report(measured, as_json=as_json)
        return
    choices = Choices(runs=runs or 1000, clusters=clusters, loads=loads, seeds=seeds, first=seed)
    report = experiment_simulated(choices, progress=lambda text: click.echo(text, err=True), cores=cores)
    write_to(folder, report, name="arbitrate-simulated")
    print_report(report, as_json=as_json)
