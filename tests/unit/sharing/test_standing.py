"""Which entries count and what verdicts amount to."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.verdict import Judgement
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.standing import Outcome, Roll, Ruling, Standing, Statement, Tally, outcomes
from adaptor.testing.log_entries import ALICE, BOB, CAROL, FOUNDER, KEYS, a_manifest

YES, NO, UNSURE = Judgement.VALID, Judgement.INVALID, Judgement.ABSTAIN
LISTED = a_manifest(listed=(ALICE, BOB))
OPEN = a_manifest()


def said(author: bytes, number: int, cid: bytes = b"", **what: object) -> Statement:
    return Statement(cid=cid or author[:1] + bytes([number]), author=author, number=number, **what)  # type: ignore[arg-type]


def contributed(author: bytes, number: int = 1, cid: bytes = b"c") -> Statement:
    return said(author, number, cid, contributes=True)


def judged(author: bytes, number: int, *verdicts: Judgement, cid: bytes = b"") -> Statement:
    return said(author, number, cid, verdicts=tuple((b"c", one) for one in verdicts))


def admitted(number: int, key: bytes) -> Statement:
    return said(FOUNDER, number, ruling=Ruling(number=number, key=key, through_number=None))


def revoked(number: int, key: bytes, through: int) -> Statement:
    return said(FOUNDER, number, ruling=Ruling(number=number, key=key, through_number=through))


def outcome(manifest: Manifest, *statements: Statement) -> Outcome | None:
    return outcomes(manifest, statements).get(b"c")


@pytest.mark.parametrize(
    ("valid", "invalid", "abstained", "quorum", "standing"),
    [
        (0, 0, 0, 1, Standing.OPEN),
        (1, 0, 0, 1, Standing.CONFIRMED),
        (0, 1, 0, 1, Standing.REFUTED),
        (1, 1, 0, 1, Standing.OPEN),
        (2, 1, 0, 1, Standing.CONFIRMED),
        (1, 0, 9, 2, Standing.OPEN),
        (2, 0, 0, 2, Standing.CONFIRMED),
        (2, 3, 0, 2, Standing.REFUTED),
        (2, 2, 0, 2, Standing.OPEN),
        (1, 3, 0, 2, Standing.REFUTED),
        (0, 0, 5, 1, Standing.OPEN),
    ],
)
def test_a_side_wins_with_a_quorum_and_more_votes_than_the_other(
    valid: int, invalid: int, abstained: int, quorum: int, standing: Standing
) -> None:
    """Abstentions speak for neither."""
    assert Tally(valid=valid, invalid=invalid, abstained=abstained).standing(quorum) is standing


class TestRoll:
    """Whose entries count, and who votes."""

    @pytest.mark.parametrize(
        ("manifest", "rulings", "key", "counted", "votes"),
        [
            (LISTED, [], FOUNDER, [1, 2, 3], True),
            (LISTED, [], ALICE, [1, 2, 3], True),
            (LISTED, [], CAROL, [], False),
            (LISTED, [(1, CAROL, None)], CAROL, [1, 2, 3], True),
            (LISTED, [(1, ALICE, 2)], ALICE, [1, 2], False),
            (LISTED, [(1, ALICE, 0)], ALICE, [], False),
            (LISTED, [(1, ALICE, 2), (2, ALICE, None)], ALICE, [1, 2, 3], True),
            (LISTED, [(2, ALICE, 1), (1, ALICE, None)], ALICE, [1], False),
            (LISTED, [(1, CAROL, 2)], CAROL, [], False),
            (LISTED, [(1, CAROL, None), (2, CAROL, 1)], CAROL, [1], False),
            (LISTED, [(1, FOUNDER, 0)], FOUNDER, [1, 2, 3], True),
            (OPEN, [], CAROL, [1, 2, 3], False),
            (OPEN, [(1, CAROL, None)], CAROL, [1, 2, 3], True),
            (OPEN, [(1, CAROL, 1)], CAROL, [1], False),
            (OPEN, [(1, CAROL, None), (2, CAROL, 1)], CAROL, [1], False),
        ],
    )
    def test_the_founders_latest_word_on_a_key_decides(
        self,
        manifest: Manifest,
        rulings: Sequence[tuple[int, bytes, int | None]],
        key: bytes,
        counted: list[int],
        votes: bool,
    ) -> None:
        """By the numbers of his entries, not by their order here; on himself he has none."""
        roll = Roll(manifest, [Ruling(number=n, key=k, through_number=t) for n, k, t in rulings])
        assert [number for number in (1, 2, 3) if roll.counts(key, number)] == counted
        assert roll.votes(key) is votes


class TestOutcomes:
    """The rules over a whole log."""

    def test_of_twins_the_one_with_the_smallest_name_counts(self) -> None:
        """Whoever signs two entries with one number has not two voices."""
        first, second = contributed(ALICE, cid=b"b"), contributed(ALICE, cid=b"a")
        assert set(outcomes(OPEN, [first, second])) == set(outcomes(OPEN, [second, first])) == {b"a"}

    def test_a_twin_that_cannot_be_read_silences_the_other(self) -> None:
        """Or what counts would depend on what a version can read."""
        assert outcomes(OPEN, [contributed(ALICE, cid=b"b"), said(ALICE, 1, b"a")]) == {}

    def test_a_founder_with_two_tongues_is_taken_at_one_word(self) -> None:
        """His twin rulings do not both hold."""
        add = said(FOUNDER, 1, b"1", ruling=Ruling(number=1, key=CAROL, through_number=None))
        revoke = said(FOUNDER, 1, b"0", ruling=Ruling(number=1, key=CAROL, through_number=0))
        assert outcome(LISTED, add, contributed(CAROL)) is not None
        assert outcome(LISTED, add, revoke, contributed(CAROL)) is None

    def test_only_the_founder_rules(self) -> None:
        """Even if the entry of another came through."""
        other = said(ALICE, 1, ruling=Ruling(number=1, key=CAROL, through_number=None))
        assert outcome(LISTED, other, contributed(CAROL)) is None

    def test_what_a_revoked_writer_wrote_before_stays(self) -> None:
        """And what he wrote later is gone."""
        log = [contributed(ALICE, 1, b"c"), contributed(ALICE, 2, b"d"), revoked(1, ALICE, 1)]
        assert set(outcomes(LISTED, log)) == {b"c"}

    def test_a_withdrawal_hides_own_contributions_alone(self) -> None:
        """Nobody silences another."""
        assert outcome(OPEN, contributed(ALICE), said(ALICE, 2, withdraws=(b"c",))) is None
        assert outcome(OPEN, contributed(ALICE), said(BOB, 1, withdraws=(b"c",))) is not None

    def test_a_withdrawal_that_does_not_count_hides_nothing(self) -> None:
        """Its author was revoked before it."""
        log = [contributed(ALICE), said(ALICE, 2, withdraws=(b"c",)), revoked(1, ALICE, 1)]
        assert outcome(LISTED, *log) is not None

    @pytest.mark.parametrize(
        ("statements", "tally"),
        [
            ([judged(FOUNDER, 1, YES)], (1, 0, 0)),
            ([judged(FOUNDER, 1, YES), judged(FOUNDER, 2, NO)], (0, 1, 0)),
            ([judged(FOUNDER, 2, YES), judged(FOUNDER, 1, NO)], (1, 0, 0)),
            ([judged(FOUNDER, 1, YES, UNSURE, NO)], (0, 1, 0)),
            ([judged(FOUNDER, 1, YES), judged(FOUNDER, 2, UNSURE)], (0, 0, 1)),
            ([judged(ALICE, 2, YES)], (0, 0, 0)),
            ([judged(CAROL, 1, YES)], (0, 0, 0)),
            ([admitted(1, CAROL), judged(CAROL, 1, YES)], (1, 0, 0)),
            ([judged(BOB, 1, YES), judged(FOUNDER, 1, NO)], (1, 1, 0)),
            ([judged(BOB, 1, YES), judged(BOB, 2, NO), judged(BOB, 2, YES, cid=b"\xff")], (0, 1, 0)),
            ([judged(BOB, 1, YES), revoked(1, BOB, 1)], (0, 0, 0)),
            ([admitted(1, CAROL), judged(CAROL, 1, YES), judged(CAROL, 2, NO), revoked(2, CAROL, 1)], (0, 0, 0)),
        ],
    )
    def test_each_member_has_one_vote(self, statements: Sequence[Statement], tally: tuple[int, int, int]) -> None:
        """His latest; not on his own contribution, and only as long as he is a member."""
        found = outcome(LISTED, contributed(ALICE), *statements)
        assert found is not None
        assert (found.tally.valid, found.tally.invalid, found.tally.abstained) == tally

    def test_invented_writers_outvote_nobody_in_an_open_log(self) -> None:
        """Only the founder and whom he admitted vote there."""
        crowd = [judged(bytes([number]) * 32, 1, NO) for number in range(100, 200)]
        found = outcome(OPEN, contributed(ALICE), judged(FOUNDER, 1, YES), *crowd)
        assert found is not None
        assert found.standing is Standing.CONFIRMED

    def test_a_verdict_may_come_before_its_contribution(self) -> None:
        """Order means nothing."""
        found = outcome(OPEN, judged(FOUNDER, 1, YES), contributed(ALICE))
        assert found is not None
        assert found.standing is Standing.CONFIRMED


AUTHORS = st.sampled_from(KEYS[:4])
TARGETS = st.sampled_from([bytes([number]) for number in range(6)])
STATEMENTS = st.builds(
    Statement,
    cid=st.sampled_from([bytes([number]) for number in range(12)]),
    author=AUTHORS,
    number=st.integers(1, 4),
    contributes=st.booleans(),
    withdraws=st.lists(TARGETS, max_size=1).map(tuple),
    verdicts=st.lists(st.tuples(TARGETS, st.sampled_from(Judgement)), max_size=3).map(tuple),
    ruling=st.none(),
)
RULINGS = st.builds(
    lambda number, cid, key, through: Statement(
        cid=cid, author=FOUNDER, number=number, ruling=Ruling(number=number, key=key, through_number=through)
    ),
    number=st.integers(5, 8),
    cid=st.binary(min_size=2, max_size=2),
    key=AUTHORS,
    through=st.none() | st.integers(0, 4),
)


@given(
    st.lists(STATEMENTS | RULINGS, max_size=25, unique_by=lambda one: one.cid),
    st.sampled_from((LISTED, OPEN)),
    st.randoms(use_true_random=False),
)
def test_the_outcome_is_a_function_of_the_set(
    statements: list[Statement], manifest: Manifest, chance: random.Random
) -> None:
    """Neither order nor repetition matters."""
    shuffled = statements + chance.choices(statements, k=5) if statements else []
    chance.shuffle(shuffled)
    assert outcomes(manifest, shuffled) == outcomes(manifest, statements)


@given(st.lists(STATEMENTS, max_size=20, unique_by=lambda one: one.cid), st.lists(RULINGS, max_size=5))
def test_nobody_but_the_founder_decides_what_is_seen_of_others(
    statements: list[Statement], rulings: list[Statement]
) -> None:
    """Without what an author wrote, what is seen of all others is the same."""
    seen = outcomes(OPEN, statements)
    without = outcomes(OPEN, [one for one in statements if one.author != ALICE])
    assert {cid for cid, one in seen.items() if one.author != ALICE} == set(without)
    assert outcomes(OPEN, [one for one in rulings if one.author != FOUNDER]) == {}
