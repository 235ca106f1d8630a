"""Every policy on the same draws of a job, for every target, with and without failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.experiments.simulated.run import Known
from adaptor.experiments.simulated.schedules import Schedule
from adaptor.experiments.traces.draw import Draw
from adaptor.experiments.traces.episode import Task, played
from adaptor.experiments.traces.recorded import Divided, Recorded, drawn

ORACLE, BY_MEDIANS = "oracle", "oracle by medians"
"""The best schedule of the very draw, which also knows its noise; and that of medians over all runs, which does not."""

LEAST, MOST, TUNED = "static least", "static most", "static tuned"

EARLIER_OBSERVATIONS = 500
"""Most observations of earlier runs that a plan rests on, as the service's own default."""

WITH_FAILURES = " with failures"
"""What the label of a target ends with where supersteps fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all repeats have in common.

    Attributes:
        policies: By name, those of the planner.
        targets_s: By label.
        adaptation_cost_s: Seconds of a change of scale-out.
        failures: Probability that a superstep fails once, in the cells with failures.
        seed: Of everything random.
    """

    policies: tuple[str, ...]
    targets_s: Mapping[str, float]
    adaptation_cost_s: float
    failures: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run of one policy ended.

    Attributes:
        policy: Its name.
        target: Label of the target.
        repeat: Number of the draw.
        target_s: The target.
        runtime_s: Seconds of the run.
        executor_s: Executor-seconds, changes included.
        rescales: Changes of scale-out.
        late: Whether the target was missed.
    """

    policy: str
    target: str
    repeat: int
    target_s: float
    runtime_s: float
    executor_s: float
    rescales: int
    late: bool

    @property
    def overrun_s(self) -> float:
        """Seconds beyond the target; none in time."""
        return max(0.0, self.runtime_s - self.target_s) if self.late else 0.0


def repeated(recorded: Recorded, setup: Setup, repeat: int) -> list[Ended]:
    """One draw of a job under every policy and target.

    The same runs are learnt from and met in all of them. Supersteps fail for one target alone, the first of them: that
    which was given or published.
    """
    rng = recorded.rng(setup.seed, repeat)
    divided = recorded.divided(rng)
    quiet = drawn(divided.judged, rng)
    failing = drawn(divided.judged, rng, failures=setup.failures)
    start = int(rng.choice(recorded.sizes))
    known = known_from(divided, setup.adaptation_cost_s)
    ended = []
    for place, (label, target_s) in enumerate(setup.targets_s.items()):
        for draw in (quiet, failing) if place == 0 and setup.failures else (quiet,):
            cell = _Cell(
                recorded=recorded,
                setup=setup,
                draw=draw,
                target=label if draw is quiet else f"{label}{WITH_FAILURES}",
                target_s=target_s,
                repeat=repeat,
            )
            ended += cell.by_schedule()
            ended += [cell.by_policy(policy, start, known) for policy in setup.policies]
    return ended


def known_from(divided: Divided, adaptation_cost_s: float) -> Known:
    """What the recorded runs that may be learnt from tell of the job; the cost of a change was measured, too."""
    earlier = tuple(one for size, run in divided.learnt for one in _observed(size, run.tolist()))
    return Known(earlier=earlier[-EARLIER_OBSERVATIONS:], adaptation_costs_s=(adaptation_cost_s,))


def _observed(size: int, seconds: list[float]) -> list[ObservedDuration]:
    return [
        ObservedDuration(
            parallelism=size, duration_s=one, cold=number == 1, origin=Origin.EARLIER_RUN, superstep=number
        )
        for number, one in enumerate(seconds, start=1)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    recorded: Recorded
    setup: Setup
    draw: Draw
    target: str
    target_s: float
    repeat: int

    def by_policy(self, policy: str, start: int, known: Known) -> Ended:
        """A policy of the planner."""
        cost_s = self.setup.adaptation_cost_s
        task = Task(
            program=self.recorded.name,
            policy=policy,
            target_s=self.target_s,
            start=start,
            adaptation_cost_s=cost_s,
            known=known,
        )
        run = played(task, self.draw)
        return self._ended(policy, run.runtime_s, run.slot_s, run.rescales, late=run.runtime_s > self.target_s)

    def by_schedule(self) -> list[Ended]:
        """What needs no planner: the scale-outs that stay, and the best of all schedules."""
        cost_s = self.setup.adaptation_cost_s
        best, in_time = self.draw.best(self.target_s, adaptation_cost_s=cost_s)
        usual, _ = self.recorded.median_draw().best(self.target_s, adaptation_cost_s=cost_s)
        then = self.draw.met_by(usual.parallelisms, adaptation_cost_s=cost_s)
        # The best schedule counts in parts of the target, so it may end a part beyond it and is not late.
        found = [
            self._ended(ORACLE, best.runtime_s, best.slot_s, _changes(best), late=not in_time),
            self._ended(BY_MEDIANS, then.runtime_s, then.slot_s, _changes(then), late=then.runtime_s > self.target_s),
        ]
        statics = {LEAST: 0, MOST: len(self.recorded.sizes) - 1, TUNED: self.recorded.tuned(self.target_s)}
        for name, at in statics.items():
            seconds = float(self.draw.run_s[at])
            executor_s = seconds * float(self.recorded.sizes[at])
            found.append(self._ended(name, seconds, executor_s, 0, late=seconds > self.target_s))
        return found

    def _ended(self, policy: str, runtime_s: float, executor_s: float, rescales: int, *, late: bool) -> Ended:
        return Ended(
            policy=policy,
            target=self.target,
            repeat=self.repeat,
            target_s=self.target_s,
            runtime_s=runtime_s,
            executor_s=executor_s,
            rescales=rescales,
            late=late,
        )


def _changes(schedule: Schedule) -> int:
    return int(np.count_nonzero(np.diff(schedule.parallelisms)))
