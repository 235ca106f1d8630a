"""Plays many days of many clusters under every arbiter on all cores; the same seeds give the same figures on any."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from adaptor.experiments.arbitrate.arbiters import ARBITERS
from adaptor.experiments.arbitrate.bounds import clairvoyant, informed
from adaptor.experiments.arbitrate.workload import cluster_day
from adaptor.experiments.arbitrate.world import SETTINGS, Played, play

Progress = Callable[[str], None]

BOUNDS = {"planner's bound": informed, "clairvoyant bound": clairvoyant}
"""Relaxations, by the names they have in reports."""

BYTES_PER_MB = 1_000_000
"""Bytes in a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a user may choose.

    Attributes:
        runs: In all clusters together.
        clusters: Among which they are divided evenly.
        loads: Offered loads.
        seeds: How many days at each load.
        first: The first seed.
    """

    runs: int
    clusters: int
    loads: tuple[float, ...]
    seeds: int
    first: int = 0

    def days(self) -> list[Day]:
        """Every day of every cluster."""
        each = max(1, self.runs // self.clusters)
        return [
            Day(load=load, seed=seed, cluster=cluster, runs=each)
            for load in self.loads
            for seed in range(self.first, self.first + self.seeds)
            for cluster in range(self.clusters)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of one cluster to be played."""

    load: float
    seed: int
    cluster: int
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a day under one arbiter or bound.

    Attributes:
        weight_met: Sum of the weights of targets met.
        weight_whole: Of a bound, without those that were met in part; else the same.
        slot_s: Slot-seconds spent.
        changes: Changes of runs' slots.
        waited_s: Longest time that a run waited, in seconds.
        waits_allowed_s: The longest that it may have to, by the setting and the longest superstep.
        faults: What must never happen, in number by kind.
        steps: Events handled.
        in_use: Capacity and slots held at each hour.
    """

    weight_met: float
    weight_whole: float
    slot_s: float
    changes: int = 0
    waited_s: float = 0.0
    waits_allowed_s: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    in_use: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A day under everybody.

    Attributes:
        day: The day.
        weight: Sum of the weights of all targets.
        cheapest_slot_s: Slot-seconds of the cheapest way to be on time, over all runs.
        runs: How many came.
        results: By arbiter or bound.
        rss_mb: Memory of the process at each hour of the day under adaptor.
    """

    day: Day
    weight: float
    cheapest_slot_s: float
    runs: int
    results: dict[str, Result]
    rss_mb: tuple[float, ...]


def played(choices: Choices, *, progress: Progress, cores: int | None = None) -> list[Outcome]:
    """Play all days.

    Args:
        choices: Which.
        progress: Told from time to time.
        cores: Processes to use; all cores if not given.
    """
    days, outcomes = choices.days(), []
    count = min(len(days), cores or len(os.sched_getaffinity(0)))
    if count == 1:
        return [_told(one, len(days), number, progress) for number, one in enumerate(map(outcome_of, days), 1)]
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        for number, one in enumerate(pool.imap(outcome_of, days, chunksize=1), 1):
            outcomes.append(_told(one, len(days), number, progress))
    return outcomes


def _told(one: Outcome, days: int, number: int, progress: Progress) -> Outcome:
    share = one.results["adaptor"].weight_met / one.weight
    progress(f"{number} of {days} days: load {one.day.load}, seed {one.day.seed}, {share:.2f} of the targets met")
    return one


def outcome_of(day: Day) -> Outcome:
    """Play one day under every arbiter, and compute the bounds."""
    what = cluster_day(day.seed, day.cluster, load=day.load, runs=day.runs)
    rss_mb: list[float] = []
    longest_superstep_s = max(float(run.superstep_s[0]) for run in what.runs)

    def measure(_: int) -> None:
        rss_mb.append(psutil.Process().memory_info().rss / BYTES_PER_MB)

    results: dict[str, Result] = {}
    with threadpool_limits(limits=1):
        for name, arbiter in ARBITERS.items():
            ended = play(what, arbiter, every_hour=measure if name == "adaptor" else lambda _: None)
            results[name] = _result(ended, waits_allowed_s=SETTINGS.longest_wait_s + 2 * longest_superstep_s)
        for name, bound in BOUNDS.items():
            found = bound(what)
            results[name] = Result(weight_met=found.weight_met, weight_whole=found.weight_whole, slot_s=found.slot_s)
    return Outcome(
        day=day,
        weight=sum(run.claim.weight for run in what.runs),
        cheapest_slot_s=sum(run.cheapest_slot_s for run in what.runs),
        runs=len(what.runs),
        results=results,
        rss_mb=tuple(rss_mb),
    )


def _result(ended: Played, *, waits_allowed_s: float) -> Result:
    return Result(
        weight_met=ended.weight_met,
        weight_whole=ended.weight_met,
        slot_s=ended.slot_s,
        changes=sum(one.changes for one in ended.ended),
        waited_s=max((one.waited_s for one in ended.ended), default=0.0),
        waits_allowed_s=waits_allowed_s,
        faults=ended.faults,
        steps=ended.steps,
        in_use=tuple(ended.in_use),
    )


def at_load(outcomes: Sequence[Outcome], load: float) -> list[Outcome]:
    """Those at one load."""
    return [one for one in outcomes if one.day.load == load]
