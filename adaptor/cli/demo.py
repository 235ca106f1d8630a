"""The command that plays the demo."""

from __future__ import annotations

import io
import signal
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from adaptor.cli.options import Duration, json_option, output
from adaptor.experiments.demo.screen import Screen
from adaptor.experiments.demo.script import DemoChoices, run_demo

PICTURE_COLUMNS = 150
"""Width of the recorded picture: wide enough for the reasons, narrow enough for a README."""


@click.command()
@click.option("--target", "target_s", type=Duration(), help="Runtime target of one act of your own, such as 90s.")
@click.option("--start", type=click.IntRange(1, 4), help="Start parallelism of one act of your own.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of jitter and start centroids.")
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".adaptor/demo"), show_default=True, help="Working folder."
)
@click.option("--state-dir", type=click.Path(path_type=Path), help="State directory; a new one if not given.")
@click.option("--picture", type=click.Path(path_type=Path), help="Write what is shown as SVG to this file.")
@json_option
def demo(
    target_s: float | None,
    start: int | None,
    seed: int,
    home: Path,
    state_dir: Path | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Run K-Means over flight data under adaptor, on an embedded Flink.

    Three acts: one starts with too little for its runtime target, one with too much, and in the third a service that
    knows nothing joins the first one's log and starts well from what was shared. With --target or --start, one act of
    your own. Everything it starts has ended when the command ends.
    """
    signal.signal(signal.SIGTERM, end_as_ctrl_c_does)
    home = home.absolute()
    choices = DemoChoices(home=home, state_dir=state_dir, target_s=target_s, start=start, seed=seed)
    screen = Screen(output(stderr=as_json), record=_recorder() if picture else None)
    report = run_demo(choices, screen)
    if picture:
        screen.save(picture)
    if as_json:
        click.echo(report.as_json())


def _recorder() -> Console:
    return Console(record=True, file=io.StringIO(), width=PICTURE_COLUMNS, highlight=False, force_terminal=True)


def end_as_ctrl_c_does(_number: int, _frame: FrameType | None) -> None:
    """A handler of signals: everything that was started is ended on the way out."""
    raise KeyboardInterrupt
