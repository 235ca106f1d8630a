"""Who arrives, with which execution contexts and targets, and what each would meet at every scale-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.experiments.models.c3o import Job, MeasuredContext
from adaptor.models.arrays import Floats
from adaptor.models.training import TrainingRow

PER_USER = 2
"""Contexts of one program that a user has: one was run alone before, the other one is what the user arrives with."""

JUDGED_AFTER = (2, 5, 10, 20)
"""Users who have left their runs before a user is judged."""

USERS = JUDGED_AFTER[-1] + 1
"""Users of an order."""

ROOM = 1.05
"""Least target as a multiple of the fastest run: the usual noise of these runs, so that every target can be met."""

LIARS = 0.3
"""Share of users who lie, in the setting with liars."""

LIE = (0.1, 10.0)
"""Range of the factor on the times that a liar shares, drawn evenly over its logarithm for each run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One user who arrives with a context.

    Attributes:
        user: Number in the order, from 0.
        context: With its scale-outs.
        met: The run that the user would see at each of them, one of those measured there.
        target_s: Seconds to finish within; the fastest of these runs does.
        start: Index of the scale-out that the user takes where nothing is known.
        earlier: The user's run of another context of the program, at a scale-out that nobody advised.
        lie: Factors on what the user shares of the earlier run and of this one if there are liars; 1 if honest.
    """

    user: int
    context: MeasuredContext
    met: tuple[TrainingRow, ...]
    target_s: float
    start: int
    earlier: TrainingRow
    lie: tuple[float, float]

    @property
    def seconds(self) -> Floats:
        """Of each scale-out's run, shape (n,)."""
        return np.array([row.duration_s for row in self.met])

    def regret(self, chosen: int) -> float:
        """By how much a choice costs more than the cheapest in time, with the overrun of a missed target.

        Both are relative: ``max(0, c / c* - 1) + max(0, t / target - 1)`` with c scale-out times seconds.

        Args:
            chosen: Index of the scale-out.
        """
        seconds = self.seconds
        cost = seconds * self.context.scale_outs
        least = float(cost[seconds <= self.target_s].min())
        overrun = max(0.0, float(seconds[chosen]) / self.target_s - 1)
        return max(0.0, float(cost[chosen]) / least - 1) + overrun


def most_users(jobs: Sequence[Job]) -> int:
    """Users that the contexts of these jobs suffice for."""
    return sum(len(_usable(job)) // PER_USER for job in jobs)


def arrivals(jobs: Sequence[Job], rng: np.random.Generator) -> tuple[Visit, ...]:
    """An order of users, each with contexts of one program that nobody else has.

    Args:
        jobs: With all contexts.
        rng: Random numbers.
    """
    groups: list[list[MeasuredContext]] = []
    for job in jobs:
        usable = _usable(job)
        mixed = [usable[at] for at in rng.permutation(len(usable))]
        groups += [mixed[at : at + PER_USER] for at in range(0, len(mixed) - PER_USER + 1, PER_USER)]
    order = rng.permutation(len(groups))[:USERS]
    return tuple(_visit(user, groups[group], rng) for user, group in enumerate(order))


def _usable(job: Job) -> list[MeasuredContext]:
    """Contexts with something to choose."""
    return [one for one in job.contexts if len(one.scale_outs) > 1]


def _visit(user: int, contexts: Sequence[MeasuredContext], rng: np.random.Generator) -> Visit:
    context, before = contexts
    met = tuple(_drawn(context, int(size), rng) for size in context.scale_outs)
    seconds = [row.duration_s for row in met]
    lie = np.exp(rng.uniform(np.log(LIE[0]), np.log(LIE[1]), PER_USER)) if rng.random() < LIARS else np.ones(PER_USER)
    return Visit(
        user=user,
        context=context,
        met=met,
        target_s=ROOM * float(np.exp(rng.uniform(np.log(min(seconds)), np.log(max(seconds))))),
        start=int(rng.integers(len(met))),
        earlier=_drawn(before, int(rng.choice(before.scale_outs)), rng),
        lie=(float(lie[0]), float(lie[1])),
    )


def _drawn(context: MeasuredContext, size: int, rng: np.random.Generator) -> TrainingRow:
    there = [row for row in context.rows if (row.scale_out or row.parallelism) == size]
    return there[rng.integers(len(there))]
