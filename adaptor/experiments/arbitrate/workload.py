"""A day of one simulated cluster: who comes, what for, and what the cluster has meanwhile. All from a seed.

A run's supersteps follow a law of scale-out with a serial part and, for some, contention [Amdahl67, Gunther07]. Its
target is 1.1 to 2 times what it would take alone and at its fastest. The capacity is set so that the cheapest slots
with which every run would be on time come to a given share of it, the offered load; the same seed brings the same runs
at every load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adaptor.domain.cluster import CapacityCurve, CapacityStep, Cluster, LeaseExpiry, Tenant
from adaptor.domain.demand import Claim
from adaptor.models.arrays import Counts, Floats

DAY_S = 86_400.0
"""Seconds in which runs come."""

PER = 4
"""Slots of a TaskManager: one for each core of a small machine."""

NARROWEST_S = (7200.0, 86_400.0)
"""Range of the seconds of a run at one TaskManager: two hours to a day."""

WIDEST = (2, 8)
"""Range of the TaskManagers that a run can use at most."""

SUPERSTEPS = (15, 60)
"""Range of the number of supersteps: tens, as published iterative jobs have."""

TARGET_FACTORS = (1.1, 2.0)
"""Range of targets, in times of what a run takes at its fastest."""

NOISE = 0.05
"""Standard deviation of the log of a superstep's duration, as the replays of measured curves have it."""

DOUBT = 0.1
"""Standard deviation of the log of a run's predicted level before its first superstep: a program with history."""

CHANGE_S = 15.0
"""Seconds that a change takes in the middle, from starting a job anew."""

URGENT_SHARE, URGENT_WEIGHT = 0.15, 4.0
"""Share of runs of the higher of two priorities, and what their targets weigh."""

WEIGHTS = (0.5, 1.0, 2.0)
"""Weights of the others' targets."""

PAUSABLE_SHARE = 0.95
"""Share of runs that can wait at a barrier: driver loops; the others are never stopped."""

DAILY_SWING = 0.3
"""By how much the capacity rises above its mean at its peak."""

ANNOUNCED_S = 7200.0
"""How long before a change of capacity its manager tells."""

OUTAGES_PER_DAY, OUTAGE_S, LEASE_TERM_S = 1.0, 2400.0, 600.0
"""How often a cluster's manager dies, for how long in the mean, and the term of its leases."""

LEAST_ON_EXPIRY = 5
"""Every so manieth cluster lets grants fall to the least when leases expire; the others keep them, as is usual."""

QUOTA_SHARE = 0.5
"""Share of the mean capacity that one of the tenants may hold at most."""

