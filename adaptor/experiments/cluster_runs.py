"""Recorded lives of runs whose seconds follow laws of their own, and what it costs to share slots out among them."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from adaptor.arbitration.allocate import allocate
from adaptor.arbitration.reclaim import reclaim
from adaptor.control.demand import demand_of
from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.domain.allocation import ReclaimRequest
from adaptor.domain.capacity import Capacity
from adaptor.domain.cluster import CapacityCurve, Cluster
from adaptor.domain.context import ExecutionContext
from adaptor.domain.demand import Claim, Demand
from adaptor.domain.events import BarrierReached, Event, RunStarted
from adaptor.domain.objective import Bounds, RuntimeTarget
from adaptor.domain.run import PlanningSettings, RunSpec
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport
from adaptor.experiments.report import Figure, percentile

CLUSTERS = 10
"""As many as the acceptance of managed clusters asks for."""

HISTORY = 10
"""Supersteps that each run has behind it; it has as many ahead."""

SLOTS_PER_RUN = 4
"""Of each cluster, for each of its runs: less than they want together, so that arbitration has to choose."""

MOST = 16
"""Most slots of one run."""

LIVES = 100
"""Different lives; further runs live them again under other names, as making one up takes a hundred milliseconds."""

BEGAN_S = 1_000_000.0


def pure_figures(*, runs: int, seed: int) -> list[Figure]:
    """Time demand, arbitration and reclaims of so many runs, by the CPU time of the thread."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    lives = [_lived(number, chance) for number in range(min(runs, LIVES))]
    records = [_named(lives[number % len(lives)], number) for number in range(runs)]
    now_s = BEGAN_S + 1000.0
    demands, demand_s = _timed_each(
        lambda record: demand_of(record, claim=Claim(priority=len(record.own) % 3), cluster_slots=MOST, at_s=now_s),
        records,
    )
    known = [one for one in demands if one is not None]
    per = math.ceil(len(known) / CLUSTERS)
    groups = [known[index : index + per] for index in range(0, len(known), per)]
    _, group_s = _timed_each(lambda group: _allocated(group, now_s), groups * 3)
    _, all_s = _timed_each(lambda group: _allocated(group, now_s), [known] * 3)
    _, reclaim_s = _timed_each(lambda group: _reclaimed(group, now_s), groups * 3)
    return [
        *_pair("cluster_demand", demand_s),
        *_pair("cluster_arbitration", group_s),
        Figure(name="cluster_arbitration_single_cluster_p50", value=1000 * percentile(all_s, 0.5), unit="ms"),
        *_pair("cluster_reclaim_preview", reclaim_s),
    ]


def _pair(name: str, seconds: Sequence[float]) -> list[Figure]:
    return [
        Figure(name=f"{name}_{suffix}", value=1000 * percentile(seconds, share), unit="ms")
        for share, suffix in ((0.5, "p50"), (0.99, "p99"))
    ]


def _timed_each(work: Callable[..., object], inputs: Sequence[object]) -> tuple[list[object], list[float]]:
    results, seconds = [], []
    for one in inputs:
        began_s = time.thread_time()
        results.append(work(one))
        seconds.append(time.thread_time() - began_s)
    return results, seconds


def _cluster() -> Cluster:
    return Cluster(cluster_id="bench", flink_url="http://bench")


def _allocated(demands: Sequence[Demand], now_s: float) -> object:
    capacity = CapacityCurve.constant(SLOTS_PER_RUN * len(demands))
    return allocate(_cluster(), demands, capacity=capacity, at_s=now_s)


def _reclaimed(demands: Sequence[Demand], now_s: float) -> object:
    slots = SLOTS_PER_RUN * len(demands)
    request = ReclaimRequest(cluster_id="bench", slots=max(1, slots // 10), within_s=600.0)
    return reclaim(_cluster(), demands, request, capacity=CapacityCurve.constant(slots), at_s=now_s)


def _named(record: RunRecord, number: int) -> RunRecord:
    """The same life under another name."""
    return replace(record, spec=replace(record.spec, run_id=f"bench-{number:06d}"))


def _lived(number: int, chance: random.Random) -> RunRecord:
    """A run after its first supersteps, each at the parallelism that was planned."""
    controller, law = RunController(), Law(chance)
    handled = controller.handle(None, _start(number, law, "http://bench"))
    for superstep in range(1, HISTORY + 1):
        parallelism = handled.record.plan.parallelism if handled.record.plan else 1
        handled = controller.handle(handled.record, _barrier(superstep, parallelism, law))
    return handled.record


class Law:
    """Seconds of a superstep: a part that is shared out and one that is not."""

    def __init__(self, chance: random.Random) -> None:
        self._shared_s = chance.uniform(20.0, 80.0)
        self._alone_s = chance.uniform(1.0, 5.0)
        self._chance = chance
        best_s = 2 * HISTORY * (self._shared_s / MOST + self._alone_s)
        self.target_s = best_s * chance.uniform(1.1, 2.5)
        self.at_s = BEGAN_S

    def superstep_s(self, parallelism: int) -> float:
        """One draw."""
        seconds = (self._shared_s / parallelism + self._alone_s) * self._chance.lognormvariate(0.0, 0.05)
        self.at_s += seconds
        return seconds


def _start(number: int, law: Law, flink_url: str) -> RunStarted:
    capacity = Capacity(existing_slots=SLOTS_PER_RUN, obtainable_slots=SLOTS_PER_RUN)
    spec = RunSpec(
        run_id=f"bench-{number:06d}",
        context=ExecutionContext(program="bench", parameters={"run": str(number)}),
        objective=RuntimeTarget(target_s=law.target_s),
        policy="adaptor",
        bounds=Bounds(max_parallelism=MOST),
        start_parallelism=1,
        max_supersteps=2 * HISTORY,
        flink_url=flink_url,
    )
    planning = PlanningSettings(initial_adaptation_cost_s=4.0)
    return RunStarted(spec=spec, earlier=(), capacity=capacity, planning=planning, adaptation_costs_s=(), at_s=BEGAN_S)


def _barrier(superstep: int, parallelism: int, law: Law) -> Event:
    duration_s = law.superstep_s(parallelism)
    capacity = Capacity(existing_slots=SLOTS_PER_RUN, obtainable_slots=SLOTS_PER_RUN)
    report = SuperstepReport(superstep=superstep, job_id="", requested_parallelism=parallelism, duration_s=duration_s)
    return BarrierReached(report=report, flink=FlinkStatistics(), capacity=capacity, at_s=law.at_s)
