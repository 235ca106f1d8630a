"""Options that several commands share, and types that read what people write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from adaptor.domain.duration import parse_duration_s
from adaptor.errors import InvalidValueError

if TYPE_CHECKING:  # a command that only calls a service is not to wait for what a service is made of
    from adaptor.app.settings import Settings
    from adaptor.experiments.report import Report

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic to the type checker alone
    """A duration such as ``90s`` or ``10m``; the value is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of a text; a number is taken as it is, since only defaults come as numbers."""
        if isinstance(value, (int, float)):
            return float(value)
        try:
            seconds = parse_duration_s(value, field=(param.name if param else None) or "duration")
        except InvalidValueError as error:
            self.fail(error.problem, param, ctx)
        if seconds <= 0:
            self.fail(f"must be longer than nothing, got {value}", param, ctx)
        return seconds


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
report_option = click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path),
    help="Write JSON, a page and its pictures to this folder.",
)
config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="TOML file of settings; also ADAPTOR_CONFIG."
)
state_dir_option = click.option("--state-dir", help="State directory to use (service.state_dir).")
listen_option = click.option("--listen", help="Address and port of the service (service.listen).")


def settings_of(config_file: Path | None, **flags: str | None) -> Settings:
    """The settings with the flags that were given.

    Args:
        config_file: TOML file, if one was named.
        flags: Values by setting name, with ``__`` for the dot; ``None`` was not given.

    Raises:
        InvalidValueError: If a value makes no sense.
    """
    from adaptor.app.settings import load_settings

    given = {name.replace("__", "."): text for name, text in flags.items() if text is not None}
    return load_settings(file=config_file, flags=given)


def output(*, stderr: bool = False) -> Console:
    """Where results or progress go: as wide as the terminal, or wide enough for any table if it is not one."""
    console = Console(highlight=False, stderr=stderr)
    return console if console.is_terminal else Console(highlight=False, stderr=stderr, width=160)


def write_to(folder: Path | None, report: Report, *, name: str) -> None:
    """Write a report's files to the folder of `report_option`, if one was named, and say so on stderr."""
    if folder is not None:
        from adaptor.experiments.html_report.page import write_report

        for path in write_report(report, folder, name=name):
            click.echo(f"wrote {path}", err=True)
