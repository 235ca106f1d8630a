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
        regret: Mean over the user's contexts, relative to the cheapest in time.
        late: Share of them that missed the target.
    """

    sharing: Sharing
    order: int
    after: int
    regret: float
    late: float


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
    users = range(visits[-1].user + 1)
    return [_of_user([one for one in left if one.visit.user == user], sharing, order) for user in users]


def _of_user(runs: Sequence[Left], sharing: Sharing, order: int) -> Regret:
    late = [float(one.visit.seconds[one.chosen] > one.visit.target_s) for one in runs]
    return Regret(
        sharing=sharing,
        order=order,
        after=runs[0].visit.user,
        regret=float(np.mean([one.visit.regret(one.chosen) for one in runs])),
        late=float(np.mean(late)),
    )
