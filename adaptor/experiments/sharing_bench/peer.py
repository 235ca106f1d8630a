"""One peer of the benchmark, in a process of its own: what a service runs for sharing, and nothing else.

    python -m adaptor.experiments.sharing_bench.peer STATE_DIR [setting=value ...]

Commands come as JSON lines on standard input; each is answered when it ends, with the number it came with. Times are of
CLOCK_MONOTONIC, which is one clock for all processes of a machine. At the end of the input, or on SIGTERM, the peer
stops.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from adaptor.app.settings import load_settings
from adaptor.app.sharing import participation
from adaptor.experiments.sharing_bench.records import observation
from adaptor.sharing.core.limits import LogLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.index import FILE_NAME, run_query
from adaptor.sharing.log_file import LogFile
from adaptor.sharing.participation import EPOCH_BYTES, FOLDER_NAME, LOG_NAME, SALT_BYTES, Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.waiting import woken

READY = "ready"
"""The first line of output: commands are read from now on."""

LOOK_S = 0.005
"""Pause between two looks at how far the index got: a two-hundredth of the shortest bootstrap that has a goal."""

SLOW_LOOK_S = 0.05
"""Pause between two counts of verdicts, each of which reads all of them."""

LONGEST_LINE_BYTES = 1_048_576
"""Of a command: an invitation takes at most 16 kB."""

QUORUM = 2
"""Votes that decide: more than one peer, so that every peer has reason to judge."""

Answer = dict[str, Any]


class Peer:
    """The commands of one peer; each public method is one.

    Args:
        folder: Its state directory.
        sharing: Its part in the log.
    """

    def __init__(self, folder: Path, sharing: Participation) -> None:
        self._folder = folder
        self._sharing = sharing
        self._news: asyncio.Event | None = None

    async def create(self, *, entries_per_hour: int) -> Answer:
        """Create a log that bears so many entries of one author, and take part in it."""
        limits = LogLimits()
        manifest = Manifest(
            name="benchmark",
            founder=self._sharing.identity.public_key,
            writers=None,
            quorum=QUORUM,
            salt=secrets.token_bytes(SALT_BYTES),
            limits=replace(limits, entries_per_hour=max(entries_per_hour, limits.entries_per_hour)),
        )
        file = LogFile(self._folder / FOLDER_NAME / LOG_NAME)
        file.found(manifest, epoch=secrets.token_bytes(EPOCH_BYTES))
        file.close()
        await self._sharing.start()
        return {}

    async def invite(self) -> Answer:
        """An invitation, and the key of who gives it."""
        opened = self._sharing.open
        return {"invitation": (await opened.invitation()).text, "author": opened.log.own}

    async def join(self, *, invitation: str) -> Answer:
        """Join a log; when that began and ended."""
        began_s = time.monotonic()
        await self._sharing.join(invitation)
        return {"began_s": began_s, "ended_s": time.monotonic()}

    async def publish(self, *, first: int, count: int, batch: int, apart: bool = False) -> Answer:
        """Give records to the log, so many at once, each time when those before are on disk; making them is not.

        Args:
            first: Number of the first record.
            count: How many.
            batch: Records given at once.
            apart: Whether each is of another run, and so gets an entry of its own.
        """
        end, began_s, took_s = first + count, time.monotonic(), 0.0
        for start in range(first, end, batch):
            given = [observation(one, apart=apart) for one in range(start, min(start + batch, end))]
            given_s = time.monotonic()
            await self._sharing.publish(given)
            took_s += time.monotonic() - given_s
        return {"began_s": began_s, "took_s": took_s, "entries": self._entries_of(self._sharing.open.log.own)}

    async def applied(self, *, author: str, entries: int, within_s: float) -> Answer:
        """Wait until so many entries of an author are applied; when that was, ``None`` if it took too long."""
        until_s = time.monotonic() + within_s
        news = self._news = self._news or self._sharing.open.log.news()
        while self._entries_of(author) < entries:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return {"at_s": None, "applied": self._applied}
            await woken(news, within_s=left_s)
            news.clear()
        return {"at_s": time.monotonic(), "applied": self._applied}

    async def indexed(self, *, sequence: int, within_s: float) -> Answer:
        """Wait until the index has everything up to a place in this peer's order; when that was."""
        digest = self._sharing.open.digest
        until_s = time.monotonic() + within_s
        while digest.position < sequence:
            if time.monotonic() > until_s:
                return {"at_s": None}
            await asyncio.sleep(LOOK_S)
        at_s = time.monotonic()
        return {"at_s": at_s, "observations": await self._counted("select count(*) from observations where own = 0")}

    async def validated(self, *, contributions: int, within_s: float) -> Answer:
        """Wait until this peer said what it thinks of so many contributions; when that was, and of how many it did."""
        query = f"select count(*) from verdicts where author = '{self._sharing.open.log.own}'"  # noqa: S608 - a hex key
        until_s = time.monotonic() + within_s
        while True:
            count = await self._counted(query)
            if count >= contributions or time.monotonic() > until_s:
                return {"at_s": time.monotonic(), "judged": count}
            await asyncio.sleep(SLOW_LOOK_S)

    async def stats(self) -> Answer:
        """What this peer holds, and what it has cost so far."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        fits = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer: Answer = {
            "rss_bytes": psutil.Process().memory_info().rss,
            "peak_rss_bytes": used.ru_maxrss * 1024,
            "cpu_s": used.ru_utime + used.ru_stime,
            "children_cpu_s": fits.ru_utime + fits.ru_stime,
        }
        if self._sharing.ready:
            answer["applied"] = self._applied
            answer["bytes_in"] = sum(one.bytes_in for one in self._sharing.open.log.exchange.book)
        return answer

    @property
    def _applied(self) -> int:
        return len(self._sharing.open.log.exchange.replica.applied)

    def _entries_of(self, author: str) -> int:
        return self._sharing.open.log.exchange.replica.entries_of(bytes.fromhex(author))

    async def _counted(self, query: str) -> int:
        result = await asyncio.to_thread(run_query, self._folder / FOLDER_NAME / FILE_NAME, query)
        return int(result.rows[0][0])


async def serve(folder: Path, flags: Mapping[str, str]) -> None:
    """Do what standard input says, until it ends.

    Args:
        folder: State directory.
        flags: Settings that differ from the defaults.
    """
    settings = load_settings(environment={}, flags={"service.state_dir": str(folder), **flags})
    sharing = participation(settings, precedence=Precedence())
    commands = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, commands.feed_eof)
    peer = Peer(folder, sharing)
    tasks: set[asyncio.Task[None]] = set()
    _say(READY)
    try:
        while line := await commands.readline():
            task = loop.create_task(_answered(peer, json.loads(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        for task in tasks:
            task.cancel()
        await sharing.stop()


async def _answered(peer: Peer, command: dict[str, Any]) -> None:
    method: Callable[..., Awaitable[Answer]] = getattr(peer, command["do"])
    try:
        answer = await method(**command["with"])
    except Exception as error:  # noqa: BLE001 - a boundary between processes: who measures is to know of anything
        answer = {"error": f"{type(error).__name__}: {error}"}
    _say(json.dumps({"of": command["number"], **answer}))


def _say(line: str) -> None:
    os.write(sys.stdout.fileno(), line.encode() + b"\n")


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    asyncio.run(serve(Path(sys.argv[1]), dict(one.split("=", 1) for one in sys.argv[2:])))
