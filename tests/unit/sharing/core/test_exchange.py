"""What is asked of peers and told to them: events in, calls and changes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.entry import Kind, SignedEntry
from adaptor.sharing.core.exchange import Exchange, Step
from adaptor.sharing.core.messages import Announcement, Fetch, Meet, Page, Position, Pull
from adaptor.sharing.core.pulls import PAGES_WITHOUT_NEWS
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.core.state import Changes
from adaptor.testing import logs

MANIFEST = logs.a_manifest()
NOW_S = logs.NOW_S
EPOCH = b"e" * 16
ANN, BOB, BAD = (logs.public(name).hex() for name in ("ann", "bob", "bad"))


def said(*heads: SignedEntry, sequence: int = 0, address: str = "there:1", **more: object) -> Announcement:
    """What a peer says that has these heads and so many entries."""
    named = tuple((one.cid, one.entry.height) for one in heads)
    return replace(
        Announcement(heads=named, position=Position(EPOCH, sequence), address=address),
        **more,  # type: ignore[arg-type]
    )


def met(exchange: Exchange, what: Announcement, *, peer: str = ANN, size: int = 100, now_s: float = NOW_S) -> Step:
    """A peer speaks."""
    return exchange.met(peer, what, size_bytes=size, now_s=now_s)


def meets(step: Step) -> dict[str, Announcement]:
    """Who is told what."""
    return {call.peer: call.announcement for call in step.calls if isinstance(call, Meet)}


def fetches(step: Step) -> list[Fetch]:
    """Calls for blocks."""
    return [call for call in step.calls if isinstance(call, Fetch)]


def pulls(step: Step) -> list[Pull]:
    """Calls for pages."""
    return [call for call in step.calls if isinstance(call, Pull)]


def page(entries: Sequence[SignedEntry], *, upto: int, more: bool = False) -> Page:
    """A page of a peer."""
    return Page(blocks=tuple(one.block for one in entries), position=Position(EPOCH, upto), more=more)


def refused(step: Step) -> list[tuple[RefusalReason, str]]:
    """What was refused of whom."""
    return [(one.reason, one.peer) for one in step.changes.refusals]


def written(exchange: Exchange, count: int = 1, *, size: int = 0, name: str = "me") -> Step:
    """This replica writes entries."""
    changes = Changes()
    for _ in range(count):
        exchange.replica.append(Kind.CONTRIBUTION, bytes(size), key=logs.a_key(name), now_s=NOW_S, changes=changes)
    return exchange.appended(changes, now_s=NOW_S)


def acquainted(exchange: Exchange, *names: str) -> None:
    """These peers are known, and have been heard."""
    for name in names:
        met(exchange, said(address=f"{name}:1"), peer=logs.public(name).hex())


# --- news ---------------------------------------------------------------------------------------------------


def test_small_news_go_to_all_neighbours_with_their_blocks() -> None:
    """And each of them hears all heads."""
    exchange = logs.an_exchange(MANIFEST)
    acquainted(exchange, "ann", "bob", "cia")
    step = written(exchange)
    (block,) = step.changes.blocks.values()
    assert {one.blocks for one in meets(step).values()} == {(block,)}
    assert len(meets(step)) == 3
    assert all({cid for cid, _ in one.heads} == exchange.replica.heads for one in meets(step).values())


def test_large_news_go_to_a_few_with_their_blocks_and_to_the_others_by_name() -> None:
    """The others ask if they still lack them."""
    exchange = logs.an_exchange(MANIFEST, eager=1)
    acquainted(exchange, "ann", "bob", "cia")
    step = written(exchange, size=5000)
    assert sorted(len(one.blocks) for one in meets(step).values()) == [0, 0, 1]


def test_news_beyond_an_announcement_s_bound_are_named_only() -> None:
    """Peers pull them."""
    exchange = logs.an_exchange(MANIFEST, inline_bytes=2000)
    acquainted(exchange, "ann")
    assert [one.blocks for one in meets(written(exchange, 10, size=300)).values()] == [()]


def test_what_a_peer_told_is_passed_on_but_not_back() -> None:
    """Rumours spread."""
    exchange = logs.an_exchange(MANIFEST)
    acquainted(exchange, "ann", "bob")
    one = logs.Scribe("ann", MANIFEST).write()
    step = met(exchange, said(one, blocks=(one.block,)))
    assert list(meets(step)) == [BOB]


def test_who_said_that_he_has_it_is_not_told() -> None:
    """His heads are those that are held here."""
    exchange = logs.an_exchange(MANIFEST)
    acquainted(exchange, "ann")
    one = logs.Scribe("bob", MANIFEST).write()
    met(exchange, said(one), peer=ANN)
    step = met(exchange, said(one, blocks=(one.block,)), peer=BOB)
    assert not meets(step)


def test_invented_heads_do_not_keep_news_from_being_passed_on() -> None:
    """A liar cannot silence a replica by keeping it busy."""
    exchange = logs.an_exchange(MANIFEST)
    acquainted(exchange, "bob")
    met(exchange, Announcement(heads=((logs.nobodys(1)[0], 3),), address="bad:1"), peer=BAD)
    one = logs.Scribe("ann", MANIFEST).write()
    assert BOB in meets(met(exchange, said(one, blocks=(one.block,))))


# --- what is lacking ----------------------------------------------------------------------------------------


def test_an_unknown_head_is_asked_of_who_named_it_and_then_what_lies_below() -> None:
    """A few entries behind."""
    first, second = logs.Scribe("ann", MANIFEST).chain(2)
    exchange = logs.an_exchange(MANIFEST)
    (call,) = fetches(met(exchange, said(second, sequence=2)))
    assert call == Fetch(peer=ANN, cids=(second.cid,))
    (below,) = fetches(exchange.fetched(call, [second.block], size_bytes=1, now_s=NOW_S))
    assert below.cids == (first.cid,)
    exchange.fetched(below, [first.block], size_bytes=1, now_s=NOW_S)
    assert exchange.replica.heads == {second.cid} and not len(exchange.replica.missing)


def test_much_that_is_lacking_is_pulled_page_by_page_and_the_cursor_kept() -> None:
    """From the beginning for a newcomer; then from where it ended."""
    entries = logs.Scribe("ann", MANIFEST).chain(30)
    exchange = logs.an_exchange(MANIFEST)
    (call,) = pulls(met(exchange, said(entries[-1], sequence=30)))
    assert call == Pull(peer=ANN, after=Position(EPOCH, 0))
    step = exchange.pulled(call, page(entries[:20], upto=20, more=True), size_bytes=1, now_s=NOW_S)
    (call,) = pulls(step)
    assert call.after == Position(EPOCH, 20) and not meets(step)
    step = exchange.pulled(call, page(entries[20:], upto=30), size_bytes=1, now_s=NOW_S)
    assert not step.calls and ANN in step.peers
    peer = exchange.book.get(ANN)
    assert peer is not None and peer.cursor == Position(EPOCH, 30)
    assert len(exchange.replica.applied) == 30


def test_the_cursor_stays_before_what_was_not_taken_for_good() -> None:
    """So it is pulled again when the reason is gone."""
    scribe = logs.Scribe("ann", MANIFEST)
    entries = [*scribe.chain(9), scribe.write(at_ms=logs.NOW_MS + 500_000), *scribe.chain(10)]
    exchange = logs.an_exchange(MANIFEST)
    (call,) = pulls(met(exchange, said(entries[-1], sequence=20)))
    exchange.pulled(call, page(entries, upto=20), size_bytes=1, now_s=NOW_S)
    peer = exchange.book.get(ANN)
    assert peer is not None and peer.cursor is None


def test_a_peer_that_has_nothing_unknown_has_its_position_noted() -> None:
    """All below its heads is held."""
    one = logs.Scribe("ann", MANIFEST).write()
    exchange = logs.an_exchange(MANIFEST)
    met(exchange, said(one, sequence=7, blocks=(one.block,)))
    peer = exchange.book.get(ANN)
    assert peer is not None and peer.cursor == Position(EPOCH, 7)


def test_what_lies_too_high_to_be_fetched_is_pulled_even_if_much_is_held() -> None:
    """After a long time apart there is no other way."""
    exchange = logs.an_exchange(MANIFEST, height_jump=50)
    entries = logs.Scribe("ann", MANIFEST).chain(100)
    logs.given(exchange.replica, *entries[:40])
    assert pulls(met(exchange, said(entries[-1], sequence=100)))
    few = logs.an_exchange(MANIFEST)
    logs.given(few.replica, *entries[:40])
    assert fetches(met(few, said(entries[-1], sequence=100)))


def test_more_than_may_wait_is_pulled() -> None:
    """A fetch from the heads down would be dropped on its way."""
    exchange = logs.an_exchange(MANIFEST, waiting=20)
    entries = logs.Scribe("ann", MANIFEST).chain(60)
    logs.given(exchange.replica, *entries[:40])
    assert pulls(met(exchange, said(entries[-1], sequence=60)))


# --- what goes wrong ----------------------------------------------------------------------------------------


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


# --- time ---------------------------------------------------------------------------------------------------


def test_heads_are_compared_with_all_neighbours_at_the_start_and_with_one_from_time_to_time() -> None:
    """Anti-entropy: whatever was lost is found out."""
    exchange = logs.an_exchange(MANIFEST, anti_entropy_s=30.0)
    for name in ("ann", "bob", "cia"):
        exchange.book.learn(logs.public(name).hex(), f"{name}:1")
    assert len(meets(exchange.tick(NOW_S))) == 3
    next_s = exchange.next_tick_s()
    assert NOW_S + 15 <= next_s <= NOW_S + 45
    assert not exchange.tick(next_s - 1).calls
    assert len(meets(exchange.tick(next_s))) == 1


def test_who_reaches_nobody_tries_again_soon() -> None:
    """A newcomer whose only address does not answer yet."""
    exchange = logs.an_exchange(MANIFEST)
    exchange.book.learn(ANN, "ann:1")
    (call,) = exchange.tick(NOW_S).calls
    exchange.failed(call, now_s=NOW_S + 1)
    assert exchange.next_tick_s() <= NOW_S + 1 + 1.5 * 2 * exchange.replica.limits.retry_s
    assert meets(exchange.tick(exchange.next_tick_s()))


def test_a_peer_that_is_gone_for_weeks_is_tried_again_from_time_to_time() -> None:
    """However many calls came to nothing."""
    exchange = logs.an_exchange(MANIFEST)
    exchange.book.learn(ANN, "ann:1")
    peer = exchange.book.get(ANN)
    assert peer is not None
    for failures in (0, 10, 1000, 5000):
        peer.failures = failures
        exchange.failed(Meet(peer=ANN, announcement=exchange.greeting()), now_s=NOW_S)
        assert 0 < peer.next_try_s - NOW_S <= 1.5 * exchange.replica.limits.retry_max_s


def test_no_tick_is_wanted_while_nothing_can_be_asked() -> None:
    """The clock would be looked at without end."""
    exchange = logs.an_exchange(MANIFEST, fetches_in_flight=1, fetch_batch=1)
    met(exchange, Announcement(heads=tuple((cid, 2) for cid in logs.nobodys(5)), address="ann:1"))
    exchange.tick(NOW_S)
    assert exchange.next_tick_s() > NOW_S


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    """Rounds, peers that failed and missing blocks all go on."""
    exchange = logs.an_exchange(MANIFEST)
    one = logs.Scribe("ann", MANIFEST).write()
    (call,) = fetches(met(exchange, said(one)))
    exchange.tick(NOW_S)
    exchange.failed(call, now_s=NOW_S)
    step = exchange.tick(NOW_S - 86_400)
    assert meets(step) and fetches(step)


# --- swarms -------------------------------------------------------------------------------------------------


def test_a_swarm_is_told_once_and_answered_only_if_it_lacks_something() -> None:
    """It stands for everybody on a topic, and serves no pages."""
    exchange = logs.an_exchange(MANIFEST)
    exchange.book.learn("swarm", swarm=True)
    exchange.tick(NOW_S)
    assert list(meets(written(exchange))) == ["swarm"]
    lacking = exchange.met(ANN, said(sequence=90, address=""), size_bytes=1, now_s=NOW_S, through="swarm")
    assert not lacking.calls
    assert "swarm" in meets(exchange.tick(NOW_S + 0.5))
    equal = Announcement(heads=exchange.greeting().heads)
    exchange.met(BOB, equal, size_bytes=1, now_s=NOW_S + 1, through="swarm")
    assert not exchange.tick(NOW_S + 2).calls


def test_blocks_heard_of_through_a_swarm_are_asked_of_it() -> None:
    """Whoever of it has them."""
    exchange = logs.an_exchange(MANIFEST)
    exchange.book.learn("swarm", swarm=True)
    one = logs.Scribe("ann", MANIFEST).write()
    step = exchange.met(ANN, said(one, sequence=900, address=""), size_bytes=1, now_s=NOW_S, through="swarm")
    assert fetches(step) == [Fetch(peer="swarm", cids=(one.cid,))]
    assert cid_of(one.block) == one.cid
