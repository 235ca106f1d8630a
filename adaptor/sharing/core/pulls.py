"""Pulling what a peer has, page by page in its own order: the quick way to catch up, with one peer at a time.

A peer may serve pages slowly, without end, or of junk. So a pull keeps single blocks from being asked for elsewhere
only for the time of one call; it ends after a few pages that bring next to nothing; and who was pulled from in vain
is not pulled from again at once, which leaves the turn to others.
"""

from __future__ import annotations

from collections.abc import Iterable

from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.messages import Page, Position, Pull
from adaptor.sharing.core.peers import Peer
from adaptor.sharing.core.replica import Replica

PULL_FROM = 8
"""Entries behind from which pages are pulled instead of single blocks fetched: about one round trip per level saved."""

KNOWN_SHARE = 0.1
"""Share of a peer's entries held here from which its first page is not pulled: most of it would be known."""

PAGES_WITHOUT_NEWS = 8
"""Pages in a row that bring next to nothing new before a pull is given up: some 4 MiB."""


class Pulls:
    """The pull that is going on, if any.

    Args:
        replica: The log.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._limits = replica.limits
        self._alone_until_s = 0.0
        self._without_news = 0
        self._known_given = 0
        self.peer: str | None = None

    def alone_until_s(self) -> float:
        """Until when no single blocks are to be asked for, as most of them will come."""
        return self._alone_until_s if self.peer is not None else 0.0

    def begin(
        self, one: Peer, position: Position | None, unknown: Iterable[tuple[Cid, int]], *, busy: bool, now_s: float
    ) -> Pull | None:
        """The pull that brings what a peer has beyond what is held here, if that is the cheaper or the only way.

        Args:
            one: The peer.
            position: How far it says it got.
            unknown: Its heads that are unknown here, with their heights.
            busy: Whether single blocks are on their way, which others' are not to wait for.
            now_s: Seconds since the epoch.
        """
        if position is None or one.swarm or self.peer is not None or not one.address or now_s < one.next_pull_s:
            return None
        known = one.cursor if one.cursor is not None and one.cursor.epoch == position.epoch else None
        if known is None and self._is_cheaper_to_fetch(position, unknown):
            return None
        after = known or Position(position.epoch, 0)
        if position.sequence - after.sequence < PULL_FROM:
            return None
        self._alone_until_s = now_s + (0.0 if busy else self._limits.call_s)
        self._without_news = self._known_given = 0
        self.peer = one.peer
        return Pull(peer=one.peer, after=after)

    def page(self, one: Peer, call: Pull, page: Page, *, news: int, now_s: float) -> Pull | None:
        """A page was taken.

        Args:
            one: The peer.
            call: What was asked.
            page: What came.
            news: Entries that were applied because of it.
            now_s: Seconds since the epoch.

        Returns:
            The call for the next one, if there is to be any.
        """
        self.peer = None
        self._weigh(page, news=news)
        if news >= PULL_FROM:
            one.pulls_in_vain, one.next_pull_s = 0, 0.0
        onward = page.position.epoch == call.after.epoch and page.position.sequence > call.after.sequence
        if onward:
            self._advance(one, call.after, page)
        if not onward or self._without_news >= PAGES_WITHOUT_NEWS:
            self._put_off(one, now_s)
        elif page.more:
            self.peer = one.peer
            return Pull(peer=one.peer, after=page.position)
        return None

    def failed(self, one: Peer | None, now_s: float) -> None:
        """A page did not come."""
        self.peer = None
        if one is not None:
            self._put_off(one, now_s)

    def _put_off(self, one: Peer, now_s: float) -> None:
        one.pulls_in_vain += 1
        one.next_pull_s = now_s + self._limits.wait_s(one.pulls_in_vain)

    def _is_cheaper_to_fetch(self, position: Position, unknown: Iterable[tuple[Cid, int]]) -> bool:
        """Whether most of a peer's entries are held, and the others can be fetched from the heads down."""
        held, limits = len(self._replica.applied), self._limits
        if held <= KNOWN_SHARE * position.sequence or position.sequence - held > limits.waiting // 2:
            # What is fetched so waits all at once, until the lowest of it arrives.
            return False
        return all(height <= self._replica.top + limits.height_jump for _, height in unknown)

    def _weigh(self, page: Page, *, news: int) -> None:
        """Count pages that bring next to nothing; of entries that are held, a peer may give as many as there are."""
        given, applied = len(page.blocks), self._replica.applied
        if news >= PULL_FROM:
            self._without_news = 0
        elif given >= PULL_FROM and self._known_given + given <= len(applied) and self._holds(page):
            self._known_given += given
        else:
            self._without_news += 1

    def _holds(self, page: Page) -> bool:
        return all(cid_of(block) in self._replica.applied for block in page.blocks)

    def _advance(self, one: Peer, after: Position, page: Page) -> None:
        """Note how far all is held of what a peer has: what waits or was refused for now is to be pulled again."""
        same = one.cursor is not None and one.cursor.epoch == after.epoch
        known = one.cursor.sequence if one.cursor is not None and same else 0
        settled = all(self._replica.settled(cid_of(block)) for block in page.blocks)
        if settled and after.sequence <= known <= page.position.sequence:
            one.cursor = page.position
