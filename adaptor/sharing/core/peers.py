"""What is known of each peer, and the address book that it makes up."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.messages import Position

T = TypeVar("T")

MINUTE_S = 60.0

TRIES_OF_HEARSAY = 3
"""Calls in vain before a peer that was never heard from may be replaced by another that is only told of."""

CHANGE_SHARE = 0.25
"""How often a neighbour is let go when heads are compared: all of them within ten minutes or so."""

PROVEN_SHARE = 0.5
"""How often a choice is made among peers that answer: else names that somebody made up could crowd them out."""


class Chance(Protocol):
    """Where choices come from; `random.Random` is one."""

    def random(self) -> float:
        """A number from 0 up to 1."""
        ...

    def sample(self, population: Sequence[T], k: int) -> list[T]:
        """`k` different elements."""
        ...


@dataclass(slots=True)
class Peer:
    """One peer, as this replica sees it.

    Attributes:
        peer: Its name: the public key in hex, or a pseudonym of a whole swarm.
        address: Where it can be reached; empty if unknown.
        swarm: Whether this stands for everybody on a topic: told once, it answers nothing and serves no pages.
        cursor: Up to where in its order everything is held here.
        heads: What it named last.
        last_heard_s: Seconds since the epoch; 0 for never.
        called_s: When it last spoke unasked; 0 for never since the start.
        failures: Calls that failed since the last that did not.
        next_try_s: Not called before.
        pulls_in_vain: Pulls that failed or brought nothing since the last that did not.
        next_pull_s: Not pulled from before.
        bytes_in: Taken from it, in all.
        bytes_out: Given to it, in all.
        minute: The minute that `minute_bytes` counts in.
        minute_bytes: Taken within that minute.
        minute_refusals: What was refused of it within that minute, in number.
        refusals: What was refused of it, in number.
    """

    peer: str
    address: str = ""
    swarm: bool = False
    cursor: Position | None = None
    heads: frozenset[Cid] = frozenset()
    last_heard_s: float = 0.0
    called_s: float = 0.0
    failures: int = 0
    next_try_s: float = 0.0
    pulls_in_vain: int = 0
    next_pull_s: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    minute: int = -1
    minute_bytes: int = 0
    minute_refusals: int = 0
    refusals: int = 0

    def refuse(self) -> None:
        """Count something of it that was refused."""
        self.refusals += 1
        self.minute_refusals += 1

    def usable(self, now_s: float) -> bool:
        """Whether it may be called now."""
        return bool(self.swarm or self.address) and self.next_try_s <= now_s

    @property
    def proven(self) -> bool:
        """Whether it was heard from and answers."""
        return bool(self.last_heard_s) and not self.failures

    @property
    def dubious(self) -> bool:
        """Whether it was called in vain and never heard from."""
        return not self.swarm and not self.last_heard_s and self.failures >= TRIES_OF_HEARSAY

    def sent(self, size_bytes: int, *, now_s: float) -> None:
        """Count bytes taken; with each minute it is counted anew what came within it."""
        minute = int(now_s // MINUTE_S)
        if minute != self.minute:
            self.minute, self.minute_bytes, self.minute_refusals = minute, 0, 0
        self.minute_bytes += size_bytes
        self.bytes_in += size_bytes


class AddressBook:
    """All known peers.

    Args:
        limits: Bounds of this replica.
        own: This replica's name, which is never in the book.
        chance: Where choices come from.
        known: Peers of earlier.
    """

    def __init__(self, limits: ReplicaLimits, *, own: str, chance: Chance, known: Iterable[Peer] = ()) -> None:
        self._limits = limits
        self._own = own
        self._chance = chance
        self._peers: dict[str, Peer] = {one.peer: one for one in known if one.peer != own}
        self._chosen: list[str] = []
        self._forgotten: set[str] = set()

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, peer: str) -> Peer | None:
        """A peer, if it is known."""
        return self._peers.get(peer)

    def forgotten(self) -> set[str]:
        """Peers that are no more in the book, since this was last asked."""
        gone, self._forgotten = self._forgotten, set()
        return gone

    def learn(self, peer: str, address: str = "", *, swarm: bool = False, vouched: bool = False) -> Peer | None:
        """Note a peer and where it is.

        Args:
            peer: Its name.
            address: Where it listens; empty if unknown.
            swarm: Whether it is a swarm.
            vouched: Whether it said so itself; what others say of it never replaces a known address.

        Returns:
            The peer, or ``None`` if it is this replica itself, or the book is full of peers heard from.
        """
        if peer == self._own:
            return None
        one = self._peers.get(peer)
        if one is None:
            if len(self._peers) >= self._limits.peers and not self._forget_one(vouched=vouched):
                return None
            one = self._peers[peer] = Peer(peer, address, swarm)
        if address and vouched and address != one.address:
            one.address, one.failures, one.next_try_s = address, 0, 0.0
        elif address and (not one.address or one.dubious):
            one.address = address
        return one

    def neighbours(self, now_s: float) -> list[Peer]:
        """Those who are told of news: a choice that stays as long as they answer, swarms always, and latest callers.

        Callers are among them because some peers are nobody's choice: they are told by those whom they call.
        """
        usable = [one for one in self._peers.values() if one.usable(now_s)]
        names = {one.peer for one in usable}
        self._chosen = [one for one in self._chosen if one in names]
        lacking = self._limits.fan_out - len(self._chosen)
        for proven in (True, False):
            others = [one.peer for one in usable if not one.swarm and one.peer not in self._chosen]
            others = [one for one in others if self._peers[one].proven is proven]
            if lacking > 0 and others:
                self._chosen += self._chance.sample(others, min(lacking, len(others)))
                lacking = self._limits.fan_out - len(self._chosen)
        callers = [one for one in usable if one.called_s and not one.swarm and one.peer not in self._chosen]
        latest = heapq.nlargest(self._limits.fan_out, callers, key=lambda one: (one.called_s, one.peer))
        swarms = [one for one in usable if one.swarm]
        return [*swarms, *(self._peers[one] for one in self._chosen), *latest]

    def change_neighbours(self) -> None:
        """Now and then let a neighbour go, so that another is chosen.

        So who tells whom becomes random in time, however peers got to know each other: without that news take long
        ways, and who has chosen liars is left with them.
        """
        if self._chosen and self._chance.random() < CHANGE_SHARE:
            self._chosen.remove(self._chance.sample(self._chosen, 1)[0])

    def some(self, most: int) -> tuple[tuple[str, str], ...]:
        """A few peers that were heard from and answer, with their addresses, to tell others of."""
        good = [one for one in self._peers.values() if one.address and one.proven]
        known = [(one.peer, one.address) for one in good]
        return tuple(self._chance.sample(known, min(most, len(known))))

    def at_random(self, most: int, *, now_s: float) -> list[Peer]:
        """Some peers that may be called, by chance; one time in two one of those that answer."""
        usable = [one for one in self._peers.values() if one.usable(now_s)]
        if self._chance.random() < PROVEN_SHARE:
            usable = [one for one in usable if one.proven] or usable
        return self._chance.sample(usable, min(most, len(usable)))

    def _forget_one(self, *, vouched: bool) -> bool:
        """Make room at the cost of a peer that never answered or fails; for hearsay only of one that never did."""
        doubtful = [
            one
            for one in self._peers.values()
            if (not one.swarm and (one.failures or not one.last_heard_s) if vouched else one.dubious)
        ]
        if not doubtful:
            return False
        worst = max(doubtful, key=lambda one: (one.failures, one.peer))
        del self._peers[worst.peer]
        self._forgotten.add(worst.peer)
        return True
