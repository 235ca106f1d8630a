"""Who shares the slots of a managed cluster out on a real Flink: adaptor's arbitration, or a manager by a simpler rule.

All of them act through the service that cluster managers call. The simpler rules fix every run's grant, over and over.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.cluster import ClusterManager
from adaptor.cluster.errors import ClusterCallError

EVERY_S = 0.5
"""Pause between two looks of a manager that fixes grants: an eighth of a superstep."""

Rule = Callable[[Sequence[pb.Demand], int], dict[str, int]]
"""Slots for each run, from demands in the order in which the runs came, and the slots there are."""


def first_come(demands: Sequence[pb.Demand], slots: int) -> dict[str, int]:
    """Each what it wants, in the order in which they came."""
    shares = {}
    for one in demands:
        shares[one.run_id] = min(one.wanted_slots, slots)
        slots -= shares[one.run_id]
    return shares


def equal_share(demands: Sequence[pb.Demand], slots: int) -> dict[str, int]:
    """Each as many as the others, the first ones what is over."""
    each, over = divmod(slots, len(demands) or 1)
    return {one.run_id: each + (index < over) for index, one in enumerate(demands)}


RULES: dict[str, Rule | None] = {"adaptor": None, "first come": first_come, "equal share": equal_share}
"""By the names they have in reports; ``None`` leaves grants to adaptor."""


class Sharer:
    """A manager that fixes grants by a rule, from a thread of its own, while it is entered.

    Args:
        address: Of the service.
        cluster_id: The cluster.
        rule: How; ``None`` does nothing.
        order: Run ids in the order in which they come.
    """

    def __init__(self, address: str, cluster_id: str, rule: Rule | None, *, order: Sequence[str]) -> None:
        self._address, self._cluster_id, self._rule, self._order = address, cluster_id, rule, order
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._share, daemon=True)

    def __enter__(self) -> Sharer:
        """Begin."""
        if self._rule is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _share(self) -> None:
        with ClusterManager(self._address) as manager:
            fixed: dict[str, int] = {}
            while not self._ended.wait(EVERY_S):
                # A run may have ended, or the capacity changed, between two calls: the next look sees it.
                with contextlib.suppress(ClusterCallError):
                    self._once(manager, fixed)

    def _once(self, manager: ClusterManager, fixed: dict[str, int]) -> None:
        demands = sorted(manager.demand(self._cluster_id), key=lambda one: self._order.index(one.run_id))
        slots = manager.cluster(self._cluster_id).capacity_slots
        if self._rule is None or not demands:
            return
        shares = self._rule(demands, slots)
        # Those that get less come first, so that what others get more is there.
        for run_id in sorted(shares, key=lambda one: shares[one] - fixed.get(one, 0)):
            if fixed.get(run_id) != shares[run_id]:
                manager.set_grant(self._cluster_id, run_id, shares[run_id])
                fixed[run_id] = shares[run_id]
