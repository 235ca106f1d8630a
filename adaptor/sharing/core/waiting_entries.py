"""Checked entries that wait for their parents: who needs whom, and who must go when there are too many.

Each entry is booked on the peer that gave it. If there are too many, the peer that takes the most room loses its
highest ones: so nobody's flood pushes out what others gave, and of one peer's the lowest, which are the next to be
applied, stay.
"""

from __future__ import annotations

import heapq
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass, field

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.state import Waiting

_SLACK = 64
"""Entries of a heap that may be out of date before it is made anew: keeps that rare for short ones."""


@dataclass(slots=True)
class _Share:
    """What waits of one peer's."""

    count: int = 0
    size_bytes: int = 0
    highest: list[tuple[int, Cid]] = field(default_factory=list)


class WaitingEntries:
    """The entries that wait.

    Args:
        limits: Bounds of this replica.
        known: What waited when the replica was stopped.
    """

    def __init__(self, limits: ReplicaLimits, known: Mapping[Cid, Waiting]) -> None:
        self._limits = limits
        self._entries: dict[Cid, Waiting] = {}
        self._needed_by: dict[Cid, dict[Cid, None]] = {}
        self._shares: dict[str, _Share] = {}
        self._bytes = 0
        for cid, one in known.items():
            self.add(cid, one)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, cid: object) -> bool:
        return cid in self._entries

    def __getitem__(self, cid: Cid) -> Waiting:
        return self._entries[cid]

    def get(self, cid: Cid) -> Waiting | None:
        """An entry, if it waits."""
        return self._entries.get(cid)

    def items(self) -> ItemsView[Cid, Waiting]:
        """All of them."""
        return self._entries.items()

    def add(self, cid: Cid, one: Waiting) -> None:
        """Let an entry wait."""
        self._entries[cid] = one
        self._bytes += one.size_bytes
        for need in one.entry.needs:
            self._needed_by.setdefault(need, {})[cid] = None
        share = self._shares.setdefault(one.peer, _Share())
        share.count += 1
        share.size_bytes += one.size_bytes
        heapq.heappush(share.highest, (-one.entry.height, cid))

    def remove(self, cid: Cid) -> Waiting:
        """Let an entry wait no more."""
        one = self._entries.pop(cid)
        self._bytes -= one.size_bytes
        for need in one.entry.needs:
            needing = self._needed_by[need]
            del needing[cid]
            if not needing:
                del self._needed_by[need]
        share = self._shares[one.peer]
        share.count -= 1
        share.size_bytes -= one.size_bytes
        if not share.count:
            del self._shares[one.peer]
        elif len(share.highest) > 2 * share.count + _SLACK:
            share.highest = [item for item in share.highest if self._is_of(one.peer, item[1])]
            heapq.heapify(share.highest)
        return one

    def needing(self, cid: Cid) -> list[Cid]:
        """Entries that wait for this one, perhaps among others."""
        return list(self._needed_by.get(cid, ()))

    def surplus(self) -> Cid | None:
        """The entry that must go next; ``None`` if there are not too many."""
        if len(self._entries) <= self._limits.waiting and self._bytes <= self._limits.waiting_bytes:
            return None
        peer = max(self._shares, key=lambda one: (self._room(self._shares[one]), one))
        highest = self._shares[peer].highest
        while not self._is_of(peer, highest[0][1]):
            heapq.heappop(highest)
        return highest[0][1]

    def _room(self, share: _Share) -> float:
        limits = self._limits
        return max(share.count / limits.waiting, share.size_bytes / limits.waiting_bytes)

    def _is_of(self, peer: str, cid: Cid) -> bool:
        one = self._entries.get(cid)
        return one is not None and one.peer == peer
