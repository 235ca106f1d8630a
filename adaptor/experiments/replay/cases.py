"""One curve replayed under one policy and one objective, beside the best schedule, and how much worse it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.objective import Bounds, CostBudget, EfficiencyTarget, Objective, RuntimeTarget
from adaptor.domain.run import RunSpec
from adaptor.experiments.simulated.curves import Curve, CurveWorld
from adaptor.experiments.simulated.run import Known, Played, Step, play
from adaptor.experiments.simulated.schedules import Choices, Schedule, added_up, cheapest_within, fastest_within
from adaptor.models.arrays import Floats

MEASURED_CHANGES = 5
"""How often earlier runs are taken to have measured what a change costs on this cluster."""


LEAST, MOST, TUNED = "static least", "static most", "static tuned"
"""Runs that go to one scale-out after the first superstep and stay; the last with hindsight."""


class Wanted(Enum):
    """Objectives that are compared, each relative to the curve."""

    TARGET = "target"
    BUDGET = "budget"
    EFFICIENCY = "efficiency"


TARGET_FACTOR = 1.5
"""Runtime target over the fastest static run: in the middle of what the curve allows."""

BUDGET_FACTOR = 1.1
"""Budget over what staying at the start costs: the cap of ten per cent that published results are held to."""

MIN_EFFICIENCY = 0.7
"""Of parallel efficiency, as of utilisation in the rule of 2016."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a curve is replayed.

    Attributes:
        supersteps: Of the run.
        slots_per_node: Slots of one TaskManager.
        start_nodes: What the first superstep runs at.
        adaptation_cost_s: Seconds of one change.
        free_start: Whether the first superstep, too, runs as planned.
        noise: Standard deviation of log durations between supersteps.
        seed: Of that noise.
    """

    supersteps: int
    slots_per_node: int
    start_nodes: int
    adaptation_cost_s: float
    free_start: bool = False
    noise: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One replay with what it is compared to.

    Attributes:
        policy: Which decided.
        wanted: Under which objective.
        played: The run.
        best: The best schedule; ``None`` if the objective cannot be met at all.
        static_s: Seconds of the run that stays at the start.
        static_slot_s: Its slot-seconds.
        objective: What was asked for.
        violation: By how much of itself the objective was missed.
    """

    policy: str
    wanted: Wanted
    played: Played
    best: Schedule | None
    static_s: float
    static_slot_s: float
    objective: Objective
    violation: float

    @property
    def regret(self) -> float:
        """What was lost against the best schedule, as a share of what staying at the start comes to.

        In slot-seconds for a target, else in seconds; what the objective was missed by is added. Whoever misses it may
        well be faster or cheaper than the best schedule that does not; that makes up for nothing.
        """
        if self.best is None:
            return self.violation
        lost = (self.played.runtime_s - self.best.runtime_s) / self.static_s
        if self.wanted is Wanted.TARGET:
            lost = (self.played.slot_s - self.best.slot_s) / self.static_slot_s
        return max(0.0, lost) + self.violation


def objective_of(wanted: Wanted, curve: Curve, setup: Setup) -> Objective:
    """The objective relative to the curve."""
    if wanted is Wanted.TARGET:
        return RuntimeTarget(target_s=TARGET_FACTOR * float(curve.runtime_s.min()))
    if wanted is Wanted.BUDGET:
        static = curve.at(setup.start_nodes) * setup.start_nodes * setup.slots_per_node
        return CostBudget(budget_slot_s=BUDGET_FACTOR * static)
    return EfficiencyTarget(min_efficiency=MIN_EFFICIENCY)


def replayed(
    curve: Curve,
    setup: Setup,
    *,
    policy: str,
    wanted: Wanted,
    objective: Objective,
    context: ExecutionContext,
    known: Known,
    best: Schedule | None,
) -> Replayed:
    """Play one run on a curve and set it beside the best schedule."""
    played = played_on(curve, setup, policy=policy, objective=objective, context=context, known=known)
    return judged(played, curve, setup, policy=policy, wanted=wanted, objective=objective, best=best)


def played_on(
    curve: Curve, setup: Setup, *, policy: str, objective: Objective, context: ExecutionContext, known: Known
) -> Played:
    """Play one run on a curve."""
    per, least, most = setup.slots_per_node, int(curve.nodes[0]), int(curve.nodes[-1])
    world = CurveWorld(curve=curve, supersteps=setup.supersteps, slots_per_node=per, noise=setup.noise, seed=setup.seed)
    spec = RunSpec(
        run_id="replay",
        context=context,
        objective=objective,
        policy=policy,
        bounds=Bounds(min_parallelism=least * per, max_parallelism=most * per),
        start_parallelism=setup.start_nodes * per,
        max_supersteps=setup.supersteps,
    )
    return play(
        spec,
        world,
        capacity=Capacity(existing_slots=most * per, obtainable_slots=most * per, slots_per_task_manager=per),
        adaptation_cost_s=setup.adaptation_cost_s,
        known=known,
        free_start=setup.free_start,
    )


