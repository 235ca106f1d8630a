"""The simulated network: every message may be late, lost, doubled, overtaken, or cut off by a partition."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, get_args

from adaptor.experiments.network.timeline import Action, Timeline


@dataclass(slots=True, kw_only=True)
class Weather:
    """How the network behaves now.

    Attributes:
        loss: Share of messages that never arrive.
        doubled: Share of messages that arrive twice.
        latency_s: Least time on the way; the rest is exponential, of the same mean.
        slow: Addresses whose messages take longer than anybody waits, half of the time.
        apart: Side of a partition by address; those of different sides cannot talk. Who is not named is on side 0.
    """

    loss: float = 0.0
    doubled: float = 0.0
    latency_s: float = 0.02
    slow: set[str] = field(default_factory=set)
    apart: dict[str, int] = field(default_factory=dict)


SLOW_SHARE = 0.5

Mishap = Literal["lost", "doubled", "cut_off", "slow"]
"""What may be asked to befall a message, whatever chance says; to be overtaken takes no bad luck, only haste."""

MISHAPS: tuple[Mishap, ...] = get_args(Mishap)


class Links:
    """Carries messages.

    Args:
        timeline: When they arrive.
        chance: What befalls them.
        slow_s: How long a slow peer's messages take on average.

    Attributes:
        owed: What befalls the next message for certain, each kind once.
    """

    def __init__(self, timeline: Timeline, chance: random.Random, *, slow_s: float) -> None:
        self.weather = Weather()
        self.counts: Counter[str] = Counter()
        self.owed: set[Mishap] = set()
        self._timeline = timeline
        self._chance = chance
        self._slow_s = slow_s
        self._last: dict[tuple[str, str], float] = {}

    def send(self, source: str, target: str, arrive: Action, *, size_bytes: int = 0) -> None:
        """Carry a message from one address to another."""
        weather = self.weather
        self.counts["messages"] += 1
        self.counts["bytes"] += size_bytes
        if weather.apart.get(source, 0) != weather.apart.get(target, 0) or self._owes("cut_off"):
            self.counts["cut_off"] += 1
            return
        if self._chosen(weather.loss) or self._owes("lost"):
            self.counts["lost"] += 1
            return
        self._deliver(source, target, arrive)
        if self._chosen(weather.doubled) or self._owes("doubled"):
            self.counts["doubled"] += 1
            self._deliver(source, target, arrive)

    def _chosen(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    def _owes(self, mishap: Mishap) -> bool:
        """Whether this message is the one that it befalls for certain."""
        owes = mishap in self.owed
        self.owed.discard(mishap)
        return owes

    def _deliver(self, source: str, target: str, arrive: Action) -> None:
        weather = self.weather
        delay_s = weather.latency_s * (1.0 + self._chance.expovariate(1.0))
        slow = source in weather.slow or target in weather.slow
        if self._chosen(SLOW_SHARE * slow) or self._owes("slow"):
            self.counts["slow"] += 1
            delay_s += self._slow_s * self._chance.expovariate(1.0)
        arrives_s = self._timeline.now_s + delay_s
        if arrives_s < self._last.get((source, target), 0.0):
            self.counts["overtaken"] += 1
        else:
            self._last[source, target] = arrives_s
        self._timeline.after(delay_s, arrive)
