"""Commands about runtime models."""

from __future__ import annotations

from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import json_option, output
from adaptor.experiments.models.evaluate import FORMATS, PROTOCOLS, evaluated, report_of, write_report
from adaptor.experiments.models.outcome import Request


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic to the type checker alone
    """Whole numbers with commas between them."""

    name = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers of a text."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 0,1,2", param, ctx)
        if any(number < 0 for number in numbers):
            self.fail("must hold no negative number", param, ctx)
        return numbers


@click.group()
def models() -> None:
    """Judge runtime models on measured runs."""


@models.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--protocol", type=click.Choice(list(PROTOCOLS)), required=True, help="What is left out and predicted.")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="Shape of the files in DIR.")
@click.option(
    "--k", "numbers_given", type=Numbers(), default="0,1,2,3,5", show_default=True, help="Points given of a context."
)
@click.option(
    "--repeats",
    type=click.IntRange(1),
    help="Random splits or draws, or most parts of a job that are left out; by default what the protocol says.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything random.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="To spread the work over.")
@click.option("--report", "folder_of_report", type=click.Path(path_type=Path), help="Folder for tables and plots.")
@json_option
def evaluate(
    folder: Path,
    protocol: str,
    form: str,
    numbers_given: tuple[int, ...],
    repeats: int | None,
    seed: int,
    processes: int,
    folder_of_report: Path | None,
    as_json: bool,
) -> None:
    """Predict measured runs in DIR that models did not see, with every method side by side."""
    request = Request(
        folder=folder,
        protocol=protocol,
        format=form,
        numbers_given=numbers_given,
        repeats=repeats,
        seed=seed,
        processes=processes,
    )
    console = output(stderr=True)
    with console.status(f"{protocol} ...") as status:
        outcome = evaluated(request, lambda done, all_: status.update(f"{protocol}: {done} of {all_}"))
    if folder_of_report is not None:
        for file in write_report(request, outcome, folder_of_report):
            console.print(f"wrote {file}")
    print_report(report_of(request, outcome), as_json=as_json)
