"""`adaptor cluster ...`: what a manager can call, from the command line. Each command only calls the service."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.table import Table

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.cli import cluster_tables as tables
from adaptor.cli.announced import announced_capacity
from adaptor.cli.calling import cluster_manager, service_option
from adaptor.cli.options import Duration, json_option, output

F = TypeVar("F", bound=Callable[..., Any])

EXPIRIES = {"keep": pb.ON_EXPIRY_KEEP, "least": pb.ON_EXPIRY_LEAST, "": pb.ON_EXPIRY_UNSPECIFIED}

revision_option = click.option(
    "--revision", type=click.IntRange(0), help="That the change rests on; refused if there is a newer one.  [newest]"
)
cluster_argument = click.argument("cluster_id", metavar="CLUSTER")


@click.group()
def cluster() -> None:
    """Hand out a cluster's slots: capacity, demand, grants, reclaims, tenants."""


@cluster.command()
@cluster_argument
@click.argument("flink_url", metavar="URL")
@click.option("--capacity", type=click.IntRange(0), help="Slots from now on.  [what Flink has]")
@click.option(
    "--slots-per-task-manager", type=click.IntRange(1), default=1, show_default=True, help="Come and go as one."
)
@click.option("--node-type", "node_types", multiple=True, help="Kind of worker; may be repeated.")
@click.option("--price", type=click.FloatRange(0), default=0.0, help="Money that one slot costs in one second.")
@click.option("--lease", type=Duration(), default=0.0, help="Time within which you renew it.  [never expires]")
@click.option("--on-expiry", type=click.Choice(["keep", "least"]), help="What becomes of grants if you do not.")
@click.option("--revision", type=click.IntRange(0), default=0, help="Change a known cluster, at this revision.")
@service_option
@json_option
def register(
    cluster_id: str,
    flink_url: str,
    capacity: int | None,
    slots_per_task_manager: int,
    node_types: tuple[str, ...],
    price: float,
    lease: float,
    on_expiry: str | None,
    revision: int,
    service: str,
    as_json: bool,
) -> None:
    """Take a cluster under management; its runs then get what arbitration grants them."""
    with cluster_manager(service) as manager:
        found = manager.register(
            cluster_id,
            flink_url,
            capacity_slots=capacity,
            slots_per_task_manager=slots_per_task_manager,
            node_types=node_types,
            price_per_slot_s=price,
            lease_s=lease,
            on_expiry=EXPIRIES[on_expiry or ""],
            revision=revision,
        )
    show(found, tables.clusters([found]), as_json=as_json)


@cluster.command("list")
@service_option
@json_option
def list_command(service: str, as_json: bool) -> None:
    """List the clusters."""
    with cluster_manager(service) as manager:
        show_all("clusters", manager.clusters(), tables.clusters, as_json=as_json)


@cluster.command("show")
@cluster_argument
@service_option
@json_option
def show_command(cluster_id: str, service: str, as_json: bool) -> None:
    """One cluster with what is announced and reclaimed."""
    with cluster_manager(service) as manager:
        found = manager.cluster(cluster_id)
    show(found, tables.clusters([found]), tables.announced(found), tables.reclaims(found.reclaims), as_json=as_json)


@cluster.command()
@cluster_argument
@revision_option
@service_option
@json_option
def remove(cluster_id: str, revision: int | None, service: str, as_json: bool) -> None:
    """Manage a cluster no more; its runs go on with what there is."""
    with cluster_manager(service) as manager:
        runs = manager.remove(cluster_id, revision=revision)
    click.echo(json.dumps({"runs": runs}) if as_json else f"{cluster_id} is not managed any more; {runs} runs go on")


@cluster.command()
@cluster_argument
@click.argument("slots", type=click.IntRange(0))
@revision_option
@service_option
@json_option
def capacity(cluster_id: str, slots: int, revision: int | None, service: str, as_json: bool) -> None:
    """Say how many slots may be used from now on."""
    with cluster_manager(service) as manager:
        answer = manager.set_capacity(cluster_id, slots, revision=revision)
    show(answer, tables.clusters([answer.cluster]), as_json=as_json)
    if answer.remark and not as_json:
        click.echo(answer.remark)


# -4@in+1h is a change, neither an option nor a cry for help.
@cluster.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@cluster_argument
@click.argument("changes", metavar="[CHANGE@WHEN]...", nargs=-1)
@revision_option
@service_option
@json_option
def announce(cluster_id: str, changes: tuple[str, ...], revision: int | None, service: str, as_json: bool) -> None:
    """Say how many slots there will be, in place of what was announced before.

    A change is +20 or -4 for more or fewer, or 8 for so many in all; a time is 14:00 (the next one), in+30m, or seconds
    since the epoch. For example: announce lab +20@14:00 8@18:00
    """
    announced = announced_capacity(changes, now_s=time.time())
    with cluster_manager(service) as manager:
        found = manager.announce(cluster_id, announced, revision=revision)
    show(found, tables.announced(found), as_json=as_json)


@cluster.command()
@cluster_argument
@click.option("--lease", type=Duration(), default=0.0, help="Until it expires.  [the cluster's own]")
@service_option
@json_option
def renew(cluster_id: str, lease: float, service: str, as_json: bool) -> None:
    """Say that the manager is still there."""
    with cluster_manager(service) as manager:
        expires = manager.renew_lease(cluster_id, lease_s=lease)
    if as_json:
        click.echo(json.dumps({"lease_expires_at_s": expires}))
    else:
        click.echo("the lease never expires" if expires is None else f"the lease expires at {tables.clock(expires)}")


