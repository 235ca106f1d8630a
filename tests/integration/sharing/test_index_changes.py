"""The index on disk: what changes when rules or verdicts do."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.domain.verdict import Judgement
from adaptor.sharing.core.cid import cid_text
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.index import Index
from adaptor.testing.indexes import LISTED, standings
from adaptor.testing.log_entries import ALICE, BOB, CAROL, FOUNDER, Entries

NO = Judgement.INVALID


class TestChanges:
    """What is decided later changes what was shown before."""

    @pytest.mark.parametrize("through", [0, 1, 2])
    def test_a_revocation_hides_what_was_written_after_it(self, index: Index, log: Entries, through: int) -> None:
        """And nothing before; admitted again, all is back."""
        cids = [cid_text(log.contribution(ALICE)) for _ in range(2)]
        log.revoke(ALICE, through)
        index.apply(log.written)
        assert set(standings(index.path)) == set(cids[:through])
        log.admit(ALICE)
        index.apply(log.written)
        assert set(standings(index.path)) == set(cids)

    def test_a_revoked_withdrawal_hides_no_more(self, index: Index, log: Entries) -> None:
        """As if it had not been written."""
        cid = log.contribution(ALICE)
        log.withdrawal(ALICE, cid)
        index.apply(log.written)
        assert standings(index.path) == {}
        log.revoke(ALICE, 1)
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "open"}

    def test_a_revoked_members_votes_are_gone_and_an_admitted_ones_come(self, index: Index, log: Entries) -> None:
        """Votes are counted over who is a member now."""
        cid = log.contribution(ALICE)
        log.verdict(BOB, cid, says=NO)
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "refuted"}
        log.revoke(BOB, 1)
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "open"}
        log.admit(BOB)
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "refuted"}

    def test_a_later_verdict_replaces_and_falls_back_if_it_does_not_count(self, index: Index, log: Entries) -> None:
        """A twin with a smaller name silences the later verdict, so the earlier one is the word again."""
        cid = log.contribution(ALICE)
        log.verdict(BOB, cid)
        later = log.verdict(BOB, cid, says=NO)
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "refuted"}
        for attempt in range(1000):
            twin = log.write(Kind.VALIDATION, BOB, b"\xff" + attempt.to_bytes(2, "big"), number=2)
            if twin < later:
                break
            log.written.pop()
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "confirmed"}

    def test_the_later_verdict_is_that_of_the_higher_number(self, index: Index, log: Entries) -> None:
        """Not the one that was applied later."""
        cid = log.contribution(ALICE)
        log.verdict(BOB, cid, says=NO, number=2)
        log.verdict(BOB, cid, number=1)
        index.apply(log.written)
        assert standings(index.path) == {cid_text(cid): "refuted"}

    def test_a_ruling_that_does_not_count_admits_nobody(self, index: Index, log: Entries) -> None:
        """A twin of the founder's with a smaller name takes it back."""
        ruling = log.admit(CAROL)
        cid = log.contribution(CAROL)
        index.apply(log.written)
        assert set(standings(index.path)) == {cid_text(cid)}
        for attempt in range(1000):
            twin = log.write(Kind.MEMBERSHIP, FOUNDER, b"\xff" + attempt.to_bytes(2, "big"), number=1)
            if twin < ruling:
                break
            log.written.pop()
        index.apply(log.written)
        assert standings(index.path) == {}

    def test_a_verdict_may_come_before_its_contribution(self, index: Index, log: Entries, path: Path) -> None:
        """And counts from then on."""
        cid = Entries(LISTED).contribution(ALICE)
        log.verdict(BOB, cid)
        log.contribution(ALICE)
        for one in log.written:
            index.apply([one])
        assert standings(path) == {cid_text(cid): "confirmed"}
