"""What every cluster store does, on disk and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptor.domain.allocation import (
    Missing,
    MissingCode,
    ReclaimPart,
    ReclaimRequest,
    Share,
    ShareCode,
    Taker,
    TakerCode,
)
from adaptor.domain.cluster import CapacityCurve, Lease, LeaseExpiry, Tenant
from adaptor.domain.cluster_news import ClusterBook, ClusterNews, ClusterStatus, ClusterWrite
from adaptor.domain.events import RescaleFailed, RescaleOutcomeUnknown, RescaleSucceeded, RunFinished
from adaptor.domain.managed import ManagedCluster, ManagedTenant, RunGrant
from adaptor.domain.reclaim import Reclaim, ReclaimState
from adaptor.domain.run import RunState
from adaptor.engine.ports import ClusterStore
from adaptor.store.clusters import SqliteClusterStore
from adaptor.testing.cluster_store import InMemoryClusterStore
from adaptor.testing.demands import a_cluster, a_demand, seconds
from adaptor.testing.values import plan_after, slots, started

MOST_NEWS = 5

MANAGED = ManagedCluster(
    cluster=a_cluster(per=2, price_per_slot_s=0.25),
    revision=3,
    capacity=CapacityCurve.constant(8),
    node_types=("m5.large", "spot"),
    lease_s=60.0,
    expiry=LeaseExpiry.LEAST,
    lease=Lease(holder="manager", renewed_at_s=5.0, term_s=60.0),
    fixed={"run-2": 4},
    flink_slots=6,
    acted_slots=6,
)
SHARE = Share(
    run_id="run-1",
    slots=4,
    wanted_slots=6,
    held_slots=2,
    on_time=True,
    on_time_probability=0.9,
    finish_s=seconds(100.0),
    cost_slot_s=400.0,
    code=ShareCode.LESS_ON_TIME,
    takers=(Taker(run_id="run-2", slots=2, code=TakerCode.PRIORITY),),
    text="gets 4, asked 6",
)
GRANT = RunGrant(cluster_id="cluster-1", share=SHARE, at_s=7.0, paused=True, waiting_since_s=6.0, told=3)
TENANT = ManagedTenant(tenant=Tenant(tenant_id="lab", quota_slots=4, priority=2, weight=2.0), revision=1)
RECLAIM = Reclaim(
    reclaim_id="back",
    request=ReclaimRequest(cluster_id="cluster-1", slots=3, within_s=60.0),
    at_s=8.0,
    state=ReclaimState.OPEN,
    there_slots=8,
    free_slots=1,
    parts=(
        ReclaimPart(
            run_id="run-1",
            from_slots=4,
            to_slots=3,
            before_superstep=5,
            expected_in_s=seconds(10.0),
            on_time_probability_before=0.9,
            on_time_probability_after=0.8,
            finish_moves_s=5.0,
            text="gives 1",
        ),
    ),
    missing=(Missing(slots=1, code=MissingCode.LEAST_NEEDED, text="no less"),),
    freed=("run-1",),
    freed_slots=2,
)
FULL = ClusterWrite(clusters=(MANAGED,), tenants=(TENANT,), grants=(GRANT,), reclaims=(RECLAIM,))
EVENTS = [
    ClusterStatus(managed=MANAGED, held_slots=1, granted_slots=2, runs=1, reclaims=(RECLAIM,), problem="none"),
    a_demand(),
    GRANT,
    plan_after(started()),
    RescaleSucceeded(superstep=1, parallelism=2, capacity=slots(2), duration_s=1.0, at_s=1.0),
    RescaleFailed(superstep=1, parallelism=2, capacity=slots(2), problem="no", at_s=1.0),
    RescaleOutcomeUnknown(superstep=1, parallelism=2, at_s=1.0),
    RECLAIM,
    TENANT,
    RunFinished(state=RunState.FAILED, at_s=1.0),
]


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClusterStore]:
    """Each store."""
    if request.param == "memory":
        yield InMemoryClusterStore(most_news=MOST_NEWS)
        return
    made = SqliteClusterStore(tmp_path, most_news=MOST_NEWS)
    yield made
    made.close()


def news(text: str, cluster_id: str = "cluster-1") -> ClusterNews:
    return ClusterNews(at_s=1.0, text=text, event=GRANT, cluster_id=cluster_id, run_id="run-1")


async def test_what_was_written_comes_back_as_it_was(store: ClusterStore) -> None:
    """Every field of it."""
    assert await store.book() == ClusterBook()
    await store.write(FULL)
    assert await store.book() == ClusterBook(
        clusters=(MANAGED,), tenants=(TENANT,), grants=(GRANT,), reclaims=(RECLAIM,)
    )


async def test_a_later_write_replaces_an_earlier_one(store: ClusterStore) -> None:
    """By id; what it does not name stays."""
    await store.write(FULL)
    done = replace(RECLAIM, state=ReclaimState.DONE)
    await store.write(ClusterWrite(clusters=(MANAGED.written(),), reclaims=(done,)))
    book = await store.book()
    assert (book.clusters[0].revision, book.reclaims, book.grants) == (4, (done,), (GRANT,))


async def test_a_removed_cluster_takes_its_grants_along(store: ClusterStore) -> None:
    """Other clusters' grants, tenants and reclaims stay."""
    other = replace(GRANT, cluster_id="other", share=replace(SHARE, run_id="run-9"))
    await store.write(replace(FULL, grants=(GRANT, other)))
    await store.write(ClusterWrite(removed_clusters=("cluster-1",)))
    book = await store.book()
    assert (book.clusters, book.grants, book.tenants, book.reclaims) == ((), (other,), (TENANT,), (RECLAIM,))


async def test_grants_and_tenants_are_removed_by_id(store: ClusterStore) -> None:
    """Removing what is not there changes nothing."""
    await store.write(FULL)
    await store.write(ClusterWrite(removed_grants=("run-1", "nobody"), removed_tenants=("lab", "nobody")))
    assert await store.book() == ClusterBook(clusters=(MANAGED,), reclaims=(RECLAIM,))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
async def test_every_kind_of_news_comes_back_as_it_was(store: ClusterStore, event: object) -> None:
    """With its place."""
    told = ClusterNews(at_s=2.0, text="so it is", event=event, cluster_id="cluster-1", run_id="run-1")
    await store.write(ClusterWrite(news=(told,)))
    assert await store.news_after(0, cluster_id="", limit=10) == [(1, told)]


async def test_news_are_read_from_a_place_on_by_cluster_and_page(store: ClusterStore) -> None:
    """In order; an empty id stands for all clusters."""
    await store.write(ClusterWrite(news=(news("one"), news("two", "other"), news("three"))))
    assert [at for at, _ in await store.news_after(1, cluster_id="", limit=10)] == [2, 3]
    assert [one.text for _, one in await store.news_after(0, cluster_id="cluster-1", limit=10)] == ["one", "three"]
    assert [one.text for _, one in await store.news_after(0, cluster_id="", limit=1)] == ["one"]


async def test_only_the_newest_news_are_kept(store: ClusterStore) -> None:
    """And the store says which are gone."""
    assert await store.kept_news() == (0, 0)
    await store.write(ClusterWrite(news=tuple(news(str(number)) for number in range(3))))
    assert await store.kept_news() == (0, 3)
    await store.write(ClusterWrite(news=tuple(news(str(number)) for number in range(3, 8))))
    assert await store.kept_news() == (3, 8)
    assert [one.text for _, one in await store.news_after(0, cluster_id="", limit=10)] == ["3", "4", "5", "6", "7"]
