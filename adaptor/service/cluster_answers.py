"""From values about clusters to protos."""

from __future__ import annotations

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.domain.allocation import ReclaimPart
from adaptor.domain.cluster import LeaseExpiry
from adaptor.domain.cluster_news import ClusterNews, ClusterStatus
from adaptor.domain.demand import Demand, DemandPoint
from adaptor.domain.events import RescaleFailed, RescaleOutcomeUnknown, RescaleSucceeded, RunFinished
from adaptor.domain.managed import ManagedCluster, ManagedTenant, RunGrant
from adaptor.domain.plan import Plan
from adaptor.domain.reclaim import Reclaim, ReclaimState
from adaptor.service import answers

_EXPIRY = {LeaseExpiry.KEEP: pb.ON_EXPIRY_KEEP, LeaseExpiry.LEAST: pb.ON_EXPIRY_LEAST}

_RECLAIM_STATE = {
    ReclaimState.PREVIEW: pb.RECLAIM_STATE_PREVIEW,
    ReclaimState.OPEN: pb.RECLAIM_STATE_OPEN,
    ReclaimState.DONE: pb.RECLAIM_STATE_DONE,
    ReclaimState.TIMED_OUT: pb.RECLAIM_STATE_TIMED_OUT,
    ReclaimState.SUPERSEDED: pb.RECLAIM_STATE_SUPERSEDED,
}


def cluster(status: ClusterStatus, *, now_s: float) -> pb.Cluster:
    """A cluster and how it stands at a time in seconds since the epoch."""
    managed = status.managed
    return pb.Cluster(
        spec=_spec(managed),
        revision=managed.revision,
        capacity_slots=managed.capacity.at(now_s),
        flink_slots=managed.flink_slots,
        held_slots=status.held_slots,
        granted_slots=status.granted_slots,
        runs=status.runs,
        announced=[pb.AnnouncedCapacity(at_s=step.from_s, total_slots=step.slots) for step in managed.announced(now_s)],
        lease_expires_at_s=managed.lease.expires_at_s if managed.lease else None,
        lease_expired=managed.expired(now_s),
        reclaims=[reclaim(one) for one in status.reclaims],
        problem=status.problem,
    )


def _spec(managed: ManagedCluster) -> pb.ClusterSpec:
    known = managed.cluster
    return pb.ClusterSpec(
        cluster_id=known.cluster_id,
        flink_url=known.flink_url,
        slots_per_task_manager=known.slots_per_task_manager,
        node_types=managed.node_types,
        price_per_slot_s=known.price_per_slot_s,
        lease_s=managed.lease_s,
        on_expiry=_EXPIRY[managed.expiry],
    )


def demand(value: Demand, *, cluster_id: str, price_per_slot_s: float = 0.0, objective: str = "") -> pb.Demand:
    """What slots mean to a run."""
    return pb.Demand(
        run_id=value.run_id,
        cluster_id=cluster_id,
        tenant_id=value.claim.tenant_id,
        priority=value.claim.priority,
        least_slots=value.least_slots,
        wanted_slots=value.wanted_slots,
        most_slots=value.most_slots,
        points=[_point(one, price_per_slot_s) for one in value.points],
        next_superstep=value.next_superstep,
        barrier_in_s=answers.interval(value.barrier_in_s),
        held_slots=value.held_slots,
        objective=objective,
        at_s=value.at_s,
        confidence=value.confidence,
    )


def _point(value: DemandPoint, price: float) -> pb.DemandPoint:
    cost = value.cost_slot_s
    return pb.DemandPoint(
        slots=value.slots,
        finish_s=answers.interval(value.finish_s),
        on_time_probability=value.on_time_probability,
        cost_slot_s=cost,
        cost_money=cost * price if price and cost is not None else None,
    )


def grant(value: RunGrant, *, held_slots: int, tenant_id: str = "", renew_by_s: float | None = None) -> pb.Grant:
    """What a run may use."""
    share = value.share
    return pb.Grant(
        run_id=value.run_id,
        cluster_id=value.cluster_id,
        tenant_id=tenant_id,
        slots=value.slots,
        held_slots=held_slots,
        fixed=value.fixed,
        reason_code=share.code.value,
        reason=share.text,
        at_s=value.at_s,
        renew_by_s=renew_by_s,
        wanted_slots=share.wanted_slots,
        takers=[pb.Taker(run_id=one.run_id, slots=one.slots, reason_code=one.code.value) for one in share.takers],
        finish_s=answers.interval(share.finish_s),
        on_time_probability=share.on_time_probability,
    )


def reclaim(value: Reclaim) -> pb.ReclaimStatus:
    """A reclaim and how it stands."""
    return pb.ReclaimStatus(
        reclaim_id=value.reclaim_id,
        cluster_id=value.request.cluster_id,
        state=_RECLAIM_STATE[value.state],
        slots=value.request.slots,
        within_s=value.request.within_s,
        at_s=value.at_s,
        free_slots=value.free_slots,
        shares=[_share(one, freed=one.run_id in value.freed) for one in value.parts],
        shortfalls=[
            pb.ReclaimShortfall(slots=one.slots, reason_code=one.code.value, reason=one.text) for one in value.missing
        ],
        freed_slots=value.freed_slots,
    )


def _share(value: ReclaimPart, *, freed: bool) -> pb.ReclaimShare:
    return pb.ReclaimShare(
        run_id=value.run_id,
        from_slots=value.from_slots,
        to_slots=value.to_slots,
        before_superstep=value.before_superstep,
        expected_in_s=answers.interval(value.expected_in_s),
        before_probability=value.on_time_probability_before,
        after_probability=value.on_time_probability_after,
        finish_moves_s=value.finish_moves_s,
        text=value.text,
        freed=freed,
    )


def tenant(value: ManagedTenant, *, held_slots: int) -> pb.Tenant:
    """A tenant."""
    known = value.tenant
    return pb.Tenant(
        tenant_id=known.tenant_id,
        quota_slots=known.quota_slots,
        priority=known.priority,
        weight=known.weight,
        revision=value.revision,
        held_slots=held_slots,
    )


def news(place: int, value: ClusterNews) -> pb.WatchClustersResponse:
    """One thing that happened, with the token to go on after it."""
    message = pb.WatchClustersResponse(
        resume_token=str(place), at_s=value.at_s, cluster_id=value.cluster_id, run_id=value.run_id, text=value.text
    )
    _set_event(message, value)
    return message


def _set_event(message: pb.WatchClustersResponse, value: ClusterNews) -> None:
    match value.event:
        case ClusterStatus() as status:
            message.cluster.CopyFrom(cluster(status, now_s=value.at_s))
        case Demand() as wanted:
            message.demand.CopyFrom(demand(wanted, cluster_id=value.cluster_id))
        case RunGrant() as granted:
            message.grant.CopyFrom(grant(granted, held_slots=granted.share.held_slots))
        case Plan() as planned:
            message.plan.CopyFrom(answers.plan(planned))
        case RescaleSucceeded() | RescaleFailed() | RescaleOutcomeUnknown() as outcome:
            message.rescale.CopyFrom(answers.rescale(outcome))
        case Reclaim() as taken:
            message.reclaim.CopyFrom(reclaim(taken))
        case ManagedTenant() as known:
            message.tenant.CopyFrom(tenant(known, held_slots=0))
        case RunFinished() as finished:
            message.state = answers.STATES[finished.state]
