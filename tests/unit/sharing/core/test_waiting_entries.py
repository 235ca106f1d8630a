"""Who waits for whom, and who must go."""

from __future__ import annotations

from typing import Any

from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.state import Waiting
from adaptor.sharing.core.waiting_entries import WaitingEntries
from adaptor.testing import logs

MANIFEST = logs.a_manifest()
A, B, C, D = logs.nobodys(4)


def waiting(height: int, *, peer: str = "ann", size: int = 10, **more: Any) -> Waiting:
    """An entry that waits."""
    return Waiting(logs.Scribe("ann", MANIFEST).draft(height=height, **more), peer, size)


def test_it_knows_who_needs_an_entry_until_they_go() -> None:
    """As a parent, or as the one before."""
    found = WaitingEntries(ReplicaLimits(), {})
    found.add(B, waiting(2, parents=(A,)))
    found.add(C, waiting(2, parents=(A, D)))
    assert found.needing(A) == [B, C] and found.needing(D) == [C]
    assert found.remove(C).size_bytes == 10
    assert found.needing(A) == [B] and found.needing(D) == []
    assert C not in found and found.get(C) is None and len(found) == 1


def test_the_highest_of_who_takes_most_goes_first() -> None:
    """By number here."""
    found = WaitingEntries(ReplicaLimits(waiting=3), {})
    found.add(A, waiting(9, peer="ann"))
    assert found.surplus() is None
    for cid, height in ((B, 2), (C, 3), (D, 1)):
        found.add(cid, waiting(height, peer="bad"))
    assert found.surplus() == C
    found.remove(C)
    assert found.surplus() is None


def test_bytes_count_as_well_as_numbers() -> None:
    """Whichever is the larger share of its bound."""
    found = WaitingEntries(ReplicaLimits(waiting=100, waiting_bytes=1000), {})
    for cid in (A, B):
        found.add(cid, waiting(1, peer="ann", size=10))
    found.add(C, waiting(1, peer="bad", size=990))
    assert found.surplus() == C


def test_entries_that_come_and_go_leave_nothing_behind() -> None:
    """However many there were in all."""
    found = WaitingEntries(ReplicaLimits(), {D: waiting(1)})
    for i in range(1000):
        found.add(A, waiting(i))
        found.remove(A)
    assert len(found._shares["ann"].highest) < 100
    found.remove(D)
    assert not found._shares and not found._needed_by
