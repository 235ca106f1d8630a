"""The address book: who is in it, who is told of news, and who makes room."""

from __future__ import annotations

import random

from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.peers import TRIES_OF_HEARSAY, AddressBook, Peer

NOW_S = 1000.0


def a_book(**limits: int) -> AddressBook:
    """An empty one."""
    return AddressBook(ReplicaLimits(**limits), own="me", chance=random.Random(1))  # type: ignore[arg-type]


def heard(book: AddressBook, name: str, *, at_s: float = NOW_S, called: bool = False) -> Peer:
    """A peer spoke."""
    one = book.learn(name, f"{name}:1", vouched=True)
    assert one is not None
    one.last_heard_s, one.failures = at_s, 0
    one.called_s = at_s if called else 0.0
    return one


def test_this_replica_is_never_in_its_book() -> None:
    """Whoever tells of it."""
    assert a_book().learn("me", "me:1") is None


def test_hearsay_never_replaces_an_address_that_is_known() -> None:
    """What a peer says of itself does."""
    book = a_book()
    one = heard(book, "ann")
    book.learn("ann", "wrong:1")
    assert one.address == "ann:1"
    book.learn("ann", "moved:1", vouched=True)
    assert one.address == "moved:1"


def test_hearsay_that_leads_nowhere_is_replaced_by_other_hearsay() -> None:
    """Else one lie about an address would last."""
    book = a_book()
    one = book.learn("ann", "wrong:1")
    assert one is not None
    one.failures = TRIES_OF_HEARSAY
    book.learn("ann", "right:1")
    assert one.address == "right:1"


def test_a_full_book_makes_room_for_callers_but_for_hearsay_only_of_names_that_lead_nowhere() -> None:
    """Names somebody made up crowd out nobody, and can be got rid of."""
    book = a_book(peers=3)
    heard(book, "ann")
    for name in ("fake1", "fake2"):
        book.learn(name, f"{name}:1")
    assert book.learn("bob", "bob:1") is None
    fake = book.get("fake1")
    assert fake is not None
    fake.failures = TRIES_OF_HEARSAY
    assert book.learn("bob", "bob:1") is not None and book.get("fake1") is None
    assert book.learn("cia", "cia:1", vouched=True) is not None and book.get("ann") is not None
    assert book.forgotten() == {"fake1", "fake2"} or book.get("bob") is None
    assert book.forgotten() == set()


def test_peers_heard_from_stay_even_for_callers() -> None:
    """As long as they answer."""
    book = a_book(peers=2)
    heard(book, "ann"), heard(book, "bob")
    assert book.learn("bad", "bad:1", vouched=True) is None


def test_neighbours_stay_chosen_as_long_as_they_answer() -> None:
    """Those heard from before names only told of."""
    book = a_book(fan_out=2)
    for i in range(20):
        book.learn(f"fake{i}", f"fake{i}:1")
    heard(book, "ann"), heard(book, "bob")
    assert {one.peer for one in book.neighbours(NOW_S)} == {"ann", "bob"}
    ann = book.get("ann")
    assert ann is not None
    ann.failures, ann.next_try_s = 1, NOW_S + 60
    assert "ann" not in {one.peer for one in book.neighbours(NOW_S)}


def test_the_latest_callers_are_neighbours_too() -> None:
    """Who is nobody's choice is told by those whom he calls."""
    book = a_book(fan_out=1)
    heard(book, "ann")
    book.neighbours(NOW_S)
    for i in range(3):
        heard(book, f"p{i}", at_s=NOW_S + i, called=True)
    assert [one.peer for one in book.neighbours(NOW_S + 5)] == ["ann", "p2"]


def test_neighbours_change_in_time() -> None:
    """So nobody is left with liars."""
    book = a_book(fan_out=2)
    for i in range(30):
        heard(book, f"p{i}")
    seen = set()
    for _ in range(100):
        seen.update(one.peer for one in book.neighbours(NOW_S))
        book.change_neighbours()
    assert len(seen) > 10


def test_a_choice_falls_often_enough_on_those_who_answer() -> None:
    """However many names were made up."""
    book = a_book()
    for i in range(200):
        book.learn(f"fake{i}", f"fake{i}:1")
    heard(book, "ann")
    chosen = [book.at_random(1, now_s=NOW_S)[0].peer for _ in range(200)]
    assert 60 < chosen.count("ann") < 140


def test_others_are_told_only_of_peers_that_answer() -> None:
    """With their addresses."""
    book = a_book()
    book.learn("fake", "fake:1")
    heard(book, "ann")
    heard(book, "bob").failures = 1
    assert book.some(8) == (("ann", "ann:1"),)


def test_bytes_and_refusals_are_counted_by_the_minute() -> None:
    """And begin anew with the next."""
    one = Peer("ann")
    one.sent(600, now_s=60.0)
    one.refuse()
    one.sent(300, now_s=119.0)
    assert (one.minute_bytes, one.minute_refusals) == (900, 1)
    one.sent(50, now_s=120.0)
    assert (one.minute_bytes, one.minute_refusals) == (50, 0)
    assert (one.bytes_in, one.refusals) == (950, 1)


def test_peers_of_earlier_are_known_at_the_start() -> None:
    """But for this replica itself."""
    book = AddressBook(ReplicaLimits(), own="me", chance=random.Random(1), known=[Peer("ann", "ann:1"), Peer("me")])
    assert [one.peer for one in book] == ["ann"] and len(book) == 1
