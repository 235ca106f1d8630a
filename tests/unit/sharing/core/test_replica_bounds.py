"""What becomes of blocks beyond a bound: each costs whoever gave them, and nobody else."""

from __future__ import annotations

import pytest

from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.core.state import Changes
from adaptor.testing import logs

REASON = RefusalReason
MANIFEST = logs.a_manifest()
OTHER = "cd" * 32


def orphans(name: str, count: int, *, height: int = 5) -> list[bytes]:
    """Entries whose parents nobody has."""
    scribe = logs.Scribe(name, MANIFEST)
    return [scribe.wrong(parents=(cid,), height=height).block for cid in logs.nobodys(count, seed=len(name))]


def test_a_flood_of_waiting_entries_costs_its_own_peer_only() -> None:
    """Whatever heights it claims: another's entry stays, and is applied when its parent comes."""
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    replica = logs.a_replica(MANIFEST, waiting=4)
    logs.given(replica, second, peer=OTHER)
    changes = logs.given(replica, *orphans("bad", 20, height=2))
    assert logs.reasons(changes) == {REASON.TOO_MANY_WAITING}
    assert len(replica.waiting) == 4 and second.cid in replica.waiting
    logs.given(replica, first, peer=OTHER)
    assert second.cid in replica.applied


def test_too_many_bytes_of_waiting_entries_are_dropped_as_well() -> None:
    """Blocks that wait are on disk."""
    replica = logs.a_replica(MANIFEST, waiting_bytes=2000)
    changes = logs.given(replica, *orphans("bad", 20))
    assert logs.reasons(changes) == {REASON.TOO_MANY_WAITING}
    assert sum(one.size_bytes for _, one in replica.waiting.items()) <= 2000


def test_a_flood_of_named_heads_costs_its_own_peer_only() -> None:
    """Of a full list, whoever named most makes room."""
    replica = logs.a_replica(MANIFEST, missing=5)
    changes = Changes()
    replica.hear([(cid, 2) for cid in logs.nobodys(20)], peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
    assert logs.reasons(changes) == {REASON.TOO_MANY_MISSING} and len(replica.missing) == 5
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    changes = logs.given(replica, second, peer=OTHER)
    assert logs.reasons(changes) == {REASON.TOO_MANY_MISSING}, "named as the flooder's"
    assert first.cid in replica.missing and len(replica.missing) == 5


def test_an_entry_whose_parents_find_no_room_does_not_wait_for_ever() -> None:
    """It is refused for now, and what waited for it too."""
    replica = logs.a_replica(MANIFEST, missing=2)
    scribe = logs.Scribe("ann", MANIFEST)
    wide = scribe.wrong(parents=logs.nobodys(3), height=9)
    child = logs.Scribe("bob", MANIFEST).write(wide)
    logs.given(replica, child)
    changes = logs.given(replica, wide)
    assert logs.reasons(changes) == {REASON.TOO_MANY_MISSING}
    assert not len(replica.waiting) and not replica.knows(wide.cid)


@pytest.mark.parametrize("drop", ["surplus", "given up"])
def test_what_waits_for_something_dropped_is_dropped(drop: str) -> None:
    """Nothing waits for what nobody will ask for; all of it may be offered again."""
    replica = logs.a_replica(MANIFEST, waiting=2, attempts=2)
    low, middle = logs.Scribe("ann", MANIFEST), logs.Scribe("bob", MANIFEST)
    one = low.wrong(parents=logs.nobodys(1), height=50)
    child = middle.wrong(one, height=2)
    logs.given(replica, one, child)
    changes = Changes()
    if drop == "surplus":
        changes = logs.given(replica, low.wrong(parents=logs.nobodys(1), height=3))
    else:
        for _ in range(2):
            replica.not_found(logs.nobodys(1), peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
        assert REASON.NEVER_FOUND in logs.reasons(changes)
    assert one.cid not in replica.waiting and child.cid not in replica.waiting
    assert not replica.knows(one.cid)


def test_a_missing_block_is_given_up_after_so_many_tries_and_looked_for_when_named_again() -> None:
    """Endless ancestors end here; an honest block only takes another announcement."""
    replica = logs.a_replica(MANIFEST, attempts=3)
    (cid,) = logs.nobodys(1)
    changes = Changes()
    replica.hear([(cid, 1)], peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
    for _ in range(3):
        assert cid in replica.missing
        replica.not_found([cid], peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
    assert cid not in replica.missing and changes.found == [cid]
    replica.hear([(cid, 1)], peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
    assert replica.missing.items()[cid].attempts == 0


def test_heads_of_absurd_heights_are_not_looked_for() -> None:
    """The claim is refused, not the block."""
    replica = logs.a_replica(MANIFEST)
    changes = Changes()
    replica.hear([(logs.nobodys(1)[0], 10**9)], peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
    assert logs.reasons(changes) == {REASON.HEIGHT_JUMP} and not len(replica.missing)


def test_a_block_changed_and_found_in_one_step_is_missing_no_more_on_disk() -> None:
    """It was on disk before the step, which must say that it goes."""
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    third = logs.Scribe("bob", MANIFEST).write(first)
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, second)
    changes = logs.given(replica, third, first, peer=OTHER)
    assert first.cid in changes.found and first.cid not in changes.missing
