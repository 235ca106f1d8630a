"""Who gets how much so that the most weighted targets of one priority are met, at least cost.

Each run has a menu of numbers of TaskManagers. An option scores what it adds to the run's chance of meeting its target,
up to the confidence asked for, times the run's weight. Cost decides between options of equal chance alone: all costs
together are scaled to less than the smallest step of chance that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adaptor.arbitration.claimant import Claimant
from adaptor.arbitration.knapsack import Menu, best_options

WEIGHT_STEPS = 1000
"""Steps of a weight up to the largest: a weight below a thousandth of another one's is counted as that."""

COST_SHARE = 0.5
"""All costs together, in the smallest step of value: less than one, so that cost never outweighs a target."""


def targets_met(
    claimants: Sequence[Claimant],
    *,
    least: Mapping[str, int],
    spare: int,
    quotas: Mapping[str, int],
    certain: bool = False,
) -> dict[str, int]:
    """TaskManagers for each run whose target can be met, its least included; the others keep that.

    Args:
        claimants: Of one priority, each with a target, ascending by run id.
        least: What each has already, by run id.
        spare: TaskManagers that are left.
        quotas: What each tenant may still have of them; tenants that are missing have no limit.
        certain: Whether more chance counts than was asked for.
    """
    if not claimants:
        return {}
    most_cost = sum(max(option.cost_slot_s for option in one.options) for one in claimants)
    cost_scale = COST_SHARE / (most_cost or 1.0)
    heaviest = max(one.weight for one in claimants)
    menus = [
        _menu(
            one,
            least=least[one.run_id],
            weight=max(1, round(WEIGHT_STEPS * one.weight / heaviest)),
            cost_scale=cost_scale,
            certain=certain,
        )
        for one in claimants
    ]
    options = best_options(menus, limit=spare, group_limits=quotas)
    return {
        one.run_id: least[one.run_id] + menu.units[option]
        for one, menu, option in zip(claimants, menus, options, strict=True)
    }


def _menu(one: Claimant, *, least: int, weight: int, cost_scale: float, certain: bool) -> Menu:
    """Options beyond what the run has already, each worth more than all that take less."""
    base = one.option(least)
    first = weight * (base.certainty if certain else base.value) - cost_scale * base.cost_slot_s
    best = first
    units, scores = [0], [0.0]
    for option in one.options:
        value = option.certainty if certain else option.value
        worth = weight * value - cost_scale * option.cost_slot_s
        if option.units > least and value and worth > best:
            units.append(option.units - least)
            scores.append(worth - first)
            best = worth
    if certain:
        # What is not asked for is worth no search: all of it, or nothing.
        units, scores = [0, *units[1:][-1:]], [0.0, *scores[1:][-1:]]
    return Menu(units=tuple(units), scores=tuple(scores), group=one.tenant.tenant_id)
