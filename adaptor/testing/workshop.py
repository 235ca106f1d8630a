"""An engine put together from fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from adaptor.app.meters import NoMeter
from adaptor.arbitration.settings import ArbitrationSettings
from adaptor.control.run_controller import RunController
from adaptor.domain.cluster import LeaseExpiry
from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import Event
from adaptor.domain.statistics import FlinkStatistics
from adaptor.engine.cluster_rounds import ClusterBackEnds
from adaptor.engine.cluster_settings import ClusterSettings
from adaptor.engine.clusters import Clusters
from adaptor.engine.engine import Engine
from adaptor.engine.outbox import Outbox
from adaptor.engine.ports import ClusterStore, Provisioner, RunStore
from adaptor.engine.settings import EngineSettings
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.rescaler.driver_loop import DriverLoopRescaler
from adaptor.testing.clock import ManualClock
from adaptor.testing.cluster_store import InMemoryClusterStore
from adaptor.testing.knowledge import ScriptedKnowledge
from adaptor.testing.observer import ScriptedObserver
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.publisher import RecordingPublisher
from adaptor.testing.run_store import InMemoryRunStore
from adaptor.testing.values import FLINK_URL, PLANNING

SETTINGS = EngineSettings(
    planning=PLANNING,
    earlier_observations=100,
    narrowing_wait_s=5.0,
    reconcile_interval_s=0.001,
    run_idle_timeout_s=3600.0,
    publish_interval_s=0.001,
    max_loaded_runs=100,
)


CLUSTER_SETTINGS = ClusterSettings(
    arbitration=ArbitrationSettings(),
    expiry=LeaseExpiry.KEEP,
    round_interval_s=0.001,
    tick_interval_s=0.01,
    poll_interval_s=0.01,
    watch_stall_s=0.2,
)


@dataclass(kw_only=True)
class Workshop:
    """Fakes around one engine; `restarted` gives another engine on the same store."""

    store: RunStore = field(default_factory=InMemoryRunStore)
    observer: ScriptedObserver = field(default_factory=ScriptedObserver)
    cluster: InMemoryProvisioner = field(default_factory=InMemoryProvisioner)
    others: dict[str, Provisioner] = field(default_factory=dict)
    publisher: RecordingPublisher = field(default_factory=RecordingPublisher)
    knowledge: ScriptedKnowledge = field(default_factory=ScriptedKnowledge)
    clock: ManualClock = field(default_factory=ManualClock)
    settings: EngineSettings = SETTINGS
    managed: ClusterStore = field(default_factory=InMemoryClusterStore)
    cluster_settings: ClusterSettings = CLUSTER_SETTINGS

    def __post_init__(self) -> None:
        """Put the engine together."""
        self.engine = self._engine()

    def _engine(self) -> Engine:
        clusters: dict[str, Provisioner] = {FLINK_URL: self.cluster, **self.others}
        ledger = SlotLedger(clusters.__getitem__, idle_slots=1)
        back_ends = ClusterBackEnds(store=self.managed, runs=self.store, ledger=ledger, clock=self.clock)
        self.clusters = Clusters(back_ends, self.cluster_settings)
        return Engine(
            store=self.store,
            observer=self.observer,
            ledger=ledger,
            rescaler=DriverLoopRescaler(),
            outbox=Outbox(self.store, self.publisher, batch=2),
            knowledge=self.knowledge,
            controller=RunController(),
            clock=self.clock,
            meter=NoMeter(),
            settings=self.settings,
            grants=self.clusters.grants,
        )

    async def restarted(self) -> Workshop:
        """The same, after the process died and another one resumed."""
        await self.clusters.stop()
        await self.engine.stop()
        self.engine = self._engine()
        await self.clusters.resume()
        await self.engine.resume()
        return self

    def observing(self, *answers: FlinkStatistics) -> Workshop:
        """The same, with Flink saying these things."""
        return replace(self, observer=ScriptedObserver(*answers))

    async def events(self, run_id: str = "run-1") -> list[Event]:
        """What was recorded of a run."""
        return [one.event for one in await self.store.history(run_id)]

    async def kinds(self, run_id: str = "run-1") -> list[str]:
        """Names of the events."""
        return [type(one).__name__ for one in await self.events(run_id)]

    async def pending(self) -> list[RequestRescale | ReleaseSlots]:
        """Slot effects without an outcome."""
        return [effect for *_, effect in await self.store.pending_slot_effects()]

    async def settled(self) -> None:
        """Wait until every slot effect has its outcome."""
        await until(self.pending, lambda pending: not pending)


async def until(look: Callable[[], object], wanted: Callable[[object], object] = bool) -> object:
    """What was looked at, as soon as it is as wanted; the test fails if that takes far too long."""
    for _ in range(2000):
        seen = look()
        if asyncio.iscoroutine(seen):
            seen = await seen
        if wanted(seen):
            return seen
        await asyncio.sleep(0.001)
    raise AssertionError(f"it never came to be, last seen was {seen!r}")
