"""Commands that measure."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from adaptor.cli.options import json_option, output
from adaptor.experiments.barrier_bench import bench_barrier
from adaptor.experiments.fuzz import bench_fuzz
from adaptor.experiments.overhead_bench import bench_overhead
from adaptor.experiments.report import Report, figures_with_goals

BENCHES = {
    "barrier": "what one barrier costs the service",
    "overhead": "what adaptor costs a real run",
    "fuzz": "wrong bytes for every decoder that peers reach",
}


@click.group(invoke_without_command=True)
@click.option("--list", "listing", is_flag=True, help="Name the benchmarks and the figures that have goals.")
@click.pass_context
def bench(ctx: click.Context, listing: bool) -> None:
    """Measure adaptor; each benchmark prints its figures beside a baseline and the goal.

    The exit code is 0 when it was measured, whether or not goals are met.
    """
    if listing or ctx.invoked_subcommand is None:
        for name, text in BENCHES.items():
            click.echo(f"bench {name}: {text}")
        for name, goal in figures_with_goals().items():
            click.echo(f"  {name}: goal {goal['goal']:g}, {goal['better']} is better")


@bench.command()
@click.option("--runs", type=click.IntRange(1), default=1000, show_default=True, help="Runs in the store.")
@click.option("--calls", type=click.IntRange(1), default=1000, show_default=True, help="Barriers to measure.")
@json_option
def barrier(runs: int, calls: int, as_json: bool) -> None:
    """Measure barriers on the production path, stage by stage."""
    print_report(bench_barrier(runs=runs, calls=calls), as_json=as_json)


@bench.command()
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".adaptor/demo"), show_default=True, help="Working folder."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of jitter and start centroids.")
@json_option
def overhead(home: Path, seed: int, as_json: bool) -> None:
    """Measure how long a real run's driver is blocked, and the service's CPU time."""
    Console(file=sys.stderr).print("running the demo's job once ...")
    print_report(bench_overhead(home.absolute(), seed=seed), as_json=as_json)


@bench.command()
@click.option("--inputs", type=click.IntRange(1), default=20_000, show_default=True, help="Inputs for each decoder.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of all inputs.")
@json_option
def fuzz(inputs: int, seed: int, as_json: bool) -> None:
    """Give wrong bytes to every decoder that peers reach; anything but its own refusal is a crash."""
    console = Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False)
    print_report(bench_fuzz(inputs=inputs, seed=seed, progress=console.print), as_json=as_json)


def print_report(report: Report, *, as_json: bool) -> None:
    """One JSON object, or a table."""
    if as_json:
        click.echo(report.as_json())
    else:
        output().print(report.as_table())
