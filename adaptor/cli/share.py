"""Commands around the shared log: create, invite, join, leave, status, preview, sent, withdraw, why, admit, revoke."""

from __future__ import annotations

import json
from pathlib import Path

import click
from google.protobuf.json_format import MessageToDict
from rich.table import Table

from adaptor.api.v1 import log_pb2
from adaptor.api.v1 import sharing_pb2 as pb
from adaptor.cli import sharing_tables as tables
from adaptor.cli.calling import CALL_S, service_option, sharing_service
from adaptor.cli.options import config_option, json_option, output, settings_of, state_dir_option
from adaptor.errors import InvalidValueError, UnknownRunError
from adaptor.sharing.filter import parse_filter
from adaptor.sharing.gate import Gate, preview
from adaptor.store.run_file import RunFile

PREVIEW_SALT = bytes(32)
"""Stands for the log's salt and this machine's secret in a preview, which must not need a log."""


@click.group()
def share() -> None:
    """Share observations with peers: create or join a log, and see what is given and taken."""


@share.command()
@click.argument("name")
@click.option("--listed", is_flag=True, help="Only listed writers may write, and those admitted later.")
@click.option("--writer", "writers", multiple=True, metavar="KEY", help="Public key of a listed writer, 64 hex digits.")
@click.option("--quorum", type=click.IntRange(1), default=1, show_default=True, help="Votes that confirm or refute.")
@click.option("--public", is_flag=True, help="Answer peers without the invitation's secret, too.")
@service_option
def create(name: str, listed: bool, writers: tuple[str, ...], quorum: int, public: bool, service: str) -> None:
    """Create a log called NAME and take part in it."""
    if writers and not listed:
        raise InvalidValueError("--writer", "needs --listed; without it anyone with an invitation may write")
    keys = [_key(one) for one in writers]
    with sharing_service(service) as stub:
        request = pb.CreateLogRequest(name=name, listed=listed, writers=keys, quorum=quorum, secret=not public)
        answer = stub.CreateLog(request, timeout=CALL_S)
    click.echo(f"created {name}: {answer.log}")
    click.echo("`adaptor share invite` prints the line with which others join")


@share.command()
@service_option
def invite(service: str) -> None:
    """Print an invitation. Whoever has it can read the log; send it as you would a password."""
    with sharing_service(service) as stub:
        click.echo(stub.Invite(pb.InviteRequest(), timeout=CALL_S).invitation)


@share.command()
@click.argument("invitation")
@service_option
def join(invitation: str, service: str) -> None:
    """Join the log of INVITATION; may be repeated."""
    with sharing_service(service) as stub:
        answer = stub.JoinLog(pb.JoinLogRequest(invitation=invitation), timeout=CALL_S)
    click.echo(f"joined {answer.name}: {answer.log}")
    click.echo("`adaptor share status` says how far it got")


@share.command()
@service_option
def leave(service: str) -> None:
    """End taking part in the log; its file is kept aside."""
    with sharing_service(service) as stub:
        click.echo(f"left; the log is kept as {stub.LeaveLog(pb.LeaveLogRequest(), timeout=CALL_S).kept}")


@share.command()
@service_option
@json_option
def status(service: str, as_json: bool) -> None:
    """Say how the log stands here: heads, missing blocks, peers, bytes, refusals."""
    with sharing_service(service) as stub:
        answer = stub.GetSharingStatus(pb.GetSharingStatusRequest(), timeout=CALL_S)
    if as_json:
        click.echo(json.dumps(MessageToDict(answer, preserving_proto_field_name=True)))
        return
    output().print(*tables.status(answer))


