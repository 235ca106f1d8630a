"""Blocks refused for good: how many are remembered, and that memory and disk remember the same."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from adaptor.experiments.network.disk import Disk
from adaptor.sharing.core.entry import SignedEntry
from adaptor.sharing.core.exchange import Step
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.peers import AddressBook
from adaptor.sharing.core.replica import Replica
from adaptor.testing import logs

MANIFEST = logs.a_manifest()
BAD = [logs.Scribe("ann", MANIFEST).wrong(height=2, payload=bytes([i])) for i in range(8)]
"""Entries that nobody takes, as their heights do not follow from their parents."""


def given_in_turn(disk: Disk, replica: Replica, *messages: list[SignedEntry]) -> None:
    """A replica takes messages, and each step is written."""
    book = AddressBook(replica.limits, own="", chance=random.Random(0))
    for blocks in messages:
        disk.write(Step(changes=logs.given(replica, *blocks)), book)


def loaded(disk: Disk, *, refused: int) -> Replica:
    """The replica as it would begin from the disk."""
    return Replica(MANIFEST, ReplicaLimits(refused=refused), *disk.state(MANIFEST))


def known(replica: Replica) -> list[int]:
    """Which of the bad entries are remembered."""
    return [number for number, one in enumerate(BAD) if replica.knows(one.cid)]


def test_refused_blocks_are_remembered_up_to_a_number() -> None:
    """The oldest are forgotten, and would be refused again."""
    replica = logs.a_replica(MANIFEST, refused=3)
    logs.given(replica, *BAD[:4])
    assert known(replica) == [1, 2, 3]


def test_one_that_is_forgotten_and_refused_again_in_one_step_is_the_newest_on_disk_too() -> None:
    """The disk forgets what memory forgot, not what it would itself."""
    disk, replica = Disk(epoch=bytes(16)), logs.a_replica(MANIFEST, refused=3)
    given_in_turn(disk, replica, BAD[:3], [BAD[3], BAD[0]])
    assert known(replica) == known(loaded(disk, refused=3)) == [0, 2, 3]


def test_one_that_is_remembered_and_forgotten_within_a_step_is_not_written() -> None:
    """More may be refused in a step than is remembered."""
    replica = logs.a_replica(MANIFEST, refused=2)
    changes = logs.given(replica, *BAD[:5])
    assert list(changes.refused) == logs.names(BAD[3:5]) and not changes.forgotten


def test_a_smaller_number_than_what_is_on_disk_holds_from_the_next_refusal_on() -> None:
    """Whoever lowers the setting gets what it says."""
    disk = Disk(epoch=bytes(16))
    given_in_turn(disk, logs.a_replica(MANIFEST, refused=6), BAD[:6])
    replica = loaded(disk, refused=2)
    given_in_turn(disk, replica, [BAD[6]])
    assert known(replica) == known(loaded(disk, refused=2)) == [5, 6]


@given(st.lists(st.lists(st.sampled_from(BAD), max_size=6), max_size=8), st.integers(1, 4))
def test_memory_and_disk_remember_the_same_in_the_same_order(messages: list[list[SignedEntry]], refused: int) -> None:
    """Whatever is refused, again and again, in whichever messages."""
    disk, replica = Disk(epoch=bytes(16)), logs.a_replica(MANIFEST, refused=refused)
    given_in_turn(disk, replica, *messages)
    assert list(loaded(disk, refused=refused).refused) == list(replica.refused)
