"""Commands around the service: serve, config, doctor."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import click
from rich.table import Table

from adaptor.app.doctor import findings
from adaptor.app.service import serve as run_service
from adaptor.cli.options import config_option, json_option, listen_option, output, settings_of, state_dir_option


@click.command()
@listen_option
@state_dir_option
@config_option
@click.option("--embedded-home", help="Folder of an embedded Flink to manage (embedded.home).")
@click.option("--exit-on-eof", is_flag=True, hidden=True, help="End when standard input is closed.")
def serve(
    listen: str | None,
    state_dir: str | None,
    config_file: Path | None,
    embedded_home: str | None,
    exit_on_eof: bool,
) -> None:
    """Run the service until it is interrupted; the first line of output is its address."""
    settings = settings_of(
        config_file, service__listen=listen, service__state_dir=state_dir, embedded__home=embedded_home
    )
    logging.basicConfig(
        level=settings["service.log_level"], stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    if exit_on_eof:
        threading.Thread(target=_end_on_eof, daemon=True).start()
    asyncio.run(run_service(settings, on_listening=click.echo))


def _end_on_eof() -> None:
    """End in order once whoever started the service is gone, however it went."""
    # Not through `sys.stdin`, whose lock would be held while the interpreter shuts down.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@click.command()
@config_option
@json_option
def config(config_file: Path | None, as_json: bool) -> None:
    """Print each setting with its value and where it came from."""
    values = settings_of(config_file).values_by_name
    if as_json:
        click.echo(json.dumps({name: {"value": one.text, "origin": one.origin} for name, one in values.items()}))
        return
    table = Table("setting", "value", "origin")
    for name, one in values.items():
        table.add_row(name, one.text, one.origin)
    output().print(table)


@click.command()
@config_option
@state_dir_option
@click.option("--flink-url", default="", help="A cluster to look at as well.")
@json_option
def doctor(config_file: Path | None, state_dir: str | None, flink_url: str, as_json: bool) -> None:
    """Say what is there (Java, Flink, port, state directory) and what to do about what is not.

    The exit code is 1 if something is missing.
    """
    found = list(findings(settings_of(config_file, service__state_dir=state_dir), flink_url=flink_url))
    if as_json:
        click.echo(json.dumps({one.name: {"ok": one.ok, "text": one.text} for one in found}))
    else:
        table = Table("what", "", "finding")
        for one in found:
            table.add_row(one.name, "ok" if one.ok else "[red]missing[/red]", one.text)
        output().print(table)
    sys.exit(0 if all(one.ok for one in found) else 1)
