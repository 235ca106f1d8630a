"""One trial: a peer writes a log, newcomers join and fetch it, then single records go from the first peer to all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from adaptor.experiments.sharing_bench.nodes import Node, running_nodes
from adaptor.experiments.sharing_bench.peer_process import PeerProcess
from adaptor.experiments.sharing_bench.records import BATCH

BACKENDS = ("embedded", "kubo")

SHORTEST_LIMIT_S = 60.0
LIMIT_S_PER_RECORD = 0.02
"""A newcomer has that long: ten times what the slowest goal, 25 s for 10,000, allows."""

LOST_S = 10.0
"""A record that is not everywhere by then is counted as lost, though later exchanges of heads would bring it."""

PAUSE_S = 0.02
"""Before each single record, so that they do not queue behind each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be tried.

    Attributes:
        backend: One of `BACKENDS`.
        batched: Whether records are given in batches, else each is an entry of its own.
        records: How many the first peer writes.
        peers: Peers that live in the end, the first one included.
        newcomers: How many join, one after another; those beyond `peers` leave again.
        singles: Records that are sent one by one in the end.
        validate: Whether peers judge contributions.
        validation_s: Longest wait for the first newcomer's judgements.
    """

    backend: str
    batched: bool
    records: int
    peers: int
    newcomers: int
    singles: int
    validate: bool = True
    validation_s: float = 60.0

    @property
    def mode(self) -> str:
        """How records are given, in a word."""
        return "batched" if self.batched else "single"

    @property
    def limit_s(self) -> float:
        """Longest time of writing everything, and of a newcomer."""
        return max(SHORTEST_LIMIT_S, LIMIT_S_PER_RECORD * self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """How one newcomer fared; times are seconds since it was told to join, ``None`` where the limit was reached.

    Attributes:
        joined_s: Until it had the log's rules.
        applied_s: Until all records were on its disk and part of its log.
        indexed_s: Until queries found all of them as well.
        observations: Records that its queries find.
        cpu_s: CPU time of its process until then.
    """

    joined_s: float
    applied_s: float | None
    indexed_s: float | None
    observations: int
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory of one peer's process, in bytes.

    Attributes:
        bare: Before it took part in a log.
        idle: Before its log held any record.
        full: In the end.
        peak: The most so far.
    """

    bare: int
    idle: int
    full: int
    peak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How long a newcomer took to judge what it had indexed.

    Attributes:
        contributions: How many it judged.
        took_s: Seconds since they were indexed; begins with a wait chosen by chance.
        cpu_s: CPU time meanwhile.
    """

    contributions: int
    took_s: float
    cpu_s: float


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came out of a trial.

    Attributes:
        trial: What was tried.
        append_s: Until everything was on the first peer's disk.
        append_cpu_s: CPU time of its process meanwhile.
        entries: Of the log, then.
        newcomers: In the order in which they joined.
        judging: Of the first newcomer, if it was to judge.
        bytes_in: Bytes that each living newcomer took from peers until all had everything.
        singles_s: Seconds from before a single record was given until all others had it; lost ones are not among them.
        lost: Single records that were not everywhere within `LOST_S`.
        memories: Of the living peers, the first one first.
        nodes: Of each Kubo node: resident bytes, and bytes taken from other nodes.
    """

    trial: Trial
    append_s: float = 0.0
    append_cpu_s: float = 0.0
    entries: int = 0
    newcomers: list[Newcomer] = field(default_factory=list)
    judging: Judging | None = None
    bytes_in: list[int] = field(default_factory=list)
    singles_s: list[float] = field(default_factory=list)
    lost: int = 0
    memories: list[Memory] = field(default_factory=list)
    nodes: list[dict[str, int]] = field(default_factory=list)

    @property
    def unfinished(self) -> int:
        """Newcomers that did not find all records within the limit."""
        return sum(one.indexed_s is None or one.observations < self.trial.records for one in self.newcomers)


async def run(trial: Trial, folder: Path, *, progress: Callable[[str], None]) -> Outcome:
    """Do it.

    Args:
        trial: What is to be tried.
        folder: Empty; for everything on disk.
        progress: Told what is being done, a line at a time.

    Raises:
        TrialError: If a peer ends or hangs.
        AdaptorError: If a Kubo node cannot be used.
    """
    async with AsyncExitStack() as stack:
        on_kubo = trial.backend == "kubo"
        nodes = await stack.enter_async_context(running_nodes(folder, 1 + trial.newcomers if on_kubo else 0))
        stage = _Stage(trial, folder, nodes=nodes, stack=stack, progress=progress)
        await stage.write()
        await stage.let_newcomers_join()
        await stage.send_singles()
        await stage.take_stock()
        return stage.outcome


@dataclass(slots=True)
class _Player:
    """A peer with its memory before there was anything to remember."""

    process: PeerProcess
    bare: int
    idle: int


