"""What a replica asks of its peers and tells them: heads on every news and from time to time, pages, single blocks.

Everything is a reaction to something that happened, with the time given: the outcome is a `Step`, whose changes are
to be written before its calls are made. A call that fails, comes late or never comes is an event like others. News
spread by rumour: who applies something new tells its neighbours, the first of them the blocks themselves, the others
only the heads; whoever missed it finds out when heads are next compared with anybody [Demers87].

[Demers87] Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Reading
from adaptor.sharing.core.fetches import Fetches
from adaptor.sharing.core.messages import Announcement, Call, Fetch, Meet, Page, Position, Pull
from adaptor.sharing.core.peers import AddressBook, Chance, Peer
from adaptor.sharing.core.pulls import Pulls
from adaptor.sharing.core.refusal import Refusal, RefusalReason
from adaptor.sharing.core.replica import NOTHING_AHEAD, Replica
from adaptor.sharing.core.state import Changes

PEERS_TOLD = 8
"""Peers named in an announcement: with a handful from each neighbour the book fills within minutes."""

CLOCK_SLACK_S = 1.0
"""How far the clock may go back before times are put right: less is what clocks are slewed by."""

SMALL_NEWS_BYTES = 1024
"""Blocks of news that every neighbour gets, whatever is due to be sent to few: an announcement alone takes as much."""

SWARM_ANSWER_S = 0.5
"""Longest chosen wait before a swarm is answered that one of it lacks something: lets one answer for all."""


@dataclass(slots=True, kw_only=True)
class Step:
    """The outcome of something that happened.

    Attributes:
        changes: To be written before anything else.
        calls: To be made then.
        peers: Names of peers of whom something durable changed; who is no more in the book is to be forgotten.
        taken: Blocks of the message that were taken ahead of it.
    """

    changes: Changes = field(default_factory=Changes)
    calls: list[Call] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)
    taken: int = 0


class Exchange:
    """The conversation of one replica with all others.

    Args:
        replica: The log.
        book: Known peers.
        chance: Where choices come from.
        address: Where this replica listens; empty if nowhere.
    """

    def __init__(self, replica: Replica, book: AddressBook, *, chance: Chance, address: str = "") -> None:
        self.replica = replica
        self.book = book
        self.address = address
        self._limits = replica.limits
        self._chance = chance
        self._fetches = Fetches(self._limits, replica.missing, book)
        self._pulls = Pulls(replica)
        self._answers_due: set[str] = set()
        self._next_round_s = 0.0
        self._answer_swarm_s: float | None = None
        self._latest_s = float("inf")

    @property
    def position(self) -> Position:
        """How far this replica got."""
        return Position(self.replica.epoch, len(self.replica.applied))

    @property
    def catching_up(self) -> bool:
        """Whether blocks are known to be missing or on the way."""
        return bool(self._pulls.peer or len(self.replica.missing))

    def greeting(self, blocks: tuple[bytes, ...] = (), *, peers: bool = True) -> Announcement:
        """What this replica says of itself, with news, and with peers that it knows or without."""
        return Announcement(
            heads=self._some_heads(),
            position=self.position,
            blocks=blocks,
            address=self.address,
            peers=self.book.some(PEERS_TOLD) if peers else (),
        )

    def take(
        self,
        peer: str,
        blocks: Sequence[bytes],
        *,
        now_s: float,
        step: Step,
        ahead: Mapping[Cid, Reading] = NOTHING_AHEAD,
    ) -> None:
        """Take a few blocks of a message ahead of the rest, so that whoever runs this can pause in between.

        The message itself is then given as a whole, with the same step.

        Args:
            peer: Who gave them.
            blocks: Some of the message's.
            now_s: Seconds since the epoch.
            step: Gets what became of them.
            ahead: What reading them came to, where that was done before.
        """
        if self.listens_to(peer):
            self.replica.receive(blocks, peer=peer, now_s=now_s, changes=step.changes, ahead=ahead)
            step.taken += len(blocks)

    def listens_to(self, peer: str) -> bool:
        """Whether a peer did not yet send more than it may within this minute."""
        one = self.book.get(peer)
        return one is None or self._too_much(one) is None

    def _too_much(self, one: Peer) -> tuple[RefusalReason, str] | None:
        """What a peer sent too much of within this minute, if anything."""
        limits = self._limits
        if one.minute_bytes > limits.peer_bytes_per_minute:
            return RefusalReason.TOO_MANY_BYTES, f"more than {limits.peer_bytes_per_minute} bytes within a minute"
        if one.minute_refusals > limits.peer_refusals_per_minute:
            text = f"more than {limits.peer_refusals_per_minute} blocks refused within a minute"
            return RefusalReason.TOO_MANY_REFUSALS, text
        return None

    def _receive(self, blocks: Sequence[bytes], *, peer: str, now_s: float, step: Step) -> None:
        """Take the blocks of a message, unless that was done ahead."""
        if step.taken < len(blocks):
            self.replica.receive(blocks, peer=peer, now_s=now_s, changes=step.changes)

    def met(
        self,
        peer: str,
        said: Announcement,
        *,
        size_bytes: int,
        now_s: float,
        through: str = "",
        step: Step | None = None,
    ) -> Step:
        """A peer said what it holds, unasked or in answer to `Meet`.

        Args:
            peer: Who spoke.
            said: What it said.
            size_bytes: Of the message.
            now_s: Seconds since the epoch.
            through: The swarm that carried it and is to be answered; empty if the peer itself is.
            step: What was taken ahead.
        """
        step = step or Step()
        one = self._heard(peer, size_bytes, address=said.address, now_s=now_s, step=step)
        if one is None:
            return step
        for name, address in said.peers[:PEERS_TOLD]:
            if self.book.get(name) is None and self.book.learn(name, address) is not None:
                step.peers.add(name)
        if len(said.heads) > self._limits.heads:
            text = f"{len(said.heads)} heads at once, the limit is {self._limits.heads}"
            self._refuse(one, RefusalReason.TOO_MANY_HEADS, text, step)
            said = replace(said, heads=said.heads[: self._limits.heads])
        self._receive(said.blocks, peer=peer, now_s=now_s, step=step)
        if peer in self._answers_due:
            self._answers_due.discard(peer)
        elif not said.blocks:
            # Not with news: those come from all sides at once, and would hide who calls by himself.
            one.called_s = now_s
        asked = self.book.get(through) or one
        one.heads = asked.heads = frozenset(cid for cid, _ in said.heads)
        self._compare(asked, said, now_s=now_s, step=step)
        return self._finished(step, source=asked, now_s=now_s)

    def fetched(
        self, call: Fetch, blocks: Sequence[bytes], *, size_bytes: int, now_s: float, step: Step | None = None
    ) -> Step:
        """A peer gave blocks; they may be others than those that were asked for, or fewer."""
        step = step or Step()
        self._fetches.landed(call, now_s=now_s)
        one = self._heard(call.peer, size_bytes, now_s=now_s, step=step)
        if one is None:
            return self._lost(call.cids, call.peer, now_s=now_s, step=step)
        self._receive(blocks, peer=call.peer, now_s=now_s, step=step)
        lacking = [cid for cid in call.cids if cid in self.replica.missing]
        given = {cid_of(block) for block in blocks}
        if not one.swarm and not given <= set(call.cids):
            text = "blocks that were not asked for, or under other names than their own"
            self._refuse(one, RefusalReason.WRONG_CID, text, step)
        if given.intersection(call.cids) - set(lacking):
            for cid in lacking:
                self.replica.missing.again(cid, now_s=now_s)
            lacking = []
        return self._lost(lacking, call.peer, now_s=now_s, step=step, source=one)

    def pulled(self, call: Pull, page: Page, *, size_bytes: int, now_s: float, step: Step | None = None) -> Step:
        """A peer gave a page."""
        step = step or Step()
        one = self._heard(call.peer, size_bytes, now_s=now_s, step=step)
        if one is None:
            self._pulls.failed(one, now_s)
            return self._finished(step, source=None, now_s=now_s)
        self._receive(page.blocks, peer=call.peer, now_s=now_s, step=step)
        following = self._pulls.page(one, call, page, news=len(step.changes.applied), now_s=now_s)
        if following is not None:
            step.calls.append(following)
        return self._finished(step, source=one, now_s=now_s, tell=following is None)

    def failed(self, call: Call, *, now_s: float) -> Step:
        """A call came to nothing: refused, timed out, cut, or unreadable."""
        step = Step()
        one = self.book.get(call.peer)
        if one is not None:
            one.failures += 1
            one.next_try_s = now_s + self._limits.wait_s(one.failures) * (0.5 + self._chance.random())
            if isinstance(call, Pull) or not any(other.proven for other in self.book):
                # Much is lacking, or nobody answers: as soon as this one may be called again, somebody is to be.
                self._next_round_s = min(self._next_round_s, one.next_try_s)
        if isinstance(call, Pull):
            self._pulls.failed(one, now_s)
        if isinstance(call, Meet):
            self._answers_due.discard(call.peer)
        if isinstance(call, Fetch):
            self._fetches.landed(call, now_s=now_s)
            return self._lost(call.cids, call.peer, now_s=now_s, step=step)
        return self._finished(step, source=None, now_s=now_s)

    def appended(self, changes: Changes, *, now_s: float) -> Step:
        """This replica wrote entries of its own."""
        return self._finished(Step(changes=changes), source=None, now_s=now_s)

    def tick(self, now_s: float) -> Step:
        """Time went by: retries that are due, and from time to time a comparison of heads with somebody."""
        step = Step()
        if now_s < self._latest_s - CLOCK_SLACK_S:
            self._clock_was_set(now_s)
        self._latest_s = now_s
        if self._answer_swarm_s is not None and now_s >= self._answer_swarm_s:
            self._answer_swarm_s = None
            for one in self.book.neighbours(now_s):
                if one.swarm:
                    self._tell(one, (), step=step)
        if now_s >= self._next_round_s:
            first = self._next_round_s == 0.0
            self._next_round_s = now_s + self._limits.anti_entropy_s * (0.5 + self._chance.random())
            self.book.change_neighbours()
            for one in self.book.neighbours(now_s) if first else self.book.at_random(1, now_s=now_s):
                self._tell(one, (), step=step, regular=True)
        self._fetch_due(now_s, step)
        return step

    def meet_soon(self) -> None:
        """Let the next `tick` compare heads with all neighbours, as at the start."""
        self._next_round_s = 0.0

    def next_tick_s(self) -> float:
        """When `tick` should be called next, seconds since the epoch."""
        fetch_s = self._fetches.next_try_s()
        if fetch_s is not None:
            fetch_s = max(fetch_s, self._pulls.alone_until_s())
        times = [self._next_round_s, self._answer_swarm_s, fetch_s]
        return min(one for one in times if one is not None)

    def _clock_was_set(self, now_s: float) -> None:
        """Times kept in memory or on disk may lie far ahead after the clock was set back: nothing waits for those."""
        if self._latest_s != float("inf"):
            self._next_round_s = now_s
        for one in self.book:
            one.next_try_s = min(one.next_try_s, now_s)
            one.next_pull_s = min(one.next_pull_s, now_s)
        self.replica.missing.clock_was_set(now_s)

    def _some_heads(self) -> tuple[tuple[Cid, int], ...]:
        """All heads; if there are too many, the highest and a chance for each of the others."""
        heads = sorted(self.replica.head_heights().items(), key=lambda item: (-item[1], item[0]))
        most = self._limits.heads
        if len(heads) <= most:
            return tuple(heads)
        kept = most - most // 2
        return (*heads[:kept], *self._chance.sample(heads[kept:], most // 2))

    def _compare(self, one: Peer, said: Announcement, *, now_s: float, step: Step) -> None:
        """Find out what the peer has that is not held here, and how best to get it."""
        unknown = [(cid, height) for cid, height in said.heads if not self.replica.knows(cid)]
        if one.swarm:
            if not self.replica.heads <= one.heads:
                wait_s = SWARM_ANSWER_S * self._chance.random()
                self._answer_swarm_s = self._answer_swarm_s or now_s + wait_s
            elif not unknown:
                self._answer_swarm_s = None
        if not unknown:
            whole = len(said.heads) < self._limits.heads and all(map(self.replica.settled, one.heads))
            if said.position is not None and not one.swarm and whole:
                one.cursor = said.position
                step.peers.add(one.peer)
            return
        pull = self._pulls.begin(one, said.position, unknown, busy=bool(self._fetches.count), now_s=now_s)
        if pull is not None:
            step.calls.append(pull)
            return
        self.replica.hear(unknown, peer=one.peer, now_s=now_s, changes=step.changes)

    def _finished(self, step: Step, *, source: Peer | None, now_s: float, tell: bool = True) -> Step:
        """Tell neighbours of news, unless more is just coming, and ask for what is due."""
        applied = step.changes.applied
        step.peers |= self.book.forgotten()
        for refusal in step.changes.refusals:
            self._count(refusal, step)
        if applied and tell:
            news = self._news(step.changes)
            eager = self._limits.eager if sum(map(len, news)) > SMALL_NEWS_BYTES else len(self.book)
            for one in self.book.neighbours(now_s):
                if one is source or self.replica.heads <= one.heads:
                    continue
                given = news if one.swarm or eager > 0 else ()
                eager -= not one.swarm
                self._tell(one, given, step=step)
        self._fetch_due(now_s, step)
        return step

    def _news(self, changes: Changes) -> tuple[bytes, ...]:
        """Blocks of this step's entries if all of them fit into an announcement."""
        blocks = tuple(changes.blocks[one.cid] for one in changes.applied if one.cid in changes.blocks)
        whole = len(blocks) == len(changes.applied)
        return blocks if whole and sum(map(len, blocks)) <= self._limits.inline_bytes else ()

    def _tell(self, one: Peer, blocks: tuple[bytes, ...], *, step: Step, regular: bool = False) -> None:
        # Whom it knows is told on regular occasions; with every piece of news it would be most of the bytes.
        said = self.greeting(blocks, peers=regular)
        if one.swarm:
            one.heads = one.heads | {cid for cid, _ in said.heads}
        else:
            self._answers_due.add(one.peer)
        step.calls.append(Meet(peer=one.peer, announcement=said))

    def _fetch_due(self, now_s: float, step: Step) -> None:
        """Ask for missing blocks whose time has come."""
        if now_s >= self._pulls.alone_until_s():
            step.calls += self._fetches.due(now_s)

    def _lost(self, cids: Iterable[Cid], peer: str, *, now_s: float, step: Step, source: Peer | None = None) -> Step:
        self.replica.not_found(cids, peer=peer, now_s=now_s, changes=step.changes)
        return self._finished(step, source=source, now_s=now_s)

    def _heard(self, peer: str, size_bytes: int, *, now_s: float, step: Step, address: str = "") -> Peer | None:
        """Note that a peer spoke; ``None`` if it is nobody's business or sends more than it may."""
        one = self.book.learn(peer, address, vouched=True)
        if one is None:
            return None
        one.last_heard_s, one.failures, one.next_try_s = now_s, 0, 0.0
        step.peers.add(peer)
        one.sent(size_bytes, now_s=now_s)
        if (too_much := self._too_much(one)) is None:
            return one
        one.next_try_s = (one.minute + 1) * 60.0
        self._refuse(one, *too_much, step)
        return None

    def _refuse(self, one: Peer, reason: RefusalReason, text: str, step: Step) -> None:
        one.refuse()
        step.peers.add(one.peer)
        step.changes.refusals.append(Refusal(reason=reason, text=text, peer=one.peer))

    def _count(self, refusal: Refusal, step: Step) -> None:
        one = self.book.get(refusal.peer)
        if one is not None and refusal.cid is not None:
            one.refuse()
            step.peers.add(one.peer)
