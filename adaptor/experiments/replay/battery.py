"""Every curve, every start, every objective, with one set of settings, spread over processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptor.domain.objective import Objective
from adaptor.experiments.models.workers import spread
from adaptor.experiments.replay.cases import (
    Replayed,
    Setup,
    Wanted,
    adaptation_costs,
    best_schedule,
    judged,
    objective_of,
    played_on,
    stayed,
)
from adaptor.experiments.replay.knowledge import Setting, context_of, prior_of
from adaptor.experiments.simulated.curves import Curve
from adaptor.experiments.simulated.run import Known, Played

STARTS = (5, 20, 40, 60)
"""Nodes at which runs begin: too few, about right, and too many for most curves over 4 to 60 nodes."""


UNINFORMED = ("static", "threshold-ladder", "utilisation-0.70", "utilisation-squared")
"""Policies that look at utilisation alone, if at anything: whatever is wanted or known, they do the same."""

FOR_TARGETS = ("ellis", "jockey")
"""Policies that know runtime targets and stay under any other objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one process does at a time: one curve.

    Attributes:
        curve: Of the runs.
        log: Curves that others shared.
        settings: What is known of them, in turn.
        setups: How runs begin.
        wanted: Objectives.
        policies: Their names.
        seed: Of what peers measured.
    """

    curve: Curve
    log: tuple[Curve, ...]
    settings: tuple[Setting, ...]
    setups: tuple[Setup, ...]
    wanted: tuple[Wanted, ...]
    policies: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A replay with its place in the battery; `draw` is the seed of what peers measured."""

    curve: str
    setting: Setting
    setup: Setup
    replayed: Replayed
    draw: int


def run_jobs(jobs: Sequence[Job], *, processes: int, progress: Callable[[str], None]) -> list[Case]:
    """All replays of all jobs, in their order, whatever the number of processes."""
    cases: list[Case] = []
    for done, (job, found) in enumerate(zip(jobs, spread(run_job, jobs, processes=processes), strict=True), start=1):
        cases += found
        known = ", ".join(one.value for one in job.settings)
        progress(f"{done} of {len(jobs)} replayed: {job.curve.name}, {known}")
    return cases


def run_job(job: Job) -> list[Case]:
    """All replays of one curve, setting by setting."""
    idle: dict[tuple[str, Setup], Played] = {}
    return [case for setting in job.settings for case in _Replays(job, setting, idle).cases()]


class _Replays:
    """One curve in one setting.

    Args:
        job: With the curve.
        setting: What is known.
        idle: Runs that come out the same in all settings, to be kept.
    """

    def __init__(self, job: Job, setting: Setting, idle: dict[tuple[str, Setup], Played]) -> None:
        self._job, self._setting, self._idle = job, setting, idle
        first = job.setups[0]
        self._prior = prior_of(
            setting,
            job.curve,
            job.log,
            supersteps=first.supersteps,
            slots_per_node=first.slots_per_node,
            seed=job.seed,
        )

    def cases(self) -> list[Case]:
        """Of every setup, objective and policy."""
        job = self._job
        return [
            Case(curve=job.curve.name, setting=self._setting, setup=setup, replayed=one, draw=job.seed)
            for setup in job.setups
            for wanted in job.wanted
            for one in self._under(setup, wanted)
        ]

    def _under(self, setup: Setup, wanted: Wanted) -> list[Replayed]:
        """Every policy, then what needs none."""
        curve = self._job.curve
        objective = objective_of(wanted, curve, setup)
        best = best_schedule(curve, setup, objective)
        found = [
            judged(
                self._played(policy, setup, wanted, objective),
                curve,
                setup,
                policy=policy,
                wanted=wanted,
                objective=objective,
                best=best,
            )
            for policy in self._job.policies
        ]
        return [*found, *stayed(curve, setup, wanted=wanted, objective=objective, best=best)]

    def _played(self, policy: str, setup: Setup, wanted: Wanted, objective: Objective) -> Played:
        if policy not in UNINFORMED and (policy not in FOR_TARGETS or wanted is Wanted.TARGET):
            return self._play(policy, setup, objective)
        key = (policy if policy in UNINFORMED else "static", setup)
        if key not in self._idle:
            self._idle[key] = self._play(key[0], setup, objective)
        return self._idle[key]

    def _play(self, policy: str, setup: Setup, objective: Objective) -> Played:
        return played_on(
            self._job.curve,
            setup,
            policy=policy,
            objective=objective,
            context=context_of(self._job.curve),
            known=Known(prior=self._prior, adaptation_costs_s=adaptation_costs(setup.adaptation_cost_s)),
        )
