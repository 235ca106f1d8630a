"""Whom to ask for a missing block, when next, and who makes room for whom."""

from __future__ import annotations

import pytest

from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.missing_blocks import PEERS_KEPT, MissingBlocks
from adaptor.sharing.core.state import Missing
from adaptor.testing import logs

A, B, C = logs.nobodys(3)
LIMITS = ReplicaLimits(retry_s=1.0, retry_max_s=10.0)


def a_list() -> MissingBlocks:
    """An empty list."""
    return MissingBlocks(LIMITS, {})


def test_the_wait_doubles_up_to_a_bound() -> None:
    """From the first try that failed."""
    missing = a_list()
    missing.add(A, height=1, peer="ann", now_s=0.0)
    waits = []
    for _ in range(6):
        one = missing.failed(A, peer="ann", now_s=100.0)
        assert one is not None
        waits.append(one.next_try_s - 100.0)
    assert waits == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_block_is_due_once_until_something_comes_of_it() -> None:
    """The lowest first of those due at the same time."""
    missing = a_list()
    for cid, height in ((A, 3), (B, 1), (C, 2)):
        missing.add(cid, height=height, peer="ann", now_s=0.0)
    assert [cid for cid, _ in missing.due(0.0, most=2)] == [B, C]
    assert [cid for cid, _ in missing.due(0.0, most=2)] == [A]
    assert missing.due(0.0, most=2) == [] and missing.next_try_s() is None
    missing.failed(A, peer="ann", now_s=0.0)
    assert missing.due(0.9, most=2) == [] and missing.next_try_s() == 1.0
    assert [cid for cid, _ in missing.due(1.0, most=2)] == [A]


def test_another_peer_that_names_it_is_asked_first_and_at_once() -> None:
    """A few of those who did are remembered."""
    missing = a_list()
    missing.add(A, height=5, peer="p0", now_s=0.0)
    missing.failed(A, peer="p0", now_s=0.0)
    for i in range(1, 12):
        one = missing.add(A, height=9 - i, peer=f"p{i}", now_s=0.5)
    assert one.peers == tuple(f"p{i}" for i in range(11, 11 - PEERS_KEPT, -1))
    assert one.next_try_s == 0.5 and one.height == -2


def test_naming_it_again_changes_nothing() -> None:
    """Neither the wait nor who is asked next."""
    missing = a_list()
    missing.add(A, height=5, peer="ann", now_s=0.0)
    missing.add(A, height=5, peer="bad", now_s=0.0)
    before = missing.failed(A, peer="bad", now_s=0.0)
    assert missing.add(A, height=5, peer="bad", now_s=0.5) == before
    assert before is not None and before.peers == ("ann", "bad")


def test_who_named_most_makes_room_and_nobody_for_him() -> None:
    """The last that he named goes first."""
    missing = a_list()
    missing.add(A, height=1, peer="bad", now_s=0.0)
    missing.add(B, height=1, peer="bad", now_s=0.0)
    assert missing.surplus("bad") is None
    assert missing.surplus("ann") == B and missing.named_by(B) == "bad"
    missing.remove(B)
    assert missing.surplus("ann") is None, "of one each, nobody has more"


def test_what_was_missing_at_the_stop_is_missing_at_the_start() -> None:
    """With its attempts."""
    kept = {A: Missing(0.0, 3, 7.0, ("ann",), 4)}
    missing = MissingBlocks(LIMITS, kept)
    assert dict(missing.items()) == kept and missing.next_try_s() == 7.0
    assert missing.remove(A) and not missing.remove(A) and not len(missing)


@pytest.mark.parametrize(("next_try_s", "due"), [(5_000.0, True), (108.0, False)])
def test_after_the_clock_was_set_back_nothing_waits_for_longer_than_it_may(next_try_s: float, due: bool) -> None:
    """A time far ahead was meant by another clock."""
    missing = MissingBlocks(LIMITS, {A: Missing(0.0, 3, next_try_s, ("ann",), 4)})
    missing.clock_was_set(100.0)
    assert bool(missing.due(100.0, most=1)) is due


def test_what_cannot_be_asked_for_now_is_put_off_without_a_failed_try() -> None:
    """Nobody was there to ask."""
    missing = a_list()
    missing.add(A, height=1, peer="ann", now_s=0.0)
    missing.due(0.0, most=1)
    missing.postpone(A, now_s=0.0)
    assert missing.next_try_s() == 1.0 and missing.items()[A].attempts == 0
    missing.again(A, now_s=0.2)
    assert missing.next_try_s() == 0.2
    assert missing.failed(B, peer="ann", now_s=0.0) is None
