"""One simulated machine: the production core with a disk, a clock that may be wrong, and a process that may die.

It does what a service does around the core: it writes a step before it acts on it, makes the calls, and tells the
core what came of them.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.experiments.network.disk import Disk
from adaptor.experiments.network.links import Links
from adaptor.experiments.network.passage import Passage
from adaptor.experiments.network.timeline import Timeline
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.exchange import Exchange, Step
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.messages import Announcement, Call, Fetch, Meet, Page, Pull
from adaptor.sharing.core.peers import AddressBook
from adaptor.sharing.core.refusal import Refusal, RefusalReason, RefusedEntryError
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.state import Changes
from adaptor.sharing.core.wire import MalformedMessageError

PAGE_BLOCKS = 20
PAGE_BYTES = 8_000
"""A page of the simulation: some 20 small entries."""

SHORTEST_TICK_S = 0.05
"""A service does not look at the clock more often than this."""

Answer = Announcement | list[bytes] | Page


class Crash(enum.Enum):
    """Where in a step a process dies."""

    BEFORE_WRITING = "crash_before_writing"
    TORN_WRITE = "crash_torn_write"
    BEFORE_CALLING = "crash_before_calling"


class Watcher(Protocol):
    """Told of everything, to check and to tell people."""

    def stepped(self, machine: Machine, what: str, step: Step, *, written: bool) -> None:
        """A step was made."""
        ...

    def crashed(self, machine: Machine, crash: Crash) -> None:
        """A process died."""
        ...


class World(Protocol):
    """What a machine needs of the world around it."""

    timeline: Timeline
    links: Links
    passage: Passage
    manifest: Manifest

    @property
    def watcher(self) -> Watcher:
        """Told of every step."""
        ...

    def at(self, address: str) -> Machine | None:
        """Who listens at an address."""
        ...


class Machine:
    """A replica on a machine of its own.

    Args:
        world: Everything around it.
        address: Where it listens.
        key: Its identity, and its author's key.
        limits: Bounds of its replica.
        seed: Of its choices.
    """

    def __init__(self, world: World, *, address: str, key: Ed25519PrivateKey, limits: ReplicaLimits, seed: str) -> None:
        self.world = world
        self.address = address
        self.key = key
        self.name = key.public_key().public_bytes_raw().hex()
        self.limits = limits
        self.chance = random.Random(seed)  # noqa: S311 - not for secrets
        self.disk = Disk(epoch=self.chance.randbytes(16))
        self.page_blocks, self.page_bytes = PAGE_BLOCKS, PAGE_BYTES
        self.clock_off_s = 0.0
        self.up = False
        self.life = 0
        self.crash_next: Crash | None = None
        self.exchange: Exchange
        self._meeting: dict[str, Meet | None] = {}
        self._tick_at_s = float("inf")

    @property
    def now_s(self) -> float:
        """What its clock shows."""
        return self.world.timeline.now_s + self.clock_off_s

    @property
    def replica(self) -> Replica:
        """Its replica."""
        return self.exchange.replica

    # --- life and death -------------------------------------------------------------------------------------

    def start(self, acquaintances: Sequence[tuple[str, str]] = ()) -> None:
        """Begin, or begin again from the disk; peers are named by key and address."""
        self.up, self.life = True, self.life + 1
        self.exchange = self.loaded()
        self._meeting = {}
        for name, address in acquaintances:
            self.exchange.book.learn(name, address)
        self._perform("start", Step(peers={name for name, _ in acquaintances}))

    def stop(self) -> None:
        """End at once: what was not written is gone."""
        self.up = False
        self._tick_at_s = float("inf")

    def loaded(self) -> Exchange:
        """The core as it would begin from the disk."""
        state, writers = self.disk.state(self.world.manifest)
        replica = Replica(self.world.manifest, self.limits, state, writers)
        book = AddressBook(self.limits, own=self.name, chance=self.chance, known=self.disk.known_peers())
        return Exchange(replica, book, chance=self.chance, address=self.address)

    # --- what it writes -------------------------------------------------------------------------------------

    def append(self, drafts: Sequence[tuple[Kind, bytes]]) -> None:
        """Write entries in one step, as many of them as the rules allow."""
        changes = Changes()
        for kind, payload in drafts:
            try:
                self.replica.append(kind, payload, key=self.key, now_s=self.now_s, changes=changes)
            except RefusedEntryError as error:
                self.world.links.counts[f"own_{error.reason.value}"] += 1
                break
        self._perform("append", self.exchange.appended(changes, now_s=self.now_s))

    # --- what peers ask -------------------------------------------------------------------------------------

    def answer(self, caller: str, call: Call) -> Answer | None:
        """What it says to a call; ``None`` if it says nothing."""
        if isinstance(call, Fetch):
            cids = self.world.passage.cids(call.cids, most=self.limits.fetch_batch)
            return self.disk.some_blocks(cids, most_bytes=self.page_bytes)
        if isinstance(call, Pull):
            after = self.world.passage.position(call.after)
            return self.disk.page(after, most=self.page_blocks, most_bytes=self.page_bytes)
        return self.exchange.greeting() if self.hear(caller, call.announcement) else None

    def hear(self, peer: str, said: Announcement) -> bool:
        """A peer said what it holds; tells whether this machine lived through it."""
        try:
            said, size = self.world.passage.announcement(said)
        except MalformedMessageError as error:
            return self.refuse(peer, str(error))
        step = self.exchange.met(peer, said, size_bytes=size, now_s=self.now_s)
        return self._perform("met", step)

    def hear_bytes(self, peer: str, data: bytes) -> bool:
        """A peer sent bytes that should be an announcement."""
        try:
            said = self.world.passage.read_announcement(data)
        except MalformedMessageError as error:
            return self.refuse(peer, str(error))
        return self._perform("met", self.exchange.met(peer, said, size_bytes=len(data), now_s=self.now_s))

    def refuse(self, peer: str, text: str) -> bool:
        """Record that a peer's message could not be read."""
        refusal = Refusal(reason=RefusalReason.MALFORMED_MESSAGE, text=text, peer=peer)
        return self._perform("unreadable", Step(changes=Changes(refusals=[refusal])))

    # --- what calls bring -----------------------------------------------------------------------------------

    def answered(self, call: Call, answer: Answer) -> None:
        """A call was answered."""
        now_s, passage = self.now_s, self.world.passage
        if isinstance(call, Meet) and isinstance(answer, Announcement):
            self.hear(call.peer, answer)
            self._next_meeting(call)
        elif isinstance(call, Fetch) and isinstance(answer, list):
            blocks, size = passage.blocks(answer)
            self._perform("fetched", self.exchange.fetched(call, blocks, size_bytes=size, now_s=now_s))
        elif isinstance(call, Pull) and isinstance(answer, Page):
            page, size = passage.page(answer)
            self._perform("pulled", self.exchange.pulled(call, page, size_bytes=size, now_s=now_s))
        else:
            self.failed(call)

    def failed(self, call: Call) -> None:
        """A call came to nothing."""
        self._perform("failed", self.exchange.failed(call, now_s=self.now_s))
        if isinstance(call, Meet):
            self._next_meeting(call)

    # --- performing -----------------------------------------------------------------------------------------

    def _perform(self, what: str, step: Step) -> bool:
        """Write the step, then act on it; tells whether the process lives on."""
        crash = self.crash_next if step.changes.blocks else None
        if crash is not None:
            self.crash_next = None
            if crash is Crash.TORN_WRITE:
                self.disk.tear(step)
        written = crash in (None, Crash.BEFORE_CALLING)
        if written:
            self.disk.write(step, self.exchange.book)
        self.world.watcher.stepped(self, what, step, written=written)
        if crash is not None:
            self.world.watcher.crashed(self, crash)
            self.stop()
            return False
        for call in step.calls:
            self._make(call)
        self._wind_up()
        return True

    def _make(self, call: Call) -> None:
        """Begin a call; an announcement waits for the one before to the same peer, and replaces what waited."""
        if isinstance(call, Meet):
            if call.peer in self._meeting:
                self._meeting[call.peer] = call
                return
            self._meeting[call.peer] = None
        Conversation(self, call).begin()

    def _next_meeting(self, call: Meet) -> None:
        waiting = self._meeting.pop(call.peer, None)
        if waiting is not None and self.up:
            # What waited may miss blocks that were told in between: the peer asks for those.
            self._make(replace(waiting, announcement=self.exchange.greeting(waiting.announcement.blocks)))

    def _wind_up(self) -> None:
        """Let `tick` be called when the core wants it."""
        wait_s = max(SHORTEST_TICK_S, self.exchange.next_tick_s() - self.now_s)
        at_s = self.world.timeline.now_s + wait_s
        if at_s < self._tick_at_s - SHORTEST_TICK_S:
            self._tick_at_s = at_s
            self.world.timeline.after(wait_s, partial(self._tick, at_s, self.life))

    def _tick(self, at_s: float, life: int) -> None:
        if not self.up or life != self.life or at_s != self._tick_at_s:
            return
        self._tick_at_s = float("inf")
        self._perform("tick", self.exchange.tick(self.now_s))


