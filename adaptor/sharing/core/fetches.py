"""Which missing blocks are asked of whom, and how many calls for blocks are on their way."""

from __future__ import annotations

from collections import Counter

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.messages import Fetch
from adaptor.sharing.core.missing_blocks import MissingBlocks
from adaptor.sharing.core.peers import AddressBook
from adaptor.sharing.core.state import Missing

SHARE_OF_ONE = 4
"""A peer gets at most one in so many of the calls that may be on their way, so that silence holds up no others."""

ANYBODY_EVERY = 4
"""One try in so many asks a peer by chance, whoever named the block: those who did may lie or be gone."""


class Fetches:
    """The calls for blocks.

    Args:
        limits: Bounds of this replica.
        missing: Blocks that are missing.
        book: Known peers.
    """

    def __init__(self, limits: ReplicaLimits, missing: MissingBlocks, book: AddressBook) -> None:
        self._limits = limits
        self._missing = missing
        self._book = book
        self._most_of_one = max(1, limits.fetches_in_flight // SHARE_OF_ONE)
        self._asked: Counter[str] = Counter()
        self._calls: set[Fetch] = set()
        self._in_flight: set[Cid] = set()
        self._behind: dict[str, list[Cid]] = {}
        self.count = 0

    @property
    def full(self) -> bool:
        """Whether no more calls may be made now."""
        return self.count >= self._limits.fetches_in_flight

    def next_try_s(self) -> float | None:
        """When a block is due next; ``None`` if none is, or a call must end first."""
        return None if self.full else self._missing.next_try_s()

    def due(self, now_s: float) -> list[Fetch]:
        """Calls for blocks whose time has come."""
        calls: list[Fetch] = []
        while not self.full:
            due = self._missing.due(now_s, most=self._limits.fetch_batch)
            if not due:
                break
            wanted: dict[str, list[Cid]] = {}
            for cid, one in due:
                if cid not in self._in_flight:
                    wanted.setdefault(self._whom(one, now_s), []).append(cid)
            for cid in wanted.pop("", ()):
                self._missing.postpone(cid, now_s=now_s)
            calls += [call for peer, cids in wanted.items() if (call := self._call(peer, cids)) is not None]
        return calls

    def landed(self, call: Fetch, *, now_s: float) -> None:
        """A call ended; blocks that were to be asked of the same peer are due again.

        A call of before a restart, or of before the log went back to what is on disk, took no place here.
        """
        if call not in self._calls:
            return
        self._calls.remove(call)
        self.count -= 1
        self._asked[call.peer] -= 1
        self._in_flight.difference_update(call.cids)
        behind = self._behind.pop(call.peer, [])
        # Those beyond one call's worth wait on, if another call to the same peer will end.
        count = self._limits.fetch_batch if self._asked[call.peer] else len(behind)
        for cid in behind[:count]:
            self._missing.again(cid, now_s=now_s)
        if behind[count:]:
            self._behind[call.peer] = behind[count:]
        if not self._asked[call.peer]:
            del self._asked[call.peer]

    def _call(self, peer: str, cids: list[Cid]) -> Fetch | None:
        if self._asked[peer] >= self._most_of_one:
            self._behind.setdefault(peer, []).extend(cids)
            return None
        self.count += 1
        self._asked[peer] += 1
        self._in_flight.update(cids)
        call = Fetch(peer=peer, cids=tuple(cids))
        self._calls.add(call)
        return call

    def _whom(self, one: Missing, now_s: float) -> str:
        """The first of those who named a block that may be called, free ones before busy ones; else anybody."""
        if one.attempts % ANYBODY_EVERY != ANYBODY_EVERY - 1:
            named = [name for name in one.peers if (peer := self._book.get(name)) is not None and peer.usable(now_s)]
            free = [name for name in named if self._asked[name] < self._most_of_one]
            if named:
                return (free or named)[0]
        return next((peer.peer for peer in self._book.at_random(1, now_s=now_s)), "")
