"""`adaptor experiment stream`: a day in fast motion under adaptor and under the Autoscaler's rule."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.demo import end_as_ctrl_c_does
from adaptor.cli.options import json_option, report_option, write_to
from adaptor.experiments.day.experiment import UTILISATIONS, DayChoices, play_days
from adaptor.experiments.day.rendering import report_of


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=600, show_default=True, help="Of the day in fast motion.")
@click.option(
    "--utilisation",
    "utilisations",
    type=click.FloatRange(0, 1, min_open=True),
    multiple=True,
    default=UTILISATIONS,
    show_default=True,
    help="Targets that the Autoscaler's rule is tried with. May be repeated.",
)
@report_option
@json_option
def stream(seconds: int, utilisations: tuple[float, ...], folder: Path | None, as_json: bool) -> None:
    """Play a day in fast motion on a real stream: adaptor, static widths, and the Autoscaler's published rule.

    Each way takes the whole day, one after the other. Everything it starts has ended when the command ends.
    """
    signal.signal(signal.SIGTERM, end_as_ctrl_c_does)
    choices = DayChoices(day_s=seconds, utilisations=utilisations)
    report = report_of(choices, play_days(choices, progress=lambda text: click.echo(text, err=True)))
    write_to(folder, report, name="stream")
    print_report(report, as_json=as_json)