@cluster.command()
@cluster_argument
@click.argument("run_id", metavar="[RUN]", default="")
@service_option
@json_option
def demand(cluster_id: str, run_id: str, service: str, as_json: bool) -> None:
    """What more or fewer slots would mean to each run, or in full to one."""
    with cluster_manager(service) as manager:
        found = manager.demand(cluster_id, run_id=run_id)
    table = tables.points if run_id else tables.demands
    show_all("demands", found, table, as_json=as_json)


@cluster.command()
@cluster_argument
@service_option
@json_option
def grants(cluster_id: str, service: str, as_json: bool) -> None:
    """What each run was granted, and why."""
    with cluster_manager(service) as manager:
        show_all("grants", manager.grants(cluster_id), tables.grants, as_json=as_json)


@cluster.command()
@cluster_argument
@click.argument("run_id", metavar="RUN")
@click.argument("slots", metavar="SLOTS|free")
@revision_option
@service_option
@json_option
def grant(cluster_id: str, run_id: str, slots: str, revision: int | None, service: str, as_json: bool) -> None:
    """Fix what one run gets; "free" leaves it to arbitration again."""
    if slots != "free" and not slots.isdecimal():
        raise click.BadParameter(f"{slots!r} is neither a number of slots nor 'free'", param_hint="SLOTS")
    with cluster_manager(service) as manager:
        found = manager.set_grant(cluster_id, run_id, None if slots == "free" else int(slots), revision=revision)
    show(found, tables.grants([found]), as_json=as_json)


@cluster.command()
@cluster_argument
@click.argument("slots", type=click.IntRange(1))
@click.option("--within", type=Duration(), required=True, help="Time within which they should be free.")
@click.option("--preview", is_flag=True, help="Only say what it would do.")
@click.option("--id", "reclaim_id", default="", help="Of the reclaim; the same id is the same reclaim.  [a new one]")
@revision_option
@service_option
@json_option
def reclaim(
    cluster_id: str,
    slots: int,
    within: float,
    preview: bool,
    reclaim_id: str,
    revision: int | None,
    service: str,
    as_json: bool,
) -> None:
    """Take slots back at the barriers of the runs that give them."""
    with cluster_manager(service) as manager:
        if preview:
            found = manager.preview_reclaim(cluster_id, slots=slots, within_s=within).reclaim
        else:
            found = manager.reclaim(cluster_id, slots=slots, within_s=within, reclaim_id=reclaim_id, revision=revision)
    show(found, *tables.reclaim(found), as_json=as_json)


@cluster.command()
@click.argument("reclaim_id", metavar="RECLAIM")
@service_option
@json_option
def reclaimed(reclaim_id: str, service: str, as_json: bool) -> None:
    """How a reclaim stands."""
    with cluster_manager(service) as manager:
        found = manager.reclaim_status(reclaim_id)
    show(found, *tables.reclaim(found), as_json=as_json)


@cluster.command()
@service_option
@json_option
def tenants(service: str, as_json: bool) -> None:
    """List the tenants."""
    with cluster_manager(service) as manager:
        show_all("tenants", manager.tenants(), tables.tenants, as_json=as_json)


@cluster.command()
@click.argument("tenant_id", metavar="TENANT")
@click.option("--quota", type=click.IntRange(0), help="Most slots of its runs on one cluster.  [no limit]")
@click.option("--priority", type=click.IntRange(-1000, 1000), default=0, show_default=True, help="Higher goes first.")
@click.option("--weight", type=float, default=1.0, show_default=True, help="Of its targets, and in a fair share.")
@click.option("--remove", "removed", is_flag=True, help="Remove it instead.")
@revision_option
@service_option
@json_option
def tenant(
    tenant_id: str,
    quota: int | None,
    priority: int,
    weight: float,
    removed: bool,
    revision: int | None,
    service: str,
    as_json: bool,
) -> None:
    """Make or change a tenant."""
    with cluster_manager(service) as manager:
        if removed:
            manager.remove_tenant(tenant_id, revision=revision)
            click.echo(json.dumps({}) if as_json else f"{tenant_id} is gone")
            return
        answer = manager.set_tenant(tenant_id, quota_slots=quota, priority=priority, weight=weight, revision=revision)
    show(answer, tables.tenants([answer.tenant]), as_json=as_json)
    if answer.remark and not as_json:
        click.echo(answer.remark)


@cluster.command()
@click.argument("cluster_id", metavar="[CLUSTER]", default="")
@click.option("--resume", "token", default="", help="Token of the last news that is known already.")
@click.option("--count", type=click.IntRange(1), help="End after so many news.  [never]")
@service_option
@json_option
def watch(cluster_id: str, token: str, count: int | None, service: str, as_json: bool) -> None:
    """Print what happens, a line each, until it is interrupted; a service that restarts is waited for."""
    # Raised in the midst of gRPC an interrupt would leave its locks held; there is nothing to be put in order.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with cluster_manager(service) as manager:
        for news in islice(manager.watch(cluster_id, resume_token=token), count):
            click.echo(json.dumps(as_dict(news)) if as_json else tables.news_line(news))


def show(message: Message, *shown: Table, as_json: bool) -> None:
    """One message as JSON, or tables, the empty ones left out."""
    if as_json:
        click.echo(json.dumps(as_dict(message)))
        return
    for table in shown:
        if table.row_count:
            output().print(table)


def show_all(name: str, found: Iterable[Any], table: Callable[[Iterable[Any]], Table], *, as_json: bool) -> None:
    """Some messages as JSON under a name, or a table."""
    found = list(found)
    if as_json:
        click.echo(json.dumps({name: [as_dict(one) for one in found]}))
    else:
        output().print(table(found))


def as_dict(message: Message) -> dict[str, Any]:
    """A message for JSON, with the proto's own names and zeros."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
