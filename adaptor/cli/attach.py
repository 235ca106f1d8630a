"""Commands around attached streams: attach, attached, detach, pause, resume. Each only calls the service."""

from __future__ import annotations

import json
import queue
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import click
import grpc
from google.protobuf.json_format import MessageToDict
from rich.table import Table

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import attachments_pb2_grpc, runs_pb2
from adaptor.cli.calling import CALL_S, attachment_service, service_option
from adaptor.cli.options import config_option, json_option, output, state_dir_option
from adaptor.cli.own_service import running_service
from adaptor.domain.duration import parse_duration_s
from adaptor.errors import InvalidValueError

Lines: TypeAlias = "queue.SimpleQueue[str | grpc.RpcError]"
"""What is to be printed, and how it ends."""

_ENDED, _INTERRUPTED = "ended", "interrupted"

TARGETS = ("utilisation", "rate", "lag", "catch-up")


@click.command()
@click.argument("flink_url", metavar="URL")
@click.argument("job")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=VALUE",
    help="What is wanted: utilisation=0.7 (share of its time that a subtask works), rate=5000 (records a second that "
    "the sources must be able to emit), lag=5s (waiting records that are left alone), catch-up=60s (time within which "
    "the rest should be gone). May be repeated.",
)
@click.option("--min-parallelism", type=click.IntRange(1), default=1, show_default=True, help="Of any vertex.")
@click.option("--max-parallelism", type=click.IntRange(1), help="Of any vertex.  [default: the slots there are]")
@click.option("--dry-run", is_flag=True, help="Decide everything, change nothing.")
@click.option("--id", "attachment_id", default="", help="Name of the attachment.  [default: JOB]")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Print what happens until Ctrl-C.")
@service_option
@state_dir_option
@config_option
@click.option("--embedded-home", help="Folder of an embedded Flink, for a service that is started.")
@json_option
def attach(
    flink_url: str,
    job: str,
    targets: tuple[str, ...],
    min_parallelism: int,
    max_parallelism: int | None,
    dry_run: bool,
    attachment_id: str,
    follow: bool,
    service: str,
    state_dir: str | None,
    config_file: Path | None,
    embedded_home: str | None,
    as_json: bool,
) -> None:
    """Look after a running stream of the Flink at URL; JOB is its id, or its name if only one running job has it.

    The job needs no change. Where no service runs, one is started for the time of this command, and Ctrl-C lets go of
    the stream; with a service, Ctrl-C only ends the output.
    """
    request = pb.AttachRequest(
        attachment_id=attachment_id,
        flink_url=flink_url,
        job_id=job,
        target=stream_target(targets),
        bounds=runs_pb2.Bounds(min_parallelism=min_parallelism, max_parallelism=max_parallelism or 0),
        dry_run=dry_run,
    )
    given = {"--state-dir": state_dir, "--config": config_file, "--embedded-home": embedded_home}
    options = [str(part) for name, value in given.items() if value for part in (name, value)]
    lines: Lines = queue.SimpleQueue()
    with (
        running_service(service, serve_options=options) as (address, is_own),
        attachment_service(address, plain=is_own) as stub,
        _interrupts_told_to(lines),
    ):
        attached = stub.Attach(request, timeout=CALL_S).attachment
        _introduce(attached, as_json=as_json)
        if not follow and not is_own:
            return
        ended = _follow(stub, attached.attachment_id, lines, as_json=as_json)
        if is_own and not ended:
            stub.Detach(pb.DetachRequest(attachment_id=attached.attachment_id), timeout=CALL_S)
            click.echo(f"let go of {attached.attachment_id}; the job goes on as it is", err=True)


@click.command()
@click.option("--live", is_flag=True, help="Leave out those that have ended.")
@service_option
@json_option
def attached(live: bool, service: str, as_json: bool) -> None:
    """List attached streams."""
    with attachment_service(service) as stub:
        found = stub.ListAttachments(pb.ListAttachmentsRequest(only_live=live), timeout=CALL_S).attachments
    if as_json:
        click.echo(json.dumps({"attachments": [_as_dict(one) for one in found]}))
    else:
        output().print(_attachments_table(found))


@click.command()
@click.argument("attachment_id", metavar="ID")
@service_option
def detach(attachment_id: str, service: str) -> None:
    """Let go of a stream; its job goes on as it is."""
    with attachment_service(service) as stub:
        answer = stub.Detach(pb.DetachRequest(attachment_id=attachment_id), timeout=CALL_S)
    click.echo(_state(answer.attachment))


@click.command()
@click.argument("attachment_id", metavar="ID")
@service_option
def pause(attachment_id: str, service: str) -> None:
    """Go on watching a stream and change nothing."""
    with attachment_service(service) as stub:
        answer = stub.PauseAttachment(pb.PauseAttachmentRequest(attachment_id=attachment_id), timeout=CALL_S)
    click.echo(_state(answer.attachment))


