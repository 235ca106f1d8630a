"""What one decision costs: the planner over many parallelisms and supersteps left, beside the rule of 2016."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from adaptor.domain.objective import Bounds, CostBudget, EfficiencyTarget, Objective, RuntimeTarget
from adaptor.domain.observation import ObservedDuration
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.models.runtime import RuntimeModel
from adaptor.planner.outlook import outlook
from adaptor.planner.policies import DEFAULT_POLICY, policy_named
from adaptor.planner.situation import AdaptationCost, Situation, compared_parallelisms

OBJECTIVES: dict[str, Objective] = {
    "target": RuntimeTarget(target_s=3000.0),
    "budget": CostBudget(budget_slot_s=120_000.0),
    "efficiency": EfficiencyTarget(min_efficiency=0.7),
}

BASELINE = "utilisation-0.70"


def bench_planner(*, parallelisms: int, supersteps: int, calls: int) -> Report:
    """Time from a prediction to a choice.

    Args:
        parallelisms: The widest that may be used.
        supersteps: That are left.
        calls: Decisions to measure for each objective.
    """
    own = [
        ObservedDuration(parallelism=p, duration_s=600.0 / p + 10.0 + i % 3, superstep=i + 1)
        for i, p in enumerate((8, 8, 16, 16, 32))
    ]
    model = RuntimeModel.fit(own)
    figures = []
    with threadpool_limits(limits=1):
        for name, objective in OBJECTIVES.items():
            situation = _situation(model, objective, parallelisms=parallelisms, supersteps=supersteps)
            ours = _milliseconds(situation, DEFAULT_POLICY, calls)
            rule = _milliseconds(situation, BASELINE, calls)
            for what, share in (("median", 0.5), ("p99", 0.99)):
                figures.append(
                    Figure(
                        name=f"planner_{name}_{what}",
                        value=percentile(ours, share),
                        unit="ms",
                        baseline=percentile(rule, share),
                        baseline_name="linear rule of 2016",
                    )
                )
    compared = len(compared_parallelisms(Bounds(), parallelisms))
    return Report(
        title=f"decisions over {parallelisms} parallelisms with {supersteps} supersteps left",
        figures=figures,
        details={"calls": calls, "parallelisms": parallelisms, "compared": compared, "supersteps_left": supersteps},
    )


def _situation(model: RuntimeModel, objective: Objective, *, parallelisms: int, supersteps: int) -> Situation:
    candidates = compared_parallelisms(Bounds(), parallelisms, always=model.measured_parallelisms)
    return Situation(
        objective=objective,
        current_parallelism=32,
        supersteps_left=supersteps,
        elapsed_s=300.0,
        spent_slot_s=5000.0,
        gap_s=0.1,
        adaptation=AdaptationCost(expected_s=4.0, high_s=8.0),
        joint=model.joint(candidates),
        work=np.ones(supersteps),
        work_spread=0.0,
        slots_per_task_manager=1,
        measured=model.measured_parallelisms,
        failing=frozenset(),
        cpu_utilisation=0.8,
    )


def _milliseconds(situation: Situation, policy: str, calls: int) -> list[float]:
    choose, times = policy_named(policy), []
    for _ in range(calls):
        began = time.perf_counter()
        choose(outlook(situation))
        times.append(1000 * (time.perf_counter() - began))
    return times
