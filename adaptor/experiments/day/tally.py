"""What a way of looking after the stream came to, told from looks at Flink's REST API. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adaptor.domain.stream_job import ParallelismRange, StreamJob, slots_of_job


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look.

    Attributes:
        at_s: Seconds since the day began.
        job: The stream.
        wish: What was asked for every vertex.
    """

    at_s: float
    job: StreamJob
    wish: Mapping[str, ParallelismRange]

    @property
    def wished(self) -> int:
        """Subtasks of the widest vertex that were asked for."""
        return max((one.upper for one in self.wish.values()), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A parallelism that somebody asked for.

    Attributes:
        at_s: Seconds since the day began.
        before: Subtasks of the widest vertex that were wished before.
        parallelism: And from then on.
    """

    at_s: float
    before: int
    parallelism: int


def slot_seconds(looks: Sequence[Look]) -> float:
    """Slots that the stream took, over time; while it restarts it takes what it took before."""
    return sum(slots_of_job(one.job) * (after.at_s - one.at_s) for one, after in itertools.pairwise(looks))


def backpressured_s(looks: Sequence[Look]) -> float:
    """Seconds for which a subtask of a source was held back, on average over the subtasks."""
    total = 0.0
    for one, after in itertools.pairwise(looks):
        same = one.job.created_s == after.job.created_s
        earlier = {vertex.vertex_id: vertex.counters.backpressured_s or 0.0 for vertex in one.job.vertices}
        for vertex in after.job.vertices:
            if vertex.inputs or not vertex.parallelism:
                continue
            since_s = earlier.get(vertex.vertex_id, 0.0) if same else 0.0
            total += max(0.0, (vertex.counters.backpressured_s or 0.0) - since_s) / vertex.parallelism
    return total


def records_taken(looks: Sequence[Look]) -> float:
    """Records that the sources gave on; where the graph is made anew, its counters begin at zero."""
    total = 0.0
    for one, after in itertools.pairwise(looks):
        same = one.job.created_s == after.job.created_s
        total += max(0.0, _emitted(after.job) - (_emitted(one.job) if same else 0.0))
    return total


def rescales(looks: Sequence[Look]) -> int:
    """How often the parallelism changed."""
    seen = [slots_of_job(one.job) for one in looks if one.job.all_running]
    return sum(one != after for one, after in itertools.pairwise(seen))


def decisions(looks: Sequence[Look]) -> list[Decision]:
    """Every change of what is asked for."""
    return [
        Decision(at_s=after.at_s, before=one.wished, parallelism=after.wished)
        for one, after in itertools.pairwise(looks)
        if one.wished and after.wished and one.wished != after.wished
    ]


def _emitted(job: StreamJob) -> float:
    return sum(vertex.counters.records_out or 0 for vertex in job.vertices if not vertex.inputs)
