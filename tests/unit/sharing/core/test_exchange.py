"""What is asked of peers and told to them: events in, calls and changes out."""

from __future__ import annotations

from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.messages import Announcement, Fetch, Meet, Position, Pull
from adaptor.testing import logs
from adaptor.testing.conversations import (
    ANN,
    BAD,
    BOB,
    EPOCH,
    acquainted,
    fetches,
    meets,
    met,
    page,
    pulls,
    said,
    written,
)

MANIFEST = logs.a_manifest()
NOW_S = logs.NOW_S


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
