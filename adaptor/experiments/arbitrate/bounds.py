"""How many weighted targets could be met at best, by linear programs that relax what is hard about the problem.

In both, slots can be divided, changes are free and happen at any time, runs can be stopped and go on at once, quotas,
priorities and dying managers do not exist, and a target that is met in part counts in part.

* Clairvoyant: one program over the whole day. It knows every run before it comes, and every superstep's true duration.
  Time is counted in bins; a run may use any part of those that its life touches, for as long as it does, so that no
  schedule at all can do better.
* With the planner's information: a program over the runs that are there, solved anew whenever one comes or is due, or
  the capacity changes, from what the planner would predict then. Between times the fluid flows as it said, and runs
  turn out as they truly are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from adaptor.experiments.arbitrate.knowledge import Knowledge
from adaptor.experiments.arbitrate.workload import ANNOUNCED_S, ClusterDay, SimulatedRun
from adaptor.models.arrays import Counts, Floats

BIN_S = 900.0
"""Width of the clairvoyant program's bins: a quarter of an hour."""

WHOLE = 0.95
"""Share of a run from which on it counts as met as a whole: a program plans to the very second, by predictions that are
off by a twentieth."""

CHEAPER = 1e-6
"""What all slot-seconds together count for beside a whole target of weight 1: cost settles ties alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a relaxation reaches.

    Attributes:
        weight_met: Sum of weights, targets met in part counted in part.
        weight_whole: Sum of weights of those met as a whole.
        slot_s: Slot-seconds spent for that.
    """

    weight_met: float
    weight_whole: float
    slot_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    """One run in one interval with one number of slots: a column of a program.

    Attributes:
        run: Row of the run.
        interval: Row of the interval.
        slots: How many.
        rate: Share of the run that a second does.
        weight: Of its target.
    """

    run: int
    interval: int
    slots: int
    rate: float
    weight: float


