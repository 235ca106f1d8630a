"""Over-provisioned starts: how many slots are released, and how much slower that made the run.

A curve has a flat part if a narrower scale-out than the widest takes at most `SLOWDOWN` longer. The run begins at the
widest, and its target allows that much more than staying would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptor.domain.objective import RuntimeTarget
from adaptor.experiments.models.workers import spread
from adaptor.experiments.plots import DataTable
from adaptor.experiments.replay.cases import Replayed, Setup, Wanted, adaptation_costs, best_schedule, replayed
from adaptor.experiments.replay.knowledge import Setting, context_of, prior_of
from adaptor.experiments.report import Figure
from adaptor.experiments.simulated.curves import Curve
from adaptor.experiments.simulated.run import Known
from adaptor.planner.policies import DEFAULT_POLICY

SLOWDOWN = 0.05
"""Share by which a run may become slower: what is published as no significant slowdown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one process does at a time."""

    curve: Curve
    log: tuple[Curve, ...]
    setup: Setup
    setting: Setting
    seed: int


def replay_surplus(
    curves: Sequence[Curve], log: Sequence[Curve], setup: Setup, seed: int, *, processes: int = 1
) -> list[tuple[str, Replayed]]:
    """A run from the widest scale-out of each curve with a flat part, with what peers know and without."""
    parts = [
        _Part(
            curve=curve,
            log=tuple(log),
            setup=replace(setup, start_nodes=int(curve.nodes[-1])),
            setting=setting,
            seed=seed + number,
        )
        for number, curve in enumerate(one for one in curves if has_flat_part(one))
        for setting in (Setting.COLD, Setting.PEER)
    ]
    return list(spread(_released_in, parts, processes=min(processes, max(1, len(parts)))))


def _released_in(part: _Part) -> tuple[str, Replayed]:
    """One run, as another process plays it."""
    curve, setup = part.curve, part.setup
    target = RuntimeTarget(target_s=(1 + SLOWDOWN) * curve.at(setup.start_nodes))
    prior = prior_of(
        part.setting,
        curve,
        part.log,
        supersteps=setup.supersteps,
        slots_per_node=setup.slots_per_node,
        seed=part.seed,
    )
    one = replayed(
        curve,
        setup,
        policy=DEFAULT_POLICY,
        wanted=Wanted.TARGET,
        objective=target,
        context=context_of(curve),
        known=Known(prior=prior, adaptation_costs_s=adaptation_costs(setup.adaptation_cost_s)),
        best=best_schedule(curve, setup, target),
    )
    return f"{curve.name}, {part.setting.value}", one


def has_flat_part(curve: Curve) -> bool:
    """Whether some narrower scale-out is next to as fast as the widest."""
    return bool((curve.runtime_s[:-1] <= (1 + SLOWDOWN) * curve.runtime_s[-1]).any())


def released(one: Replayed) -> float:
    """Share of the slots of the start that a run gave back, in the mean over its time."""
    return 1 - one.played.slot_s / one.played.runtime_s / (one.static_slot_s / one.static_s)


def releasable(one: Replayed) -> float:
    """The same of the best schedule."""
    if one.best is None:
        return 0.0
    return 1 - one.best.slot_s / one.best.runtime_s / (one.static_slot_s / one.static_s)


def figures_of(found: Sequence[tuple[str, Replayed]]) -> list[Figure]:
    """Least share of what the best schedule releases, and the largest slowdown."""
    if not found:
        return []
    shares = [released(one) / releasable(one) for _, one in found if releasable(one) > 0]
    slowest = max(one.played.runtime_s / one.static_s - 1 for _, one in found)
    mean = sum(released(one) for _, one in found) / len(found)
    best = sum(releasable(one) for _, one in found) / len(found)
    return [
        Figure(
            name="surplus_released_mean",
            value=100 * mean,
            unit="% of the slots",
            baseline=100 * best,
            baseline_name="best schedule",
        ),
        Figure(name="surplus_released_of_best_least", value=min(shares, default=None), unit="share"),
        Figure(name="surplus_slowdown_worst", value=100 * slowest, unit="%"),
    ]


def table_of(found: Sequence[tuple[str, Replayed]]) -> DataTable:
    """A row for each curve and setting."""
    return DataTable(
        name="surplus",
        columns=["curve, known", "released, %", "best schedule, %", "slowdown, %", "slots over supersteps"],
        rows=[
            [
                name,
                100 * released(one),
                100 * releasable(one),
                100 * (one.played.runtime_s / one.static_s - 1),
                " ".join(str(step.parallelism) for step in one.played.steps),
            ]
            for name, one in found
        ],
    )
