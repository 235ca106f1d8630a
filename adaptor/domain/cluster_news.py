"""What happens to managed clusters, and what of them is written and kept."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.demand import Demand
from adaptor.domain.events import RescaleFailed, RescaleOutcomeUnknown, RescaleSucceeded, RunFinished
from adaptor.domain.managed import ManagedCluster, ManagedTenant, RunGrant
from adaptor.domain.plan import Plan
from adaptor.domain.reclaim import Reclaim


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """A cluster with what its runs have of it.

    Attributes:
        managed: As its manager left it.
        held_slots: Slots that newest plans ask for.
        granted_slots: Slots that runs may use from their next barriers on.
        wanted_slots: Slots that would serve the objectives of its runs best, as far as that was worked out.
        runs: Runs that go on.
        reclaims: Those that are under way.
        problem: What is wrong, in words.
    """

    managed: ManagedCluster
    held_slots: int
    granted_slots: int
    runs: int
    wanted_slots: int = 0
    reclaims: tuple[Reclaim, ...] = ()
    problem: str = ""


ClusterEvent = (
    ClusterStatus
    | Demand
    | RunGrant
    | Plan
    | RescaleSucceeded
    | RescaleFailed
    | RescaleOutcomeUnknown
    | Reclaim
    | ManagedTenant
    | RunFinished
)
"""What watchers are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNews:
    """One thing that happened.

    Attributes:
        at_s: When, in seconds since the epoch.
        text: What, in words.
        event: The thing itself, as it was then.
        cluster_id: The cluster; empty for what concerns none.
        run_id: The run; empty for what concerns none.
    """

    at_s: float
    text: str
    event: ClusterEvent
    cluster_id: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWrite:
    """Changes that are written at once or not at all.

    Attributes:
        clusters: Clusters that were changed.
        removed_clusters: Those that are managed no more; their grants go with them.
        tenants: Tenants that were changed.
        removed_tenants: Those that are gone.
        grants: Grants that were changed.
        removed_grants: Runs that have ended.
        reclaims: Reclaims that were changed.
        news: What watchers are to be told.
    """

    clusters: tuple[ManagedCluster, ...] = ()
    removed_clusters: tuple[str, ...] = ()
    tenants: tuple[ManagedTenant, ...] = ()
    removed_tenants: tuple[str, ...] = ()
    grants: tuple[RunGrant, ...] = ()
    removed_grants: tuple[str, ...] = ()
    reclaims: tuple[Reclaim, ...] = ()
    news: tuple[ClusterNews, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterBook:
    """All that is kept, but for the news.

    Attributes:
        clusters: Every managed cluster.
        tenants: Every tenant.
        grants: Every grant.
        reclaims: Reclaims, those that have ended included as long as they are kept.
    """

    clusters: tuple[ManagedCluster, ...] = ()
    tenants: tuple[ManagedTenant, ...] = ()
    grants: tuple[RunGrant, ...] = ()
    reclaims: tuple[Reclaim, ...] = ()
