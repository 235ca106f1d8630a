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
from typing import Any, TypeAlias

import click
import grpc
from google.protobuf.json_format import MessageToDict
from rich.table import Table

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import attachments_pb2_grpc
from adaptor.cli.attach_rules import RuleOptions, rules_in
from adaptor.cli.attach_targets import HELP
from adaptor.cli.calling import CALL_S, attachment_service, service_option
from adaptor.cli.options import config_option, json_option, output, state_dir_option
from adaptor.cli.own_service import running_service
from adaptor.cli.submission import LETTING_GO_S, resubmission_options, submission_of
from adaptor.errors import InvalidValueError

News: TypeAlias = pb.WatchAttachmentResponse | pb.WatchClusterResponse
Stub: TypeAlias = attachments_pb2_grpc.AttachmentServiceStub
Lines: TypeAlias = "queue.SimpleQueue[str | grpc.RpcError]"
"""What is to be printed, and how it ends."""

_ENDED, _INTERRUPTED = "ended", "interrupted"


@click.command()
@click.argument("flink_url", metavar="URL")
@click.argument("job", required=False, default="")
@click.option("--all", "whole_cluster", is_flag=True, help="Look after every job of the cluster, later ones too.")
@click.option("--select", default="*", show_default=True, help="With --all: pattern of the names of jobs.")
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="With --all: global job parameters they must have.")
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --all: TOML file of rules, each a table [[rule]] with these options as keys; the first that selects a "
    "job decides.",
)
@click.option("--target", multiple=True, metavar="NAME=VALUE", help=HELP)
@click.option("--supersteps", type=click.IntRange(1), help="How many the job will have done at its end.")
@click.option(
    "--superstep-source",
    default="",
    metavar="SOURCE",
    help="Where their number is told: gauge:NAME, counter:NAME, accumulator:NAME, log (DataSet iterations of 1.x) "
    "or job (a bounded job is one).  [default: a gauge or accumulator called superstep]",
)
@click.option("--program", default="", help="Name under which durations are kept.  [default: the job's]")
@click.option("--data", multiple=True, metavar="NAME=VALUE", help="What durations depend on; may be repeated.")
@click.option("--shareable", is_flag=True, help="Let durations of supersteps leave this machine.")
@click.option("--min-parallelism", type=click.IntRange(1), default=1, show_default=True, help="Of any vertex.")
@click.option("--max-parallelism", type=click.IntRange(1), help="Of any vertex.  [default: the slots there are]")
@click.option("--dry-run", is_flag=True, help="Decide everything, change nothing.")
@resubmission_options
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
    whole_cluster: bool,
    rules: Path | None,
    allow_resubmit: bool,
    jar: str,
    entry_class: str,
    arguments: tuple[str, ...],
    job_options: tuple[str, ...],
    savepoints: str,
    attachment_id: str,
    follow: bool,
    service: str,
    state_dir: str | None,
    config_file: Path | None,
    embedded_home: str | None,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Look after a running job of the Flink at URL; JOB is its id, or its name if only one running job has it.

    The job needs no change. With --all every job of the cluster is looked after, those that come later too. Where no
    service runs, one is started for the time of this command, and Ctrl-C lets go of the job; with a service, Ctrl-C
    only ends the output.
    """
    if bool(job) == whole_cluster:
        raise InvalidValueError("JOB", "give a job, or --all for every job of the cluster")
    submission = submission_of(
        allow_resubmit=allow_resubmit,
        jar=jar,
        entry_class=entry_class,
        arguments=arguments,
        job_options=job_options,
        savepoints=savepoints,
    )
    if submission is not None and whole_cluster:
        raise InvalidValueError(
            "--allow-resubmit", "one job has this jar and these arguments: give that job, not --all"
        )
    options = RuleOptions(**wanted)
    request: pb.AttachRequest | pb.AttachAllRequest
    if whole_cluster:
        request = pb.AttachAllRequest(flink_url=flink_url, rules=rules_in(rules) if rules else [options.rule])
    else:
        request = pb.AttachRequest(
            attachment_id=attachment_id,
            flink_url=flink_url,
            job_id=job,
            target=options.stream_target,
            supersteps=options.wish,
            bounds=options.bounds,
            dry_run=options.dry_run,
            submission=submission,
        )
    given = {"--state-dir": state_dir, "--config": config_file, "--embedded-home": embedded_home}
    serve_options = [str(part) for name, value in given.items() if value for part in (name, value)]
    lines: Lines = queue.SimpleQueue()
    with (
        running_service(service, serve_options=serve_options) as (address, is_own),
        attachment_service(address, plain=is_own) as stub,
        _interrupts_told_to(lines),
    ):
        begin = _attach_all if isinstance(request, pb.AttachAllRequest) else _attach_one
        begin(stub, request, lines, follow=follow or is_own, is_own=is_own, as_json=as_json)


def _attach_one(stub: Stub, request: Any, lines: Lines, *, follow: bool, is_own: bool, as_json: bool) -> None:
    attached = stub.Attach(request, timeout=CALL_S).attachment
    resubmits = request.HasField("submission")
    _introduce(attached, resubmits=resubmits, as_json=as_json)
    if not follow:
        return
    call = stub.WatchAttachment(pb.WatchAttachmentRequest(attachment_id=attached.attachment_id))
    ended = _follow(call, lines, as_json=as_json)
    if is_own and not ended:
        # A job that is just stopped is not let go of before it runs again.
        patience_s = LETTING_GO_S if resubmits else CALL_S
        stub.Detach(pb.DetachRequest(attachment_id=attached.attachment_id), timeout=patience_s)
        click.echo(f"let go of {attached.attachment_id}; the job goes on as it is", err=True)


def _attach_all(stub: Stub, request: Any, lines: Lines, *, follow: bool, is_own: bool, as_json: bool) -> None:
    cluster = stub.AttachAll(request, timeout=CALL_S).cluster
    if as_json:
        click.echo(json.dumps({"cluster": _as_dict(cluster)}))
    else:
        many = "1 rule" if cluster.rules == 1 else f"{cluster.rules} rules"
        click.echo(f"looking after the jobs of {cluster.flink_url} that {many} select; `adaptor attached` lists them")
    if not follow:
        return
    call = stub.WatchCluster(pb.WatchClusterRequest(flink_url=request.flink_url))
    ended = _follow(call, lines, as_json=as_json)
    if is_own and not ended:
        left = stub.DetachAll(pb.DetachAllRequest(flink_url=request.flink_url), timeout=CALL_S).attachments
        click.echo(f"let go of {len(left)} jobs; they go on as they are", err=True)


@click.command()
@click.option("--live", is_flag=True, help="Leave out those that have ended.")
@service_option
@json_option
def attached(live: bool, service: str, as_json: bool) -> None:
    """List attached streams."""
    with attachment_service(service) as stub:
        found = stub.ListAttachments(pb.ListAttachmentsRequest(only_live=live), timeout=CALL_S).attachments
        clusters = stub.ListWatchedClusters(pb.ListWatchedClustersRequest(), timeout=CALL_S).clusters
    if as_json:
        document = {"attachments": [_as_dict(one) for one in found], "clusters": [_as_dict(one) for one in clusters]}
        click.echo(json.dumps(document))
        return
    output().print(_attachments_table(found))
    for one in clusters:
        problem = f": {one.problem}" if one.problem else ""
        click.echo(f"every job of {one.flink_url} that a rule selects is looked after{problem}")


@click.command()
@click.argument("attachment_id", metavar="ID")
@click.option("--all", "whole_cluster", is_flag=True, help="ID is the address of a cluster: let go of all its jobs.")
@service_option
def detach(attachment_id: str, whole_cluster: bool, service: str) -> None:
    """Let go of a job, or of a whole cluster; the jobs go on as they are."""
    with attachment_service(service) as stub:
        if whole_cluster:
            left = stub.DetachAll(pb.DetachAllRequest(flink_url=attachment_id), timeout=CALL_S).attachments
            click.echo(f"let go of {len(left)} jobs")
        else:
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


def _introduce(one: pb.Attachment, *, resubmits: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"attachment": _as_dict(one)}))
        return
    dry = ", dry run: nothing will be changed" if one.dry_run else ""
    click.echo(f"attached to {one.job_name} ({one.job_id}) on Flink {one.flink_version}, as {one.attachment_id}{dry}")
    for obstacle in one.obstacles:
        instead = "it is stopped with a savepoint and submitted again" if resubmits else "only advised on"
        click.echo(f"it cannot be rescaled in place, {instead}: {obstacle}")
    for remark in one.remarks:
        click.echo(f"note: {remark}")
    if one.run_id:
        click.echo(f"its supersteps are the run {one.run_id}; `adaptor explain {one.run_id}` gives reasons")


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


def _follow(call: grpc.Call, lines: Lines, *, as_json: bool) -> bool:
    """Print news until there will be no more (true) or somebody interrupts (false)."""
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


def _read(call: Iterable[News], lines: Lines, as_json: bool) -> None:
    try:
        for news in call:
            lines.put(json.dumps(_as_dict(news)) if as_json else _news_line(news))
        lines.put(_ENDED)
    except grpc.RpcError as error:
        lines.put(error)


def _news_line(told: News) -> str:
    news, name = (told.news, f"{told.attachment_id}: ") if isinstance(told, pb.WatchClusterResponse) else (told, "")
    line = f"{datetime.fromtimestamp(news.at_s).strftime('%H:%M:%S')}  {name}{news.text}"
    if not news.HasField("proof"):
        return line
    proof = news.proof
    figures = [
        f"gap {proof.gap_s:.2f} s" if proof.HasField("gap_s") else "",
        f"checkpoint {proof.checkpoint_s:.2f} s" if proof.HasField("checkpoint_s") else "",
        f"at most {proof.reprocessed_bound} records processed again" if proof.HasField("reprocessed_bound") else "",
        f"{proof.duration_s:.1f} s in all" if proof.HasField("duration_s") else "",
    ]
    return f"{line} ({', '.join(one for one in figures if one)})"


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


def _as_dict(message: pb.Attachment | pb.WatchedCluster | News) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True)
