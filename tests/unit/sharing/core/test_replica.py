"""What becomes of blocks: blocks in, changes out; every limit and attack ends in a refusal that names the peer."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adaptor.experiments.network.forgery import FORGERIES, Forger
from adaptor.sharing.core.entry import Kind, signed
from adaptor.sharing.core.refusal import RefusalReason, RefusedEntryError
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.state import SELF, Changes, LogState
from adaptor.testing import logs

REASON = RefusalReason
MANIFEST = logs.a_manifest()
OTHER = "cd" * 32


def reasons(changes: Changes, peer: str = logs.PEER) -> set[RefusalReason]:
    """Why things were refused, all of them of one peer."""
    assert {one.peer for one in changes.refusals} <= {peer}
    return {one.reason for one in changes.refusals}


def appended(replica: Replica, count: int = 1, *, name: str = "me", now_s: float = logs.NOW_S) -> Changes:
    """Entries that a replica writes itself."""
    changes = Changes()
    for _ in range(count):
        replica.append(Kind.CONTRIBUTION, b"", key=logs.a_key(name), now_s=now_s, changes=changes)
    return changes


# --- what comes in order, and out of order ------------------------------------------------------------------


def test_blocks_in_order_are_applied_in_one_step() -> None:
    """With their blocks and the heads after them."""
    entries = logs.Scribe("ann", MANIFEST).chain(3)
    changes = logs.given(logs.a_replica(MANIFEST), *entries)
    assert [one.cid for one in changes.applied] == logs.names(entries)
    assert [one.sequence for one in changes.applied] == [1, 2, 3]
    assert changes.blocks == {one.cid: one.block for one in entries}
    assert changes.heads == {entries[-1].cid}
    assert not changes.waiting and not changes.missing and not changes.refusals


def test_a_block_without_its_parents_waits_and_names_what_is_missing() -> None:
    """On disk, with whom to ask."""
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    replica = logs.a_replica(MANIFEST)
    changes = logs.given(replica, second)
    assert list(changes.waiting) == [second.cid] and list(changes.blocks) == [second.cid]
    assert changes.missing[first.cid].peers == (logs.PEER,)
    assert not changes.applied and changes.heads is None
    changes = logs.given(replica, first)
    assert [one.cid for one in changes.applied] == [first.cid, second.cid]
    assert changes.not_waiting == [second.cid] and changes.found == [first.cid]


def test_what_is_known_changes_nothing() -> None:
    """Applied, waiting or refused for good."""
    scribe = logs.Scribe("ann", MANIFEST)
    first, _, third = scribe.chain(3)
    bad = scribe.wrong(first, height=9)
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, first, third, bad)
    assert logs.given(replica, first, third, bad).empty


def test_an_author_s_entry_before_is_needed_even_if_it_is_no_parent() -> None:
    """Else numbers could be given twice unseen. It is a head no more once another follows it."""
    scribe, other = logs.Scribe("ann", MANIFEST), logs.Scribe("bob", MANIFEST)
    root, first = other.write(), scribe.write()
    second = scribe.write(root)
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, root, second)
    assert second.cid in replica.waiting and first.cid in replica.missing
    logs.given(replica, first)
    assert replica.heads == {second.cid}


def test_skip_links_are_asked_for_at_once_but_decide_nothing() -> None:
    """They are hints."""
    root, second = logs.Scribe("ann", MANIFEST).chain(2)
    bob = logs.Scribe("bob", MANIFEST)
    entry = bob.write(second, skips=(root.cid,))
    replica = logs.a_replica(MANIFEST)
    assert set(logs.given(replica, entry).missing) == {root.cid, second.cid}
    invented = bob.write(entry, skips=logs.nobodys(2))
    logs.given(replica, invented, root, second)
    assert {entry.cid, invented.cid} <= replica.applied.keys()


def test_own_entries_carry_skip_links_down_by_powers_of_sixteen() -> None:
    """So a fetch from the heads down takes steps in parallel."""
    replica = logs.a_replica(MANIFEST)
    changes = appended(replica, 33)
    by_height = {one.node.height: one for one in changes.applied}
    assert by_height[32].entry.skips == (by_height[16].cid,)
    assert all(not one.entry.skips for height, one in by_height.items() if height % 16)


# --- what it writes itself ----------------------------------------------------------------------------------


def test_own_entries_name_all_heads_and_the_author_s_last() -> None:
    """Of this replica, by itself."""
    replica = logs.a_replica(MANIFEST)
    ann, bob = logs.Scribe("ann", MANIFEST).write(), logs.Scribe("bob", MANIFEST).write()
    logs.given(replica, ann, bob)
    first, second = appended(replica, 2).applied
    assert first.entry.parents == tuple(sorted((ann.cid, bob.cid))) and first.peer == SELF
    assert second.entry.previous == first.cid and second.node.height == 3


def test_no_more_parents_are_named_than_allowed() -> None:
    """The rest stays for the next entry."""
    manifest = logs.a_manifest(parents=2)
    replica = logs.a_replica(manifest)
    logs.given(replica, *(logs.Scribe(f"w{i}", manifest).write() for i in range(4)))
    appended(replica)
    assert len(replica.heads) == 3
    appended(replica)
    assert len(replica.heads) == 2


def test_an_own_entry_is_never_before_its_parents() -> None:
    """Even if this machine's clock lags."""
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, logs.Scribe("ann", MANIFEST).write(at_ms=logs.NOW_MS + 60_000))
    (one,) = appended(replica).applied
    assert one.node.at_ms == logs.NOW_MS + 60_000


