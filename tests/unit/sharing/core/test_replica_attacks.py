"""What becomes of blocks that break a rule: every attack ends in a refusal that names the peer."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adaptor.experiments.network.forgery import FORGERIES, Forger
from adaptor.sharing.core.entry import signed
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.testing import logs

REASON = RefusalReason
MANIFEST = logs.a_manifest()
OTHER = "cd" * 32

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
    assert logs.reasons(changes) == EXPECTED[name]
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
    assert logs.reasons(logs.given(replica, entry)) == {REASON.NOT_A_WRITER}
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
    assert logs.reasons(changes) == {REASON.WRONG_HEIGHT, REASON.PARENT_REFUSED}
    assert sorted(changes.dropped) == sorted((child.cid, grandchild.cid))
    assert not len(replica.waiting)
    late = logs.Scribe("dan", MANIFEST).write(grandchild)
    assert logs.reasons(logs.given(replica, late)) == {REASON.PARENT_REFUSED}
