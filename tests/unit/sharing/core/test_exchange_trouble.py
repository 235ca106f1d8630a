"""What is asked of peers that fail, lie, flood or keep silent: events in, calls and changes out."""

from __future__ import annotations

import pytest

from adaptor.sharing.core.messages import Announcement, Fetch, Page, Position, Pull
from adaptor.sharing.core.pulls import PAGES_WITHOUT_NEWS
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.testing import logs
from adaptor.testing.conversations import ANN, BAD, BOB, EPOCH, fetches, met, page, pulls, refused, said

MANIFEST = logs.a_manifest()
NOW_S = logs.NOW_S


def test_a_failed_fetch_is_tried_again_elsewhere_and_later() -> None:
    """Whoever named the block first is asked last."""
    one = logs.Scribe("ann", MANIFEST).write()
    exchange = logs.an_exchange(MANIFEST)
    (call,) = fetches(met(exchange, said(one)))
    met(exchange, said(one, address="bob:1"), peer=BOB)
    step = exchange.failed(call, now_s=NOW_S + 10)
    assert not fetches(step) and step.changes.missing[one.cid].attempts == 1
    (again,) = fetches(exchange.tick(exchange.next_tick_s()))
    assert again == Fetch(peer=BOB, cids=(one.cid,))


def test_a_peer_that_names_a_block_again_and_again_is_not_asked_first_for_ever() -> None:
    """Else it could keep from others whatever it withholds."""
    one = logs.Scribe("ann", MANIFEST).write()
    exchange = logs.an_exchange(MANIFEST)
    met(exchange, said(one), peer=ANN)
    now_s, asked = NOW_S, []
    calls = fetches(met(exchange, said(one, address="bad:1"), peer=BAD))
    calls = calls or [Fetch(peer=ANN, cids=(one.cid,))]
    for _ in range(6):
        asked.append(calls[0].peer)
        exchange.fetched(calls[0], [], size_bytes=1, now_s=now_s)
        met(exchange, said(one, address="bad:1"), peer=BAD, now_s=now_s)
        now_s += 100.0
        calls = fetches(exchange.tick(now_s))
    assert {ANN, BAD} == set(asked)


def test_a_fetch_that_brings_something_else_is_refused_and_tried_again() -> None:
    """Under other names than their own."""
    one, other = logs.Scribe("ann", MANIFEST).write(), logs.Scribe("bob", MANIFEST).write()
    exchange = logs.an_exchange(MANIFEST)
    (call,) = fetches(met(exchange, said(one)))
    step = exchange.fetched(call, [other.block], size_bytes=1, now_s=NOW_S)
    assert (RefusalReason.WRONG_CID, ANN) in refused(step)
    assert one.cid in exchange.replica.missing


def test_an_answer_with_a_part_of_the_blocks_brings_the_rest_at_once() -> None:
    """Answers have a largest size."""
    entries = [logs.Scribe(name, MANIFEST).write() for name in ("ann", "bob", "cia")]
    exchange = logs.an_exchange(MANIFEST)
    (call,) = fetches(met(exchange, said(*entries)))
    given = next(one for one in entries if one.cid == call.cids[0])
    (rest,) = fetches(exchange.fetched(call, [given.block], size_bytes=1, now_s=NOW_S))
    assert set(rest.cids) == set(call.cids[1:])
    assert {exchange.replica.missing.items()[cid].attempts for cid in rest.cids} == {0}


def test_a_silent_peer_holds_up_a_share_of_the_fetches_only() -> None:
    """Others' blocks are asked for meanwhile, and its own when it answers at last."""
    exchange = logs.an_exchange(MANIFEST, fetches_in_flight=8, fetch_batch=1)
    invented = tuple((cid, 2) for cid in logs.nobodys(20))
    silent = fetches(met(exchange, Announcement(heads=invented, address="bad:1"), peer=BAD))
    assert [call.peer for call in silent] == [BAD, BAD]
    one = logs.Scribe("ann", MANIFEST).write()
    assert [call.peer for call in fetches(met(exchange, said(one)))] == [ANN]
    assert fetches(exchange.fetched(silent[0], [], size_bytes=1, now_s=NOW_S))