TENANTS = ("alpha", "beta", "gamma")
"""Who the runs belong to; the first one has the quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """A run as only the simulation knows it.

    Attributes:
        run_id: Its name.
        arrives_s: When it comes, in seconds from the beginning of the day.
        claim: In whose name.
        supersteps: How many it has.
        slots: Slots that it can use, ascending, shape (n,).
        superstep_s: Seconds of a superstep at each, without noise, shape (n,).
        target_s: Seconds from its arrival.
        doubt: By how much, in logs, its level is misjudged before its first superstep.
        noise: Log of the factor on each superstep's duration, shape (supersteps,).
    """

    run_id: str
    arrives_s: float
    claim: Claim
    supersteps: int
    slots: Counts
    superstep_s: Floats
    target_s: float
    doubt: float
    noise: Floats

    @property
    def due_s(self) -> float:
        """When it should have ended, in seconds from the beginning of the day."""
        return self.arrives_s + self.target_s

    @property
    def cheapest_slot_s(self) -> float:
        """Fewest slot-seconds of all constant numbers of slots that are on time."""
        runtime_s = self.supersteps * self.superstep_s
        return float(np.min(np.where(runtime_s <= self.target_s, runtime_s * self.slots, np.inf)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDay:
    """Everything that happens to one cluster.

    Attributes:
        cluster: The cluster.
        runs: In the order in which they come.
        capacity: True capacity if the manager never died, in seconds from the beginning of the day.
        tenants: By id.
        outages: Times in which the manager is dead, ascending.
        expiry: What becomes of grants whose lease has expired.
    """

    cluster: Cluster
    runs: tuple[SimulatedRun, ...]
    capacity: CapacityCurve
    tenants: dict[str, Tenant]
    outages: tuple[tuple[float, float], ...]
    expiry: LeaseExpiry


def cluster_day(seed: int, cluster: int, *, load: float, runs: int) -> ClusterDay:
    """The day of one cluster.

    Args:
        seed: Of everything random.
        cluster: Which of the clusters, from 0.
        load: Offered load over capacity.
        runs: That come during the day.
    """
    rng = np.random.default_rng((seed, cluster))
    arrivals = np.sort(rng.uniform(0.0, DAY_S, runs))
    coming = tuple(_run(rng, f"run-{index:04d}", float(arrives_s)) for index, arrives_s in enumerate(arrivals))
    mean_slots = sum(run.cheapest_slot_s for run in coming) / (load * DAY_S)
    quota = max(PER, round(QUOTA_SHARE * mean_slots / PER) * PER)
    return ClusterDay(
        cluster=Cluster(
            cluster_id=f"cluster-{cluster}",
            flink_url=f"http://cluster-{cluster}:8081",
            slots_per_task_manager=PER,
        ),
        runs=coming,
        capacity=_daily(mean_slots, phase=float(rng.uniform(0.0, 1.0))),
        tenants={
            name: Tenant(tenant_id=name, quota_slots=None if index else quota) for index, name in enumerate(TENANTS)
        },
        outages=_outages(rng),
        expiry=LeaseExpiry.LEAST if cluster % LEAST_ON_EXPIRY == LEAST_ON_EXPIRY - 1 else LeaseExpiry.KEEP,
    )


def _run(rng: np.random.Generator, run_id: str, arrives_s: float) -> SimulatedRun:
    workers = np.arange(1, rng.integers(WIDEST[0], WIDEST[1], endpoint=True) + 1)
    serial, contention = rng.uniform(0.0, 0.05), rng.uniform(0.0, 0.02) * rng.integers(0, 2)
    shape = serial + (1 - serial) * (1 / workers + contention * (workers - 1) / workers)
    supersteps = int(rng.integers(*SUPERSTEPS, endpoint=True))
    runtime_s = float(np.exp(rng.uniform(*np.log(NARROWEST_S)))) * shape / shape[0]
    urgent = rng.uniform() < URGENT_SHARE
    claim = Claim(
        tenant_id=str(rng.choice(TENANTS)),
        priority=int(urgent),
        weight=URGENT_WEIGHT if urgent else float(rng.choice(WEIGHTS)),
        pausable=bool(rng.uniform() < PAUSABLE_SHARE),
    )
    return SimulatedRun(
        run_id=run_id,
        arrives_s=arrives_s,
        claim=claim,
        supersteps=supersteps,
        slots=workers * PER,
        superstep_s=runtime_s / supersteps,
        target_s=float(rng.uniform(*TARGET_FACTORS) * runtime_s.min()),
        doubt=float(DOUBT * rng.standard_normal()),
        noise=NOISE * rng.standard_normal(supersteps),
    )


def _daily(mean_slots: float, *, phase: float) -> CapacityCurve:
    """A wave over the day in steps of an hour, and on for as long as runs may take."""
    hours = np.arange(0.0, 72.0)
    wave = mean_slots * (1 + DAILY_SWING * np.sin(2 * np.pi * (hours / 24 + phase)))
    slots = np.maximum(1, np.round(wave / PER)).astype(int) * PER
    return CapacityCurve(
        tuple(CapacityStep(from_s=float(hour) * 3600.0, slots=int(one)) for hour, one in zip(hours, slots, strict=True))
    )


def _outages(rng: np.random.Generator) -> tuple[tuple[float, float], ...]:
    found, at_s = [], float(rng.exponential(DAY_S / OUTAGES_PER_DAY))
    while at_s < DAY_S:
        until_s = at_s + float(rng.exponential(OUTAGE_S))
        found.append((at_s, until_s))
        at_s = until_s + float(rng.exponential(DAY_S / OUTAGES_PER_DAY))
    return tuple(found)
