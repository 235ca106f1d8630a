"""Defects planted in production one at a time, which the seeds must find: what shows that the simulation can see.

Each replaces a function or two of the core while it is planted; nothing on disk is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from adaptor.domain.verdict import Judgement
from adaptor.sharing.core import dag_cbor, entry, refusal, standing
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Entry, SignedEntry
from adaptor.sharing.core.exchange import Exchange, Step
from adaptor.sharing.core.messages import Page, Pull
from adaptor.sharing.core.missing_blocks import MissingBlocks
from adaptor.sharing.core.refusal import RefusalReason, RefusedEntryError
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.standing import Roll, Statement, Tally
from adaptor.sharing.core.state import Changes, LogState, Missing, Node
from adaptor.sharing.core.waiting_entries import WaitingEntries

Mutant = Callable[[], AbstractContextManager[Any]]

NEVER_S = 1e12
"""A time that does not come."""


class _TrustingKey:
    """A public key that takes every signature for its own."""

    @classmethod
    def from_public_bytes(cls, _data: bytes) -> _TrustingKey:
        return cls()

    def verify(self, _signature: bytes, _data: bytes) -> None:
        return None


def _forgiving(reason: RefusalReason) -> Mutant:
    """Entries that disagree with what they need in this way are applied all the same."""
    production = Replica._node

    def node(self: Replica, one: Entry) -> Node:
        try:
            return production(self, one)
        except RefusedEntryError as error:
            if error.reason is not reason:
                raise
            return Node(one.height, one.at_ms, one.author, one.number, 1)

    return lambda: mock.patch.object(Replica, "_node", node)


def _for_good(reason: RefusalReason) -> Mutant:
    """What should be refused for now is refused for ever."""
    return lambda: mock.patch.object(refusal, "_FOR_NOW", refusal._FOR_NOW - {reason})


def _without(cls: type, method: str, result: object = None) -> Mutant:
    """A method does nothing."""
    return lambda: mock.patch.object(cls, method, lambda *_args, **_kwargs: result)


def _lost_retry() -> AbstractContextManager[Any]:
    production = MissingBlocks.failed

    def failed(self: MissingBlocks, cid: Cid, *, peer: str, now_s: float) -> Missing | None:
        one = production(self, cid, peer=peer, now_s=now_s)
        return None if one is None else self._put(cid, replace(one, next_try_s=NEVER_S))

    return mock.patch.object(MissingBlocks, "failed", failed)


def _missing_not_saved() -> AbstractContextManager[Any]:
    production = Replica._miss

    def miss(self: Replica, cid: Cid, *, changes: Changes, **given: Any) -> bool:
        noted = production(self, cid, changes=changes, **given)
        changes.missing.pop(cid, None)
        return noted

    return mock.patch.object(Replica, "_miss", miss)


def _found_not_saved() -> AbstractContextManager[Any]:
    def found(self: Replica, cid: Cid, changes: Changes) -> None:
        if self.missing.remove(cid) and changes.missing.pop(cid, None) is None:
            changes.found.append(cid)

    return mock.patch.object(Replica, "_found", found)


def _missing_unbounded() -> AbstractContextManager[Any]:
    def miss(self: Replica, cid: Cid, *, height: int, peer: str, now_s: float, changes: Changes) -> bool:
        if not self.knows(cid):
            changes.missing[cid] = self.missing.add(cid, height=height, peer=peer, now_s=now_s)
        return True

    return mock.patch.object(Replica, "_miss", miss)


def _never_gives_up() -> AbstractContextManager[Any]:
    def not_found(self: Replica, cids: Iterable[Cid], *, peer: str, now_s: float, changes: Changes) -> None:
        for cid in cids:
            one = self.missing.failed(cid, peer=peer, now_s=now_s)
            if one is not None:
                changes.missing[cid] = one

    return mock.patch.object(Replica, "not_found", not_found)


def _restart_without(*fields: str) -> Mutant:
    """A replica begins without a part of what is on disk."""
    production = Replica.__init__

    def init(self: Replica, manifest: Any, limits: Any, state: LogState, writers: Any) -> None:
        empty = LogState(epoch=state.epoch)
        kept = replace(state, **{name: getattr(empty, name) for name in fields})
        production(self, manifest, limits, kept, writers)

    return lambda: mock.patch.object(Replica, "__init__", init)


def _forgotten_not_saved() -> AbstractContextManager[Any]:
    production = Replica._remember_refused

    def remember_refused(self: Replica, cid: Cid, changes: Changes) -> None:
        production(self, cid, changes)
        changes.forgotten.clear()

    return mock.patch.object(Replica, "_remember_refused", remember_refused)


def _own_numbers_forgotten() -> AbstractContextManager[Any]:
    production = Replica.__init__

    def init(self: Replica, *given: Any) -> None:
        production(self, *given)
        self._tips.clear()

    return mock.patch.object(Replica, "__init__", init)


def _heads_not_updated() -> AbstractContextManager[Any]:
    production = Replica._apply

    def apply(self: Replica, *given: Any, **more: Any) -> None:
        before = set(self.heads)
        production(self, *given, **more)
        self.heads |= before

    return mock.patch.object(Replica, "_apply", apply)


def _applied_again() -> AbstractContextManager[Any]:
    def receive(
        self: Replica, blocks: Iterable[bytes], *, peer: str, now_s: float, changes: Changes, **_: object
    ) -> None:
        for block in blocks:
            if cid_of(block) not in self.waiting:
                self._take(cid_of(block), block, None, peer=peer, now_s=now_s, changes=changes)
        self._drop_surplus(changes)
        changes.heads = frozenset(self.heads)

    return mock.patch.object(Replica, "receive", receive)


def _pages_not_taken() -> AbstractContextManager[Any]:
    production = Exchange.pulled

    def pulled(self: Exchange, call: Pull, page: Page, **given: Any) -> Step:
        return production(self, call, replace(page, blocks=()), **given)

    return mock.patch.object(Exchange, "pulled", pulled)


def _no_anti_entropy() -> AbstractContextManager[Any]:
    production = Exchange.tick

    def tick(self: Exchange, now_s: float) -> Step:
        if self._next_round_s:
            self._next_round_s = now_s + 1.0
        return production(self, now_s)

    return mock.patch.object(Exchange, "tick", tick)


def _not_canonical_taken() -> AbstractContextManager[Any]:
    production = entry.parse_entry

    def parse_entry(block: bytes) -> SignedEntry:
        try:
            return production(block)
        except dag_cbor.MalformedBlockError as error:
            value = dag_cbor.read(block)
            if "canonical" not in str(error) or not isinstance(value, dict):
                raise
            body = {**value["body"], "kind": entry.Kind(value["body"]["kind"])}
            links = {name: tuple(body[name]) for name in ("parents", "skips")}
            return SignedEntry(cid=cid_of(block), block=block, entry=Entry(**{**body, **links}))

    @contextmanager
    def planted() -> Iterator[None]:
        with mock.patch.object(entry, "parse_entry", parse_entry), mock.patch.object(entry, "_BODY_START", _BODY_START):
            yield

    return planted()


_BODY_START = entry._BODY_START


def _order_by_arrival() -> AbstractContextManager[Any]:
    def without_twins(statements: Iterable[Statement]) -> Iterator[Statement]:
        first: dict[tuple[bytes, int], Statement] = {}
        for one in statements:
            first.setdefault((one.author, one.number), one)
        yield from first.values()

    return mock.patch.object(standing, "_without_twins", without_twins)


def _surplus_without_dependants() -> AbstractContextManager[Any]:
    def drop_surplus(self: Replica, changes: Changes) -> None:
        while (cid := self.waiting.surplus()) is not None:
            self._let_go(cid, changes)
            self._drop_block(cid, changes)

    return mock.patch.object(Replica, "_drop_surplus", drop_surplus)


def _vote_counted_twice() -> AbstractContextManager[Any]:
    production = standing.tally

    def tally(judgements: Iterable[Judgement]) -> Tally:
        votes = list(judgements)
        return production(votes + votes[:1])

    return mock.patch.object(standing, "tally", tally)


def _own_vote_counted() -> AbstractContextManager[Any]:
    def is_vote(author: bytes, *, contributor: bytes, roll: Roll) -> bool:  # noqa: ARG001 - as production's
        return roll.votes(author)

    return mock.patch.object(standing, "is_vote", is_vote)


def _revocation_ignored() -> AbstractContextManager[Any]:
    production = Roll.counts

    def counts(self: Roll, author: bytes, number: int) -> bool:
        return production(self, author, min(number, 1)) or self.through(author) == 0

    return mock.patch.object(Roll, "counts", counts)


MUTANTS: dict[str, Mutant] = {
    "signature_not_verified": lambda: mock.patch.object(entry, "Ed25519PublicKey", _TrustingKey),
    "canonical_check_skipped": _not_canonical_taken,
    "height_not_checked": _forgiving(RefusalReason.WRONG_HEIGHT),
    "previous_chain_not_checked": _forgiving(RefusalReason.BROKEN_CHAIN),
    "backdating_not_checked": _forgiving(RefusalReason.BACKDATED),
    "rate_not_checked": _forgiving(RefusalReason.TOO_MANY_ENTRIES),
    "writer_not_checked": _forgiving(RefusalReason.NOT_A_WRITER),
    "founder_not_checked": _forgiving(RefusalReason.NOT_THE_FOUNDER),
    "future_not_checked": _without(Replica, "_require_near"),
    "future_refused_for_good": _for_good(RefusalReason.FROM_THE_FUTURE),
    "writer_refused_for_good": _for_good(RefusalReason.NOT_A_WRITER),
    "lost_retry": _lost_retry,
    "missing_list_not_saved": _missing_not_saved,
    "found_blocks_still_missing_on_disk": _found_not_saved,
    "missing_list_unbounded": _missing_unbounded,
    "waiting_unbounded": _without(WaitingEntries, "surplus"),
    "surplus_dropped_without_dependants": _surplus_without_dependants,
    "never_given_up": _never_gives_up,
    "waiting_dropped_on_restart": _restart_without("waiting"),
    "heads_forgotten_on_restart": _restart_without("heads"),
    "refused_forgotten_on_restart": _restart_without("refused"),
    "forgotten_blocks_still_refused_on_disk": _forgotten_not_saved,
    "own_numbers_forgotten_on_restart": _own_numbers_forgotten,
    "heads_not_updated": _heads_not_updated,
    "applied_again": _applied_again,
    "dependants_not_applied": _without(Replica, "_apply_dependants"),
    "children_of_refused_kept": _without(Replica, "_drop_dependants"),
    "cursor_advanced_without_applying": _pages_not_taken,
    "named_heads_ignored": _without(Replica, "hear"),
    "anti_entropy_off": _no_anti_entropy,
    "order_by_arrival": _order_by_arrival,
    "vote_counted_twice": _vote_counted_twice,
    "own_vote_counted": _own_vote_counted,
    "revocation_ignored": _revocation_ignored,
}
"""Every defect by name."""
