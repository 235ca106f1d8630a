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
    """A user who has chosen and run, and what that leaves.

    Attributes:
        visit: Who, with what.
        chosen: Index of the scale-out.
    """

    visit: Visit
    chosen: int

    def shared(self, sharing: Sharing) -> list[TrainingRow]:
        """Both runs of the user as others find them."""
        if sharing is Sharing.WITHOUT:
            return []
        factors = self.visit.lie if sharing is Sharing.LIARS else (1.0, 1.0)
        runs = (self.visit.earlier, self.visit.met[self.chosen])
        return [
            replace(run, contributor=f"user {self.visit.user}", duration_s=run.duration_s * factor)
            for run, factor in zip(runs, factors, strict=True)
        ]


def prior_for(visit: Visit, left: Sequence[Left], sharing: Sharing) -> InformedPrior | None:
    """What the log and the user's own earlier run say of the context that the user arrives with.

    Other programs would only tell how steep curves usually are, so the program's own runs alone are fitted.

    Args:
        visit: The user.
        left: All users so far.
        sharing: What of them the user finds.
    """
    own = replace(visit.earlier, contributor=THIS_MACHINE)
    found = [own, *(row for one in left for row in one.shared(sharing))]
    program = visit.context.place.context.program
    return Prior.fit([row for row in found if row.context.program == program]).informed(
        visit.context.place.context,
        place=visit.context.place,
        parallelisms=[int(one) for one in visit.context.parallelisms],
    )