@pytest.mark.parametrize(
    ("manifest", "payload", "reason"),
    [
        (logs.a_manifest(entry_bytes=300), b"x" * 300, REASON.TOO_LARGE),
        (logs.a_manifest(writers=["ann"]), b"", REASON.NOT_A_WRITER),
        (logs.a_manifest(entries_per_hour=1), b"", REASON.TOO_MANY_ENTRIES),
    ],
)
def test_an_own_entry_beyond_the_rules_changes_nothing(manifest: object, payload: bytes, reason: RefusalReason) -> None:
    """The caller is told why."""
    replica = logs.a_replica(manifest)  # type: ignore[arg-type]
    if reason is REASON.TOO_MANY_ENTRIES:
        appended(replica)
    before = dict(replica.applied)
    with pytest.raises(RefusedEntryError) as caught:
        replica.append(Kind.CONTRIBUTION, payload, key=logs.a_key("me"), now_s=logs.NOW_S, changes=Changes())
    assert caught.value.reason is reason
    assert replica.applied == before


# --- who means harm -----------------------------------------------------------------------------------------

EXPECTED = {
    "wrong_signature": {REASON.WRONG_SIGNATURE},
    "key_of_another": {REASON.WRONG_SIGNATURE},
    "not_canonical": {REASON.MALFORMED},
    "other_log": {REASON.WRONG_LOG},
    "too_large": {REASON.TOO_LARGE},
    "too_many_parents": {REASON.TOO_MANY_LINKS},
    "bombs": {REASON.MALFORMED},
    "wrong_height": {REASON.WRONG_HEIGHT},
    "absurd_height": {REASON.HEIGHT_JUMP},
    "backdated": {REASON.BACKDATED},
    "far_future": {REASON.FROM_THE_FUTURE},
    "broken_chain": {REASON.BROKEN_CHAIN},
    "not_the_founder": {REASON.NOT_THE_FOUNDER},
    "child_of_refused": {REASON.WRONG_HEIGHT, REASON.PARENT_REFUSED},
    "stranger_writes": {REASON.NOT_A_WRITER},
    "candidate_writes": {REASON.NOT_A_WRITER},
    "flood": {REASON.TOO_MANY_ENTRIES, REASON.PARENT_REFUSED},
    "invented_parents": set(),
    "endless_ancestors": set(),
    "valid": set(),
    "near_future": set(),
    "equivocation": set(),
}
"""What is refused of each at once; invented ancestors are looked for first."""


