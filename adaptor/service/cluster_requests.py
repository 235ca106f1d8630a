"""From protos about clusters to values. What makes no sense is refused by the values, with the field's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.domain.allocation import ReclaimRequest
from adaptor.domain.cluster import MAX_CLUSTER_SLOTS, CapacityCurve, Cluster, LeaseExpiry, Tenant
from adaptor.domain.managed import LONGEST_S, CapacityChange, ManagedCluster
from adaptor.errors import InvalidValueError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

MOST_NODE_TYPES = 64
"""Kinds of worker of one cluster; a cloud has about as many families."""

LONGEST_NODE_TYPE = 200
"""Characters of the name of one; as long as an execution context takes."""

_EXPIRY = {
    pb.ON_EXPIRY_UNSPECIFIED: None,
    pb.ON_EXPIRY_KEEP: LeaseExpiry.KEEP,
    pb.ON_EXPIRY_LEAST: LeaseExpiry.LEAST,
}

DEFAULT_PAGE = 100
"""Runs in an answer if the caller does not say: demand of that many takes about 200 kB."""

LARGEST_PAGE = 1000
"""Most runs in an answer."""

T = TypeVar("T")


def identity(field: str, value: str) -> str:
    """An id that a manager made.

    Raises:
        InvalidValueError: If it is none.
    """
    if not _ID.fullmatch(value):
        raise InvalidValueError(field, "must be 1 to 100 letters, digits, dots, dashes or underscores")
    return value


def managed_cluster(spec: pb.ClusterSpec) -> ManagedCluster:
    """The cluster that a manager describes, without capacity.

    Raises:
        InvalidValueError: If a field makes no sense.
    """
    if len(spec.node_types) > MOST_NODE_TYPES or any(len(one) > LONGEST_NODE_TYPE for one in spec.node_types):
        raise InvalidValueError(
            "spec.node_types", f"must be at most {MOST_NODE_TYPES} of {LONGEST_NODE_TYPE} characters each"
        )
    return ManagedCluster(
        cluster=Cluster(
            cluster_id=identity("spec.cluster_id", spec.cluster_id),
            flink_url=spec.flink_url.rstrip("/"),
            slots_per_task_manager=spec.slots_per_task_manager or 1,
            node_type=spec.node_types[0] if len(spec.node_types) == 1 else "",
            price_per_slot_s=spec.price_per_slot_s,
        ),
        node_types=tuple(spec.node_types),
        revision=0,
        capacity=CapacityCurve(),
        lease_s=spec.lease_s,
    )


def expiry(spec: pb.ClusterSpec) -> LeaseExpiry | None:
    """What becomes of grants when the lease ends; ``None`` for the service's setting.

    Raises:
        InvalidValueError: If it is no value that there is.
    """
    if spec.on_expiry not in _EXPIRY:
        raise InvalidValueError("spec.on_expiry", "must be KEEP or LEAST")
    return _EXPIRY[spec.on_expiry]


def slots(field: str, value: int) -> int:
    """A number of slots.

    Raises:
        InvalidValueError: If no cluster has so many.
    """
    if value > MAX_CLUSTER_SLOTS:
        raise InvalidValueError(field, f"must lie between 0 and {MAX_CLUSTER_SLOTS}, got {value}")
    return value


def capacity_change(announced: pb.AnnouncedCapacity) -> CapacityChange:
    """A change that a manager announces.

    Raises:
        InvalidValueError: If it says neither how many slots more nor how many in all, or its time is none.
    """
    kind = announced.WhichOneof("change")
    if kind is None:
        raise InvalidValueError("announced.change", "must be set: more_slots or total_slots")
    if kind == "more_slots":
        return CapacityChange(at_s=announced.at_s, more_slots=announced.more_slots)
    return CapacityChange(at_s=announced.at_s, total_slots=slots("announced.total_slots", announced.total_slots))


def reclaim_request(cluster_id: str, count: int, within_s: float) -> ReclaimRequest:
    """How many slots are wanted back.

    Raises:
        InvalidValueError: If a field makes no sense.
    """
    if count < 1:
        raise InvalidValueError("slots", "must be at least 1, got 0")
    if not 0 < within_s <= LONGEST_S:
        raise InvalidValueError("within_s", f"must be above 0 and at most {LONGEST_S:.0f} seconds, got {within_s:g}")
    return ReclaimRequest(cluster_id=cluster_id, slots=count, within_s=within_s)


def tenant(message: pb.Tenant) -> Tenant:
    """A tenant as a manager describes it.

    Raises:
        InvalidValueError: If a field makes no sense.
    """
    return Tenant(
        tenant_id=identity("tenant.tenant_id", message.tenant_id),
        quota_slots=message.quota_slots if message.HasField("quota_slots") else None,
        priority=message.priority,
        weight=message.weight or 1.0,
    )


def page(found: Sequence[tuple[str, T]], *, size: int, token: str) -> tuple[list[T], str]:
    """One page of things in the order of their run ids, and the token of the next one.

    Raises:
        InvalidValueError: If more are wanted than an answer may hold.
    """
    if size > LARGEST_PAGE:
        raise InvalidValueError("page_size", f"must be at most {LARGEST_PAGE}, got {size}")
    size = size or DEFAULT_PAGE
    rest = [(name, one) for name, one in found if name > token]
    more = len(rest) > size
    return [one for _, one in rest[:size]], rest[size - 1][0] if more else ""
