"""Takes what became part of the log into the index, and judges what others contributed; both behind everything else.

The index is made from the log alone: it notes up to where in this replica's order it got, and goes on from there after
a crash. Judging comes after indexing, off every read's path: a contribution without a verdict of this machine's own is
compared with the rest, and verdicts are written in batches, after a wait chosen by chance, so that of many peers the
first few decide and the others need not vote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from adaptor.domain.observation import Observation
from adaptor.domain.verdict import Verdict
from adaptor.sharing.contributions import read_contribution
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Kind, known_entry
from adaptor.sharing.core.peers import Chance
from adaptor.sharing.draft import Draft
from adaptor.sharing.index.index import Index, PeerRow
from adaptor.sharing.index.intake import time_text
from adaptor.sharing.index.reader import IndexReader
from adaptor.sharing.log_file import StoredEntry
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.shared_log import SharedLog
from adaptor.sharing.statements import write_validation
from adaptor.sharing.validators import judge
from adaptor.sharing.waiting import ended, survived, woken

T = TypeVar("T")
P = ParamSpec("P")

SLICE = 256
"""Entries taken in at once, on a thread of its own, which gives way between them: some 20 ms of work."""

OWN_BATCH = 20
"""Own measurements taken in at once: some 2 ms of the run store's one thread, on which barriers are recorded too."""

REST_S = 0.05
"""Rest between two times of taking in: entries that come one by one are then taken together, at a tenth of the cost."""

IDLE_S = 30.0
"""Longest time without a look for what was missed."""

JUDGING_WAIT_S = 2.0
"""Longest chosen wait before judging: a batch of news arrives together, and other members' verdicts may come first."""

VERDICTS = 64
"""Verdicts written at once: one signature for many, without holding any back for long."""


class Measured(Protocol):
    """Reads what this machine measured itself, in the order in which it was stored."""

    async def __call__(self, place: int, /, *, limit: int) -> tuple[list[Observation], int]:
        """Observations after a place, at most `limit`, and the place of the last of them."""
        ...


async def nothing_measured(place: int, /, *, limit: int) -> tuple[list[Observation], int]:
    """What a machine without runs measured."""
    del limit
    return [], place


class Digest:
    """The work behind the log.

    Args:
        log: The log.
        path: Of the index.
        validate: Whether to judge.
        chance: Where choices come from.
        precedence: Lets barrier calls go first.
        measured: Reads what this machine measured itself.

    Attributes:
        path: Of the index.
        reader: Reads the index; its methods are to be run by `read`.
        position: Entries that the index holds.
        changed: Set when something new can be read.
    """

    def __init__(
        self,
        log: SharedLog,
        path: Path,
        *,
        validate: bool,
        chance: Chance,
        precedence: Precedence,
        measured: Measured = nothing_measured,
    ) -> None:
        self._own = bytes.fromhex(log.own)
        self.path = path
        self._index = Index(path, log.log_manifest, self._own, pause=precedence.pause)
        self.reader = IndexReader(path)
        self._log = log
        self._validate = validate
        self._chance = chance
        self._precedence = precedence
        self._measured = measured
        # A thread for each connection: SQLite wants no more, and readers need not wait for the writer.
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index-reader")
        self._applied = log.news()
        self._indexed = asyncio.Event()
        self._taking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.position = self._index.position
        self.changed = asyncio.Event()

    def start(self) -> None:
        """Begin to work."""
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._again(self._applied, self.take_in)))
        if self._validate:
            self._tasks.append(loop.create_task(self._again(self._indexed, self._judge_new)))

    async def stop(self) -> None:
        """End the work; the next start goes on from here."""
        await ended(self._tasks)
        self._writing.shutdown(wait=True)
        self._reading.shutdown(wait=True)
        self.reader.close()
        self._index.close()

    async def read(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a method of `reader` on its thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, lambda: function(*args, **kwargs))

    async def take_in(self) -> None:
        """Take into the index what was applied since, what this machine measured, and what is known of peers."""
        async with self._taking:
            await self._take_own()
            more = True
            while more and (entries := await self._fresh()):
                more = len(entries) == SLICE
                await self._precedence.turn()
                await self._note_sent(entries)
                for refusal in await self._write(self._index.apply, entries):
                    await self._log.refused(refusal.peer, refusal.reason, refusal.text)
                self.position = entries[-1].sequence
                self._indexed.set()
                self.changed.set()
            await self._write(self._index.put_peers, self._peers())

    async def _fresh(self) -> list[StoredEntry]:
        """The next applied entries; read by the thread that writes the log, so what is to be written goes first."""
        await self._write(self._precedence.pause)
        return await self._log.entries_after(self.position, most=SLICE)

    async def _take_own(self) -> None:
        place = await self._write(lambda: self._index.own_position)
        while True:
            observations, through = await self._measured(place, limit=OWN_BATCH)
            if not observations:
                return
            await self._precedence.turn()
            await self._write(self._index.apply_own, observations, through=through)
            place = through
            self.changed.set()

    async def _note_sent(self, entries: Sequence[StoredEntry]) -> None:
        """Tell the index what left this machine with entries that it is about to take in."""
        own = [one.signed.cid for one in entries if one.signed.entry.author == self._own]
        if own and (sent := await self._log.on_file(self._log.file.sent_with, own)):
            await self._write(self._index.put_sent, sent)

    def _peers(self) -> list[PeerRow]:
        applied = self._log.exchange.replica.applied
        return [
            PeerRow(
                peer=one.peer,
                address=one.address,
                heard_at=time_text(int(one.last_heard_s * 1000)) if one.last_heard_s else None,
                heads=len(one.heads),
                unknown_heads=sum(cid not in applied for cid in one.heads),
                bytes_in=one.bytes_in,
                bytes_out=one.bytes_out,
                refusals=one.refusals,
                failures=one.failures,
            )
            for one in self._log.exchange.book
        ]

    async def _judge_new(self) -> None:
        """Judge contributions of others that this machine has not judged and no quorum has decided."""
        await asyncio.sleep(JUDGING_WAIT_S * self._chance.random())
        while targets := await self.read(self.reader.unjudged, limit=VERDICTS):
            verdicts = []
            blocks = await self._log.on_file(self._log.file.blocks, targets)
            for target in targets:
                await self._precedence.turn()
                verdicts.append(await self.read(self._verdict, target, blocks[target]))
            batch = self._log.log_manifest.limits.batch
            for start in range(0, len(verdicts), batch):
                payload = write_validation(verdicts[start : start + batch])
                await self._log.append([Draft(kind=Kind.VALIDATION, payload=payload)])
            await self.take_in()

    def _verdict(self, target: Cid, block: bytes) -> Verdict:
        entry = known_entry(target, block).entry
        batch = read_contribution(entry.payload, batch=self._log.log_manifest.limits.batch)
        rest = self.reader.rest(batch, target)
        return Verdict(target=target, assessment=judge(batch, rest, author=entry.author, own=self._own))

    async def _write(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writing, lambda: function(*args, **kwargs))

    async def _again(self, news: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            news.clear()
            await survived(work())
            await asyncio.sleep(REST_S)
            await woken(news, within_s=IDLE_S)