class Conversation:
    """One call, from its beginning to an answer, a refusal, or the end of the caller's patience."""

    __slots__ = ("_call", "_caller", "_life", "_open")

    def __init__(self, caller: Machine, call: Call) -> None:
        self._caller = caller
        self._call = call
        self._life = caller.life
        self._open = True

    def begin(self) -> None:
        """Send it."""
        caller = self._caller
        one = caller.exchange.book.get(self._call.peer)
        address = "" if one is None else one.address
        caller.world.timeline.after(caller.limits.call_s, self._fail)
        size = caller.world.passage.size_bytes(self._call)
        caller.world.links.send(caller.address, address, partial(self._arrive, address), size_bytes=size)

    def _arrive(self, address: str) -> None:
        world = self._caller.world
        callee = world.at(address)
        if callee is None or not callee.up or callee.name != self._call.peer:
            world.links.send(address, self._caller.address, self._fail)
            return
        answer = callee.answer(self._caller.name, self._call)
        if answer is not None and callee.up:
            size = world.passage.size_bytes(answer)
            world.links.send(address, self._caller.address, partial(self._answered, answer), size_bytes=size)

    def _answered(self, answer: Answer) -> None:
        if self._ends():
            self._caller.answered(self._call, answer)

    def _fail(self) -> None:
        if self._ends():
            self._caller.failed(self._call)

    def _ends(self) -> bool:
        """Whether this is what ends it: not an answer after the end, nor to a process that is gone."""
        was_open, self._open = self._open, False
        return was_open and self._caller.up and self._caller.life == self._life
