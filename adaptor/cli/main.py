"""The group of commands, and the boundary where errors become lines."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from adaptor import __version__
from adaptor.errors import AdaptorError, ReplayDifferenceError

EXIT_DIFFERENT = 1
EXIT_BAD_INPUT = 2


MODULES = {
    "serve": "service",
    "demo": "demo",
    "runs": "reading",
    "show": "reading",
    "explain": "reading",
    "replay": "reading",
    "config": "service",
    "doctor": "service",
    "bench": "bench",
    "experiment": "experiment",
    "docs": "documentation",
    "access": "access",
    "share": "share",
    "ipfs": "ipfs",
    "models": "models",
    "query": "query",
    "cluster": "cluster",
    "attach": "attach",
    "attached": "attach",
    "detach": "attach",
    "pause": "attach",
    "resume": "attach",
}
"""Each command by its name, with the module of this package that holds it under the same name."""


class Commands(click.Group):
    """Loads a command when it is asked for: what serves takes seconds to import, and most commands only call it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class asks so
        """All names, in order."""
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """One command, or ``None`` if there is none of this name."""
        if cmd_name not in MODULES:
            return None
        command: click.Command = getattr(import_module(f"adaptor.cli.{MODULES[cmd_name]}"), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="adaptor")
def cli() -> None:
    """Resource manager beside Apache Flink: rescales iterative jobs at their iteration barriers."""


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