def judged(
    played: Played,
    curve: Curve,
    setup: Setup,
    *,
    policy: str,
    wanted: Wanted,
    objective: Objective,
    best: Schedule | None,
) -> Replayed:
    """A run beside the best schedule."""
    static_s = curve.at(setup.start_nodes)
    return Replayed(
        policy=policy,
        wanted=wanted,
        played=played,
        best=best,
        static_s=static_s,
        static_slot_s=static_s * setup.start_nodes * setup.slots_per_node,
        objective=objective,
        violation=_violation(played, objective, curve, setup.slots_per_node),
    )


def stayed(
    curve: Curve, setup: Setup, *, wanted: Wanted, objective: Objective, best: Schedule | None
) -> list[Replayed]:
    """Runs that need no policy: after the first superstep at the narrowest, the widest, or what hindsight picks."""
    choices = choices_of(curve, setup)
    places = {
        LEAST: 0,
        MOST: len(choices.parallelisms) - 1,
        TUNED: _tuned(curve, choices, objective, setup.slots_per_node),
    }
    after = setup.supersteps - 1
    return [
        judged(
            _along(choices, [at if choices.first is None else choices.first, *[at] * after], setup.slots_per_node),
            curve,
            setup,
            policy=name,
            wanted=wanted,
            objective=objective,
            best=best,
        )
        for name, at in places.items()
    ]


def _along(choices: Choices, indices: Sequence[int], slots_per_node: int) -> Played:
    """The run of a schedule."""
    steps = [
        Step(
            parallelism=int(choices.parallelisms[at]),
            duration_s=float(choices.superstep_s[superstep, at]),
            adaptation_s=choices.adaptation_cost_s if superstep and at != indices[superstep - 1] else 0.0,
            reason=None,
        )
        for superstep, at in enumerate(indices)
    ]
    return Played(steps=tuple(steps), plans=(), slots_per_task_manager=slots_per_node)


def _tuned(curve: Curve, choices: Choices, objective: Objective, slots_per_node: int) -> int:
    """Index of the one parallelism for all supersteps after the first that serves the objective best."""
    after = len(choices.superstep_s) - 1
    every = [
        _along(choices, [at if choices.first is None else choices.first, *[at] * after], slots_per_node)
        for at in range(len(choices.parallelisms))
    ]
    missed = np.array([_violation(one, objective, curve, slots_per_node) for one in every])
    worth = np.array([one.slot_s if isinstance(objective, RuntimeTarget) else one.runtime_s for one in every])
    # The least violation first: where nothing serves, what comes nearest.
    return int(np.lexsort((worth, missed.round(9)))[0])


def best_schedule(curve: Curve, setup: Setup, objective: Objective) -> Schedule | None:
    """The best that anybody who knows the curve could do, under the same start, changes and objective."""
    choices = choices_of(curve, setup)
    if isinstance(objective, RuntimeTarget):
        return cheapest_within(choices, objective.target_s)
    if isinstance(objective, CostBudget):
        return fastest_within(choices, objective.budget_slot_s)
    return _fastest_efficient(curve, choices, objective.min_efficiency, setup)


def choices_of(curve: Curve, setup: Setup) -> Choices:
    """Whole nodes of a curve as what a superstep can be run at."""
    nodes = np.arange(int(curve.nodes[0]), int(curve.nodes[-1]) + 1)
    seconds = np.array([curve.at(one) for one in nodes]) / setup.supersteps
    return Choices(
        parallelisms=nodes * setup.slots_per_node,
        superstep_s=np.tile(seconds, (setup.supersteps, 1)),
        slots=nodes.astype(np.float64) * setup.slots_per_node,
        adaptation_cost_s=setup.adaptation_cost_s,
        first=None if setup.free_start else setup.start_nodes - int(nodes[0]),
    )


def _fastest_efficient(curve: Curve, choices: Choices, least: float, setup: Setup) -> Schedule:
    """One efficient parallelism after the start: supersteps are all alike, so there is no use for a second."""
    efficient = _efficiency(curve, choices.parallelisms / setup.slots_per_node) >= least
    efficient[0] = True
    after = setup.supersteps - 1
    found = [
        added_up(choices, [at if choices.first is None else choices.first, *[int(at)] * after])
        for at in np.flatnonzero(efficient)
    ]
    return min(found, key=lambda one: one.runtime_s)


def _violation(played: Played, objective: Objective, curve: Curve, slots_per_node: int) -> float:
    """By how much of itself an objective was missed; of efficiency, the mean over the supersteps after the first."""
    if isinstance(objective, RuntimeTarget):
        return max(0.0, played.runtime_s / objective.target_s - 1)
    if isinstance(objective, CostBudget):
        return max(0.0, played.slot_s / objective.budget_slot_s - 1)
    nodes = np.array([one.parallelism / slots_per_node for one in played.steps[1:]])
    return float(np.maximum(0.0, objective.min_efficiency / _efficiency(curve, nodes) - 1).mean())


def _efficiency(curve: Curve, nodes: Floats) -> Floats:
    """Parallel efficiency against the curve's narrowest."""
    work = np.array([curve.at(one) * one for one in nodes])
    efficiency: Floats = curve.at(float(curve.nodes[0])) * float(curve.nodes[0]) / work
    return efficiency


def adaptation_costs(cost_s: float) -> tuple[float, ...]:
    """What earlier runs on the cluster measured of changes."""
    return (cost_s,) * MEASURED_CHANGES
