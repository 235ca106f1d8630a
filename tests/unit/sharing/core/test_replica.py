"""What becomes of blocks: blocks in, changes out."""

from __future__ import annotations

import pytest

from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.refusal import RefusalReason, RefusedEntryError
from adaptor.sharing.core.state import SELF, Changes, LogState
from adaptor.testing import logs

REASON = RefusalReason
MANIFEST = logs.a_manifest()


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
    changes = logs.appended(replica, 33)
    by_height = {one.node.height: one for one in changes.applied}
    assert by_height[32].entry.skips == (by_height[16].cid,)
    assert all(not one.entry.skips for height, one in by_height.items() if height % 16)


# --- what it writes itself ----------------------------------------------------------------------------------


def test_own_entries_name_all_heads_and_the_author_s_last() -> None:
    """Of this replica, by itself."""
    replica = logs.a_replica(MANIFEST)
    ann, bob = logs.Scribe("ann", MANIFEST).write(), logs.Scribe("bob", MANIFEST).write()
    logs.given(replica, ann, bob)
    first, second = logs.appended(replica, 2).applied
    assert first.entry.parents == tuple(sorted((ann.cid, bob.cid))) and first.peer == SELF
    assert second.entry.previous == first.cid and second.node.height == 3


def test_no_more_parents_are_named_than_allowed() -> None:
    """The rest stays for the next entry."""
    manifest = logs.a_manifest(parents=2)
    replica = logs.a_replica(manifest)
    logs.given(replica, *(logs.Scribe(f"w{i}", manifest).write() for i in range(4)))
    logs.appended(replica)
    assert len(replica.heads) == 3
    logs.appended(replica)
    assert len(replica.heads) == 2


def test_an_own_entry_is_never_before_its_parents() -> None:
    """Even if this machine's clock lags."""
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, logs.Scribe("ann", MANIFEST).write(at_ms=logs.NOW_MS + 60_000))
    (one,) = logs.appended(replica).applied
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
        logs.appended(replica)
    before = dict(replica.applied)
    with pytest.raises(RefusedEntryError) as caught:
        replica.append(Kind.CONTRIBUTION, payload, key=logs.a_key("me"), now_s=logs.NOW_S, changes=Changes())
    assert caught.value.reason is reason
    assert replica.applied == before


# --- restart ------------------------------------------------------------------------------------------------


def test_after_a_restart_all_goes_on() -> None:
    """What waits, what is missing, what was refused, and the author's own number."""
    scribe = logs.Scribe("ann", MANIFEST)
    first, second = scribe.chain(2)
    bad = logs.Scribe("bob", MANIFEST).wrong(height=2)
    before = logs.a_replica(MANIFEST)
    own = logs.appended(before, 2)
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
    (one,) = logs.appended(replica).applied
    assert one.node.number == 3