@pytest.mark.parametrize("name", FORGERIES)
def test_every_attack_ends_in_a_refusal_that_names_the_peer_while_others_go_on(name: str) -> None:
    """In one message with an honest entry, before and after it."""
    manifest = logs.a_manifest(writers=["ann", "bad", "flooder"], entry_bytes=2048, parents=4, entries_per_hour=20)
    replica = logs.a_replica(manifest)
    ann = logs.Scribe("ann", manifest)
    before = ann.chain(3)
    logs.given(replica, *before, peer=OTHER)
    keys = [logs.a_key(one) for one in ("bad", "flooder", "stranger", "candidate")]
    forger = Forger(lambda: replica, manifest, keys, [logs.public("ann")], random.Random(1))
    made = forger.make(name, logs.NOW_S)
    honest = ann.write(before[-1])
    changes = logs.given(replica, *made.blocks, honest.block)
    assert reasons(changes) == EXPECTED[name]
    assert honest.cid in replica.applied
    assert not made.forged & replica.applied.keys()


REASONS_FOR_NOW = {
    "far_future": lambda scribe, root: scribe.wrong(root, at_ms=logs.NOW_MS + 400_000),
    "height_jump": lambda scribe, root: signed(
        replace(scribe.draft(root), parents=logs.nobodys(1), height=1000), logs.a_key(scribe.name)
    ),
}


@pytest.mark.parametrize("name", REASONS_FOR_NOW)
def test_what_is_refused_for_now_is_taken_when_it_is_offered_again(name: str) -> None:
    """And the reason is gone: nothing of it was remembered."""
    scribe = logs.Scribe("ann", MANIFEST)
    root = scribe.write()
    replica = logs.a_replica(MANIFEST, height_jump=100)
    logs.given(replica, root)
    one = REASONS_FOR_NOW[name](scribe, root)
    assert logs.given(replica, one).refusals[0].reason.for_good is False
    assert not replica.knows(one.cid)
    replica.limits = replace(replica.limits, height_jump=5000)
    changes = logs.given(replica, one, now_s=logs.NOW_S + 500)
    assert not changes.refusals
    assert replica.knows(one.cid)


def test_a_stranger_s_entries_are_taken_once_he_is_admitted() -> None:
    """Whichever came first."""
    manifest = logs.a_manifest(writers=[])
    founder, bob = logs.Scribe(logs.FOUNDER, manifest), logs.Scribe("bob", manifest)
    entry = bob.write()
    replica = logs.a_replica(manifest)
    assert reasons(logs.given(replica, entry)) == {REASON.NOT_A_WRITER}
    logs.given(replica, founder.write(**logs.a_membership("bob")), entry)
    assert entry.cid in replica.applied


def test_a_revoked_writer_s_entries_stay_part_of_the_log() -> None:
    """Whether they count is a question over the whole log, asked elsewhere."""
    manifest = logs.a_manifest(writers=["bob"])
    founder, bob = logs.Scribe(logs.FOUNDER, manifest), logs.Scribe("bob", manifest)
    replica = logs.a_replica(manifest)
    ruling = founder.write(**logs.a_membership("bob", revoked_after=0))
    logs.given(replica, ruling, bob.write(ruling))
    assert len(replica.applied) == 2


def test_descendants_of_what_is_refused_go_with_it() -> None:
    """Whatever the order: those that waited, and those that come later."""
    scribe = logs.Scribe("ann", MANIFEST)
    root = scribe.write()
    bad = scribe.wrong(root, height=7)
    child = logs.Scribe("bob", MANIFEST).write(bad)
    grandchild = logs.Scribe("cia", MANIFEST).write(child)
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, root, grandchild, child)
    changes = logs.given(replica, bad)
    assert reasons(changes) == {REASON.WRONG_HEIGHT, REASON.PARENT_REFUSED}
    assert sorted(changes.dropped) == sorted((child.cid, grandchild.cid))
    assert not len(replica.waiting)
    late = logs.Scribe("dan", MANIFEST).write(grandchild)
    assert reasons(logs.given(replica, late)) == {REASON.PARENT_REFUSED}