class _Stage:
    """The peers of a trial, and what it has shown so far."""

    def __init__(
        self,
        trial: Trial,
        folder: Path,
        *,
        nodes: Sequence[Node],
        stack: AsyncExitStack,
        progress: Callable[[str], None],
    ) -> None:
        self.outcome = Outcome(trial=trial)
        self._trial = trial
        self._folder = folder
        self._nodes = nodes
        self._stack = stack
        self._progress = progress
        self._players: list[_Player] = []
        self._author = ""
        self._entries = 0
        self._started = 0

    async def write(self) -> None:
        """The first peer writes all records, alone, as many at once as a service's outbox gives.

        In entries of their own they are of as many runs, which is when a service writes such entries.
        """
        trial = self._trial
        writer = await self._player()
        await writer.process.call("create", entries_per_hour=2 * trial.records + trial.singles)
        before = await writer.process.call("stats")
        writer.idle = before["rss_bytes"]
        said = await writer.process.call(
            "publish",
            answer_s=trial.limit_s,
            first=0,
            count=trial.records,
            batch=BATCH,
            apart=not trial.batched,
        )
        after = await writer.process.call("stats")
        self._entries = said["entries"]
        self.outcome.entries = said["entries"]
        self.outcome.append_s = said["took_s"]
        self.outcome.append_cpu_s = after["cpu_s"] - before["cpu_s"]
        self._progress(
            f"{trial.mode}: {trial.records} records in {self._entries} entries: {self.outcome.append_s:.2f} s"
        )

    async def let_newcomers_join(self) -> None:
        """Newcomers join one after another; the last of them stay."""
        trial = self._trial
        for number in range(trial.newcomers):
            player = await self._player()
            newcomer = await self._newcomer(player)
            self.outcome.newcomers.append(newcomer)
            self._progress(f"{trial.mode}: newcomer {number + 1}: {_seconds(newcomer.indexed_s)}")
            if number == 0 and trial.validate and newcomer.indexed_s is not None:
                await self._judge(player)
            if number < trial.newcomers - (trial.peers - 1):
                await player.process.stop()
                self._players.remove(player)
        stats = [await one.process.call("stats") for one in self._players[1:]]
        self.outcome.bytes_in = [one["bytes_in"] for one in stats]

    async def send_singles(self) -> None:
        """The first peer writes single records, each when the one before has arrived."""
        for number in range(self._trial.singles if len(self._players) > 1 else 0):
            took_s = await self._single(self._trial.records + number)
            if took_s is None:
                self.outcome.lost += 1
            else:
                self.outcome.singles_s.append(took_s)

    async def take_stock(self) -> None:
        """See what memory the peers and nodes take now."""
        for player in self._players:
            stats = await player.process.call("stats")
            self.outcome.memories.append(
                Memory(bare=player.bare, idle=player.idle, full=stats["rss_bytes"], peak=stats["peak_rss_bytes"])
            )
        for node in self._nodes:
            rss_bytes = psutil.Process(node.pid).memory_info().rss
            self.outcome.nodes.append({"rss_bytes": rss_bytes, "bytes_in": await asyncio.to_thread(node.bytes_in)})

    async def _player(self) -> _Player:
        """A new peer; it is stopped in the end at the latest."""
        name = f"peer-{self._started}"
        process = await PeerProcess.start(name, self._folder / name, self._flags())
        self._started += 1
        self._stack.push_async_callback(process.stop)
        bare = (await process.call("stats"))["rss_bytes"]
        player = _Player(process, bare, bare)
        self._players.append(player)
        return player

    def _flags(self) -> Mapping[str, str]:
        """Settings of the next peer. On Kubo nothing goes directly; each has a node that never held a block."""
        flags = {"sharing.validate": str(self._trial.validate).lower()}
        if self._nodes:
            return {**flags, "sharing.listen": "", "kubo.api_url": self._nodes[self._started].api_url}
        return {**flags, "sharing.listen": "127.0.0.1:0"}

    async def _newcomer(self, player: _Player) -> Newcomer:
        process, limit_s = player.process, self._trial.limit_s
        invited = await self._players[0].process.call("invite")
        self._author = invited["author"]
        joined = await process.call("join", invitation=invited["invitation"])
        began_s = joined["began_s"]
        applied = await process.wait("applied", author=self._author, entries=self._entries, within_s=limit_s)
        indexed: dict[str, Any] = {"at_s": None, "observations": 0}
        if applied["at_s"] is not None:
            indexed = await process.wait("indexed", sequence=applied["applied"], within_s=limit_s)
        stats = await process.call("stats")
        return Newcomer(
            joined_s=joined["ended_s"] - began_s,
            applied_s=_since(began_s, applied["at_s"]),
            indexed_s=_since(began_s, indexed["at_s"]),
            observations=indexed.get("observations", 0),
            cpu_s=stats["cpu_s"],
        )

    async def _judge(self, player: _Player) -> None:
        before, began_s = await player.process.call("stats"), time.monotonic()
        said = await player.process.wait(
            "validated", contributions=self.outcome.entries, within_s=self._trial.validation_s
        )
        after = await player.process.call("stats")
        self.outcome.judging = Judging(
            contributions=said["judged"], took_s=said["at_s"] - began_s, cpu_s=after["cpu_s"] - before["cpu_s"]
        )
        self._progress(f"{self._trial.mode}: {said['judged']} judged in {said['at_s'] - began_s:.1f} s")

    async def _single(self, number: int) -> float | None:
        """Seconds until a record was at all others; ``None`` if it was not in time."""
        writer, *others = self._players
        arrivals = [
            asyncio.ensure_future(
                one.process.wait("applied", within_s=LOST_S, author=self._author, entries=self._entries + 1)
            )
            for one in others
        ]
        try:
            await asyncio.sleep(PAUSE_S)
            said = await writer.process.call("publish", first=number, count=1, batch=1)
            self._entries = said["entries"]
            at_s = [one["at_s"] for one in await asyncio.gather(*arrivals)]
        finally:
            for arrival in arrivals:
                arrival.cancel()
        return None if None in at_s else max(at_s) - said["began_s"]


def _since(began_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else at_s - began_s


def _seconds(value: float | None) -> str:
    return "did not finish" if value is None else f"{value:.2f} s"
