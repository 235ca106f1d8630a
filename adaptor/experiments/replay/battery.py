"""Every curve, every start, every objective, with one set of settings, over all cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adaptor.experiments.replay.cases import (
    Replayed,
    Setup,
    Wanted,
    adaptation_costs,
    best_schedule,
    objective_of,
    replayed,
)
from adaptor.experiments.replay.knowledge import Setting, context_of, prior_of
from adaptor.experiments.simulated.curves import Curve
from adaptor.experiments.simulated.run import Known

STARTS = (5, 20, 40, 60)
"""Nodes at which runs begin: too few, about right, and too many for most curves over 4 to 60 nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one process does at a time: one curve in one setting.

    Attributes:
        curve: Of the runs.
        log: Curves that others shared.
        setting: Which of them are known.
        setups: How runs begin.
        wanted: Objectives.
        policies: Their names.
        seed: Of what peers measured.
    """

    curve: Curve
    log: tuple[Curve, ...]
    setting: Setting
    setups: tuple[Setup, ...]
    wanted: tuple[Wanted, ...]
    policies: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A replay with its place in the battery."""

    curve: str
    setting: Setting
    setup: Setup
    replayed: Replayed


def run_jobs(jobs: Sequence[Job], *, progress: Callable[[str], None]) -> list[Case]:
    """All replays of all jobs, in their order, whatever the number of cores."""
    cases: list[Case] = []
    for done, found in enumerate(_mapped(jobs), start=1):
        cases += found
        progress(f"{done} of {len(jobs)} curves and settings replayed")
    return cases


def _mapped(jobs: Sequence[Job]) -> Iterator[list[Case]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if min(cores, len(jobs)) <= 1:
        yield from map(run_job, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(min(cores, len(jobs))) as pool:
        yield from pool.imap(run_job, jobs, chunksize=1)


def run_job(job: Job) -> list[Case]:
    """All replays of one curve in one setting."""
    first = job.setups[0]
    prior = prior_of(
        job.setting,
        job.curve,
        job.log,
        supersteps=first.supersteps,
        slots_per_node=first.slots_per_node,
        seed=job.seed,
    )
    cases = []
    for setup in job.setups:
        known = Known(prior=prior, adaptation_costs_s=adaptation_costs(setup.adaptation_cost_s))
        for wanted in job.wanted:
            objective = objective_of(wanted, job.curve, setup)
            best = best_schedule(job.curve, setup, objective)
            for policy in job.policies:
                one = replayed(
                    job.curve,
                    setup,
                    policy=policy,
                    wanted=wanted,
                    objective=objective,
                    context=context_of(job.curve),
                    known=known,
                    best=best,
                )
                cases.append(Case(curve=job.curve.name, setting=job.setting, setup=setup, replayed=one))
    return cases
