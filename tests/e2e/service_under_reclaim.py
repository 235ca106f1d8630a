"""A real service that kills itself with SIGKILL at a chosen write of a reclaim, in the store of clusters or of runs.

Writes count from the moment at which the first reclaim is called. Arguments are those of `service_under_fault.py`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service_under_fault import FaultPoints

from adaptor.app.service import Service
from adaptor.app.settings import load_settings

QUICK = {"cluster.round_interval": "50ms", "cluster.tick_interval": "100ms", "engine.reconcile_interval": "10s"}


class StorePoints(FaultPoints):
    """Points of one store among those of several; none before they are armed."""

    armed = False

    def within(self, store: str) -> Any:
        """Notes the statements of one store."""

        def statement(sql: str) -> None:
            if self.armed:
                super(StorePoints, self).statement(sql.replace("insert into ", f"insert into {store}_", 1))

        return statement


def watch(service: Service, points: StorePoints) -> None:
    """Put a fault point before every write of either store, from the first reclaim on."""
    service.managed.connection.set_trace_callback(points.within("clusters"))
    service.store.file.connection.set_trace_callback(points.within("runs"))
    bind = service.clusters.reclaims.bind

    async def armed(*arguments: Any, **fields: Any) -> Any:
        points.armed = True
        return await bind(*arguments, **fields)

    service.clusters.reclaims.bind = armed  # type: ignore[method-assign]


async def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM, or until the chosen point."""
    state_dir, listen, points_file, _, *chosen = arguments
    flags = {"service.state_dir": state_dir, "service.listen": listen, **QUICK}
    service = Service(load_settings(environment={}, flags=flags))
    watch(service, StorePoints(Path(points_file), (chosen[0], int(chosen[1])) if chosen else None))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await service.start()
    await stopping.wait()
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
