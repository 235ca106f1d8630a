"""A log at work: takes what peers say, writes what follows from it, and only then answers, calls and passes it on.

The decisions are the exchange's (`adaptor.sharing.core.exchange`); this performs them, one step at a time. If a step
cannot be written, for instance because the disk is full, the log goes back to what is on disk: nobody was told more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.errors import AdaptorError, LogRefusedError, PeerCallError, StateDirectoryError
from adaptor.sharing.block_reader import BlockReader
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.exchange import Exchange, Step
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.messages import Announcement, Call, Fetch, Meet, Page, Position, Pull
from adaptor.sharing.core.peers import AddressBook, Chance, Peer
from adaptor.sharing.core.refusal import Refusal, RefusalReason, RefusedEntryError
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.state import Changes
from adaptor.sharing.draft import Draft
from adaptor.sharing.log_file import LogFile, SentObservation, StoredEntry
from adaptor.sharing.peer_calls import PeerCalls
from adaptor.sharing.ports import Transport
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.sqlite_block_store import SqliteBlockStore
from adaptor.sharing.waiting import Together, Unbroken, ended, survived, woken

_log = logging.getLogger(__name__)

T = TypeVar("T")

SLICE = 8
"""Blocks taken before others get their turn: what was read ahead takes some 0.05 ms each, writing one 0.1 ms."""

COMMIT_TOGETHER = 256
"""Calls that share a commit: forcing one to disk takes a millisecond or several, whatever it holds."""

PAGE_BLOCKS = 256
PAGE_BYTES = 524_288
"""Most blocks and bytes of a page: what is done for a page as a whole then takes a millisecond."""

SHORTEST_TICK_S = 0.05
"""Least time between two looks at what is due."""


class SharedLog:
    """One log with its file and its peers.

    Args:
        file: Where it is kept.
        manifest: Rules of the log.
        limits: Bounds of this replica.
        key: Of this replica, which signs its entries.
        now_s: Seconds since the epoch.
        chance: Where choices come from.
        precedence: Lets barrier calls go first.
    """

    def __init__(
        self,
        *,
        file: LogFile,
        manifest: Manifest,
        limits: ReplicaLimits,
        key: Ed25519PrivateKey,
        now_s: Callable[[], float],
        chance: Chance,
        precedence: Precedence,
    ) -> None:
        self.log_manifest = manifest
        self.file = file
        self.key = key
        self.own = key.public_key().public_bytes_raw().hex()
        self._news: list[asyncio.Event] = []
        self.address = ""
        self._limits = limits
        self._now_s = now_s
        self._chance = chance
        self._precedence = precedence
        self._lock = asyncio.Lock()
        self._ahead = False
        self._steps = Unbroken()
        self._appends = Together(self._append, most=COMMIT_TOGETHER)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")
        self._reader = BlockReader(manifest, precedence)
        self.store = SqliteBlockStore(file, self.on_file)
        self._transports: dict[str, Transport] = {}
        self._direct: Transport | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._calls = PeerCalls(
            transport_of=self._transport_of,
            answered=self._answered,
            failed=self._failed,
            inline_bytes=limits.inline_bytes,
        )
        self.exchange = self._loaded()

    def listens_at(self, address: str) -> None:
        """Note where peers reach this replica, to tell them."""
        self.address = self.exchange.address = address

    def start(self, direct: Transport | None) -> None:
        """Begin to talk to peers.

        Args:
            direct: The way to peers with an address.
        """
        self._direct = direct
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    async def stop(self) -> None:
        """End all calls and let go of the file; what is written stays."""
        await ended([self._ticker] if self._ticker is not None else [])
        await self._calls.close()
        await self._appends.finished()
        await asyncio.gather(*self._steps.tasks, return_exceptions=True)
        for transport in {*self._transports.values(), *([self._direct] if self._direct else [])}:
            await transport.close()
        self._reader.close()
        self._thread.shutdown(wait=True)
        self.file.close()

    async def know(self, peer: str, address: str) -> None:
        """Note where a peer is, and talk to it soon."""
        await self._whole(self._know(peer, address))

    async def _know(self, peer: str, address: str) -> None:
        async with self._stepping():
            if self.exchange.book.learn(peer, address) is not None:
                await self._write(Step(peers={peer}))
            self.exchange.meet_soon()
        self._due.set()

    def news(self) -> asyncio.Event:
        """An event that is set whenever entries were applied, for whoever clears it."""
        event = asyncio.Event()
        self._news.append(event)
        return event

    def join_swarm(self, name: str, transport: Transport) -> None:
        """Talk to everybody on a topic as well."""
        self._transports[name] = transport
        self.exchange.book.learn(name, swarm=True)
        self.exchange.meet_soon()
        self._due.set()

    # --- what this machine writes ---------------------------------------------------------------------------

    async def append(self, drafts: Sequence[Draft]) -> list[Cid]:
        """Write entries, so that they survive a power cut, and tell peers. Who writes meanwhile shares the next commit.

        Returns:
            Their names, in the order given.

        Raises:
            LogRefusedError: If the log's limits forbid one; those before it were written.
            StateDirectoryError: If they could not be written; then none was.
        """
        return await self._appends.ask(drafts)

    async def _append(self, given: Sequence[Sequence[Draft]]) -> list[list[Cid] | AdaptorError]:
        sent: list[SentObservation] = []
        async with self._stepping():
            now_s, changes = self._now_s(), Changes()
            outcomes = [await self._written(drafts, sent, now_s=now_s, changes=changes) for drafts in given]
            step = self.exchange.appended(changes, now_s=now_s)
            await self._write(step, sent=sent, durable=True)
        self._act(step)
        return outcomes

    async def _written(
        self, drafts: Sequence[Draft], sent: list[SentObservation], *, now_s: float, changes: Changes
    ) -> list[Cid] | AdaptorError:
        cids: list[Cid] = []
        append = partial(self.exchange.replica.append, key=self.key, now_s=now_s, changes=changes)
        for count, draft in enumerate(drafts):
            if count % SLICE == SLICE - 1:
                await self._precedence.turn()
            try:
                cids.append(append(draft.kind, draft.payload).cid)
            except RefusedEntryError as error:
                return LogRefusedError(f"sharing: the log takes no more for now: {error.text}")
            ids = draft.observation_ids
            sent += (SentObservation(observation_id=i, contribution=cids[-1], at_s=now_s) for i in ids)
        return cids

    # --- what peers ask -------------------------------------------------------------------------------------

    async def met(self, peer: str, said: Announcement, size_bytes: int, *, through: str = "") -> Announcement:
        """A peer said what it holds; says what is held here."""
        return await self._whole(self._met(peer, said, size_bytes, through))

    async def _met(self, peer: str, said: Announcement, size_bytes: int, through: str) -> Announcement:
        async with self._stepping():
            step = await self._taken(peer, said.blocks)
            step = self.exchange.met(peer, said, size_bytes=size_bytes, now_s=self._now_s(), through=through, step=step)
            await self._write(step)
            answer = self.exchange.greeting()
        self._act(step)
        return answer

    async def blocks(self, cids: Sequence[Cid]) -> list[bytes]:
        """Those of the blocks that are held, as many as fit into a page, at least one if any is."""
        given: list[bytes] = []
        size = 0
        for cid in cids:
            block = await self.store.get(cid)
            if block is None:
                continue
            size += len(block)
            if given and size > PAGE_BYTES:
                break
            given.append(block)
        return given

    async def page(self, after: Position | None) -> Page:
        """What was applied here after a position; from the beginning if that is of another store."""
        epoch = self.exchange.replica.epoch
        start = after.sequence if after is not None and after.epoch == epoch else 0
        blocks, last, more = await self.on_file(self.file.page, start, most=PAGE_BLOCKS, most_bytes=PAGE_BYTES)
        return Page(blocks=tuple(blocks), position=Position(epoch, last), more=more)

    def manifest(self) -> bytes:
        """The manifest's block."""
        return self.log_manifest.block

    def gave(self, peer: str, size_bytes: int) -> None:
        """Count bytes given to a peer; they are written with its next step."""
        one = self.exchange.book.get(peer)
        if one is not None:
            one.bytes_out += size_bytes

    async def refused(self, peer: str, reason: RefusalReason, text: str) -> None:
        """Count something of a peer that was refused before it became an event."""
        step = Step()
        step.changes.refusals.append(Refusal(reason=reason, text=text, peer=peer))
        await self._whole(self._counted(step))

    async def _counted(self, step: Step) -> None:
        async with self._stepping():
            await self._write(step)

    async def on_file(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Run something of the file on its thread.

        Raises:
            StateDirectoryError: If the file fails.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))
        except sqlite3.Error as error:
            raise StateDirectoryError(f"state_dir: {self.file.path} cannot be used ({error})") from error

    async def entries_after(self, sequence: int, *, most: int) -> list[StoredEntry]:
        """Applied entries after a place, in this replica's order."""
        return await self.on_file(self.file.entries_after, sequence, most=most)

    # --- what calls bring -----------------------------------------------------------------------------------

    async def _answered(self, call: Call, answer: object, size_bytes: int) -> None:
        if isinstance(call, Meet) and isinstance(answer, Announcement):
            await survived(self.met(call.peer, answer, size_bytes))
        elif isinstance(call, Fetch) and isinstance(answer, list):
            await survived(self._whole(self._fetched(call, answer, size_bytes)))
        elif isinstance(call, Pull) and isinstance(answer, Page):
            await survived(self._whole(self._pulled(call, answer, size_bytes)))

    async def _fetched(self, call: Fetch, blocks: list[bytes], size_bytes: int) -> None:
        await self._perform(
            lambda step, now_s: self.exchange.fetched(call, blocks, size_bytes=size_bytes, now_s=now_s, step=step),
            of=(call.peer, blocks),
        )

    async def _pulled(self, call: Pull, page: Page, size_bytes: int) -> None:
        await self._perform(
            lambda step, now_s: self.exchange.pulled(call, page, size_bytes=size_bytes, now_s=now_s, step=step),
            of=(call.peer, page.blocks),
        )

    async def _failed(self, call: Call, error: PeerCallError) -> None:
        _log.debug("%s of %s came to nothing: %s", type(call).__name__, call.peer, error)
        await survived(self._whole(self._lost(call)))

    async def _lost(self, call: Call) -> None:
        await self._perform(lambda _, now_s: self.exchange.failed(call, now_s=now_s))

    async def _taken(self, peer: str, blocks: Sequence[bytes]) -> Step:
        """Take a message's blocks slice by slice, giving way in between; they are read ahead on other threads."""
        step = Step()
        if not self.exchange.listens_to(peer):
            return step
        async for part, ahead in self._reader.parts(blocks, knows=self.exchange.replica.knows):
            for start in range(0, len(part), SLICE):
                await self._precedence.turn()
                given = part[start : start + SLICE]
                self.exchange.take(peer, given, now_s=self._now_s(), step=step, ahead=ahead)
        return step

    async def _whole(self, step: Coroutine[Any, Any, T]) -> T:
        """Let a step go to its end even if whoever waits for it is cancelled.

        Between deciding and writing, memory is ahead of the disk; left there, the next step would be written upon
        entries that are nowhere.
        """
        return await self._steps.run(step)

    @asynccontextmanager
    async def _stepping(self) -> AsyncIterator[None]:
        """Alone with the log; after a fault of any kind, memory goes back to what is on disk."""
        async with self._lock:
            try:
                if self._ahead:
                    self.exchange = await self.on_file(self._loaded)
                self._ahead = True
                yield
                self._ahead = False
            finally:
                if self._ahead:
                    self.exchange = await self.on_file(self._loaded)
                    self._ahead = False

    async def _tick(self) -> None:
        while True:
            await survived(self._whole(self._ticked()))
            wait_s = max(SHORTEST_TICK_S, self.exchange.next_tick_s() - self._now_s())
            self._due.clear()
            await woken(self._due, within_s=wait_s)
            await asyncio.sleep(SHORTEST_TICK_S)

    async def _ticked(self) -> None:
        await self._perform(lambda _, now_s: self.exchange.tick(now_s))

    async def _perform(
        self, decide: Callable[[Step, float], Step], *, of: tuple[str, Sequence[bytes]] = ("", ())
    ) -> None:
        """Do what is decided once the blocks of a message are taken.

        Args:
            decide: Given what they came to, and the time.
            of: Who sent the message, and its blocks.
        """
        async with self._stepping():
            step = decide(await self._taken(*of), self._now_s())
            await self._write(step)
        self._act(step)

    async def _write(self, step: Step, *, sent: Iterable[SentObservation] = (), durable: bool = False) -> None:
        """Put a step on disk."""
        known = {name: self.exchange.book.get(name) for name in step.peers}
        peers = [one for one in known.values() if one is not None]
        forgotten = [name for name, one in known.items() if one is None]
        if step.changes.empty and not durable and not known:
            return
        await self.on_file(
            self.file.write,
            step.changes,
            peers=peers,
            forgotten=forgotten,
            sent=list(sent),
            now_s=self._now_s(),
            durable=durable,
        )

    def _act(self, step: Step) -> None:
        """Everything of the step is on disk: pass on and call."""
        if step.changes.applied:
            for event in self._news:
                event.set()
        for refusal in step.changes.refusals:
            _log.debug("refused of %s: %s (%s)", refusal.peer, refusal.text, refusal.reason.value)
        for call in step.calls:
            self._calls.make(call)
        self._due.set()

    def _transport_of(self, peer: str) -> tuple[Peer, Transport] | None:
        one = self.exchange.book.get(peer)
        transport = self._transports.get(peer, self._direct)
        return (one, transport) if one is not None and transport is not None else None

    def _loaded(self) -> Exchange:
        """The exchange as the file has it."""
        state, writers = self.file.load(self.log_manifest)
        replica = Replica(self.log_manifest, self._limits, state, writers)
        book = AddressBook(self._limits, own=self.own, chance=self._chance, known=self.file.peers())
        for swarm in self._transports:
            book.learn(swarm, swarm=True)
        return Exchange(replica, book, chance=self._chance, address=self.address)
