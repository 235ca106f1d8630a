"""A real server on loopback around an engine of fakes, on a thread of its own, which can die and come back."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from adaptor.app.clock import SystemClock
from adaptor.app.meters import NoMeter
from adaptor.engine.attachments import Attachments
from adaptor.engine.back_ends import StreamBackEnds
from adaptor.engine.in_place import InPlaceRescaler
from adaptor.engine.ports import StreamCluster
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import FlinkUnreachableError
from adaptor.provisioner.fixed import UnknownCluster
from adaptor.rescaler.driver_loop import DriverLoopRescaler
from adaptor.service.attachment_service import AttachmentService
from adaptor.service.cluster_service import ClusterService
from adaptor.service.run_service import RunService
from adaptor.service.server import Entrance, Server
from adaptor.service.sharing_service import SharingService
from adaptor.sharing.participation import Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings
from adaptor.testing.attached import SETTINGS
from adaptor.testing.attachment_store import InMemoryAttachmentStore
from adaptor.testing.workshop import Workshop

T = TypeVar("T")

ANY_PORT = "127.0.0.1:0"


def a_server(
    shop: Workshop,
    listen: str = ANY_PORT,
    *,
    sharing: Participation | None = None,
    attachments: Attachments | None = None,
    **fields: Any,
) -> Server:
    """A server with the defaults of the service."""
    defaults: dict[str, Any] = {
        "entrance": Entrance(clock=SystemClock()),
        "default_deadline_s": 10.0,
        "default_confidence": 0.9,
        "max_message_bytes": 4 * 1024 * 1024,
    }
    given = {**defaults, **fields}
    return Server(
        RunService(shop.engine, default_confidence=given["default_confidence"]),
        SharingService(sharing or without_log(), unpublished=_nothing),
        AttachmentService(attachments or without_clusters(shop), default_confidence=given.pop("default_confidence")),
        ClusterService(shop.clusters, watch_stall_s=shop.cluster_settings.watch_stall_s, now_s=shop.clock.now_s),
        listen=listen,
        **given,
    )


def without_log() -> Participation:
    """A part in no log."""
    return Participation(
        Path("/nonexistent"), SharingSettings(), now_s=time.time, chance=random.SystemRandom(), precedence=Precedence()
    )


def without_clusters(shop: Workshop) -> Attachments:
    """Nothing is attached, and no cluster answers."""

    def unreachable(flink_url: str) -> StreamCluster:
        raise FlinkUnreachableError(flink_url, "there is none in this test")

    return Attachments(
        StreamBackEnds(
            store=InMemoryAttachmentStore(),
            clusters=unreachable,
            ledger=SlotLedger(lambda _: UnknownCluster(), idle_slots=0),
            runs=shop.engine,
            rescaler=InPlaceRescaler(DriverLoopRescaler()),
            clock=shop.clock,
            chance=random.SystemRandom(),
            meter=NoMeter(),
        ),
        SETTINGS,
    )


async def _nothing() -> int:
    return 0


class LoopbackService:
    """A service for clients that block.

    Args:
        shop: The engine and its fakes.
        sharing: Its part in a log, which is started and stopped with it; in none if not given.
        entrance: How callers get in; anybody does if not given.

    Attributes:
        shop: The engine and its fakes.
        address: Where it listens; the same after a restart.
        mutual_address: Where clients must show a certificate; empty if nowhere.
    """

    def __init__(
        self,
        shop: Workshop | None = None,
        *,
        sharing: Participation | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self.shop = shop or Workshop()
        self._sharing = sharing
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback service")
        self._thread.start()
        self._server: Server | None = None
        self.address = ANY_PORT
        self.mutual_address = ""
        self._entrance = entrance or Entrance(clock=SystemClock())

    def start(self) -> LoopbackService:
        """Begin to answer, on the port of before if there was one."""
        self.run(self._start())
        return self

    def stop(self) -> None:
        """Stop answering, as a process that dies: calls in flight are broken off."""
        self.run(self._stop())

    def lose_state(self, shop: Workshop) -> None:
        """Go on with another store, as after the loss of the state directory."""
        self.shop = shop

    def close(self) -> None:
        """Stop everything."""
        if self._server is not None:
            self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work done in the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60.0)

    def call_soon(self, work: Callable[[], object]) -> None:
        """Do something in the service's own loop, before the next call is answered."""
        self._loop.call_soon_threadsafe(work)

    async def _start(self) -> None:
        if self._sharing is not None:
            await self._sharing.start()
        self._server = a_server(self.shop, self.address, sharing=self._sharing, entrance=self._entrance)
        await self._server.start()
        self.shop.clusters.start()
        self.address, self.mutual_address = self._server.address, self._server.mutual_address

    async def _stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace_s=0.0)
            if self._sharing is not None:
                await self._sharing.stop()
            await self.shop.clusters.stop()
            await self.shop.engine.stop()
        self._server = None