@pytest.mark.parametrize("what", ["junk", "nothing", "little"])
def test_pages_that_bring_next_to_nothing_are_not_pulled_for_ever(what: str) -> None:
    """However far the peer says that it goes on."""
    exchange = logs.an_exchange(MANIFEST)
    entries = logs.Scribe("ann", MANIFEST).chain(50)
    (call,) = pulls(met(exchange, said(entries[-1], sequence=10**6)))
    count = 0
    while True:
        count += 1
        blocks = {"junk": (bytes([count]),), "nothing": (), "little": (entries[count].block,)}[what]
        given = Page(blocks=blocks, position=Position(EPOCH, count), more=True)
        more = pulls(exchange.pulled(call, given, size_bytes=1, now_s=NOW_S))
        if not more:
            break
        (call,) = more
    assert count == PAGES_WITHOUT_NEWS


def test_pages_of_what_is_held_are_borne_as_long_as_they_may_be_honest() -> None:
    """A peer's order may begin with all that is held here; it cannot hold more of that than there is."""
    exchange = logs.an_exchange(MANIFEST, waiting=10)
    entries = logs.Scribe("ann", MANIFEST).chain(200)
    logs.given(exchange.replica, *entries[:150])
    (call,) = pulls(met(exchange, said(entries[-1], sequence=200)))
    for start in range(0, 200, 10):
        given = page(entries[start : start + 10], upto=start + 10, more=start < 190)
        calls = pulls(exchange.pulled(call, given, size_bytes=1, now_s=NOW_S))
        call = calls[0] if calls else call
    assert len(exchange.replica.applied) == 200
    for count in range(100):
        given = page(entries[:10], upto=200 + count, more=True)
        if not pulls(exchange.pulled(Pull(peer=ANN, after=Position(EPOCH, 199 + count)), given, size_bytes=1, now_s=1)):
            break
    assert count < 50


def test_a_slow_pull_does_not_keep_missing_blocks_from_being_fetched() -> None:
    """After the time of one call, both go on side by side."""
    exchange = logs.an_exchange(MANIFEST, call_s=10.0)
    met(
        exchange,
        Announcement(heads=((logs.nobodys(1)[0], 2),), position=Position(EPOCH, 50), address="bad:1"),
        peer=BAD,
    )
    one = logs.Scribe("ann", MANIFEST).write()
    assert not fetches(met(exchange, said(one)))
    assert exchange.next_tick_s() <= NOW_S + 10.0
    assert fetches(exchange.tick(NOW_S + 10.0))


def test_a_failed_pull_leaves_others_to_pull_from() -> None:
    """Soon, as much is lacking."""
    entries = logs.Scribe("ann", MANIFEST).chain(30)
    exchange = logs.an_exchange(MANIFEST)
    (call,) = pulls(met(exchange, said(entries[-1], sequence=30)))
    exchange.failed(call, now_s=NOW_S)
    assert exchange.next_tick_s() < NOW_S + exchange.replica.limits.anti_entropy_s / 2
    assert pulls(met(exchange, said(entries[-1], sequence=30, address="bob:1"), peer=BOB))


def test_who_was_pulled_from_in_vain_leaves_the_turn_to_others() -> None:
    """However often it speaks; else it could keep a newcomer from ever starting."""
    entries = logs.Scribe("ann", MANIFEST).chain(30)
    exchange = logs.an_exchange(MANIFEST)
    lure = Announcement(heads=((logs.nobodys(1)[0], 9),), position=Position(EPOCH, 10**6), address="bad:1")
    (call,) = pulls(met(exchange, lure, peer=BAD))
    exchange.failed(call, now_s=NOW_S + 10)
    assert not pulls(met(exchange, lure, peer=BAD, now_s=NOW_S + 10))
    (call,) = pulls(met(exchange, said(entries[-1], sequence=30), now_s=NOW_S + 10))
    exchange.pulled(call, page(entries, upto=30), size_bytes=1, now_s=NOW_S + 11)
    assert len(exchange.replica.applied) == 30
    assert pulls(met(exchange, lure, peer=BAD, now_s=NOW_S + 60)), "it may have been slow once"