@share.command(name="preview")
@click.argument("run_id", metavar="RUN")
@click.option("--filter", "filter_text", help="A filter to try; the setting sharing.filter if not given.")
@state_dir_option
@config_option
@json_option
def show_preview(
    run_id: str, filter_text: str | None, state_dir: str | None, config_file: Path | None, as_json: bool
) -> None:
    """Show what peers would see of a run's newest observation, field by field. Nothing is sent."""
    settings = settings_of(config_file, service__state_dir=state_dir, sharing__filter=filter_text)
    rules = parse_filter(settings["sharing.filter"], field="sharing.filter")
    file = RunFile(settings["service.state_dir"], read_only=True)
    try:
        if file.run(run_id) is None:
            raise UnknownRunError(run_id)
        measured = [one.observation for one in file.history(run_id) if one.observation]
    finally:
        file.close()
    if not measured:
        raise InvalidValueError("run_id", f"{run_id!r} has no observation yet")
    gate = Gate(filter=rules, salt=PREVIEW_SALT, secret=PREVIEW_SALT)
    fields = preview(measured[-1], gate=gate, run=run_id, flink_version="")
    if as_json:
        rows = [{"field": one.name, "rule": one.rule, "before": one.before, "after": one.after} for one in fields]
        click.echo(json.dumps({"run_id": run_id, "shareable": measured[-1].shareable, "fields": rows}))
        return
    table = Table("field", "rule", "here", "for peers")
    for one in fields:
        table.add_row(one.name, one.rule, one.before, one.after if one.after is not None else "[dim]nothing[/dim]")
    output().print(table)
    click.echo("hashes and noise are examples: the log's salt makes others")
    if not measured[-1].shareable:
        click.echo("this run is private: nothing of it leaves this machine")


@share.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most observations.")
@service_option
@json_option
def sent(limit: int, service: str, as_json: bool) -> None:
    """List exactly what left this machine."""
    with sharing_service(service) as stub:
        answer = stub.ListSent(pb.ListSentRequest(page_size=limit), timeout=CALL_S)
    if as_json:
        click.echo(json.dumps(MessageToDict(answer, preserving_proto_field_name=True)))
    elif not answer.sent:
        click.echo("nothing left this machine")
    else:
        output().print(tables.sent(answer))


@share.command()
@click.argument("contribution", nargs=-1, required=True)
@service_option
def withdraw(contribution: tuple[str, ...], service: str) -> None:
    """Hide own contributions from every peer's index."""
    with sharing_service(service) as stub:
        answer = stub.Withdraw(pb.WithdrawRequest(contributions=contribution), timeout=CALL_S)
    click.echo(f"withdrawn by {answer.entry}; peers hide it when the entry reaches them")


@share.command()
@click.argument("contribution")
@service_option
@json_option
def why(contribution: str, service: str, as_json: bool) -> None:
    """Show the votes on a contribution and their reasons."""
    with sharing_service(service) as stub:
        answer = stub.Why(pb.WhyRequest(contribution=contribution), timeout=CALL_S)
    if as_json:
        click.echo(json.dumps(MessageToDict(answer, preserving_proto_field_name=True)))
    else:
        output().print(*tables.why(answer))


@share.command()
@click.argument("key")
@service_option
def admit(key: str, service: str) -> None:
    """Let the machine with public KEY write, and vote. For the founder only."""
    _set_member(service, key, log_pb2.MEMBERSHIP_OPERATION_ADD)
    click.echo("admitted")


@share.command()
@click.argument("key")
@service_option
def revoke(key: str, service: str) -> None:
    """Let entries that KEY writes from now on not count; those before stay. For the founder only."""
    _set_member(service, key, log_pb2.MEMBERSHIP_OPERATION_REVOKE)
    click.echo("revoked; what was written before stays")


def _set_member(service: str, key: str, operation: log_pb2.MembershipOperation.ValueType) -> None:
    with sharing_service(service) as stub:
        stub.SetMember(pb.SetMemberRequest(key=_key(key), operation=operation), timeout=CALL_S)


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:  # noqa: PLR2004 - bytes of an ed25519 key
        raise InvalidValueError("key", f"{text[:80]!r} is not a public key; `adaptor share status` shows one's own")
    return key