@click.command()
@click.argument("attachment_id", metavar="ID")
@service_option
def resume(attachment_id: str, service: str) -> None:
    """Change a paused stream again where that is right."""
    with attachment_service(service) as stub:
        answer = stub.ResumeAttachment(pb.ResumeAttachmentRequest(attachment_id=attachment_id), timeout=CALL_S)
    click.echo(_state(answer.attachment))


def stream_target(texts: Iterable[str]) -> pb.StreamTarget:
    """What is wanted, from texts such as ``rate=5000``.

    Raises:
        InvalidValueError: If a name is unknown or a value makes no sense.
    """
    target = pb.StreamTarget()
    for text in texts:
        name, _, value = text.partition("=")
        if name == "utilisation":
            target.utilisation = _number(name, value)
        elif name == "rate":
            target.rate_records_per_s = round(_number(name, value))
        elif name == "lag":
            target.max_lag_s = parse_duration_s(value, field="lag")
        elif name == "catch-up":
            target.catch_up_s = parse_duration_s(value, field="catch-up")
        else:
            raise InvalidValueError("--target", f"{text!r} is none of {', '.join(f'{one}=...' for one in TARGETS)}")
    return target


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1e15:  # noqa: PLR2004 - more records a second than any machine sees
        raise InvalidValueError("--target", f"{name} must be a positive number, got {text!r}")
    return number


def _introduce(one: pb.Attachment, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"attachment": _as_dict(one)}))
        return
    dry = ", dry run: nothing will be changed" if one.dry_run else ""
    click.echo(f"attached to {one.job_name} ({one.job_id}) on Flink {one.flink_version}, as {one.attachment_id}{dry}")
    for obstacle in one.obstacles:
        click.echo(f"it cannot be rescaled in place, only advised on: {obstacle}")
    for remark in one.remarks:
        click.echo(f"note: {remark}")


@contextmanager
def _interrupts_told_to(lines: Lines) -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM are a line: raised in the midst of gRPC they would leave its locks held."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: lines.put(_INTERRUPTED))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(
    stub: attachments_pb2_grpc.AttachmentServiceStub, attachment_id: str, lines: Lines, *, as_json: bool
) -> bool:
    """Print news until the stream has ended (true) or somebody interrupts (false)."""
    call = stub.WatchAttachment(pb.WatchAttachmentRequest(attachment_id=attachment_id))
    reader = threading.Thread(target=_read, args=(call, lines, as_json), name="news", daemon=True)
    reader.start()
    try:
        while (line := lines.get()) not in (_ENDED, _INTERRUPTED):
            if isinstance(line, grpc.RpcError):
                raise line
            click.echo(line)
    finally:
        call.cancel()  # type: ignore[no-untyped-call]  # the stubs lack its type
        reader.join()
    return line is _ENDED


def _read(call: Iterable[pb.WatchAttachmentResponse], lines: Lines, as_json: bool) -> None:
    try:
        for news in call:
            lines.put(json.dumps(_as_dict(news)) if as_json else _news_line(news))
        lines.put(_ENDED)
    except grpc.RpcError as error:
        lines.put(error)


def _news_line(news: pb.WatchAttachmentResponse) -> str:
    line = f"{datetime.fromtimestamp(news.at_s).strftime('%H:%M:%S')}  {news.text}"
    if not news.HasField("proof"):
        return line
    proof = news.proof
    told = [
        f"gap {proof.gap_s:.2f} s" if proof.HasField("gap_s") else "",
        f"checkpoint {proof.checkpoint_s:.2f} s" if proof.HasField("checkpoint_s") else "",
        f"at most {proof.reprocessed_bound} records processed again" if proof.HasField("reprocessed_bound") else "",
        f"{proof.duration_s:.1f} s in all" if proof.HasField("duration_s") else "",
    ]
    return f"{line} ({', '.join(one for one in told if one)})"


def _attachments_table(found: Iterable[pb.Attachment]) -> Table:
    table = Table("id", "job", "Flink", "state", "slots", "rescales", "newest plan")
    for one in found:
        table.add_row(
            one.attachment_id,
            one.job_name,
            one.flink_version,
            _state(one),
            f"{one.plan.slots}" if one.HasField("plan") else "",
            f"{one.rescales}",
            one.problem or one.plan.text,
        )
    return table


def _state(one: pb.Attachment) -> str:
    name = pb.AttachmentState.Name(one.state).removeprefix("ATTACHMENT_STATE_").lower().replace("_", " ")
    return f"{name}, rescaling" if one.rescaling else name


def _as_dict(message: pb.Attachment | pb.WatchAttachmentResponse) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True)
