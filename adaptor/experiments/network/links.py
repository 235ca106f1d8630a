"""The simulated network: every message may be late, lost, doubled, overtaken, or cut off by a partition."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

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


class Links:
    """Carries messages.

    Args:
        timeline: When they arrive.
        chance: What befalls them.
        slow_s: How long a slow peer's messages take on average.
    """

    def __init__(self, timeline: Timeline, chance: random.Random, *, slow_s: float) -> None:
        self.weather = Weather()
        self.counts: Counter[str] = Counter()
        self._timeline = timeline
        self._chance = chance
        self._slow_s = slow_s
        self._last: dict[tuple[str, str], float] = {}

    def send(self, source: str, target: str, arrive: Action, *, size_bytes: int = 0) -> None:
        """Carry a message from one address to another."""
        weather = self.weather
        self.counts["messages"] += 1
        self.counts["bytes"] += size_bytes
        if weather.apart and weather.apart.get(source, 0) != weather.apart.get(target, 0):
            self.counts["cut_off"] += 1
            return
        if weather.loss and self._chance.random() < weather.loss:
            self.counts["lost"] += 1
            return
        self._deliver(source, target, arrive)
        if weather.doubled and self._chance.random() < weather.doubled:
            self.counts["doubled"] += 1
            self._deliver(source, target, arrive)

    def _deliver(self, source: str, target: str, arrive: Action) -> None:
        weather = self.weather
        delay_s = weather.latency_s * (1.0 + self._chance.expovariate(1.0))
        if (source in weather.slow or target in weather.slow) and self._chance.random() < SLOW_SHARE:
            self.counts["slow"] += 1
            delay_s += self._slow_s * self._chance.expovariate(1.0)
        arrives_s = self._timeline.now_s + delay_s
        if arrives_s < self._last.get((source, target), 0.0):
            self.counts["overtaken"] += 1
        else:
            self._last[source, target] = arrives_s
        self._timeline.after(delay_s, arrive)
