"""Tenants: who shares clusters, and how much each may have. Managers write them, naming the revision."""

from __future__ import annotations

from adaptor.domain.cluster import Tenant
from adaptor.domain.cluster_news import ClusterNews, ClusterWrite
from adaptor.domain.managed import ManagedTenant
from adaptor.engine.cluster_desk import Desk, Desks
from adaptor.engine.cluster_rounds import ClusterBackEnds, Rounds
from adaptor.errors import OutOfOrderError, StaleRevisionError, UnknownNameError


class Tenants:
    """All tenants of one service.

    Args:
        desks: The clusters.
        rounds: Arbitrates.
        back_ends: Store and clock.
    """

    def __init__(self, desks: Desks, rounds: Rounds, back_ends: ClusterBackEnds) -> None:
        self._desks = desks
        self._rounds = rounds
        self._store = back_ends.store
        self._clock = back_ends.clock

    async def set(self, tenant: Tenant, *, revision: int) -> tuple[ManagedTenant, int, str]:
        """Make or change a tenant.

        Returns:
            The tenant, the slots that its runs hold, and what takes effect only later, in words.

        Raises:
            StaleRevisionError: If another write came between.
        """
        known = self._desks.tenants.get(tenant.tenant_id)
        current = known.revision if known else 0
        if revision != current:
            raise StaleRevisionError(f"tenant {tenant.tenant_id!r}", given=revision, current=current)
        changed = ManagedTenant(tenant=tenant, revision=current + 1)
        self._desks.tenants[tenant.tenant_id] = changed
        try:
            news = ClusterNews(at_s=self._clock.now_s(), text=f"tenant {tenant.tenant_id} was set", event=changed)
            await self._store.write(ClusterWrite(tenants=(changed,), news=(news,)))
        except BaseException:
            self._restore_tenant(tenant.tenant_id, known)
            raise
        self._rounds.stir()
        held = self.held_by(tenant.tenant_id)
        return changed, held, self._quota_remark(tenant)

    async def remove(self, tenant_id: str, *, revision: int) -> None:
        """Remove a tenant.

        Raises:
            UnknownNameError: If there is no such tenant.
            StaleRevisionError: If another write came between.
            OutOfOrderError: If runs of it go on.
        """
        known = self._desks.tenants.get(tenant_id)
        if known is None:
            raise UnknownNameError("tenant_id", f"no tenant {tenant_id[:100]!r} is known here")
        if revision != known.revision:
            raise StaleRevisionError(f"tenant {tenant_id!r}", given=revision, current=known.revision)
        runs = [name for desk in self._desks for name, one in desk.members.items() if one.spec.tenant == tenant_id]
        if runs:
            raise OutOfOrderError("tenant_id", f"{len(runs)} runs of {tenant_id!r} go on, such as {runs[0]}")
        del self._desks.tenants[tenant_id]
        try:
            await self._store.write(ClusterWrite(removed_tenants=(tenant_id,)))
        except BaseException:
            self._restore_tenant(tenant_id, known)
            raise

    def all(self) -> list[tuple[ManagedTenant, int]]:
        """Every tenant with the slots that its runs hold, in the order of ids."""
        return [(one, self.held_by(name)) for name, one in sorted(self._desks.tenants.items())]

    def held_by(self, tenant_id: str) -> int:
        """Slots that the runs of a tenant hold."""
        return sum(self._held_on(desk, tenant_id) for desk in self._desks)

    def _held_on(self, desk: Desk, tenant_id: str) -> int:
        held = desk.held
        return sum(held[name] for name, one in desk.members.items() if one.spec.tenant == tenant_id)

    def _quota_remark(self, tenant: Tenant) -> str:
        quota = tenant.quota_slots
        if quota is None:
            return ""
        above = [(desk, self._held_on(desk, tenant.tenant_id)) for desk in self._desks]
        return "; ".join(
            f"on {desk.managed.cluster_id} its runs hold {held} slots until their next barriers"
            for desk, held in above
            if held > quota
        )

    def _restore_tenant(self, tenant_id: str, known: ManagedTenant | None) -> None:
        self._desks.tenants.pop(tenant_id, None)
        if known is not None:
            self._desks.tenants[tenant_id] = known
