"""Commands that play an experiment and set its outcomes side by side."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from adaptor.cli.arbitrate import arbitrate
from adaptor.cli.bench import print_report
from adaptor.cli.compare import compare
from adaptor.cli.demo import end_as_ctrl_c_does
from adaptor.cli.local import local
from adaptor.cli.network import network
from adaptor.cli.options import json_option, output, report_option, write_to
from adaptor.cli.replay import replay
from adaptor.cli.stream import stream
from adaptor.cli.traces import traces
from adaptor.cli.users import users
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.newcomer.experiment import experiment_newcomer


@click.group()
def experiment() -> None:
    """Play an experiment; figures stand beside their baselines.

    The exit code is 0 when it was measured, whether or not goals are met.
    """


@experiment.command()
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".adaptor/demo"), show_default=True, help="Working folder."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything random.")
@report_option
@json_option
def newcomer(home: Path, seed: int, folder: Path | None, as_json: bool) -> None:
    """Let three newcomers run the demo's third act: with the first one's log, without, and with one that misleads.

    Everything it starts has ended when the command ends.
    """
    signal.signal(signal.SIGTERM, end_as_ctrl_c_does)
    measured = experiment_newcomer(home.absolute(), Screen(output(stderr=as_json)), seed=seed)
    write_to(folder, measured, name="newcomer")
    print_report(measured, as_json=as_json)


experiment.add_command(network)
experiment.add_command(replay)
experiment.add_command(traces)
experiment.add_command(users)
experiment.add_command(local)
experiment.add_command(arbitrate)
experiment.add_command(stream)
experiment.add_command(compare)
