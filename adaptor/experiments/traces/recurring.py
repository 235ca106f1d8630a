"""A job that recurs: each run leaves what it measured to the next one, from nothing known to fifty runs.

The runs that teach are drawn from one half of the recorded ones. After some of them a further run is drawn from the
other half and judged; what it measures is forgotten again.
"""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.observation import ObservedDuration
from adaptor.experiments.simulated.run import Known
from adaptor.experiments.traces.battery import EARLIER_OBSERVATIONS, Setup
from adaptor.experiments.traces.draw import Draw
from adaptor.experiments.traces.episode import Task, observed, played
from adaptor.experiments.traces.recorded import Recorded, drawn

JUDGED_AFTER = (0, 1, 2, 5, 10, 20, 35, 49)
"""Runs that taught before one is judged: run 1, 2, 3, 6, ... 50. Most is learnt in the first few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A run after so many others.

    Attributes:
        policy: Who decided.
        after: Runs that had taught.
        chain: Number of the repeat.
        runtime_s: Seconds.
        executor_s: Executor-seconds.
        oracle_executor_s: Those of the best schedule.
        target_s: The target.
    """

    policy: str
    after: int
    chain: int
    runtime_s: float
    executor_s: float
    oracle_executor_s: float
    target_s: float


def chain(recorded: Recorded, setup: Setup, number: int, *, policy: str, runs: int) -> list[Judged]:
    """One policy that learns over runs; policies of the same number meet the same draws.

    Args:
        recorded: The job; where no scale-out has two runs, there is nothing to learn from and no run is judged.
        setup: Of all repeats; the first target counts.
        number: Of the repeat.
        policy: Who decides.
        runs: Up to which run.
    """
    divided = recorded.divided(recorded.rng(setup.seed, number, 1))
    if not divided.learnt:
        return []
    earlier: tuple[ObservedDuration, ...] = ()
    found = []
    for after in range(runs):
        rng = recorded.rng(setup.seed, number, 2, after)
        lesson, exam = drawn(divided.learnable, rng), drawn(divided.judged, rng)
        starts = [int(rng.choice(draw.sizes)) for draw in (lesson, exam)]
        if after in JUDGED_AFTER:
            found.append(_judged(recorded, setup, exam, starts[1], earlier, policy=policy, place=(after, number)))
        task = _task(recorded, setup, starts[0], earlier, policy)
        earlier = (*earlier, *observed(played(task, lesson)))[-EARLIER_OBSERVATIONS:]
    return found


def _judged(
    recorded: Recorded,
    setup: Setup,
    draw: Draw,
    start: int,
    earlier: tuple[ObservedDuration, ...],
    *,
    policy: str,
    place: tuple[int, int],
) -> Judged:
    task = _task(recorded, setup, start, earlier, policy)
    run = played(task, draw)
    best, _ = draw.best(task.target_s, adaptation_cost_s=setup.adaptation_cost_s)
    return Judged(
        policy=policy,
        after=place[0],
        chain=place[1],
        runtime_s=run.runtime_s,
        executor_s=run.slot_s,
        oracle_executor_s=best.slot_s,
        target_s=task.target_s,
    )


def _task(recorded: Recorded, setup: Setup, start: int, earlier: tuple[ObservedDuration, ...], policy: str) -> Task:
    return Task(
        program=recorded.name,
        policy=policy,
        target_s=next(iter(setup.targets_s.values())),
        start=start,
        adaptation_cost_s=setup.adaptation_cost_s,
        known=Known(earlier=earlier, adaptation_costs_s=(setup.adaptation_cost_s,)),
    )
