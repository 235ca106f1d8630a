"""What a run may take at its iteration barrier, while others still hold what they must give at theirs."""

from __future__ import annotations


def slots_at_barrier(
    *,
    share_slots: int,
    capacity_slots: int,
    held_by_others: int,
    slots_per_task_manager: int,
    least_slots: int,
    pausable: bool,
    quota_slots: int | None = None,
    held_by_tenant: int = 0,
) -> int:
    """Slots for the superstep that comes next: the share, as far as it is free already.

    Args:
        share_slots: The run's share.
        capacity_slots: Slots that the cluster has now.
        held_by_others: Slots that other runs hold until their next barriers.
        slots_per_task_manager: Slots that come and go together.
        least_slots: The fewest that the run can go on with.
        pausable: Whether it can wait at the barrier instead.
        quota_slots: Most slots that the runs of its tenant may hold together; ``None`` for no limit.
        held_by_tenant: Slots that other runs of its tenant hold until their next barriers.

    Returns:
        Whole TaskManagers. Where not even the least is free, 0 if the run can wait, else the least: it goes on, and
        Flink makes its job wait until slots are given back.
    """
    free = max(0, capacity_slots - held_by_others)
    if quota_slots is not None:
        free = min(free, max(0, quota_slots - held_by_tenant))
    free = free // slots_per_task_manager * slots_per_task_manager
    slots = min(share_slots, free)
    if slots >= least_slots:
        return slots
    return 0 if pausable or not share_slots else least_slots
