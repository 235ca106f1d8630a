"""How long news takes and what it costs each peer, with ten, a hundred and a thousand peers; a newcomer's start."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from adaptor.experiments.network.disk import Disk
from adaptor.experiments.network.links import Links, Weather
from adaptor.experiments.network.machine import Crash, Machine
from adaptor.experiments.network.passage import Passage
from adaptor.experiments.network.payloads import contribution
from adaptor.experiments.network.scenario import EPOCH_S, key_of, public
from adaptor.experiments.network.timeline import Timeline
from adaptor.experiments.network.verification import blocks_read_once
from adaptor.experiments.report import Figure
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.exchange import Step
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.shared_log import PAGE_BLOCKS, PAGE_BYTES

PEERS = (10, 100, 1000)
ENTRIES = 1000
"""Entries that the log holds, and a newcomer gets."""

LATENCY_S = 0.02
"""Least time of a message on its way; the mean is twice that: machines of one continent."""

SETTLING_S = 3600.0
"""Time in which the peers, each of whom began with one address, get to know each other."""

NEWS = 20
"""Entries that are written one after another and followed to the last peer."""

NEWCOMERS = 5

PAUSE_S = 20.0
"""Between two things that are measured: all have long heard of the one before."""

MOST_EVENTS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What was measured with so many peers.

    Attributes:
        peers: How many.
        entry_s: Seconds until all hold a new entry, median of all entries.
        entry_worst_s: The longest.
        entry_bytes: Bytes sent for an entry, per peer, beyond what is sent without news.
        newcomer_s: Seconds until a newcomer holds the whole log, median.
        newcomer_worst_s: The longest.
        newcomer_bytes: Bytes that a newcomer's start takes, median, of all who take part.
        log_bytes: Of all blocks together.
        idle_bytes_per_s: Bytes that a peer sends without news.
    """

    peers: int
    entry_s: float
    entry_worst_s: float
    entry_bytes: float
    newcomer_s: float
    newcomer_worst_s: float
    newcomer_bytes: float
    log_bytes: int
    idle_bytes_per_s: float


class Fleet:
    """Many machines that hold the same log, on a network that loses nothing.

    Args:
        peers: How many.
        seed: Of everything random.
    """

    def __init__(self, peers: int, *, seed: int) -> None:
        self.timeline = Timeline(EPOCH_S, most_events=MOST_EVENTS)
        self.links = Links(self.timeline, random.Random(f"links {seed}"), slow_s=0.0)  # noqa: S311 - not for secrets
        self.links.weather = Weather(latency_s=LATENCY_S)
        self.chance = random.Random(f"scale {seed}")  # noqa: S311 - not for secrets
        self.machines: dict[str, Machine] = {}
        self.held: dict[Cid, dict[str, float]] = {}
        founder = key_of(seed, "founder")
        self.manifest = Manifest(name="scale", founder=public(founder), writers=None, quorum=1, salt=bytes(32))
        self.passage = Passage(self.manifest.log_id, on_wire=False)
        self._seed = seed
        first = self.add(())
        for _ in range(ENTRIES):
            first.append([(Kind.CONTRIBUTION, contribution(self.chance))])
            self.timeline.run(1.0)
        for _ in range(peers - 1):
            acquaintance = self.chance.choice(list(self.machines.values()))
            self.add([acquaintance], like=first.disk)

    def at(self, address: str) -> Machine | None:
        """Who listens at an address."""
        return self.machines.get(address)

    @property
    def watcher(self) -> Fleet:
        """This itself."""
        return self

    def stepped(self, machine: Machine, what: str, step: Step, *, written: bool) -> None:  # noqa: ARG002
        """Note who holds what is followed."""
        for one in step.changes.applied:
            if one.cid in self.held:
                self.held[one.cid][machine.address] = self.timeline.now_s

    def crashed(self, machine: Machine, crash: Crash) -> None:
        """Nobody dies here."""

    def add(self, acquaintances: Sequence[Machine], *, like: Disk | None = None) -> Machine:
        """One more peer, with an empty disk, or one that holds the same log as another's."""
        number = len(self.machines)
        machine = Machine(
            self,
            address=f"p{number}:7",
            key=key_of(self._seed, f"p{number}"),
            limits=ReplicaLimits(),
            seed=f"{self._seed} p{number}",
        )
        if like is not None:
            epoch = machine.disk.epoch
            machine.disk = replace(
                like, epoch=epoch, blocks=dict(like.blocks), order=list(like.order), nodes=dict(like.nodes), peers={}
            )
        machine.page_blocks, machine.page_bytes = PAGE_BLOCKS, PAGE_BYTES
        self.machines[machine.address] = machine
        machine.start([(one.name, one.address) for one in acquaintances])
        return machine


