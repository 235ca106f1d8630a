"""Blocks that are known to exist and not held: whom to ask for each, when next, and when to give up.

Each is booked on the peer that named it first. If there are too many, whoever named the most loses his latest: so a
peer that names blocks nobody has leaves room for the others'.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.state import Missing

PEERS_KEPT = 8
"""Peers remembered for a missing block: enough to get around several that are gone or lie."""


class MissingBlocks:
    """The list of missing blocks.

    Args:
        limits: Bounds of this replica.
        known: What was missing when the replica was stopped.
    """

    def __init__(self, limits: ReplicaLimits, known: Mapping[Cid, Missing]) -> None:
        self._limits = limits
        self._blocks: dict[Cid, Missing] = dict(known)
        self._schedule: list[tuple[float, int, Cid]] = []
        self._named_by: dict[Cid, str] = {}
        self._named: dict[str, dict[Cid, None]] = {}
        for cid, one in self._blocks.items():
            heapq.heappush(self._schedule, (one.next_try_s, one.height, cid))
            self._book(cid, one.peers[0])

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, cid: Cid) -> bool:
        return cid in self._blocks

    def items(self) -> Mapping[Cid, Missing]:
        """All of them."""
        return self._blocks

    def named_by(self, cid: Cid) -> str:
        """Who named a missing block first."""
        return self._named_by[cid]

    def surplus(self, peer: str) -> Cid | None:
        """The block that must go before a peer may name one more; ``None`` if none must, as that peer named most."""
        counts = {one: len(cids) for one, cids in self._named.items()}
        most = max(counts, key=lambda one: (counts[one], one))
        return next(reversed(self._named[most])) if counts[most] > counts.get(peer, 0) + 1 else None

    def add(self, cid: Cid, *, height: int, peer: str, now_s: float) -> Missing:
        """Note that a block is missing, or that one more peer spoke of it.

        Returns:
            What is known of it now.
        """
        one = self._blocks.get(cid)
        if one is None:
            self._book(cid, peer)
            return self._put(cid, Missing(now_s, 0, now_s, (peer,), height))
        if peer in one.peers:
            return one
        # Somebody new has it: that is worth a try at once.
        kept = (peer, *one.peers)[:PEERS_KEPT]
        return self._put(cid, Missing(one.since_s, one.attempts, now_s, kept, min(height, one.height)))

    def remove(self, cid: Cid) -> bool:
        """Forget a block; tells whether it was missing."""
        if self._blocks.pop(cid, None) is None:
            return False
        peer = self._named_by.pop(cid)
        named = self._named[peer]
        del named[cid]
        if not named:
            del self._named[peer]
        return True

    def failed(self, cid: Cid, *, peer: str, now_s: float) -> Missing | None:
        """Note that a peer did not give a block; the next in line is asked next, after a wait that doubles.

        Returns:
            What is known of it now, or ``None`` if it is not missing.
        """
        one = self._blocks.get(cid)
        if one is None:
            return None
        wait_s = self._limits.wait_s(one.attempts)
        peers = (*(other for other in one.peers if other != peer), *(p for p in one.peers if p == peer))
        return self._put(cid, Missing(one.since_s, one.attempts + 1, now_s + wait_s, peers, one.height))

    def again(self, cid: Cid, *, now_s: float) -> None:
        """Let a block be asked for at once, as nothing was wrong with the last try."""
        one = self._blocks.get(cid)
        if one is not None:
            self._put(cid, replace(one, next_try_s=now_s))

    def postpone(self, cid: Cid, *, now_s: float) -> None:
        """Let a block wait, as nobody can be asked now."""
        one = self._blocks.get(cid)
        if one is not None:
            self._put(cid, replace(one, next_try_s=now_s + self._limits.retry_s))

    def due(self, now_s: float, *, most: int) -> list[tuple[Cid, Missing]]:
        """Blocks to ask for now, the lowest first among those due; each is handed out once until `failed` or `add`."""
        found: list[tuple[Cid, Missing]] = []
        while self._schedule and self._schedule[0][0] <= now_s and len(found) < most:
            next_try_s, _, cid = heapq.heappop(self._schedule)
            one = self._blocks.get(cid)
            if one is not None and one.next_try_s == next_try_s:
                found.append((cid, one))
        return found

    def next_try_s(self) -> float | None:
        """When the next block is due; ``None`` if none is scheduled."""
        while self._schedule:
            next_try_s, _, cid = self._schedule[0]
            one = self._blocks.get(cid)
            if one is not None and one.next_try_s == next_try_s:
                return next_try_s
            heapq.heappop(self._schedule)
        return None

    def clock_was_set(self, now_s: float) -> None:
        """Let nothing wait for longer than it may, after the clock was set back."""
        for cid, one in list(self._blocks.items()):
            if one.next_try_s > now_s + self._limits.retry_max_s:
                self._put(cid, replace(one, next_try_s=now_s))

    def _book(self, cid: Cid, peer: str) -> None:
        self._named_by[cid] = peer
        self._named.setdefault(peer, {})[cid] = None

    def _put(self, cid: Cid, one: Missing) -> Missing:
        self._blocks[cid] = one
        heapq.heappush(self._schedule, (one.next_try_s, one.height, cid))
        return one
