"""The command that lets users arrive one after another at a shared log."""

from __future__ import annotations

from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import json_option, report_option, write_to
from adaptor.cli.traces import Told, usable_cores
from adaptor.experiments.users.experiment import Request, experiment_users


@click.command()
@click.argument("measured", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--orders", type=click.IntRange(1), default=200, show_default=True, help="Seeded orders of users.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything random.")
@click.option("--processes", type=click.IntRange(1), help="To spread the orders over; by default all cores.")
@report_option
@json_option
def users(measured: Path, orders: int, seed: int, processes: int | None, folder: Path | None, as_json: bool) -> None:
    """Let users with the execution contexts in DIR arrive one after another, each with a runtime target.

    Each chooses a scale-out with what the log holds by then, runs once, and leaves the run to the next. Regret is what
    that costs above the cheapest scale-out in time; with sharing, without, and with users who lie.
    """
    request = Request(folder=measured, orders=orders, seed=seed, processes=processes or usable_cores())
    report = experiment_users(request, Told("users"))
    write_to(folder, report, name="users")
    print_report(report, as_json=as_json)
