"""Regrets of an order of users: each chooses, runs, and leaves the run to those who come later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.experiments.models.c3o import Job
from adaptor.experiments.users.arrivals import Visit, arrivals
from adaptor.experiments.users.choice import chosen
from adaptor.experiments.users.log import Left, Sharing, prior_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """How one user did in one setting.

    Attributes:
        sharing: The setting.
        order: Number of the order.
        after: Users who came before.
        regret: Relative to the cheapest in time.
        late: Whether the target was missed.
    """

    sharing: Sharing
    order: int
    after: int
    regret: float
    late: bool


def regrets(jobs: Sequence[Job], *, order: int, seed: int) -> list[Regret]:
    """Every user of one order in every setting; the same users with the same targets in each.

    Args:
        jobs: With all contexts.
        order: Number of the order.
        seed: Of all orders.
    """
    visits = arrivals(jobs, np.random.default_rng((seed, order)))
    return [one for sharing in Sharing for one in _played(visits, sharing, order)]


def _played(visits: Sequence[Visit], sharing: Sharing, order: int) -> list[Regret]:
    left: list[Left] = []
    for visit in visits:
        left.append(Left(visit=visit, chosen=chosen(visit, prior_for(visit, left, sharing))))
    return [
        Regret(
            sharing=sharing,
            order=order,
            after=one.visit.user,
            regret=one.visit.regret(one.chosen),
            late=bool(one.visit.seconds[one.chosen] > one.visit.target_s),
        )
        for one in left
    ]
