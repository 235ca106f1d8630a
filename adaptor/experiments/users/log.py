"""What users leave to each other, and what of it one of them learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from adaptor.domain.informed_prior import InformedPrior
from adaptor.experiments.users.arrivals import Visit
from adaptor.models.prior import THIS_MACHINE, Prior
from adaptor.models.training import TrainingRow


class Sharing(str, Enum):
    """What a user may learn from."""

    WITH = "with sharing"
    WITHOUT = "without sharing"
    LIARS = "with liars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One run that a user left.

    Attributes:
        visit: Who, with what.
        chosen: Index of the scale-out.
    """

    visit: Visit
    chosen: int

    def seen_by(self, user: int, sharing: Sharing) -> TrainingRow | None:
        """The run as a user finds it; ``None`` if it is kept from them. Nobody lies to themselves."""
        row = self.visit.met[self.chosen]
        if self.visit.user == user:
            return replace(row, contributor=THIS_MACHINE)
        if sharing is Sharing.WITHOUT:
            return None
        factor = self.visit.lie if sharing is Sharing.LIARS else 1.0
        return replace(row, contributor=f"user {self.visit.user}", duration_s=row.duration_s * factor)


def prior_for(visit: Visit, left: Sequence[Left], sharing: Sharing) -> InformedPrior | None:
    """What the log says of a user's context; ``None`` if nothing.

    Other programs only tell how steep curves usually are, so they are fitted where there is nothing of the user's own.

    Args:
        visit: The user with the context.
        left: All runs so far.
        sharing: What of them the user finds.
    """
    found = [row for row in (one.seen_by(visit.user, sharing) for one in left) if row is not None]
    program = visit.context.place.context.program
    alike = [row for row in found if row.context.program == program]
    return Prior.fit(alike or found).informed(
        visit.context.place.context,
        place=visit.context.place,
        parallelisms=[int(one) for one in visit.context.parallelisms],
    )
