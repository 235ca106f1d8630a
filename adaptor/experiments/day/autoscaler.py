"""The rule that Flink's Autoscaler publishes, as a pure function of the loads between looks.

Written from the documentation of the Flink Kubernetes Operator's autoscaler module (its options, their defaults and
the formula of the target capacity). For each vertex

    target = lag / catch_up + rate * restart / catch_up + rate / utilisation

is set beside what it could process, its true rate, both averaged over a window. Nothing happens while every vertex'
capacity lies between the targets at the utilisation plus and minus a boundary. Only a full window counts, and the
window begins when a restart has settled. Narrowing waits until it was called for all through an interval. Times are
those of the defaults divided by the day's compression; loads are differences of counters, which favours the rule: the
gauges that the Autoscaler reads span a minute, whatever its window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptor.domain.stream import StreamLoad, StreamTarget, VertexLoad
from adaptor.planner.stream_rates import demands

DAY_S = 86_400.0

STABILIZATION_S = 300.0
"""`job.autoscaler.stabilization.interval`: time after a restart that is not measured."""

WINDOW_S = 900.0
"""`job.autoscaler.metrics.window`."""

SCALE_DOWN_S = 3600.0
"""`job.autoscaler.scale-down.interval`: how long narrowing must have been called for."""

CATCH_UP_S = 1800.0
"""`job.autoscaler.catch-up.duration`."""

RESTART_S = 300.0
"""`job.autoscaler.restart.time`."""

BOUNDARY = 0.3
"""`job.autoscaler.utilization.min` and `.max` lie that far from the target of 0.7 as delivered."""

DEFAULT_UTILISATION = 0.7
"""`job.autoscaler.utilization.target`."""

MOST_NARROWING = 0.6
"""`job.autoscaler.scale-down.max-factor`: the share of a vertex' subtasks that one step may take away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerOptions:
    """Options of the rule, in seconds of the fast day.

    Attributes:
        utilisation: Wanted share of time at work.
        most_subtasks: Most subtasks of a vertex: the slots there are.
        stabilization_s: Time after a restart that is not measured.
        window_s: Time that rates are averaged over.
        scale_down_s: Time for which narrowing must have been called for.
        catch_up_s: Time within which what piled up should be gone.
        restart_s: Time that a restart is taken to last.
    """

    utilisation: float
    most_subtasks: int
    stabilization_s: float
    window_s: float
    scale_down_s: float
    catch_up_s: float
    restart_s: float

    @classmethod
    def for_day(cls, day_s: float, *, utilisation: float, most_subtasks: int) -> AutoscalerOptions:
        """The defaults, every time divided by how much faster than a real day this one is."""
        share = day_s / DAY_S
        return cls(
            utilisation=utilisation,
            most_subtasks=most_subtasks,
            stabilization_s=STABILIZATION_S * share,
            window_s=WINDOW_S * share,
            scale_down_s=SCALE_DOWN_S * share,
            catch_up_s=CATCH_UP_S * share,
            restart_s=RESTART_S * share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the rule remembers between two looks.

    Attributes:
        loads: Since the last restart settled, each with the time it ended at.
        narrower_since_s: When narrowing was called for first, without a break since; ``None`` if it is not.
        narrowest: Widest that was called for since, by vertex.
    """

    loads: tuple[tuple[float, StreamLoad], ...] = ()
    narrower_since_s: float | None = None
    narrowest: Mapping[str, int] | None = None


def decided(
    memory: Memory, load: StreamLoad, *, now_s: float, options: AutoscalerOptions
) -> tuple[Memory, Mapping[str, int] | None]:
    """What is remembered after another load, and the parallelism by vertex that is to be asked for, if any.

    Args:
        memory: Of the looks before.
        load: What happened since the last of them.
        now_s: Seconds, by any clock that does not jump.
        options: Of the rule.
    """
    memory = replace(memory, loads=_kept(memory.loads, load, now_s=now_s, window_s=options.window_s))
    window = [one for _, one in memory.loads]
    if sum(one.span_s for one in window) < options.window_s:
        return memory, None
    mean = _mean(window)
    now = mean.parallelisms
    if _within_bounds(mean, options):
        return replace(memory, narrower_since_s=None, narrowest=None), None
    wanted = {one.vertex_id: _wanted(one, mean, options) for one in mean.vertices}
    if any(wanted[name] > now[name] for name in now):
        return Memory(), {name: max(wanted[name], now[name]) for name in now}
    return _narrowed(memory, wanted, now, now_s=now_s, options=options)


def _narrowed(
    memory: Memory, wanted: Mapping[str, int], now: Mapping[str, int], *, now_s: float, options: AutoscalerOptions
) -> tuple[Memory, Mapping[str, int] | None]:
    """Narrowing waits, and then takes the widest that was called for meanwhile."""
    if dict(wanted) == dict(now):
        return replace(memory, narrower_since_s=None, narrowest=None), None
    since_s = now_s if memory.narrower_since_s is None else memory.narrower_since_s
    widest = {name: max(wanted[name], (memory.narrowest or {}).get(name, 1)) for name in wanted}
    if now_s - since_s < options.scale_down_s:
        return replace(memory, narrower_since_s=since_s, narrowest=widest), None
    return Memory(), widest if widest != dict(now) else None


def _kept(
    loads: Sequence[tuple[float, StreamLoad]], load: StreamLoad, *, now_s: float, window_s: float
) -> tuple[tuple[float, StreamLoad], ...]:
    """The loads of the window, none of another parallelism among them."""
    same = [one for one in loads if one[1].parallelisms == load.parallelisms]
    kept, spanned_s = [(now_s, load)], load.span_s
    for one in reversed(same):
        if spanned_s >= window_s:
            break
        kept.append(one)
        spanned_s += one[1].span_s
    return tuple(reversed(kept))


def _mean(window: Sequence[StreamLoad]) -> StreamLoad:
    """The window as one load, each number weighed by the time it spans."""
    whole_s = sum(one.span_s for one in window)

    def averaged(place: int, name: str) -> float | None:
        values = [(getattr(one.vertices[place], name), one.span_s) for one in window]
        known = [value * span_s for value, span_s in values if value is not None]
        return sum(known) / whole_s if len(known) == len(values) else None

    vertices = tuple(
        replace(
            vertex,
            in_records_per_s=averaged(place, "in_records_per_s") or 0.0,
            out_records_per_s=averaged(place, "out_records_per_s") or 0.0,
            busy=averaged(place, "busy"),
            backpressured=averaged(place, "backpressured"),
        )
        for place, vertex in enumerate(window[-1].vertices)
    )
    return StreamLoad(span_s=whole_s, vertices=vertices)


def _capacity(vertex: VertexLoad, load: StreamLoad) -> float | None:
    true = demands(_as_it_comes(load), StreamTarget())[vertex.vertex_id].true_records_per_s
    return None if true is None else true * vertex.parallelism


def _target(
    vertex: VertexLoad, load: StreamLoad, options: AutoscalerOptions, *, utilisation: float, restart: bool
) -> float:
    """Records a second that a vertex should be able to process."""
    rate = demands(_as_it_comes(load), StreamTarget())[vertex.vertex_id].target_records_per_s
    lag = (vertex.pending_records or 0.0) / options.catch_up_s
    redone = rate * options.restart_s / options.catch_up_s if restart else 0.0
    return lag + redone + rate / min(1.0, max(utilisation, 1e-9))


def _as_it_comes(load: StreamLoad) -> StreamLoad:
    """The load with sources taken at their word: the rule asks of a source without lag no more than it emits."""
    return replace(load, vertices=tuple(replace(one, backpressured=0.0) for one in load.vertices))


def _within_bounds(load: StreamLoad, options: AutoscalerOptions) -> bool:
    """Whether every vertex' capacity lies between the targets at the upper and the lower utilisation."""
    upper, lower = options.utilisation + BOUNDARY, options.utilisation - BOUNDARY
    for vertex in load.vertices:
        capacity = _capacity(vertex, load)
        if capacity is None:
            continue
        least = _target(vertex, load, options, utilisation=upper, restart=False)
        most = math.inf if lower <= 0 else _target(vertex, load, options, utilisation=lower, restart=True)
        if not least <= capacity <= most:
            return False
    return True


def _wanted(vertex: VertexLoad, load: StreamLoad, options: AutoscalerOptions) -> int:
    """Subtasks that reach the target; spread evenly over the key groups where records come by key."""
    capacity = _capacity(vertex, load)
    if not capacity:
        return vertex.parallelism
    factor = _target(vertex, load, options, utilisation=options.utilisation, restart=True) / capacity
    most = min(options.most_subtasks, vertex.max_parallelism)
    wanted = min(most, max(1, math.ceil(max(factor, 1 - MOST_NARROWING) * vertex.parallelism - 1e-6)))
    if vertex.is_source:
        return wanted
    even = (one for one in range(wanted, most + 1) if vertex.max_parallelism % one == 0)
    return next(even, wanted)
