"""The cluster store in memory. It passes the same contract suite as the one on disk."""

from __future__ import annotations

from adaptor.domain.cluster_news import ClusterBook, ClusterNews, ClusterWrite
from adaptor.domain.managed import ManagedCluster, ManagedTenant, RunGrant
from adaptor.domain.reclaim import Reclaim
from adaptor.errors import StateDirectoryError


class InMemoryClusterStore:
    """Keeps managed clusters as long as the process lives.

    Args:
        most_news: News that are kept, the newest.

    Attributes:
        failing: Whether every write fails, as on a full disk.
        writes: Every write, in order.
    """

    def __init__(self, *, most_news: int = 1000) -> None:
        self.failing = False
        self.writes: list[ClusterWrite] = []
        self._most_news = most_news
        self._clusters: dict[str, ManagedCluster] = {}
        self._tenants: dict[str, ManagedTenant] = {}
        self._grants: dict[str, RunGrant] = {}
        self._reclaims: dict[str, Reclaim] = {}
        self._news: list[ClusterNews] = []

    async def write(self, changes: ClusterWrite) -> None:
        """Keep changes, at once or not at all."""
        if self.failing:
            raise StateDirectoryError("state_dir: the disk is full")
        self.writes.append(changes)
        self._clusters |= {one.cluster_id: one for one in changes.clusters}
        self._tenants |= {one.tenant.tenant_id: one for one in changes.tenants}
        self._grants |= {one.run_id: one for one in changes.grants}
        self._reclaims |= {one.reclaim_id: one for one in changes.reclaims}
        for cluster_id in changes.removed_clusters:
            self._clusters.pop(cluster_id, None)
            self._grants = {run: one for run, one in self._grants.items() if one.cluster_id != cluster_id}
        for tenant_id in changes.removed_tenants:
            self._tenants.pop(tenant_id, None)
        for run_id in changes.removed_grants:
            self._grants.pop(run_id, None)
        self._news += changes.news

    async def book(self) -> ClusterBook:
        """All that is kept, but for the news."""
        return ClusterBook(
            clusters=tuple(self._clusters[one] for one in sorted(self._clusters)),
            tenants=tuple(self._tenants[one] for one in sorted(self._tenants)),
            grants=tuple(self._grants[one] for one in sorted(self._grants)),
            reclaims=tuple(self._reclaims.values()),
        )

    async def news_after(self, place: int, *, cluster_id: str, limit: int) -> list[tuple[int, ClusterNews]]:
        """What happened after a place, in order, each with its place."""
        gone = max(0, len(self._news) - self._most_news)
        numbered = list(enumerate(self._news, start=1))[gone:]
        found = [(at, one) for at, one in numbered if at > place and cluster_id in ("", one.cluster_id)]
        return found[:limit]

    async def kept_news(self) -> tuple[int, int]:
        """Place of the newest news that is no longer kept, and of the newest of all."""
        return max(0, len(self._news) - self._most_news), len(self._news)
