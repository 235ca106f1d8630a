"""What the service says of clusters, as tables and lines for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.table import Table

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import runs_pb2


def clusters(found: Iterable[pb.Cluster]) -> Table:
    """Each in a line."""
    table = Table("cluster", "address", "revision", "slots", "granted", "held", "runs", "lease", "problem")
    for one in found:
        lease = "expired" if one.lease_expired else clock(one.lease_expires_at_s)
        table.add_row(
            one.spec.cluster_id,
            one.spec.flink_url,
            f"{one.revision}",
            f"{one.capacity_slots}",
            f"{one.granted_slots}",
            f"{one.held_slots}",
            f"{one.runs}",
            lease if one.HasField("lease_expires_at_s") else "",
            one.problem,
        )
    return table


def announced(cluster: pb.Cluster) -> Table:
    """What is to come."""
    table = Table("from", "slots", title="announced")
    for one in cluster.announced:
        table.add_row(clock(one.at_s), f"{one.total_slots}")
    return table


def demands(found: Iterable[pb.Demand]) -> Table:
    """Each run in a line: what it needs, wants and can use, and what it gets of what it wants."""
    table = Table(
        "run", "tenant", "wanted of it", "least", "wants", "most", "held", "finish", "on time", "cost", "barrier"
    )
    for one in found:
        point = next((point for point in one.points if point.slots == one.wanted_slots), pb.DemandPoint())
        table.add_row(
            one.run_id,
            one.tenant_id,
            one.objective,
            f"{one.least_slots}",
            f"{one.wanted_slots}",
            f"{one.most_slots}",
            f"{one.held_slots}",
            *_point(point),
            f"in {one.barrier_in_s.expected:.0f} s" if one.HasField("barrier_in_s") else "",
        )
    return table


def points(found: Iterable[pb.Demand]) -> Table:
    """Every number of slots of a run in a line."""
    table = Table("slots", "finish", "on time", "cost", "")
    for one in found:
        for point in one.points:
            marks = [
                name for name, slots in (("wanted", one.wanted_slots), ("held", one.held_slots)) if slots == point.slots
            ]
            table.add_row(f"{point.slots}", *_point(point), ", ".join(marks))
    return table


def _point(point: pb.DemandPoint) -> tuple[str, str, str]:
    cost = f"{point.cost_slot_s:.0f} slot-seconds" if point.HasField("cost_slot_s") else ""
    if point.HasField("cost_money"):
        cost += f", {point.cost_money:.4g}"
    return (
        _interval(point.finish_s if point.HasField("finish_s") else None),
        _percent(point, "on_time_probability"),
        cost,
    )


def _interval(seconds: runs_pb2.Interval | None) -> str:
    return "" if seconds is None else f"{seconds.expected:.0f} s ({seconds.low:.0f} to {seconds.high:.0f})"


def _percent(message: pb.DemandPoint | pb.ReclaimShare | pb.Grant, field: str) -> str:
    return f"{100 * getattr(message, field):.0f} %" if message.HasField(field) else ""  # type: ignore[arg-type]


def grants(found: Iterable[pb.Grant]) -> Table:
    """Each in a line."""
    table = Table("run", "tenant", "granted", "held", "wanted", "on time", "why")
    for one in found:
        why = f"fixed by the manager; {one.reason}" if one.fixed else one.reason
        table.add_row(
            one.run_id,
            one.tenant_id,
            f"{one.slots}",
            f"{one.held_slots}",
            f"{one.wanted_slots}",
            _percent(one, "on_time_probability"),
            why,
        )
    return table


def reclaims(found: Iterable[pb.ReclaimStatus]) -> Table:
    """Each in a line."""
    table = Table("reclaim", "state", "slots", "free by now", "from runs", "cannot be had", title="reclaims")
    for one in found:
        state = pb.ReclaimState.Name(one.state).removeprefix("RECLAIM_STATE_").lower().replace("_", " ")
        missing = "; ".join(f"{short.slots}: {short.reason}" for short in one.shortfalls)
        taken = sum(share.from_slots - share.to_slots for share in one.shares)
        table.add_row(one.reclaim_id, state, f"{one.slots}", f"{one.freed_slots}", f"{taken}", missing)
    return table


def reclaim(found: pb.ReclaimStatus) -> tuple[Table, Table]:
    """One reclaim, and what each run gives."""
    table = Table("run", "slots", "at the barrier before", "expected", "on time before", "after", "", "free")
    for one in found.shares:
        table.add_row(
            one.run_id,
            f"{one.from_slots} to {one.to_slots}",
            f"superstep {one.before_superstep}",
            f"in {one.expected_in_s.expected:.0f} s",
            _percent(one, "before_probability"),
            _percent(one, "after_probability"),
            f"finish moves {one.finish_moves_s:.0f} s" if one.HasField("finish_moves_s") else "",
            "yes" if one.freed else "",
        )
    return reclaims([found]), table


def tenants(found: Iterable[pb.Tenant]) -> Table:
    """Each in a line."""
    table = Table("tenant", "revision", "quota", "priority", "weight", "held")
    for one in found:
        quota = f"{one.quota_slots}" if one.HasField("quota_slots") else ""
        table.add_row(
            one.tenant_id, f"{one.revision}", quota, f"{one.priority}", f"{one.weight:g}", f"{one.held_slots}"
        )
    return table


def news_line(news: pb.WatchClustersResponse) -> str:
    """One thing that happened."""
    about = " ".join(filter(None, [news.cluster_id, news.run_id]))
    return f"{clock(news.at_s)}  {about}  {news.text}"


def clock(at_s: float) -> str:
    """A time of day, with the day where it is not near."""
    then, now = datetime.fromtimestamp(at_s), datetime.now()
    return then.strftime("%H:%M:%S" if abs((then - now).total_seconds()) < 43200 else "%Y-%m-%d %H:%M:%S")  # noqa: PLR2004 - half a day
