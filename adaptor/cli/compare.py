"""The command that sets two reports side by side."""

from __future__ import annotations

from pathlib import Path

import click

from adaptor.cli.options import json_option, output, report_option, write_to
from adaptor.experiments.compare import comparison
from adaptor.experiments.document import read_documents
from adaptor.experiments.report import terminal_table

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("before", metavar="A.json", type=FILE)
@click.argument("after", metavar="B.json", type=FILE)
@report_option
@json_option
def compare(before: Path, after: Path, folder: Path | None, as_json: bool) -> None:
    """Set the figures of two reports side by side, with what changed in command, seeds, versions and machine.

    A.json and B.json are what experiments and benchmarks print with --json, or write with --report.
    """
    report = comparison(*read_documents(before, after))
    write_to(folder, report, name="compare")
    if as_json:
        click.echo(report.as_json())
        return
    for table in report.tables:
        output().print(terminal_table(table))
