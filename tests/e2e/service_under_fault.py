"""A real service that counts its fault points, and kills itself with SIGKILL at one of them.

A fault point is the moment before or after an effect is performed, and the moment before any statement that writes to
the store, `commit` included: so a kill also falls in the middle of transactions. Points are told apart by name and
occurrence. Usage: ``service_under_fault.py STATE_DIR LISTEN POINTS_FILE PUBLISHED_FILE [NAME OCCURRENCE]``.
"""

from __future__ import annotations

import asyncio
import collections
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptor.app.service import Service
from adaptor.app.settings import load_settings
from adaptor.domain.observation import Observation

_WRITE = re.compile(r"\s*(insert into|update|delete from|commit)\s*(\w*)", re.IGNORECASE)


class FaultPoints:
    """Counts points and kills the process at the chosen one."""

    def __init__(self, file: Path, chosen: tuple[str, int] | None) -> None:
        self._file = file.open("a")
        self._chosen = chosen
        self._seen: collections.Counter[str] = collections.Counter()

    def reached(self, name: str) -> None:
        """Note a point; the line is written before the kill."""
        self._seen[name] += 1
        self._file.write(f"{name}\t{self._seen[name]}\n")
        self._file.flush()
        if self._chosen == (name, self._seen[name]):
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, sql: str) -> None:
        """Note a statement that SQLite is about to run, if it writes."""
        if match := _WRITE.match(sql):
            self.reached(f"write: {match[1].lower()} {match[2]}".strip())


class FilePublisher:
    """Peers that keep what they are given in a file; an id they know changes nothing, as the port demands."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ready = True

    async def publish(self, observations: Sequence[Observation]) -> None:
        """Take observations."""
        known = self._file.read_text().split() if self._file.exists() else []
        with self._file.open("a") as file:
            for one in observations:
                if one.observation_id not in known:
                    file.write(f"{one.observation_id}\n")


def watch(service: Service, points: FaultPoints) -> None:
    """Put fault points around every effect and before every write."""
    service.store.file.connection.set_trace_callback(points.statement)
    perform = service.engine.perform

    async def performed(loop: Any, run_id: str, sequence: int, effect: Any) -> None:
        points.reached(f"effect: before {type(effect).__name__}")
        await perform(loop, run_id, sequence, effect)
        points.reached(f"effect: after {type(effect).__name__}")

    service.engine.perform = performed  # type: ignore[method-assign]


async def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM, or until the chosen point."""
    state_dir, listen, points_file, published_file, *chosen = arguments
    flags = {"service.state_dir": state_dir, "service.listen": listen, "sharing.publish_interval": "1s"}
    service = Service(load_settings(environment={}, flags=flags), publisher=FilePublisher(Path(published_file)))
    watch(service, FaultPoints(Path(points_file), (chosen[0], int(chosen[1])) if chosen else None))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    sys.stdout.write(await service.start() + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