def test_more_bytes_than_a_peer_may_send_are_not_taken_until_the_next_minute() -> None:
    """Nobody else is affected."""
    exchange = logs.an_exchange(MANIFEST, peer_bytes_per_minute=1000)
    ann, bob = logs.Scribe("ann", MANIFEST).write(), logs.Scribe("bob", MANIFEST).write()
    step = met(exchange, said(ann, blocks=(ann.block,)), size=2000)
    assert refused(step) == [(RefusalReason.TOO_MANY_BYTES, ANN)] and not step.changes.applied
    assert met(exchange, said(bob, blocks=(bob.block,)), peer=BOB).changes.applied
    assert met(exchange, said(ann, blocks=(ann.block,)), now_s=NOW_S + 60).changes.applied


def test_a_peer_with_more_refused_blocks_than_it_may_have_is_not_listened_to_until_the_next_minute() -> None:
    """Small ones cost few bytes, but each has to be looked at; nobody else is affected."""
    exchange = logs.an_exchange(MANIFEST, peer_refusals_per_minute=3)
    ann, bob = logs.Scribe("ann", MANIFEST).write(), logs.Scribe("bob", MANIFEST).write()
    junk = tuple(bytes((number,)) for number in range(4))
    assert len(refused(met(exchange, said(ann, blocks=junk)))) == 4
    step = met(exchange, said(ann, blocks=(ann.block,)))
    assert refused(step) == [(RefusalReason.TOO_MANY_REFUSALS, ANN)] and not step.changes.applied
    assert met(exchange, said(bob, blocks=(bob.block,)), peer=BOB).changes.applied
    assert met(exchange, said(ann, blocks=(ann.block,)), now_s=NOW_S + 60).changes.applied


def test_too_many_heads_are_refused_and_the_first_of_them_taken() -> None:
    """Another replica may have other limits."""
    exchange = logs.an_exchange(MANIFEST, heads=3)
    heads = tuple((cid, 2) for cid in logs.nobodys(5))
    step = met(exchange, Announcement(heads=heads, address="ann:1"))
    assert refused(step) == [(RefusalReason.TOO_MANY_HEADS, ANN)]
    assert set(exchange.replica.missing.items()) == {cid for cid, _ in heads[:3]}


def test_of_too_many_heads_each_is_named_now_and_then() -> None:
    """Else the low ones would never be heard of."""
    exchange = logs.an_exchange(MANIFEST, heads=4)
    low = [logs.Scribe(f"w{i}", MANIFEST).write() for i in range(8)]
    high = logs.Scribe("ann", MANIFEST).chain(5)
    logs.given(exchange.replica, *low, *high)
    named = {cid for _ in range(60) for cid, _ in exchange.greeting().heads}
    assert named == exchange.replica.heads and len(exchange.greeting().heads) == 4
    assert (high[-1].cid, 5) in exchange.greeting().heads


def test_heads_of_absurd_heights_are_refused_and_those_beside_them_looked_for() -> None:
    """A lie costs the liar's word only."""
    exchange = logs.an_exchange(MANIFEST)
    one = logs.Scribe("ann", MANIFEST).write()
    lie = Announcement(heads=((logs.nobodys(1)[0], 10**12), (one.cid, 1)), address="bad:1")
    step = met(exchange, lie, peer=BAD)
    assert refused(step) == [(RefusalReason.HEIGHT_JUMP, BAD)]
    assert fetches(step)[0].cids == (one.cid,)


def test_a_refused_block_is_counted_on_the_peer_that_gave_it() -> None:
    """For the status, and for people."""
    exchange = logs.an_exchange(MANIFEST)
    met(exchange, said(blocks=(b"junk",)), peer=BAD)
    peer = exchange.book.get(BAD)
    assert peer is not None and peer.refusals == 1
