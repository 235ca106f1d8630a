"""What slots are worth to a run, made from its record alone: every number of them, not only what it was granted.

The models and the outlook are those of its plans, so a demand and a plan never disagree about the same parallelism. A
runtime target's `wanted_slots` are the cheapest that meet it when kept to the end; other objectives want what their
policy would choose if the whole cluster were theirs.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.demand import Claim, Demand, DemandPoint
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Interval
from adaptor.models.prediction import INTERVAL_LEVEL
from adaptor.models.runtime import RuntimeModel
from adaptor.planner.lookahead import HOPELESS
from adaptor.planner.outlook import Outlook, finish_interval, outlook
from adaptor.planner.policies import policy_named

_AT_ONCE = Interval(low=0.0, expected=0.0, high=0.0, level=INTERVAL_LEVEL)


def demand_of(
    record: RunRecord, *, claim: Claim, cluster_slots: int, at_s: float, model: RuntimeModel | None = None
) -> Demand | None:
    """The demand of a run. It changes with the run's events only: between them, `Demand.as_of` brings it up to date.

    Args:
        record: The run so far.
        claim: In whose name it asks.
        cluster_slots: All slots that its cluster has or will have; more are not asked for.
        at_s: Now, in seconds since the epoch.
        model: Of its durations, where it was fitted to this record before.

    Returns:
        Its demand, as of `at_s`; ``None`` once it has ended or nothing is left of it.
    """
    if record.state.ended or record.next_superstep > record.spec.max_supersteps:
        return None
    whole = _with_capacity(record, cluster_slots)
    if not record.granted_slots:
        # While it waits, its target comes nearer.
        whole = replace(whole, last_heard_at_s=max(at_s, record.last_heard_at_s))
    model = model or RuntimeModel.fit((*whole.own, *whole.earlier), prior=whole.prior)
    view = outlook(RunController().situation(whole, model))
    points = points_of(view)
    held = _whole(record.granted_slots, whole.capacity.slots_per_task_manager)
    superstep_s = _superstep_s(view, record)
    objective = record.spec.objective
    target = objective if isinstance(objective, RuntimeTarget) else None
    return Demand(
        run_id=record.spec.run_id,
        claim=claim,
        at_s=min(at_s, whole.last_heard_at_s),
        started_at_s=record.started_at_s,
        target_s=target.target_s if target else None,
        confidence=target.confidence if target else None,
        least_slots=points[0].slots,
        wanted_slots=cheapest_on_time(view, target.confidence) if target else _chosen(view, record),
        most_slots=points[-1].slots,
        held_slots=held,
        points=points,
        next_superstep=record.next_superstep + (1 if held else 0),
        barrier_in_s=superstep_s if held else _AT_ONCE,
        superstep_s=superstep_s,
        adaptation_s=record.adaptation.expected_s,
    ).as_of(at_s)


def _with_capacity(record: RunRecord, slots: int) -> RunRecord:
    per = record.capacity.slots_per_task_manager
    capacity = Capacity(existing_slots=slots, obtainable_slots=slots, slots_per_task_manager=per)
    return replace(record, capacity=capacity, held_until=0)


def _whole(slots: int, per: int) -> int:
    return math.ceil(slots / per) * per


def points_of(view: Outlook) -> tuple[DemandPoint, ...]:
    """What each number of whole TaskManagers would mean, by the parallelism of as many slots that ends first.

    Args:
        view: The rest of the run at every candidate.
    """
    situation = view.situation
    best: dict[int, int] = {}
    usable = (
        situation.selectable if situation.prediction.known.any() else np.ones(len(situation.candidates), dtype=bool)
    )
    for index, slots in enumerate(situation.slots):
        key, known = int(slots), best.get(int(slots))
        if known is None or (usable[index] and not view.finish_s[index] >= view.finish_s[known]):
            best[key] = index
    selectable = situation.selectable.tolist()
    return tuple(
        _point(view, slots, index) if selectable[index] else DemandPoint(slots=slots)
        for slots, index in sorted(best.items())
    )


def _point(view: Outlook, slots: int, index: int) -> DemandPoint:
    chance = float(view.chance[index])
    return DemandPoint(
        slots=slots,
        finish_s=finish_interval(view, index),
        on_time_probability=None if math.isnan(chance) else chance,
        cost_slot_s=max(0.0, float(view.cost_slot_s[index])),
    )


def cheapest_on_time(view: Outlook, confidence: float) -> int:
    """Slots of the cheapest candidate that meets the target; of the likeliest, or of the fastest, where none does.

    Of those that cannot be told from the fastest, the narrowest, as its plans have it.

    Args:
        view: The rest of the run at every candidate.
        confidence: Probability with which the target is to be met.
    """
    situation = view.situation
    if not situation.prediction.known.any():
        return int(situation.slots[situation.index(situation.nearest_candidate)])
    chance = np.where(situation.selectable, view.chance, -1.0)
    on_time = chance >= confidence
    if on_time.any():
        index = np.where(on_time, view.cost_slot_s, np.inf).argmin()
    elif chance.max() >= HOPELESS:
        index = chance.argmax()
    else:
        left_s = np.where(situation.selectable, view.finish_s - situation.elapsed_s, np.inf)
        index = (left_s <= left_s.min() * (1 + 2 * situation.prediction.noise)).argmax()
    return int(situation.slots[index])


def _chosen(view: Outlook, record: RunRecord) -> int:
    """Slots of what the run's policy chooses."""
    situation = view.situation
    per = situation.slots_per_task_manager
    slots = _whole(policy_named(record.spec.policy)(view).parallelism, per)
    return min(max(slots, int(situation.slots[0])), int(situation.slots[-1]))


def _superstep_s(view: Outlook, record: RunRecord) -> Interval | None:
    """Seconds of a superstep at the parallelism of the one that runs; ``None`` if nothing is known of it."""
    situation = view.situation
    running = record.plan.parallelism if record.plan else record.parallelism
    return situation.prediction.superstep_interval(min(situation.index(running), len(situation.candidates) - 1))
