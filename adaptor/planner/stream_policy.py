"""Decides the parallelism of every vertex of a stream: stay inside a band, widen at once, narrow when it pays.

A stream too narrow falls behind, so widening waits for nothing. One too wide only costs slots, and a rescale stops it
for a moment: so a stream is narrowed when every look of a whole window would have done with less, and when what is
saved pays back what the rescale is known to cost. Between the two lies a band of utilisation in which nothing is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adaptor.domain.objective import Bounds
from adaptor.domain.stream import AttachmentSpec, StreamLoad, StreamPlan, StreamReason, VertexLoad, VertexPlan
from adaptor.planner.stream_rates import VertexDemand, demands, needed_parallelism


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRules:
    """Bounds of the decision; each is a setting.

    Attributes:
        band: How far above the wanted utilisation a vertex may be before the stream is widened, as a share of time.
        narrowing_window_s: Seconds of looks that must all agree before a stream is narrowed.
        payback_s: Seconds within which the slots saved by narrowing must pay for the rescale.
    """

    band: float
    narrowing_window_s: float
    payback_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSituation:
    """All that a decision rests on.

    Attributes:
        loads: Looks since the last rescale, oldest first, the newest last.
        most_slots: Slots that this stream may use, its own included.
        rescale_s: Seconds that a rescale is expected to cost.
    """

    loads: Sequence[StreamLoad]
    most_slots: int
    rescale_s: float


def stream_plan(spec: AttachmentSpec, situation: StreamSituation, rules: StreamRules) -> StreamPlan:
    """The parallelism of every vertex, with the reason.

    Args:
        spec: What is wanted of the stream.
        situation: What is known; at least one look.
        rules: Bounds.
    """
    load = situation.loads[-1]
    found = demands(load, spec.target)
    wanted = _wanted(spec, load, found, most_slots=situation.most_slots)
    narrowest = {vertex.vertex_id: vertex.parallelism for vertex in load.vertices}
    if all(one.true_records_per_s is None for one in found.values()):
        return _plan(load, found, narrowest, StreamReason.IDLE_UNKNOWN, "no vertex has done measurable work yet")
    if _too_narrow(found, limit=min(1.0, spec.target.utilisation + rules.band)):
        return _widened(spec, load, found, wanted)
    return _narrowed(spec, situation, rules, found)


def slots_of(load: StreamLoad, parallelisms: Mapping[str, int]) -> int:
    """Slots that a stream takes: of each slot sharing group its widest vertex."""
    widest: dict[str, int] = {}
    for vertex in load.vertices:
        group = vertex.sharing_group
        widest[group] = max(widest.get(group, 0), parallelisms[vertex.vertex_id])
    return sum(widest.values())


def _too_narrow(found: Mapping[str, VertexDemand], *, limit: float) -> bool:
    return any(one.load is not None and one.load > limit for one in found.values())


def _widened(
    spec: AttachmentSpec, load: StreamLoad, found: Mapping[str, VertexDemand], wanted: Mapping[str, int]
) -> StreamPlan:
    """At once: what is too narrow gets wider, and nothing gets narrower in the same breath."""
    wider = {one.vertex_id: max(one.parallelism, wanted[one.vertex_id]) for one in load.vertices}
    busiest = max(
        (one for one in load.vertices if found[one.vertex_id].load), key=lambda v: found[v.vertex_id].load or 0
    )
    demand = found[busiest.vertex_id]
    why = (
        f"{_short(busiest.name)} must process {demand.target_records_per_s:.0f} records/s, which would keep "
        f"{busiest.parallelism} subtasks busy {100 * (demand.load or 0):.0f} % of their time "
        f"({100 * spec.target.utilisation:.0f} % is wanted)"
    )
    if wider == load.parallelisms:
        return _plan(load, found, wider, StreamReason.NO_MORE_SLOTS, f"{why}, but no more slots or subtasks can be had")
    return _plan(load, found, wider, StreamReason.WIDEN, why)


def _narrowed(
    spec: AttachmentSpec, situation: StreamSituation, rules: StreamRules, found: Mapping[str, VertexDemand]
) -> StreamPlan:
    """Only to what every look of the window would have done with, and only if that pays."""
    load = situation.loads[-1]
    window = _window(situation.loads, span_s=rules.narrowing_window_s)
    each = [_wanted(spec, one, demands(one, spec.target), most_slots=situation.most_slots) for one in window]
    now = load.parallelisms
    narrower = {name: min(now[name], max(one.get(name, now[name]) for one in each)) for name in now}
    slots, before = slots_of(load, narrower), slots_of(load, now)
    if slots >= before:
        return _plan(load, found, now, StreamReason.IN_BAND, "every vertex keeps up within the wanted utilisation")
    if sum(one.span_s for one in window) < rules.narrowing_window_s:
        text = (
            f"{slots} slots would do, which is watched for {rules.narrowing_window_s:g} s before anything is given up"
        )
        return _plan(load, found, now, StreamReason.NARROW_LATER, text)
    if situation.rescale_s * before > (before - slots) * rules.payback_s:
        text = f"a rescale of {situation.rescale_s:.1f} s would not pay within {rules.payback_s:g} s at {slots} slots"
        return _plan(load, found, now, StreamReason.NOT_WORTH_IT, text)
    text = f"{slots} slots were enough at every look of the last {rules.narrowing_window_s:g} s"
    return _plan(load, found, narrower, StreamReason.NARROW, text)


def _window(loads: Sequence[StreamLoad], *, span_s: float) -> list[StreamLoad]:
    """The newest looks that together span so many seconds, or all there are."""
    chosen: list[StreamLoad] = []
    for load in reversed(loads):
        if sum(one.span_s for one in chosen) >= span_s or load.parallelisms != loads[-1].parallelisms:
            break
        chosen.append(load)
    return chosen


def _wanted(
    spec: AttachmentSpec, load: StreamLoad, found: Mapping[str, VertexDemand], *, most_slots: int
) -> dict[str, int]:
    """What every vertex needs, within bounds, key groups and slots."""
    wanted = {}
    for vertex in load.vertices:
        needed = needed_parallelism(found[vertex.vertex_id], utilisation=spec.target.utilisation)
        wanted[vertex.vertex_id] = _legal(vertex, needed, spec.bounds)
    return _within_slots(load, wanted, most_slots=most_slots)


def _legal(vertex: VertexLoad, needed: int | None, bounds: Bounds) -> int:
    return min(bounds.clamp(vertex.parallelism if needed is None else needed), vertex.max_parallelism)


def _within_slots(load: StreamLoad, wanted: Mapping[str, int], *, most_slots: int) -> dict[str, int]:
    """The same with its widest vertices cut back until the slots suffice; never below one subtask each."""
    cut = dict(wanted)
    while slots_of(load, cut) > most_slots and max(cut.values()) > 1:
        widest = max(cut.values())
        cut = {name: min(parallelism, widest - 1) for name, parallelism in cut.items()}
    return cut


def _plan(
    load: StreamLoad,
    found: Mapping[str, VertexDemand],
    parallelisms: Mapping[str, int],
    reason: StreamReason,
    text: str,
) -> StreamPlan:
    return StreamPlan(
        reason=reason,
        text=text,
        vertices=tuple(
            VertexPlan(
                vertex_id=one.vertex_id,
                name=one.name,
                parallelism=parallelisms[one.vertex_id],
                previous_parallelism=one.parallelism,
                target_records_per_s=found[one.vertex_id].target_records_per_s,
                true_records_per_s=found[one.vertex_id].true_records_per_s,
            )
            for one in load.vertices
        ),
        slots=slots_of(load, parallelisms),
        previous_slots=slots_of(load, load.parallelisms),
    )


def _short(name: str) -> str:
    """The beginning of a vertex' description, which may hold a whole query."""
    return name if len(name) <= 40 else f"{name[:37]}..."  # noqa: PLR2004 - what fits in half a line