def clairvoyant(day: ClusterDay) -> Bound:
    """The bound of whoever knows the day beforehand."""
    edges = np.arange(0.0, max(run.due_s for run in day.runs) + BIN_S, BIN_S)
    flows, longest_s = [], []
    for index, run in enumerate(day.runs):
        work = np.exp(run.noise).sum()
        slots, rates = useful(run.slots, 1.0 / (work * run.superstep_s))
        for interval in range(int(run.arrives_s // BIN_S), int(run.due_s // BIN_S) + 1):
            overlap_s = min(run.due_s, edges[interval + 1]) - max(run.arrives_s, edges[interval])
            longest_s.append(max(0.0, float(overlap_s)))
            flows += [
                _Flow(run=index, interval=interval, slots=int(p), rate=float(rate), weight=run.claim.weight)
                for p, rate in zip(slots, rates, strict=True)
            ]
    room = [_slot_s(day, float(edges[one]), float(edges[one + 1])) for one in range(len(edges) - 1)]
    seconds = _best(flows, longest_s=longest_s, left=[1.0] * len(day.runs), room=room)
    return _bound(flows, seconds)


def informed(day: ClusterDay) -> Bound:
    """The bound of whoever knows what the planner knows."""
    return _Fluid(day).flowed()


def useful(slots: Counts, rates: Floats) -> tuple[Counts, Floats]:
    """Options that no mixture of others beats: the upper hull of rates over slots from the origin on."""
    kept: list[tuple[int, float]] = [(0, 0.0)]
    for p, rate in zip(slots.tolist(), rates.tolist(), strict=True):
        while len(kept) > 1 and _slope(kept[-1], (p, rate)) >= _slope(kept[-2], kept[-1]):
            kept.pop()
        if rate > kept[-1][1]:
            kept.append((p, rate))
    return np.array([p for p, _ in kept[1:]]), np.array([rate for _, rate in kept[1:]])


def _slope(one: tuple[int, float], other: tuple[int, float]) -> float:
    return (other[1] - one[1]) / (other[0] - one[0])


def _slot_s(day: ClusterDay, from_s: float, until_s: float) -> float:
    """Slot-seconds that there are between two times."""
    times = [from_s, *(step.from_s for step in day.capacity.steps if from_s < step.from_s < until_s), until_s]
    return sum(day.capacity.at(a) * (b - a) for a, b in pairwise(times))


def _best(
    flows: Sequence[_Flow], *, longest_s: Sequence[float], left: Sequence[float], room: Sequence[float]
) -> Floats:
    """Seconds of each flow that meet the most weighted targets.

    Args:
        flows: Grouped by run and interval.
        longest_s: Seconds that each run can use of each interval, one for each such group.
        left: Share of each run that is left.
        room: Slot-seconds of each interval.
    """
    count = len(flows)
    run = np.fromiter((one.run for one in flows), dtype=np.int64, count=count)
    interval = np.fromiter((one.interval for one in flows), dtype=np.int64, count=count)
    slots = np.fromiter((one.slots for one in flows), dtype=np.float64, count=count)
    rate = np.fromiter((one.rate for one in flows), dtype=np.float64, count=count)
    weight = np.fromiter((one.weight for one in flows), dtype=np.float64, count=count)
    group = np.cumsum(np.append(0, (np.diff(run) != 0) | (np.diff(interval) != 0)))
    columns = np.arange(count)
    rows = np.concatenate([run, len(left) + interval, len(left) + len(room) + group])
    matrix: Any = csr_array(
        (np.concatenate([rate, slots, np.ones(count)]), (rows, np.tile(columns, 3))),
        shape=(len(left) + len(room) + len(longest_s), count),
    )
    # Of equals, the cheapest, and of those the earliest.
    price = CHEAPER * (1 + 0.01 * interval / max(1, len(room))) * slots / max(1.0, sum(room))
    found = linprog(price - weight * rate, A_ub=matrix, b_ub=np.concatenate([left, room, longest_s]), method="highs")
    return np.asarray(found.x, dtype=np.float64)


def _bound(flows: Sequence[_Flow], seconds: Floats) -> Bound:
    met = sum(one.weight * one.rate * s for one, s in zip(flows, seconds, strict=True))
    shares: dict[int, float] = {}
    for one, s in zip(flows, seconds, strict=True):
        shares[one.run] = shares.get(one.run, 0.0) + one.rate * float(s)
    weights = {one.run: one.weight for one in flows}
    whole = sum(weights[run] for run, share in shares.items() if share > WHOLE)
    return Bound(
        weight_met=float(met),
        weight_whole=whole,
        slot_s=float(sum(one.slots * s for one, s in zip(flows, seconds, strict=True))),
    )


@dataclass(slots=True)
class _Part:
    """A run in the fluid.

    Attributes:
        run: The run.
        knowledge: What the planner knows of it.
        done: Supersteps done, in parts.
    """

    run: SimulatedRun
    knowledge: Knowledge
    done: float = 0.0

    def advance(self, slots: int, seconds: float) -> None:
        """Do work for so long, superstep by superstep as long as they truly take."""
        usual_s = float(self.run.superstep_s[int(np.searchsorted(self.run.slots, slots))])
        while seconds > 0 and self.done < self.run.supersteps:
            current = int(self.done)
            lasts_s = usual_s * math.exp(float(self.run.noise[current]))
            rest_s = (current + 1 - self.done) * lasts_s
            if seconds < rest_s:
                self.done += seconds / lasts_s
                return
            seconds -= rest_s
            self.knowledge.observed(float(self.run.noise[current]))
            self.done = float(current + 1)


class _Fluid:
    def __init__(self, day: ClusterDay) -> None:
        self._day = day
        self._slot_s = 0.0

    def flowed(self) -> Bound:
        day = self._day
        ends_s = max(run.due_s for run in day.runs)
        changes = [step.from_s for step in day.capacity.steps if step.from_s < ends_s]
        times = sorted({*(run.arrives_s for run in day.runs), *changes, *(run.due_s for run in day.runs)})
        parts = [_Part(run, Knowledge(run)) for run in day.runs]
        for now_s, until_s in pairwise(times):
            present = [
                one for one in parts if one.run.arrives_s <= now_s < one.run.due_s and one.done < one.run.supersteps
            ]
            if present:
                self._flow(present, now_s, until_s)
        met = float(sum(one.run.claim.weight * one.done / one.run.supersteps for one in parts))
        whole = sum(one.run.claim.weight for one in parts if one.done / one.run.supersteps > WHOLE)
        return Bound(weight_met=met, weight_whole=whole, slot_s=self._slot_s)

    def _flow(self, parts: Sequence[_Part], now_s: float, until_s: float) -> None:
        """Let runs flow as the program says that is best by what is known now."""
        day = self._day
        told = [step.from_s for step in day.capacity.steps if now_s < step.from_s <= now_s + ANNOUNCED_S]
        edges = sorted({now_s, until_s, *told, *(one.run.due_s for one in parts)})
        flows, longest_s = [], []
        for index, one in enumerate(parts):
            slots, rates = useful(one.run.slots, 1.0 / (one.knowledge.superstep_s() * one.run.supersteps))
            for interval, (begin_s, end_s) in enumerate(pairwise(edges)):
                if end_s <= one.run.due_s:
                    longest_s.append(end_s - begin_s)
                    flows += [
                        _Flow(run=index, interval=interval, slots=int(p), rate=float(rate), weight=one.run.claim.weight)
                        for p, rate in zip(slots, rates, strict=True)
                    ]
        left = [1 - one.done / one.run.supersteps for one in parts]
        horizon = max([now_s, *told])
        room = [day.capacity.at(min(a, horizon)) * (b - a) for a, b in pairwise(edges)]
        seconds = _best(flows, longest_s=longest_s, left=left, room=room)
        for flow, lasts_s in zip(flows, seconds, strict=True):
            if edges[flow.interval] < until_s and lasts_s > 0:
                parts[flow.run].advance(flow.slots, float(lasts_s))
                self._slot_s += flow.slots * float(lasts_s)
