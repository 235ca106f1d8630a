"""Laws that hold for every log: replicas agree whatever way the same entries reach them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptor.api.v1 import peers_pb2
from adaptor.experiments.network.disk import Disk
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import Cid, cid_of, cid_text, parse_cid
from adaptor.sharing.core.entry import Entry, Kind, SignedEntry, parse_entry, read_entry, signed
from adaptor.sharing.core.exchange import Step
from adaptor.sharing.core.limits import LogLimits, ReplicaLimits
from adaptor.sharing.core.manifest import Manifest, read_manifest
from adaptor.sharing.core.messages import Announcement, Position
from adaptor.sharing.core.peers import AddressBook
from adaptor.sharing.core.replica import Replica
from adaptor.sharing.core.state import Changes
from adaptor.testing import logs

MANIFEST = logs.a_manifest()
AUTHORS = ("ann", "bob", "cia")

View = tuple[list[Cid], frozenset[Cid], int, int]


@st.composite
def some_logs(draw: st.DrawFn) -> list[SignedEntry]:
    """Entries of three authors, each upon some of those before, parents first."""
    scribes = [logs.Scribe(name, MANIFEST) for name in AUTHORS]
    found: list[SignedEntry] = []
    for _ in range(draw(st.integers(1, 14))):
        parents = draw(st.lists(st.sampled_from(found), max_size=3, unique_by=id)) if found else []
        scribe = draw(st.sampled_from(scribes))
        if draw(st.integers(0, 9)) == 0:
            found.append(scribe.wrong(*parents, payload=draw(st.binary(max_size=3))))
        else:
            found.append(scribe.write(*parents))
    return found


def view(replica: Replica) -> View:
    """What must be equal everywhere, and what must be empty."""
    return logs.in_order(replica), frozenset(replica.heads), len(replica.waiting), len(replica.missing)


def whole(entries: Sequence[SignedEntry]) -> View:
    """What it must be."""
    order = sorted({one.cid: one.entry.height for one in entries}.items(), key=lambda item: (item[1], item[0]))
    needed = {need for one in entries for need in one.entry.needs}
    return [cid for cid, _ in order], frozenset(cid for cid, _ in order if cid not in needed), 0, 0


def holding(entries: Sequence[SignedEntry]) -> Replica:
    """A replica to which these were given, and everything they need."""
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, *entries)
    return replica


def joined(*parts: Sequence[SignedEntry]) -> View:
    """What becomes of a replica to which these are given one after another."""
    replica = logs.a_replica(MANIFEST)
    for part in parts:
        logs.given(replica, *part)
    return view(replica)


def closed(entries: Sequence[SignedEntry], chosen: frozenset[int]) -> list[SignedEntry]:
    """Some of the entries and all that they need, parents first."""
    by_cid = {one.cid: one for one in entries}
    wanted = {entries[i].cid for i in chosen if i < len(entries)}
    for one in reversed(entries):
        if one.cid in wanted:
            wanted.update(one.entry.needs)
    return [one for one in by_cid.values() if one.cid in wanted]


PARTS = st.frozensets(st.integers(0, 13))


@given(some_logs(), PARTS, PARTS)
def test_join_is_commutative(entries: list[SignedEntry], one: frozenset[int], other: frozenset[int]) -> None:
    """It does not matter who joins whom."""
    a, b = closed(entries, one), closed(entries, other)
    assert joined(a, b) == joined(b, a)


@given(some_logs(), PARTS, PARTS, PARTS)
def test_join_is_associative(
    entries: list[SignedEntry], one: frozenset[int], other: frozenset[int], third: frozenset[int]
) -> None:
    """Nor in which order."""
    a, b, c = (closed(entries, chosen) for chosen in (one, other, third))
    ab = [entry for entry in entries if entry in a or entry in b]
    bc = [entry for entry in entries if entry in b or entry in c]
    assert joined(ab, c) == joined(a, bc)


@given(some_logs(), PARTS)
def test_join_is_idempotent(entries: list[SignedEntry], chosen: frozenset[int]) -> None:
    """Nor how often."""
    a = closed(entries, chosen)
    assert joined(a, a) == joined(a)


@given(some_logs(), st.randoms(use_true_random=False))
def test_any_order_with_repetitions_gives_the_same_log(entries: list[SignedEntry], chance: random.Random) -> None:
    """One by one, as they come."""
    arrivals = [*entries, *chance.choices(entries, k=len(entries))]
    chance.shuffle(arrivals)
    replica = logs.a_replica(MANIFEST)
    for one in arrivals:
        logs.given(replica, one)
    assert view(replica) == whole(entries)


@given(some_logs(), st.randoms(use_true_random=False))
def test_what_was_lost_is_missing_until_it_is_sent_again(entries: list[SignedEntry], chance: random.Random) -> None:
    """The list of missing blocks leads to all that lies below the heads."""
    replica = logs.a_replica(MANIFEST)
    logs.given(replica, *(one for one in entries if chance.random() < 0.5))
    heads = [(one.cid, one.entry.height) for one in entries]
    replica.hear(heads, peer=logs.PEER, now_s=logs.NOW_S, changes=Changes())
    blocks = {one.cid: one for one in entries}
    for _ in range(2 * len(entries)):
        logs.given(replica, *(blocks[cid] for cid in list(replica.missing.items()) if chance.random() < 0.7))
    logs.given(replica, *(blocks[cid] for cid in list(replica.missing.items())))
    assert view(replica) == whole(entries)


@given(some_logs(), st.randoms(use_true_random=False))
def test_a_replica_goes_on_from_its_disk_at_any_point(entries: list[SignedEntry], chance: random.Random) -> None:
    """Killed after any step, it is as if it had not been."""
    disk = Disk(epoch=bytes(16))
    book = AddressBook(ReplicaLimits(), own="", chance=chance)
    arrivals = list(entries)
    chance.shuffle(arrivals)
    replica = logs.a_replica(MANIFEST)
    for one in arrivals:
        disk.write(Step(changes=logs.given(replica, one)), book)
        if chance.random() < 0.5:
            state, writers = disk.state(MANIFEST)
            replica = Replica(MANIFEST, ReplicaLimits(), state, writers)
    assert view(replica) == whole(entries)
    assert list(replica.applied) == disk.order


CIDS = st.builds(cid_of, st.binary(max_size=8))
LINKS = st.frozensets(CIDS, max_size=5).map(lambda cids: tuple(sorted(cids)))
COUNTS = st.integers(0, 2**63 - 1)
ENTRIES = st.builds(
    Entry,
    log=st.just(MANIFEST.log_id),
    kind=st.sampled_from(Kind),
    author=st.just(logs.public("ann")),
    number=st.integers(1, 2**63 - 1),
    previous=st.none() | CIDS,
    parents=LINKS,
    skips=LINKS,
    height=st.integers(1, 2**63 - 1),
    at_ms=COUNTS,
    payload=st.binary(max_size=300),
)


@given(ENTRIES)
def test_an_entry_is_the_same_bytes_after_reading(entry: Entry) -> None:
    """And says the same."""
    made = signed(entry, logs.a_key("ann"))
    found = parse_entry(made.block)
    assert found == made
    assert signed(found.entry, logs.a_key("ann")).block == made.block


@given(some_logs())
def test_what_an_author_signs_everybody_can_read(entries: list[SignedEntry]) -> None:
    """Checked in full."""
    for one in entries:
        assert read_entry(one.block, log=MANIFEST.log_id, limits=MANIFEST.limits) == one


@given(
    st.builds(
        Manifest,
        name=st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20),
        founder=st.binary(min_size=32, max_size=32),
        writers=st.none() | st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple),
        quorum=st.integers(1, 100),
        salt=st.binary(min_size=32, max_size=32),
        limits=st.builds(LogLimits, parents=st.integers(1, 99), batch=st.integers(1, 99)),
    )
)
def test_a_manifest_is_the_same_bytes_after_reading(manifest: Manifest) -> None:
    """So its log's id is the same at everybody's."""
    assert read_manifest(manifest.block) == manifest
    assert read_manifest(manifest.block).block == manifest.block


@given(
    st.builds(
        Announcement,
        heads=st.lists(st.tuples(CIDS, st.integers(1, 2**63 - 1)), max_size=5).map(tuple),
        position=st.none() | st.builds(Position, st.binary(min_size=16, max_size=16), COUNTS),
        blocks=st.lists(st.binary(max_size=20), max_size=3).map(tuple),
        address=st.sampled_from(("", "a:1", "10.0.0.1:4400")),
        peers=st.lists(st.tuples(st.binary(min_size=32, max_size=32).map(bytes.hex), st.just("b:2")), max_size=3).map(
            tuple
        ),
    )
)
def test_an_announcement_arrives_as_it_was_sent(said: Announcement) -> None:
    """Through bytes and back."""
    data = wire.write_announcement(MANIFEST.log_id, said).SerializeToString()
    found = wire.read_announcement(MANIFEST.log_id, wire.parsed(peers_pb2.Announcement, data))
    assert found == said
    assert wire.write_announcement(MANIFEST.log_id, found).SerializeToString() == data


@settings(max_examples=200)
@given(st.binary(min_size=0, max_size=50))
def test_a_name_reads_back_from_its_text(data: bytes) -> None:
    """The one that people see."""
    cid = cid_of(data)
    assert parse_cid(cid_text(cid), field="id") == cid


@pytest.mark.parametrize("width", [1, 3])
def test_two_replicas_that_only_append_agree_once_they_joined(width: int) -> None:
    """Production's own way of writing, on both sides at once."""
    one, other = logs.a_replica(MANIFEST), logs.a_replica(MANIFEST)
    blocks: dict[Cid, bytes] = {}
    for replica, name in ((one, "ann"), (other, "bob")):
        for _ in range(width):
            changes = Changes()
            replica.append(Kind.CONTRIBUTION, b"", key=logs.a_key(name), now_s=logs.NOW_S, changes=changes)
            blocks.update(changes.blocks)
    for replica in (one, other):
        logs.given(replica, *blocks.values())
    assert view(one) == view(other)
    assert len(one.applied) == 2 * width
