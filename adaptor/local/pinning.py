"""Which core a TaskManager is pinned to.

A file source keeps two threads busy, so unpinned TaskManagers on a machine of few cores would all be slowed by the
first one and scaling out would show nothing. A worker is a core: TaskManager *i* gets core *i*, and beyond the cores
they share, which costs, as it does on a real cluster that is too small.

Where the platform knows no affinity (macOS), TaskManagers run unpinned; `adaptor` works, its curve is flatter.
"""

from __future__ import annotations

import os
from collections.abc import Sequence


def allowed_cores() -> tuple[int, ...]:
    """Return the cores this process may use, empty where the platform does not say."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


def core_of_slot(slot: int, cores: Sequence[int]) -> int | None:
    """Return the core for a slot index, None where there are none to choose from."""
    return cores[slot % len(cores)] if cores else None
