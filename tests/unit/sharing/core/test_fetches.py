"""Which blocks are asked of whom, and how many calls are on their way."""

from __future__ import annotations

import random

from adaptor.sharing.core.fetches import ANYBODY_EVERY, Fetches
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.missing_blocks import MissingBlocks
from adaptor.sharing.core.peers import AddressBook
from adaptor.testing import logs


def several(*names: str, **limits: int) -> tuple[Fetches, MissingBlocks]:
    """Fetches with an empty list, and peers that can be called."""
    bounds = ReplicaLimits(**limits)  # type: ignore[arg-type]
    missing = MissingBlocks(bounds, {})
    book = AddressBook(bounds, own="me", chance=random.Random(1))
    for name in names:
        book.learn(name, f"{name}:1")
    return Fetches(bounds, missing, book), missing


def test_blocks_are_asked_of_whoever_named_them_several_in_one_call() -> None:
    """As many as fit."""
    fetches, missing = several("ann", "bob", fetch_batch=3)
    cids = logs.nobodys(5)
    for i, cid in enumerate(cids):
        missing.add(cid, height=i, peer="ann" if i < 4 else "bob", now_s=0.0)
    calls = fetches.due(0.0)
    assert [(call.peer, len(call.cids)) for call in calls] == [("ann", 3), ("ann", 1), ("bob", 1)]
    assert fetches.due(0.0) == []


def test_there_is_a_bound_and_what_is_beyond_waits_for_a_call_to_end() -> None:
    """No time is named at which to look again."""
    fetches, missing = several("ann", "bob", "cia", "dan", "eva", fetches_in_flight=4, fetch_batch=1)
    for i, (cid, peer) in enumerate(zip(logs.nobodys(5), ("ann", "bob", "cia", "dan", "eva"), strict=True)):
        missing.add(cid, height=i, peer=peer, now_s=0.0)
    calls = fetches.due(0.0)
    assert [call.peer for call in calls] == ["ann", "bob", "cia", "dan"]
    assert fetches.full and fetches.next_try_s() is None
    fetches.landed(calls[0], now_s=1.0)
    assert [call.peer for call in fetches.due(1.0)] == ["eva"]


def test_what_one_peer_is_to_be_asked_beyond_its_share_waits_for_its_calls_to_end() -> None:
    """All of it is asked for in the end, whoever is asked then."""
    fetches, missing = several("ann", fetches_in_flight=4, fetch_batch=2)
    cids = set(logs.nobodys(9))
    for cid in cids:
        missing.add(cid, height=1, peer="ann", now_s=0.0)
    asked: set[bytes] = set()
    calls = fetches.due(0.0)
    assert len(calls) == 1
    while calls:
        asked.update(calls[0].cids)
        for cid in calls[0].cids:
            missing.remove(cid)
        fetches.landed(calls[0], now_s=0.0)
        calls = fetches.due(0.0)
    assert asked == cids and not fetches.count


def test_now_and_then_anybody_is_asked() -> None:
    """Who named it may have lied to be asked."""
    fetches, missing = several("ann", "bad")
    (cid,) = logs.nobodys(1)
    missing.add(cid, height=1, peer="bad", now_s=0.0)
    now_s, asked = 0.0, []
    for _ in range(8 * ANYBODY_EVERY):
        (call,) = fetches.due(now_s)
        asked.append(call.peer)
        fetches.landed(call, now_s=now_s)
        missing.failed(cid, peer=call.peer, now_s=now_s)
        now_s += 1000.0
    assert asked.count("bad") >= 6 * ANYBODY_EVERY and "ann" in asked


def test_without_anybody_to_ask_blocks_wait_a_little() -> None:
    """And no try has failed."""
    fetches, missing = several()
    (cid,) = logs.nobodys(1)
    missing.add(cid, height=1, peer="gone", now_s=0.0)
    assert fetches.due(0.0) == []
    assert missing.items()[cid].attempts == 0
    assert fetches.next_try_s() == ReplicaLimits().retry_s
