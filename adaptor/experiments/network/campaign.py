"""Many seeds, and all mutants, over all cores; the figures are the same whatever the number of cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from adaptor.experiments.network.mutants import MUTANTS
from adaptor.experiments.network.outcome import Outcome
from adaptor.experiments.network.simulation import simulate
from adaptor.experiments.report import Figure, Report

S = TypeVar("S")
T = TypeVar("T")

Progress = Callable[[str], None]

EVERY_S = 2.0
"""How often progress is told."""

FAILURES_KEPT = 50
"""Failed seeds that are described in the report; all are counted."""

MUTANT_SEEDS = 300
"""Seeds within which every mutant must be found: those that every test run goes through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of one mutant.

    Attributes:
        mutant: Its name.
        seed: First seed that found it; ``None`` if it survived.
        seeds: Seeds run.
        failure: How it showed.
    """

    mutant: str
    seed: int | None
    seeds: int
    failure: str


def run_seeds(seeds: Sequence[int], *, progress: Progress) -> Report:
    """Run seeds and add up what came of them."""
    began_s = time.monotonic()
    totals = Outcome(seed=-1)
    failed: list[Outcome] = []
    done = told_s = 0.0
    with _workers(len(seeds)) as each:
        for outcome in each(simulate, seeds):
            totals.counts += outcome.counts
            totals.faults += outcome.faults
            totals.refusals += outcome.refusals
            failed += [outcome] if outcome.failures else []
            done += 1
            if time.monotonic() - told_s > EVERY_S:
                told_s = time.monotonic()
                progress(f"{done:.0f} of {len(seeds)} seeds, {len(failed)} failed, {told_s - began_s:.0f} s")
    return _report(seeds, totals, failed, duration_s=time.monotonic() - began_s)


def run_mutants(*, progress: Progress, names: Sequence[str] = tuple(MUTANTS), seeds: int = MUTANT_SEEDS) -> Report:
    """Plant every mutant in turn and look for the first seed that finds it."""
    found: list[Found] = []
    with _workers(len(names)) as each:
        for one in each(partial(hunt, seeds=seeds), names):
            found.append(one)
            progress(f"{one.mutant}: " + (f"seed {one.seed}: {one.failure}" if one.failure else "SURVIVED"))
    survived = [one for one in found if one.seed is None]
    details = [{"mutant": one.mutant, "seed": one.seed, "failure": one.failure} for one in found]
    latest = max((one.seeds for one in found), default=0)
    return Report(
        title=f"{len(found)} mutants, each hunted with up to {seeds} seeds",
        figures=[
            Figure(name="network_mutants", value=len(found), unit="mutants"),
            Figure(name="network_mutants_survived", value=len(survived), unit="mutants"),
            Figure(name="network_mutant_seeds_most", value=latest, unit="seeds"),
        ],
        details={"mutants": details},
    )


def hunt(name: str, *, seeds: int = MUTANT_SEEDS) -> Found:
    """Run seeds with one mutant planted, until one finds it."""
    for seed in range(seeds):
        with MUTANTS[name]():
            outcome = simulate(seed)
        if outcome.failures:
            return Found(mutant=name, seed=seed, seeds=seed + 1, failure=outcome.failures[0])
    return Found(mutant=name, seed=None, seeds=seeds, failure="")


@contextlib.contextmanager
def _workers(count: int) -> Iterator[Callable[[Callable[[S], T], Sequence[S]], Iterator[T]]]:
    """A map over as many processes as there are cores to use, in the order of what is given; in place for one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if min(cores, count) <= 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(min(cores, count)) as pool:
        yield lambda function, given: pool.imap(function, given, chunksize=1)


def _report(seeds: Sequence[int], totals: Outcome, failed: Sequence[Outcome], *, duration_s: float) -> Report:
    counts, faults = totals.counts, totals.faults
    figures = [
        Figure(name="network_seeds", value=len(seeds), unit="runs"),
        Figure(name="network_failures", value=len(failed), unit="runs"),
        Figure(name="network_forged_entries_applied", value=counts["forged_applied"], unit="entries"),
        Figure(name="network_entries", value=counts["entries"], unit="entries"),
        Figure(name="network_steps", value=counts["steps"], unit="steps"),
        Figure(name="network_faults", value=sum(faults.values()), unit="faults"),
        Figure(name="network_refusals", value=sum(totals.refusals.values()), unit="refusals"),
        Figure(name="network_run_s", value=duration_s / max(1, len(seeds)), unit="s"),
        Figure(name="network_duration_s", value=duration_s, unit="s"),
    ]
    return Report(
        title=f"{len(seeds)} simulated networks, {len(failed)} failed",
        figures=figures,
        seeds={"first": min(seeds, default=0), "last": max(seeds, default=0)},
        details={
            "counts": _sorted(counts),
            "faults": _sorted(faults),
            "refusals": _sorted(totals.refusals),
            "failed": [{"seed": one.seed, "failures": one.failures} for one in failed[:FAILURES_KEPT]],
        },
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
