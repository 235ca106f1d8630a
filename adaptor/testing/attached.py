"""Attached streams on a scripted cluster, with waits as short as the script's: for tests of the whole way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from adaptor.app.clock import SystemClock
from adaptor.app.meters import NoMeter
from adaptor.app.streams import FlinkStreamClusters
from adaptor.control.run_controller import RunController
from adaptor.control.stream_decision import AttachRules
from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.objective import Bounds
from adaptor.domain.rescale import RescaleLimits
from adaptor.domain.resubmission import ResubmissionLimits, Submission
from adaptor.domain.run import PlanningSettings
from adaptor.domain.stream import AttachmentSpec, RescaleProof, StreamTarget
from adaptor.domain.stream_supersteps import SuperstepSpec
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.attachments import Attachments
from adaptor.engine.back_ends import StreamBackEnds
from adaptor.engine.engine import Engine
from adaptor.engine.in_place import InPlaceRescaler
from adaptor.engine.outbox import Outbox
from adaptor.engine.settings import EngineSettings
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.flink.submission_client import SubmissionClient
from adaptor.observer.pace import Pace
from adaptor.planner.stream_policy import StreamRules
from adaptor.provisioner.fixed import FixedProvisioner
from adaptor.rescaler.driver_loop import DriverLoopRescaler
from adaptor.store.attachments import SqliteAttachmentStore
from adaptor.store.run_store import SqliteRunStore
from adaptor.testing.knowledge import ScriptedKnowledge
from adaptor.testing.observer import ScriptedObserver
from adaptor.testing.publisher import RecordingPublisher

LONGEST_S = 20.0
"""Longest wait of a test for something to happen; a machine that is starved needs seconds for what takes 100 ms."""

JOB = "1" * 32
"""Flink's id of the scripted stream."""

SETTINGS = AttachmentSettings(
    rules=AttachRules(
        policy=StreamRules(band=0.15, narrowing_window_s=0.5, payback_s=3600.0),
        respect_others_s=3600.0,
        retry_after_s=3600.0,
    ),
    limits=RescaleLimits(quiet_s=3.0, checkpoint_s=1.0, proof_s=0.5, max_checkpoints=2),
    resubmission=ResubmissionLimits(quiet_s=3.0, savepoint_s=3.0, start_s=1.0, max_submissions=2, stale_s=0.05),
    poll_interval_s=0.1,
    most_backoff_s=0.2,
    lost_after_s=3600.0,
    proof_interval_s=0.01,
    settling_s=0.0,
    span_s=0.5,
    gap_before_any_s=0.1,
    remembered_gaps=10,
    superstep_name="superstep",
    log_interval_s=0.1,
    release_tries=1,
)

ENGINE_SETTINGS = EngineSettings(
    planning=PlanningSettings(initial_adaptation_cost_s=0.1),
    earlier_observations=100,
    narrowing_wait_s=1.0,
    reconcile_interval_s=60.0,
    run_idle_timeout_s=3600.0,
    publish_interval_s=60.0,
    max_loaded_runs=100,
)


class AttachShop:
    """A service's part for attached streams, which can die and come back on the same state directory.

    Args:
        state_dir: Where attachments are kept.
        settings: Bounds.
    """

    def __init__(self, state_dir: Path, *, settings: AttachmentSettings = SETTINGS) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._begin()

    def _begin(self) -> None:
        self.store = SqliteAttachmentStore(self._state_dir)
        self.runs = SqliteRunStore(self._state_dir)
        rescaler = InPlaceRescaler(DriverLoopRescaler())
        ledger = SlotLedger(lambda url: FixedProvisioner(url, _connect), idle_slots=0)
        self.engine = _engine(self.runs, rescaler, ledger)
        self.clusters = FlinkStreamClusters(
            connect=_connect, pace=lambda: Pace(1000.0, clock=SystemClock().monotonic_s), max_workers=4
        )
        self.attachments = Attachments(
            StreamBackEnds(
                store=self.store,
                clusters=self.clusters,
                ledger=ledger,
                runs=self.engine,
                rescaler=rescaler,
                clock=SystemClock(),
                chance=random.Random(1),  # noqa: S311 - jitter of a test
                meter=NoMeter(),
            ),
            self._settings,
        )

    async def restart(self) -> None:
        """Die without a word and come back."""
        await self.close()
        self._begin()
        await self.engine.resume()
        await self.attachments.start()

    async def close(self) -> None:
        """Stop, and leave everything in the store."""
        await self.engine.stop()
        await self.attachments.stop()
        self.clusters.close()
        self.store.close()
        self.runs.close()

    async def attach(
        self,
        flink_url: str,
        job_id: str,
        *,
        dry_run: bool = False,
        name: str = "it",
        supersteps: SuperstepSpec | None = None,
        submission: Submission | None = None,
    ) -> Attachment:
        """Attach to a stream with the targets as delivered."""
        return await self.attachments.attach(
            AttachmentSpec(
                attachment_id=name,
                flink_url=flink_url,
                job_id=job_id,
                target=StreamTarget(),
                bounds=Bounds(),
                dry_run=dry_run,
                supersteps=supersteps,
                submission=submission,
            )
        )

    def known(self, name: str = "it") -> Attachment:
        """How a stream stands."""
        return next(one for one in self.attachments.all() if one.spec.attachment_id == name)

    async def news(self, name: str = "it") -> list[AttachmentNews]:
        """All that happened to a stream."""
        return [news for _, news in await self.store.news_after(name, 0, limit=1000)]

    async def proof(self, name: str = "it") -> RescaleProof:
        """The proof of the first rescale, once there is one."""
        await self.until(lambda: self.known(name).last_proof is not None)
        proof = self.known(name).last_proof
        assert proof is not None  # noqa: S101 - just awaited
        return proof

    async def until(self, reached: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: If it does not become so.
        """

        async def waiting() -> None:
            while True:
                claim = reached()
                if claim if isinstance(claim, bool) else await claim:
                    return
                await asyncio.sleep(0.005)

        await asyncio.wait_for(waiting(), LONGEST_S)


def _engine(store: SqliteRunStore, rescaler: InPlaceRescaler, ledger: SlotLedger) -> Engine:
    return Engine(
        store=store,
        observer=ScriptedObserver(),
        ledger=ledger,
        rescaler=rescaler,
        outbox=Outbox(store, RecordingPublisher(), batch=10),
        knowledge=ScriptedKnowledge(),
        controller=RunController(),
        clock=SystemClock(),
        meter=NoMeter(),
        settings=ENGINE_SETTINGS,
    )


def _connect(flink_url: str) -> SubmissionClient:
    return SubmissionClient(flink_url, timeout_s=2.0)