def test_refused_blocks_are_remembered_up_to_a_number() -> None:
    """The oldest are forgotten, and would be refused again."""
    scribe = logs.Scribe("ann", MANIFEST)
    bad = [scribe.wrong(height=2, payload=bytes([i])) for i in range(4)]
    replica = logs.a_replica(MANIFEST, refused=3)
    logs.given(replica, *bad)
    assert [replica.knows(one.cid) for one in bad] == [False, True, True, True]


# --- bounds -------------------------------------------------------------------------------------------------


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
    assert reasons(changes) == {REASON.TOO_MANY_WAITING}
    assert len(replica.waiting) == 4 and second.cid in replica.waiting
    logs.given(replica, first, peer=OTHER)
    assert second.cid in replica.applied


def test_too_many_bytes_of_waiting_entries_are_dropped_as_well() -> None:
    """Blocks that wait are on disk."""
    replica = logs.a_replica(MANIFEST, waiting_bytes=2000)
    changes = logs.given(replica, *orphans("bad", 20))
    assert reasons(changes) == {REASON.TOO_MANY_WAITING}
    assert sum(one.size_bytes for _, one in replica.waiting.items()) <= 2000


def test_a_flood_of_named_heads_costs_its_own_peer_only() -> None:
    """Of a full list, whoever named most makes room."""
    replica = logs.a_replica(MANIFEST, missing=5)
    changes = Changes()
    replica.hear([(cid, 2) for cid in logs.nobodys(20)], peer=logs.PEER, now_s=logs.NOW_S, changes=changes)
    assert reasons(changes) == {REASON.TOO_MANY_MISSING} and len(replica.missing) == 5
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    changes = logs.given(replica, second, peer=OTHER)
    assert reasons(changes) == {REASON.TOO_MANY_MISSING}, "named as the flooder's"
    assert first.cid in replica.missing and len(replica.missing) == 5


def test_an_entry_whose_parents_find_no_room_does_not_wait_for_ever() -> None:
    """It is refused for now, and what waited for it too."""
    replica = logs.a_replica(MANIFEST, missing=2)
    scribe = logs.Scribe("ann", MANIFEST)
    wide = scribe.wrong(parents=logs.nobodys(3), height=9)
    child = logs.Scribe("bob", MANIFEST).write(wide)
    logs.given(replica, child)
    changes = logs.given(replica, wide)
    assert reasons(changes) == {REASON.TOO_MANY_MISSING}
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
        assert REASON.NEVER_FOUND in reasons(changes)
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
    assert reasons(changes) == {REASON.HEIGHT_JUMP} and not len(replica.missing)


def test_a_block_changed_and_found_in_one_step_is_missing_no_more_on_disk() -> None:
    """It was on disk before the step, which must say that it goes."""
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    third = logs.Scribe("bob", MANIFEST).write(first)
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, second)
    changes = logs.given(replica, third, first, peer=OTHER)
    assert first.cid in changes.found and first.cid not in changes.missing


# --- restart ------------------------------------------------------------------------------------------------


def test_after_a_restart_all_goes_on() -> None:
    """What waits, what is missing, what was refused, and the author's own number."""
    scribe = logs.Scribe("ann", MANIFEST)
    first, second = scribe.chain(2)
    bad = logs.Scribe("bob", MANIFEST).wrong(height=2)
    before = logs.a_replica(MANIFEST)
    own = appended(before, 2)
    changes = logs.given(before, second, bad)
    state = LogState(
        epoch=bytes(16),
        applied={one.cid: one.node for one in own.applied},
        heads=own.heads or frozenset(),
        waiting=changes.waiting,
        missing=changes.missing,
        refused=[bad.cid],
    )
    replica = logs.a_replica(MANIFEST, state)
    assert replica.knows(bad.cid) and first.cid in replica.missing
    logs.given(replica, first)
    assert second.cid in replica.applied
    (one,) = appended(replica).applied
    assert one.node.number == 3
