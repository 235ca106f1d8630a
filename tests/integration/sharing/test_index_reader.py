"""What programs read of an index."""

from __future__ import annotations

import numpy as np
import pytest

from adaptor.domain.verdict import Judgement
from adaptor.errors import InvalidValueError, UnknownContributionError
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.index import Index, IndexReader, ObservationFilter, View
from adaptor.testing.indexes import an_observation
from adaptor.testing.log_entries import ALICE, BOB, CAROL, FOUNDER, KEYS, OWN, Entries, a_batch

NO, UNSURE = Judgement.INVALID, Judgement.ABSTAIN


class TestReader:
    """What programs get."""

    def test_pages_hold_everything_that_matches_once(self, index: Index, reader: IndexReader, log: Entries) -> None:
        """In any page size, and what comes meanwhile comes later."""
        for number in range(7):
            log.contribution(KEYS[1 + number % 3], a_batch(f"r{number}", durations_s=(1.0, 2.0, 3.0)))
        log.contribution(ALICE, a_batch(algorithm="other"))
        index.apply_own([an_observation(1)], through=1)
        index.apply(log.written[:5])
        wanted, token, seen = ObservationFilter(algorithm="kmeans", include_private=True), "", []
        while True:
            page = reader.filtered(wanted, page_token=token, page_size=4)
            seen += [(one.run, one.observation.superstep) for one in page.observations]
            token = page.next_page_token
            index.apply(log.written)
            if not token:
                break
        assert seen == [("mine", 1), *((f"r{n}", s) for n in range(7) for s in (1, 2, 3))]

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            (ObservationFilter(), 3),
            (ObservationFilter(view=View.ALL), 4),
            (ObservationFilter(view=View.CONFIRMED), 1),
            (ObservationFilter(include_private=True), 4),
            (ObservationFilter(author=ALICE.hex()), 3),
            (ObservationFilter(author=OWN.hex(), include_private=True), 1),
            (ObservationFilter(min_parallelism=5), 1),
            (ObservationFilter(max_parallelism=5, view=View.ALL), 3),
            (ObservationFilter(node_type="laptop", include_private=True), 1),
            (ObservationFilter(algorithm="nothing"), 0),
        ],
    )
    def test_a_filter_restricts_by_what_it_names(
        self, index: Index, reader: IndexReader, log: Entries, wanted: ObservationFilter, count: int
    ) -> None:
        """And a view by standing."""
        cids = [log.contribution(ALICE, a_batch(parallelism=p)) for p in (4, 4, 8)] + [log.contribution(BOB)]
        log.verdict(FOUNDER, cids[0])
        log.verdict(FOUNDER, cids[3], says=NO)
        index.apply(log.written)
        index.apply_own([an_observation(1)], through=1)
        assert len(reader.filtered(wanted).observations) == count

    @pytest.mark.parametrize(
        "token",
        ["x", "AAAA", "WzFd", "WyJhIiwxXQ==", "bnVsbA==", "WzFlOTk5LDFd", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwLDFd", "é"],
    )
    def test_a_token_that_no_page_gave_is_refused(self, index: Index, reader: IndexReader, token: str) -> None:
        """By name."""
        with pytest.raises(InvalidValueError, match="page_token"):
            reader.filtered(ObservationFilter(), page_token=token)

    def test_why_tells_votes_first_with_their_reasons(self, index: Index, reader: IndexReader, log: Entries) -> None:
        """A withdrawn contribution is unknown."""
        cid = log.contribution(ALICE)
        log.verdict(ALICE, cid)
        log.verdict(BOB, cid, says=UNSURE)
        index.apply(log.written)
        why = reader.why(cid)
        assert (why.author, why.standing) == (ALICE.hex(), "open")
        assert [(one.author, one.judgement, one.counts) for one in why.votes] == [
            (BOB.hex(), UNSURE, True),
            (ALICE.hex(), Judgement.VALID, False),
        ]
        assert why.votes[0].findings[0].text == "so abstain"
        log.withdrawal(ALICE, cid)
        index.apply(log.written)
        with pytest.raises(UnknownContributionError):
            reader.why(cid)

    def test_models_get_the_chosen_view_by_columns(self, index: Index, reader: IndexReader, log: Entries) -> None:
        """Contexts, authors and contributions are named once."""
        good = log.contribution(ALICE, a_batch("a", durations_s=(3.0, 2.0), k="8"))
        bad = log.contribution(BOB, a_batch("b", k="9"))
        log.verdict(FOUNDER, bad, says=NO)
        index.apply(log.written)
        index.apply_own([an_observation(1)], through=1)
        found = reader.training_rows(algorithm="kmeans")
        assert [found.authors[place] for place in found.author] == [OWN.hex(), ALICE.hex(), ALICE.hex()]
        assert found.own.tolist() == [True, False, False]
        assert found.duration_s.tolist() == [11.0, 2.0, 3.0]
        assert found.cold.tolist() == [True, False, True]
        assert [found.contributions[place] if place >= 0 else "" for place in found.contribution] == [
            "",
            *[cid_text(good)] * 2,
        ]
        assert found.contexts[found.context[1]].parameters == {"k": "8"}
        assert np.isnan(found.scale_out).all()
        assert len(reader.training_rows(algorithm="kmeans", view=View.ALL, own=False).author) == 3
        assert len(reader.training_rows(algorithm="kmeans", view=View.CONFIRMED, own=False).author) == 0
        assert reader.algorithms() == ["kmeans"]

    def test_each_author_has_the_same_share_and_the_context_goes_first(
        self, index: Index, reader: IndexReader, log: Entries
    ) -> None:
        """One who writes a lot crowds out nobody."""
        for number in range(20):
            log.contribution(ALICE, a_batch(f"a{number}", k="9"))
        here = a_batch("mine", k="8")
        log.contribution(ALICE, here)
        log.contribution(BOB, a_batch("b", k="9"))
        index.apply(log.written)
        found = reader.training_rows(algorithm="kmeans", context_key=here.context.key, limit=6)
        assert len(found.author) == 6 - 2
        assert found.contexts[found.context[0]] == here.context
        assert {found.authors[place] for place in found.author} == {ALICE.hex(), BOB.hex()}
        alone = reader.training_rows(context_key=here.context.key)
        assert alone.contexts == (here.context,)

    def test_the_rest_is_what_others_and_the_same_author_contributed(
        self, index: Index, reader: IndexReader, log: Entries
    ) -> None:
        """Not the contribution itself, not what is withdrawn, not what is private; and it says what came before."""
        batch = a_batch("r", durations_s=(1.25,))
        first = log.contribution(ALICE, batch)
        gone = log.contribution(ALICE, a_batch("gone"))
        copy = log.contribution(BOB, a_batch("copy", durations_s=(1.25,)))
        log.contribution(CAROL, batch)
        log.withdrawal(ALICE, gone)
        index.apply(log.written)
        index.apply_own([an_observation(1)], through=1)
        known = {(one.author, one.run, one.before) for one in reader.rest(batch, copy)}
        assert known == {(ALICE, "r", True)}
        assert {(one.author, one.run, one.before) for one in reader.rest(batch, first)} == {(BOB, "copy", False)}
        assert {one.context_key for one in reader.rest(batch, copy)} == {batch.context.key}
        unknown = Cid(b"\x01\x71\x12\x20" + bytes(32))
        assert {one.before for one in reader.rest(batch, unknown)} == {True}

    def test_what_is_to_be_judged_is_neither_own_nor_judged_nor_decided(
        self, index: Index, reader: IndexReader, log: Entries
    ) -> None:
        """An abstention is a judgement; one that does not count any more is none."""
        cids = [log.contribution(ALICE, a_batch(f"r{number}")) for number in range(4)]
        log.contribution(OWN)
        log.verdict(BOB, cids[1])
        log.verdict(OWN, cids[2], says=UNSURE)
        log.withdrawal(ALICE, cids[3])
        index.apply(log.written)
        assert reader.unjudged(limit=9) == [cids[0]]
        log.revoke(OWN, 0)
        index.apply(log.written)
        assert reader.unjudged(limit=1) == [cids[0]]
        assert set(reader.unjudged(limit=9)) == {cids[0], cids[2]}

    def test_counts_are_of_what_is_there(self, index: Index, reader: IndexReader, log: Entries) -> None:
        """Hidden contributions apart."""
        cids = [log.contribution(ALICE, a_batch(durations_s=(1.0, 2.0))) for _ in range(2)]
        log.withdrawal(ALICE, cids[0])
        log.write(Kind.VALIDATION, BOB, b"\xff")
        index.apply(log.written)
        counts = reader.counts()
        assert {name: counts[name] for name in ("entries", "contributions", "observations", "hidden", "open")} == {
            "entries": 4,
            "contributions": 1,
            "observations": 2,
            "hidden": 1,
            "open": 1,
        }
        assert (counts["unreadable"], counts["members"], counts["authors"]) == (1, 4, 2)
