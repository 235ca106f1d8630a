"""Runs recorded events through the core again and compares every plan with the recorded one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adaptor.control.run_controller import RunController
from adaptor.domain.effects import ReportPlan
from adaptor.domain.plan import Plan
from adaptor.store.history import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedPlan:
    """A recorded plan beside the one that the core makes of the same events now."""

    recorded: Plan | None
    replayed: Plan | None

    @property
    def identical(self) -> bool:
        """Whether both are equal in every field."""
        return self.recorded == self.replayed


def replayed_plans(history: Sequence[Recorded]) -> list[ReplayedPlan]:
    """Every plan of a run, as recorded and as made again.

    Args:
        history: The run's recorded events, in order.
    """
    controller, record, plans = RunController(), None, []
    for recorded in history:
        handled = controller.handle(record, recorded.event)
        record = handled.record
        replayed = next((effect.plan for effect in handled.effects if isinstance(effect, ReportPlan)), None)
        if replayed or recorded.plan:
            plans.append(ReplayedPlan(recorded=recorded.plan, replayed=replayed))
        if recorded.plan:
            # Go on from what was really planned, so that one difference is not counted again at every barrier.
            record = record.planned(recorded.plan)
    return plans
