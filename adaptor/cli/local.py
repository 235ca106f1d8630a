"""The command that runs a program on the embedded Flink, under adaptor and under every static parallelism."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.demo import end_as_ctrl_c_does
from adaptor.cli.options import json_option, output, report_option, write_to
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.local_runs.experiment import LocalChoices, experiment_local
from adaptor.experiments.local_runs.programs import PROGRAMS

LEAST_SUPERSTEPS = 5
"""Fewer leave no room to try a parallelism and to profit from it."""


@click.command()
@click.option("--job", type=click.Choice(list(PROGRAMS)), required=True, help="What is run.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Runs of each variant, in turn.")
@click.option(
    "--supersteps",
    type=click.IntRange(LEAST_SUPERSTEPS),
    default=25,
    show_default=True,
    help="Of kmeans and pagerank; components ends by itself.",
)
@click.option(
    "--target-share",
    type=click.FloatRange(0, min_open=True),
    default=0.9,
    show_default=True,
    help="Runtime target as a share of what the first run, at parallelism 1, takes.",
)
@click.option(
    "--size", type=click.IntRange(1), help="Copies of the input; by default as many as make seconds of a superstep."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the input and its start.")
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".adaptor/demo"), show_default=True, help="Working folder."
)
@report_option
@json_option
def local(
    job: str,
    repeats: int,
    supersteps: int,
    target_share: float,
    size: int | None,
    seed: int,
    home: Path,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Run a program on a real Flink: adaptor from a poor start, interleaved with every static parallelism.

    Every result is compared with a plain computation. Everything it starts has ended when the command ends.
    """
    signal.signal(signal.SIGTERM, end_as_ctrl_c_does)
    choices = LocalChoices(
        home=home.absolute(),
        job=job,
        repeats=repeats,
        supersteps=supersteps,
        target_share=target_share,
        size=size,
        seed=seed,
    )
    report = experiment_local(choices, Screen(output(stderr=True)))
    write_to(folder, report, name=f"local-{job}")
    print_report(report, as_json=as_json)
