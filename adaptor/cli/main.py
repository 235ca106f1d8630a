"""The group of commands, and the boundary where errors become lines."""

from __future__ import annotations

import sys

import click

from adaptor import __version__
from adaptor.cli.access import access
from adaptor.cli.attach import attach, attached, detach, pause, resume
from adaptor.cli.bench import bench
from adaptor.cli.cluster import cluster
from adaptor.cli.demo import demo
from adaptor.cli.documentation import docs
from adaptor.cli.experiment import experiment
from adaptor.cli.ipfs import ipfs
from adaptor.cli.models import models
from adaptor.cli.query import query
from adaptor.cli.reading import explain, replay, runs, show
from adaptor.cli.service import config, doctor, serve
from adaptor.cli.share import share
from adaptor.errors import AdaptorError, ReplayDifferenceError

EXIT_DIFFERENT = 1
EXIT_BAD_INPUT = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="adaptor")
def cli() -> None:
    """Resource manager beside Apache Flink: rescales iterative jobs at their iteration barriers."""


for command in (
    serve,
    demo,
    runs,
    show,
    explain,
    replay,
    config,
    doctor,
    bench,
    experiment,
    docs,
    access,
    share,
    ipfs,
    models,
    query,
    cluster,
    attach,
    attached,
    detach,
    pause,
    resume,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    try:
        cli(prog_name="adaptor")
    except ReplayDifferenceError as error:
        click.echo(f"adaptor: {error}", err=True)
        sys.exit(EXIT_DIFFERENT)
    except AdaptorError as error:
        click.echo(f"adaptor: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
