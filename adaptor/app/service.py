"""Puts one service together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from adaptor.app.access_settings import entrance
from adaptor.app.attach_settings import access, attachment_settings
from adaptor.app.clock import SystemClock
from adaptor.app.cluster_settings import cluster_settings
from adaptor.app.meters import NoMeter
from adaptor.app.metrics_settings import metrics_server
from adaptor.app.settings import Settings
from adaptor.app.sharing import participation
from adaptor.app.streams import FlinkStreamClusters
from adaptor.control.run_controller import RunController
from adaptor.domain.run import PlanningSettings
from adaptor.engine.attachments import Attachments
from adaptor.engine.back_ends import StreamBackEnds
from adaptor.engine.background import Background
from adaptor.engine.cluster_rounds import ClusterBackEnds
from adaptor.engine.clusters import Clusters
from adaptor.engine.engine import Engine
from adaptor.engine.in_place import InPlaceRescaler
from adaptor.engine.outbox import Outbox
from adaptor.engine.ports import Meter, Provisioner, Publisher
from adaptor.engine.settings import EngineSettings
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import NoLogError
from adaptor.flink.address import require_no_metadata_address
from adaptor.flink.client import FlinkClient
from adaptor.flink.submission_client import SubmissionClient
from adaptor.local.cluster import EmbeddedFlink
from adaptor.local.provisioner import LocalProvisioner
from adaptor.local.settings import EmbeddedFlinkSettings
from adaptor.metrics.exposition import MetricsServer
from adaptor.metrics.telemetry import Telemetry
from adaptor.observer.pace import Pace
from adaptor.observer.superstep import SuperstepObserver
from adaptor.provisioner.fixed import FixedProvisioner, UnknownCluster
from adaptor.rescaler.driver_loop import DriverLoopRescaler
from adaptor.service.attachment_service import AttachmentService
from adaptor.service.cluster_service import ClusterService
from adaptor.service.run_service import RunService
from adaptor.service.server import Server
from adaptor.service.sharing_service import SharingService
from adaptor.sharing.precedence import Precedence
from adaptor.store.attachments import SqliteAttachmentStore
from adaptor.store.clusters import SqliteClusterStore
from adaptor.store.run_store import SqliteRunStore
from adaptor.store.state_directory import StateDirectory

_log = logging.getLogger(__name__)


class Service:
    """One service with all its back ends.

    Args:
        settings: Of everything.
        meter: Learns how long stages took.
        publisher: Takes observations to peers; its part in a shared log if not given.

    Raises:
        AdaptorError: If the state directory, the port or the embedded cluster cannot be used.
    """

    def __init__(self, settings: Settings, *, meter: Meter | None = None, publisher: Publisher | None = None) -> None:
        self._settings = settings
        self._directory = StateDirectory(settings["service.state_dir"])
        try:
            self.store = SqliteRunStore(self._directory.path)
            self._attached = SqliteAttachmentStore(self._directory.path)
            self.managed = SqliteClusterStore(self._directory.path, most_news=settings["cluster.kept_news"])
        except BaseException:
            self._directory.release()
            raise
        self._observer = SuperstepObserver(
            connect=self._connect,
            timeout_s=settings["observer.timeout"],
            max_workers=settings["observer.max_requests"],
            clock=SystemClock().monotonic_s,
        )
        self._local: LocalProvisioner | None = None
        self.telemetry = Telemetry() if settings["metrics.listen"] else None
        self.metrics: MetricsServer | None = None
        self._background = Background()
        self.precedence = Precedence()
        self.sharing = participation(settings, precedence=self.precedence, measured=self.store.observations_after)
        self._ledger = SlotLedger(self._provisioners(), idle_slots=settings["engine.idle_slots"])
        back_ends = ClusterBackEnds(
            store=self.managed, runs=self.store, ledger=self._ledger, clock=SystemClock(), turn=self.precedence.turn
        )
        self.clusters = Clusters(back_ends, cluster_settings(settings))
        self._rescaler = InPlaceRescaler(DriverLoopRescaler())
        self.engine = self._engine(meter or NoMeter(), publisher or self.sharing)
        self._streams = self._stream_clusters()
        self.attachments = Attachments(
            StreamBackEnds(
                store=self._attached,
                clusters=self._streams,
                ledger=self._ledger,
                runs=self.engine,
                rescaler=self._rescaler,
                clock=SystemClock(),
                chance=random.SystemRandom(),
                meter=meter or NoMeter(),
            ),
            attachment_settings(settings),
        )
        self.server: Server | None = None

    def _engine(self, meter: Meter, publisher: Publisher) -> Engine:
        settings = self._settings
        return Engine(
            store=self.store,
            observer=self._observer,
            ledger=self._ledger,
            rescaler=self._rescaler,
            outbox=Outbox(self.store, publisher, batch=settings["sharing.publish_batch"]),
            knowledge=self.sharing,
            controller=RunController(spans=meter.span),
            clock=SystemClock(),
            meter=meter,
            settings=EngineSettings(
                planning=PlanningSettings(
                    initial_adaptation_cost_s=settings["planner.initial_adaptation_cost"],
                ),
                earlier_observations=settings["planner.earlier_observations"],
                narrowing_wait_s=settings["engine.narrowing_wait"],
                reconcile_interval_s=settings["engine.reconcile_interval"],
                run_idle_timeout_s=settings["engine.run_idle_timeout"],
                publish_interval_s=settings["sharing.publish_interval"],
                max_loaded_runs=settings["engine.max_loaded_runs"],
            ),
            grants=self.clusters.grants,
            tally=self.telemetry,
        )

    def _provisioners(self) -> Callable[[str], Provisioner]:
        """The embedded cluster's own provisioner for its address, what is there for all others."""
        home = self._settings["embedded.home"]
        embedded: dict[str, Provisioner] = {}
        if home:
            bounds = EmbeddedFlinkSettings(max_task_managers=self._settings["embedded.max_task_managers"])
            cluster = EmbeddedFlink.attach(Path(home), bounds)
            self._local = LocalProvisioner(cluster)
            embedded[cluster.rest_url] = self._local

        @lru_cache(maxsize=100)
        def provisioner_of(flink_url: str) -> Provisioner:
            if not flink_url:
                return UnknownCluster()
            return embedded.get(flink_url) or FixedProvisioner(flink_url, self._connect)

        return provisioner_of

    def _stream_clusters(self) -> FlinkStreamClusters:
        settings = self._settings

        def connect(flink_url: str) -> SubmissionClient:
            if not settings["attach.allow_metadata"]:
                require_no_metadata_address(flink_url)
            return SubmissionClient(
                flink_url,
                timeout_s=settings["flink.timeout"],
                max_answer_bytes=settings["flink.max_answer_bytes"],
                access=access(settings),
            )

        def pace() -> Pace:
            return Pace(settings["attach.max_requests"], clock=SystemClock().monotonic_s)

        return FlinkStreamClusters(connect=connect, pace=pace, max_workers=settings["attach.max_workers"])

    def _connect(self, flink_url: str) -> FlinkClient:
        return FlinkClient(
            flink_url,
            timeout_s=self._settings["flink.timeout"],
            max_answer_bytes=self._settings["flink.max_answer_bytes"],
            access=access(self._settings),
        )

    async def start(self) -> str:
        """Resume what was left and begin to answer.

        Returns:
            The address that is listened on.

        Raises:
            InvalidValueError: If the address is malformed or beyond loopback.
            PortInUseError: If the port is taken.
        """
        settings, telemetry = self._settings, self.telemetry
        told = {} if telemetry is None else {"on_refused": telemetry.refused, "on_called": telemetry.called}
        door = entrance(settings, **told)
        self.server = Server(
            RunService(self.engine, default_confidence=settings["planner.confidence"], first=self.precedence.first),
            SharingService(self.sharing, unpublished=self.store.unpublished_count),
            AttachmentService(self.attachments, default_confidence=settings["planner.confidence"]),
            ClusterService(self.clusters, watch_stall_s=settings["cluster.watch_stall"]),
            listen=settings["service.listen"],
            entrance=door,
            default_deadline_s=settings["service.default_deadline"],
            max_message_bytes=settings["service.max_message_bytes"],
        )
        if telemetry is not None:
            self.metrics = metrics_server(settings, telemetry, door)
        await self.sharing.start()
        await self.clusters.resume()
        await self.engine.resume()
        await self.attachments.start()
        await self.server.start()
        self.engine.start()
        self.clusters.start()
        if self.metrics is not None:
            self.metrics.start()
            self._background.repeat(self._refresh_metrics, interval_s=settings["metrics.refresh_interval"])
            _log.info("metrics are at %s", self.metrics.address)
        return self.server.address

    async def _refresh_metrics(self) -> None:
        """Take in what is asked for rather than told; all of it is in memory."""
        telemetry = self.telemetry
        if telemetry is None:
            return
        telemetry.clusters_stand(self.clusters.clusters())
        telemetry.streams_stand(self.attachments.all())
        try:
            telemetry.log_stands(self.sharing.open)
        except NoLogError:
            telemetry.log_stands(None)
        telemetry.refreshed()

    async def stop(self) -> None:
        """Finish calls in flight, end the background work and let go of the state directory."""
        if self.server is not None:
            await self.server.stop(grace_s=self._settings["service.stop_grace"])
        await self._background.stop()
        if self.metrics is not None:
            self.metrics.stop()
        await self.clusters.stop()
        await self.engine.stop()
        await self.attachments.stop()
        await self.sharing.stop()
        if self._local is not None:
            self._local.close()
        self._observer.close()
        self._streams.close()
        self._attached.close()
        self.managed.close()
        self.store.close()
        self._directory.release()


async def serve(settings: Settings, *, on_listening: Callable[[str], None]) -> None:
    """Run a service until SIGINT or SIGTERM.

    Args:
        settings: Of everything.
        on_listening: Told the address once calls are answered.

    Raises:
        AdaptorError: If it cannot start.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    service = Service(settings)
    try:
        on_listening(await service.start())
        await stopping.wait()
        _log.info("stopping")
    finally:
        await service.stop()
