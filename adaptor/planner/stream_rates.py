"""True rates of a stream's vertices and what each must be able to process, after DS2.

Kalavri et al., "Three steps is all you need: fast, accurate, automatic scaling decisions for distributed streaming
dataflows", OSDI 2018. A subtask's *true* rate is what it processed divided by the time it was at work, waiting
excluded, so it is known at any load and not only at saturation. From what the sources must emit, the rate that every
other vertex must process follows through the graph, and with it the subtasks it needs, in one step.

Two things differ from the paper, because Flink's REST API says less than the paper's instrumentation. Flink counts
what a vertex read in all, not per edge, so a vertex with several inputs is taken to read from each in proportion to
what each wrote. And a source that is held back by its consumers does not say what it would emit: its output divided by
the share of time that it was not held back is what the paper takes; where it was held back nearly always that quotient
means nothing and is bounded by `MOST_GROWTH`, and the next look, at the wider parallelism, tells the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from adaptor.domain.stream import StreamLoad, StreamTarget, VertexLoad

MOST_GROWTH = 4.0
"""Most by which the demand of a source that is held back is taken to exceed what it emits: two doublings at once."""

LEAST_BUSY = 0.001
"""Below a millisecond of work a second, Flink's own resolution, a true rate says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexDemand:
    """What a vertex must process and could.

    Attributes:
        target_records_per_s: Records a second that it must be able to process, by all subtasks.
        true_records_per_s: Records a second that one subtask processes at full work; ``None`` if it did nothing yet.
        load: Share of its time that a subtask would be at work under the target as it is; ``None`` likewise.
    """

    target_records_per_s: float
    true_records_per_s: float | None
    load: float | None


def processed_records_per_s(vertex: VertexLoad) -> float:
    """Records that a vertex processed a second: what a source wrote, what any other read."""
    return vertex.out_records_per_s if vertex.is_source else vertex.in_records_per_s


def true_rate(vertex: VertexLoad) -> float | None:
    """Records a second that one subtask processes while it is at work; ``None`` where nothing was measured."""
    rate = processed_records_per_s(vertex)
    if vertex.busy is None or vertex.busy < LEAST_BUSY or rate <= 0:
        return None
    return rate / vertex.busy / vertex.parallelism


def demands(load: StreamLoad, target: StreamTarget) -> dict[str, VertexDemand]:
    """What every vertex must process, by its id."""
    growth = _growth(load, target)
    found = {}
    for vertex in load.vertices:
        wanted = processed_records_per_s(vertex) * growth[vertex.vertex_id]
        true = true_rate(vertex)
        found[vertex.vertex_id] = VertexDemand(
            target_records_per_s=wanted,
            true_records_per_s=true,
            load=wanted / (true * vertex.parallelism) if true else None,
        )
    return found


def needed_parallelism(demand: VertexDemand, *, utilisation: float) -> int | None:
    """Least subtasks that process the target at this utilisation; ``None`` where nothing was measured."""
    if demand.true_records_per_s is None:
        return None
    # A measured rate is no exact number: a hair above a whole number of subtasks asks for no further one.
    return max(1, math.ceil(demand.target_records_per_s / (demand.true_records_per_s * utilisation) - 1e-6))


def _growth(load: StreamLoad, target: StreamTarget) -> dict[str, float]:
    """By what each vertex's records grow when the sources emit what they must: sources first, then down the graph."""
    emitted = sum(vertex.out_records_per_s for vertex in load.vertices if vertex.is_source)
    written = {vertex.vertex_id: vertex.out_records_per_s for vertex in load.vertices}
    growth: dict[str, float] = {}
    for vertex in load.vertices:
        if vertex.is_source:
            growth[vertex.vertex_id] = _source_growth(vertex, target, emitted=emitted)
        else:
            growth[vertex.vertex_id] = _carried_on(vertex, growth, written)
    return growth


def _source_growth(source: VertexLoad, target: StreamTarget, *, emitted: float) -> float:
    if target.rate_records_per_s is not None and emitted > 0:
        return target.rate_records_per_s / emitted
    if source.out_records_per_s <= 0:
        return 1.0
    return min(MOST_GROWTH, 1 / max(1 - (source.backpressured or 0.0), 1 / MOST_GROWTH) + _catching_up(source, target))


def _catching_up(source: VertexLoad, target: StreamTarget) -> float:
    """What must be processed above what comes, so that waiting records are gone in time, as a share of the output."""
    if source.pending_records is None:
        return 0.0
    tolerated = target.max_lag_s * source.out_records_per_s
    return max(0.0, source.pending_records - tolerated) / target.catch_up_s / source.out_records_per_s


def _carried_on(vertex: VertexLoad, growth: Mapping[str, float], written: Mapping[str, float]) -> float:
    total = sum(written.get(one, 0.0) for one in vertex.inputs)
    if total <= 0:
        return max((growth.get(one, 1.0) for one in vertex.inputs), default=1.0)
    return sum(growth.get(one, 1.0) * written.get(one, 0.0) / total for one in vertex.inputs)
