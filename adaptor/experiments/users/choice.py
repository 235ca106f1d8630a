"""The scale-out that the production planner chooses for a job of one piece: a run of one superstep, planned once."""

from __future__ import annotations

from adaptor.domain.capacity import Capacity
from adaptor.domain.events import RunStarted
from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.objective import Bounds, RuntimeTarget
from adaptor.domain.run import RunSpec
from adaptor.experiments.simulated.run import PLANNING
from adaptor.experiments.traces.offered import OfferedController
from adaptor.experiments.users.arrivals import Visit
from adaptor.planner.policies import DEFAULT_POLICY


def chosen(visit: Visit, prior: InformedPrior | None) -> int:
    """Index of the scale-out that is planned.

    Args:
        visit: The user with the context.
        prior: What the log says of it.
    """
    offered = [int(one) for one in visit.context.parallelisms]
    per_worker = max(1, round(visit.context.place.cores or 1))
    started = RunStarted(
        spec=RunSpec(
            run_id="arrived",
            context=visit.context.place.context,
            objective=RuntimeTarget(target_s=visit.target_s),
            policy=DEFAULT_POLICY,
            bounds=Bounds(min_parallelism=offered[0], max_parallelism=offered[-1]),
            start_parallelism=offered[visit.start],
            max_supersteps=1,
        ),
        earlier=(),
        capacity=Capacity(existing_slots=offered[-1], obtainable_slots=offered[-1], slots_per_task_manager=per_worker),
        planning=PLANNING,
        # Nothing runs yet, so no choice is a change that would cost anything.
        adaptation_costs_s=(0.0,),
        at_s=0.0,
        prior=prior,
    )
    plan = OfferedController(offered).handle(None, started).record.plan
    if plan is None:
        raise ValueError("a run that began has a plan")
    return offered.index(plan.parallelism)
