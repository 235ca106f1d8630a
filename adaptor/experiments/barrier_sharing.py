"""Barriers while entries of a shared log arrive: what sharing may never cost is a job's time.

The barriers come one after another without a pause, which no job does, and the log gives way to each of them; so the
entries take as long as the barriers let them. Only barriers that ended while entries were still being taken in are
compared with those before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptor.experiments.report import Figure, percentile
from adaptor.experiments.sharing_bench.arrival import arriving
from adaptor.sharing.participation import Participation

COMPLETION_S = 120.0
"""Longest wait for what has not arrived when the barriers end: five times what the slowest goal allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Barriers while entries arrived.

    Attributes:
        whole_s: Seconds of each call.
        stages_s: Seconds of each that each stage took.
        entries: How many entries were to arrive.
        arrived: Entries that were applied when the barriers ended.
        indexed: Entries that queries found then.
        completed_s: Seconds from joining until all were taken in; ``None`` if that took too long.
    """

    whole_s: Sequence[float]
    stages_s: Mapping[str, Sequence[float]]
    entries: int
    arrived: int
    indexed: int
    completed_s: float | None

    def figures(
        self, *, whole_s: Sequence[float], stages_s: Mapping[str, Sequence[float]], empty_s: Sequence[float]
    ) -> list[Figure]:
        """Beside barriers without sharing.

        Args:
            whole_s: Of each call then.
            stages_s: What each stage took of it.
            empty_s: Of empty calls then.
        """
        before = _own(whole_s, stages_s["rest"])
        own = _own(self.whole_s, self.stages_s["rest"])
        empty_p99_s = percentile(empty_s, 0.99)
        figures = [
            _figure("above_empty_rpc_p99", percentile(own, 0.99) - empty_p99_s, percentile(before, 0.99) - empty_p99_s)
        ]
        for share, suffix in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
            figures.append(_figure(suffix, percentile(self.whole_s, share), percentile(whole_s, share)))
            figures.append(_figure(f"without_rest_{suffix}", percentile(own, share), percentile(before, share)))
        for stage, durations_s in self.stages_s.items():
            figures.append(_figure(f"{stage}_p99", percentile(durations_s, 0.99), percentile(stages_s[stage], 0.99)))
        completed_s = Figure(name="barrier_while_sharing_entries_completed", value=self.completed_s, unit="s")
        return [*figures, completed_s]

    @property
    def details(self) -> Mapping[str, Any]:
        """What else there is to say."""
        return {"entries": self.entries, "arrived_meanwhile": self.arrived, "indexed_meanwhile": self.indexed}


async def barriers_while_sharing(
    sharing: Participation,
    entries: int,
    barriers: Callable[[], Awaitable[Sequence[float]]],
    stages_s: Mapping[str, list[float]],
) -> Shared:
    """Let entries arrive and measure barriers meanwhile.

    Args:
        sharing: The service's part, in no log so far.
        entries: How many are to arrive.
        barriers: Measures the barriers; seconds of each.
        stages_s: Filled meanwhile with the seconds of each stage.
    """
    async with arriving(sharing, entries) as arrival:
        whole_s = await barriers()
        arrived, indexed = arrival.arrived, arrival.indexed
        completed_s = await arrival.completed(within_s=COMPLETION_S)
    return Shared(
        whole_s=whole_s,
        stages_s={stage: list(durations_s) for stage, durations_s in stages_s.items()},
        entries=entries,
        arrived=arrived,
        indexed=indexed,
        completed_s=completed_s,
    )


def _own(whole_s: Sequence[float], rest_s: Sequence[float]) -> list[float]:
    return [whole - rest for whole, rest in zip(whole_s, rest_s, strict=True)]


def _figure(name: str, value_s: float, before_s: float) -> Figure:
    return Figure(
        name=f"barrier_while_sharing_{name}",
        value=1000 * value_s,
        unit="ms",
        baseline=1000 * before_s,
        baseline_name="without sharing",
    )