def measure(peers: int, *, seed: int = 1, progress: Callable[[str], None]) -> Scale:
    """Measure with so many peers."""
    with blocks_read_once():
        fleet = Fleet(peers, seed=seed)
        progress(f"{peers} peers: settling")
        fleet.timeline.run(SETTLING_S)
        idle = _idle_bytes_per_s(fleet)
        progress(f"{peers} peers: {NEWS} entries")
        news = [_news(fleet, idle) for _ in range(NEWS)]
        progress(f"{peers} peers: {NEWCOMERS} newcomers")
        starts = [_newcomer(fleet, idle) for _ in range(NEWCOMERS)]
    blocks = next(iter(fleet.machines.values())).disk.blocks
    return Scale(
        peers=peers,
        entry_s=median(one[0] for one in news),
        entry_worst_s=max(one[0] for one in news),
        entry_bytes=median(one[1] for one in news),
        newcomer_s=median(one[0] for one in starts),
        newcomer_worst_s=max(one[0] for one in starts),
        newcomer_bytes=median(one[1] for one in starts),
        log_bytes=sum(map(len, blocks.values())),
        idle_bytes_per_s=idle / peers,
    )


def scale_figures(scales: Sequence[Scale]) -> list[Figure]:
    """Figures of every size, and how they grow from the smallest to the largest."""
    figures: list[Figure] = []
    for one in scales:
        for name, unit in (
            ("entry_s", "s"),
            ("entry_bytes", "bytes"),
            ("newcomer_s", "s"),
            ("newcomer_bytes", "bytes"),
            ("idle_bytes_per_s", "bytes/s"),
        ):
            figures.append(Figure(name=f"network_{one.peers}_{name}", value=getattr(one, name), unit=unit))
    return [*figures, *_growth(scales[0], scales[-1])] if len(scales) > 1 else figures


def _growth(small: Scale, large: Scale) -> list[Figure]:
    """From the smallest to the largest; that of a new entry's time against the logarithm's: at 1 it grows like that."""
    logarithm = math.log(large.peers) / math.log(small.peers)
    found = [Figure(name="network_entry_s_over_log", value=large.entry_s / small.entry_s / logarithm, unit="times")]
    for name in ("entry_bytes", "newcomer_s", "newcomer_bytes"):
        growth = getattr(large, name) / getattr(small, name)
        found.append(Figure(name=f"network_{name}_growth", value=growth, unit="times"))
    return found


def _idle_bytes_per_s(fleet: Fleet) -> float:
    before = fleet.links.counts["bytes"]
    fleet.timeline.run(PAUSE_S * 5)
    return (fleet.links.counts["bytes"] - before) / (PAUSE_S * 5)


def _news(fleet: Fleet, idle_bytes_per_s: float) -> tuple[float, float]:
    """Seconds until all hold an entry, and bytes for it per peer."""
    author = fleet.chance.choice(list(fleet.machines.values()))
    began_s, before = fleet.timeline.now_s, fleet.links.counts["bytes"]
    cid = _followed(fleet, author)
    times = fleet.held[cid]
    while len(times) < len(fleet.machines) and fleet.timeline.now_s - began_s < 10 * PAUSE_S:
        fleet.timeline.run(PAUSE_S)
    spent = fleet.links.counts["bytes"] - before - idle_bytes_per_s * (fleet.timeline.now_s - began_s)
    return max(times.values()) - began_s, spent / len(fleet.machines)


def _followed(fleet: Fleet, author: Machine) -> Cid:
    """Let somebody write an entry, and follow it."""
    known = set(author.replica.applied)
    author.append([(Kind.CONTRIBUTION, contribution(fleet.chance))])
    cid = next(cid for cid in reversed(author.replica.applied) if cid not in known)
    fleet.held[cid] = {author.address: fleet.timeline.now_s}
    return cid


def _newcomer(fleet: Fleet, idle_bytes_per_s: float) -> tuple[float, float]:
    """Seconds until a newcomer, who knows one peer, holds the log, and bytes for that."""
    acquaintance = fleet.chance.choice(list(fleet.machines.values()))
    began_s, before = fleet.timeline.now_s, fleet.links.counts["bytes"]
    newcomer = fleet.add([acquaintance])
    wanted = len(acquaintance.replica.applied)
    while len(newcomer.replica.applied) < wanted and fleet.timeline.now_s - began_s < 10 * PAUSE_S:
        fleet.timeline.run(0.01)
    taken_s = fleet.timeline.now_s - began_s
    return taken_s, fleet.links.counts["bytes"] - before - idle_bytes_per_s * taken_s
