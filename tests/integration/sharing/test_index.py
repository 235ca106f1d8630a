"""The index on disk: what its views show, what changes when rules do, and what it survives."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.statistics import FlinkStatistics
from adaptor.domain.verdict import Judgement
from adaptor.errors import InvalidValueError, StateDirectoryError, UnknownContributionError
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.index import Index, IndexReader, ObservationFilter, PeerRow, View, run_query, time_text
from adaptor.sharing.log_file import SentObservation
from adaptor.testing.log_entries import ALICE, BOB, CAROL, FOUNDER, KEYS, OWN, Entries, a_batch, a_manifest

NO, UNSURE = Judgement.INVALID, Judgement.ABSTAIN
OPEN, LISTED = a_manifest(), a_manifest(listed=(OWN, ALICE, BOB))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    with closing(Index(path, LISTED, OWN)) as index:
        yield index


@pytest.fixture
def reader(index: Index) -> Iterator[IndexReader]:
    with closing(IndexReader(index.path)) as reader:
        yield reader


@pytest.fixture
def log() -> Entries:
    return Entries(LISTED)


def rows(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return list(run_query(path, sql, parameters=values).rows)


def standings(path: Path) -> dict[str, str]:
    return dict(rows(path, "select contribution, standing from contributions"))  # type: ignore[arg-type]


def an_observation(superstep: int, *, run: str = "mine", **fields: Any) -> Observation:
    defaults: dict[str, Any] = {
        "observation_id": f"{run}/{superstep}/1",
        "run_id": run,
        "superstep": superstep,
        "attempt": 1,
        "context": ExecutionContext(program="kmeans", parameters={"k": "8"}, node_type="laptop"),
        "planned_parallelism": 2,
        "requested_parallelism": 2,
        "observed_parallelism": 4,
        "duration_s": 10.0 + superstep,
        "cold": superstep == 1,
        "failed": False,
        "shareable": True,
        "flink": FlinkStatistics(cpu_utilisation=0.5),
    }
    return Observation(**{**defaults, **fields})


class TestViews:
    """What is shown."""

    def test_an_observation_comes_with_its_context_its_author_and_its_standing(
        self, index: Index, log: Entries
    ) -> None:
        """One row for each superstep, with everything that was told."""
        cid = log.contribution(ALICE, a_batch("r1", durations_s=(2.5, 1.5), k="8"))
        log.verdict(FOUNDER, cid)
        assert index.apply(log.written) == []
        found = run_query(index.path, "select * from observations order by superstep")
        assert dict(zip(found.columns, found.rows[0], strict=True)) == {
            "algorithm": "kmeans",
            "parameters": '{"k":"8"}',
            "data": "{}",
            "node_type": "",
            "flink_version": "",
            "run": "r1",
            "superstep": 1,
            "parallelism": 4,
            "scale_out": None,
            "duration_s": 2.5,
            "cold": 1,
            "cpu_utilisation": None,
            "measurement": "unknown",
            "contribution": cid_text(cid),
            "author": ALICE.hex(),
            "own": 0,
            "shared": 1,
            "standing": "confirmed",
            "contributed_at": "2025-06-15T15:06:41.000Z",
        }
        assert [row[6] for row in found.rows] == [1, 2]

    def test_verdicts_say_whether_they_count(self, index: Index, log: Entries) -> None:
        """A member's does, an outsider's and an own one's do not."""
        cid = log.contribution(ALICE)
        for author in (ALICE, BOB):
            log.verdict(author, cid, says=NO)
        log.admit(CAROL)
        log.revoke(CAROL, 9)
        log.verdict(CAROL, cid)
        index.apply(log.written)
        found = rows(index.path, "select author, judgement, counts from verdicts where contribution = ?", cid_text(cid))
        assert set(found) == {(ALICE.hex(), "invalid", 0), (BOB.hex(), "invalid", 1), (CAROL.hex(), "valid", 0)}

    def test_peers_are_those_of_the_last_telling(self, index: Index, log: Entries) -> None:
        """With what their keys contributed."""
        log.contribution(ALICE)
        index.apply(log.written)
        index.put_peers([PeerRow(peer=BOB.hex())])
        index.put_peers(
            [PeerRow(peer=ALICE.hex(), address="a:1", heads=2, heard_at=time_text(0)), PeerRow(peer="topic")]
        )
        assert rows(
            index.path, "select peer, heads, heard_at, member, contributions from peers order by heads desc"
        ) == [
            (ALICE.hex(), 2, "1970-01-01T00:00:00.000Z", 1, 1),
            ("topic", 0, None, 0, 0),
        ]

    def test_what_cannot_be_read_is_a_refusal_and_the_others_go_on(self, index: Index, log: Entries) -> None:
        """It keeps its number, and says nothing."""
        for kind in Kind:
            log.write(kind, ALICE, b"\xff\xff")
        cid = log.contribution(ALICE)
        refusals = index.apply(log.written)
        assert {one.reason for one in refusals} == {RefusalReason.UNREADABLE_PAYLOAD}
        assert [(one.peer, one.author) for one in refusals] == [("peer", ALICE)] * 4
        assert set(standings(index.path)) == {cid_text(cid)}

    def test_a_time_beyond_all_dates_is_the_last_one(self) -> None:
        """A liar's clock breaks nothing."""
        assert time_text(2**63 - 1) == "9999-12-31T23:59:59.999Z"


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


class TestOwn:
    """This machine's own measurements beside the log."""

    def test_each_is_there_once_and_marked(self, index: Index, log: Entries) -> None:
        """Private until it is shared; then with its contribution's standing, and under its own names."""
        measured = [an_observation(1), an_observation(2), an_observation(3, failed=True, observed_parallelism=None)]
        index.apply_own(measured, through=7)
        index.apply_own(measured, through=7)
        assert index.own_position == 7
        query = (
            "select run, superstep, node_type, own, shared, standing, duration_s from observations order by superstep"
        )
        assert rows(index.path, query) == [
            ("mine", 1, "laptop", 1, 0, "private", 11.0),
            ("mine", 2, "laptop", 1, 0, "private", 12.0),
        ]
        cid = log.contribution(OWN, a_batch("h:0123", durations_s=(11.5,)))
        log.verdict(ALICE, cid)
        index.apply(log.written)
        index.put_sent([SentObservation(observation_id="mine/1/1", contribution=cid, at_s=1.0)])
        shared = [("mine", 1, "laptop", 1, 1, "confirmed", 11.0), ("mine", 2, "laptop", 1, 0, "private", 12.0)]
        assert rows(index.path, query) == shared
        index.rebuild(log.written)
        assert rows(index.path, query) == shared
        log.withdrawal(OWN, cid)
        index.apply(log.written)
        assert [row[5] for row in rows(index.path, query)] == ["private", "private"]

    def test_what_only_the_log_knows_is_own_as_well(self, index: Index, log: Entries) -> None:
        """After the run store was lost."""
        log.contribution(OWN)
        index.apply(log.written)
        assert rows(index.path, "select own, shared, standing from observations") == [(1, 1, "open")]

    def test_a_terminal_survives_own_names(self, index: Index) -> None:
        """They were never checked for peers."""
        odd = an_observation(1, context=ExecutionContext(program="k\x1b[2J", data={"a": "\u202eb"}))
        index.apply_own([odd], through=1)
        assert rows(index.path, "select algorithm, data from observations") == [("k\ufffd[2J", '{"a":"\ufffdb"}')]


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


class TestFile:
    """What the file survives."""

    def test_an_index_goes_on_where_it_was(self, path: Path, log: Entries) -> None:
        """Entries given again change nothing; a gap is a mistake of the caller."""
        for _ in range(3):
            log.contribution(ALICE)
        for count in (1, 3, 2):
            with closing(Index(path, LISTED, OWN)) as index:
                index.apply(log.written[:count])
        with closing(Index(path, LISTED, OWN)) as index:
            assert index.position == 3
            log.contribution(ALICE)
            log.contribution(ALICE)
            with pytest.raises(ValueError, match="without gaps"):
                index.apply(log.written[4:])
        assert len(standings(path)) == 3

    @pytest.mark.parametrize("manifest", [OPEN, a_manifest(listed=(OWN, ALICE, BOB), quorum=2)])
    def test_an_index_of_another_log_is_made_anew(self, path: Path, log: Entries, manifest: Any) -> None:
        """It says nothing of this one."""
        log.contribution(ALICE)
        with closing(Index(path, LISTED, OWN)) as index:
            index.apply(log.written)
        with closing(Index(path, manifest, OWN)) as index:
            assert index.position == 0
        assert standings(path) == {}

    @pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + b"\x00" * 200, b""])
    def test_a_damaged_file_is_made_anew(self, path: Path, content: bytes) -> None:
        """Everything in it can be made again."""
        path.write_bytes(content)
        with closing(Index(path, LISTED, OWN)) as index:
            assert index.position == 0

    def test_somebody_elses_database_is_left_alone(self, path: Path) -> None:
        """It may be the only copy of something."""
        with closing(sqlite3.connect(path)) as db:
            db.execute("create table precious (a)")
        with pytest.raises(StateDirectoryError, match="something else"):
            Index(path, LISTED, OWN)
        with pytest.raises(StateDirectoryError, match="no index"):
            IndexReader(path)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("select count(*) from precious").fetchone() == (0,)

    def test_a_full_disk_changes_nothing_and_is_survived(self, index: Index, log: Entries) -> None:
        """Neither in the file nor in memory; what was refused can be given again."""
        cid = log.contribution(ALICE)
        index.apply(log.written)
        log.revoke(ALICE, 0)
        for number in range(200):
            log.contribution(BOB, a_batch(f"r{number}" * 20))
        pages = index._db.execute("pragma page_count").fetchone()[0]
        index._db.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(StateDirectoryError, match="full"):
            index.apply(log.written)
        assert index.position == 1
        assert set(standings(index.path)) == {cid_text(cid)}
        index._db.execute("pragma max_page_count = 1000000")
        index.apply(log.written)
        assert len(standings(index.path)) == 200

    def test_a_rebuild_that_fails_leaves_what_was(self, index: Index, log: Entries) -> None:
        """A reader never sees half an index."""
        log.contribution(ALICE)
        index.apply(log.written)

        def failing() -> Iterator[Any]:
            yield from log.written
            raise StateDirectoryError("the log cannot be read")

        with pytest.raises(StateDirectoryError):
            index.rebuild(failing())
        assert len(standings(index.path)) == 1
        log.contribution(BOB)
        index.apply(log.written)
        assert len(standings(index.path)) == 2


CRASHING = """
import os, sys
from pathlib import Path
from adaptor.sharing.index import Index
sys.path.insert(0, {folder!r})
from test_index import LISTED, OWN, a_story

index = Index(Path(sys.argv[1]), LISTED, OWN)
left = int(sys.argv[2])

def statement(sql):
    global left
    left -= 1
    if left < 0:
        os._exit(9)

index._db.set_trace_callback(statement)
entries = a_story().written
for start in range(0, len(entries), 4):
    index.apply(entries[start : start + 4])
"""


def a_story() -> Entries:
    """A log in which nearly every entry changes what others amount to."""
    log = Entries(LISTED)
    cids = [log.contribution(author, a_batch(f"r{number}")) for number, author in enumerate((ALICE, BOB, OWN, ALICE))]
    log.verdict(FOUNDER, *cids)
    log.verdict(BOB, *cids, says=NO)
    log.withdrawal(ALICE, cids[0])
    log.revoke(BOB, 1)
    log.contribution(BOB, a_batch("twin"), number=1)
    log.verdict(OWN, *cids)
    log.admit(BOB)
    return log


@pytest.mark.parametrize("statements", [8, 25, 45, 60])
def test_a_crash_in_the_middle_of_a_step_is_as_if_the_step_had_not_begun(
    path: Path, tmp_path: Path, statements: int
) -> None:
    """The process dies at a statement; the next one is given the same entries, and nothing is lost or doubled."""
    script = CRASHING.format(folder=str(Path(__file__).parent))
    died = subprocess.run([sys.executable, "-c", script, str(path), str(statements)], check=False)
    assert died.returncode == 9
    story = a_story().written
    with closing(Index(path, LISTED, OWN)) as index:
        assert index.position % 4 == 0
        index.apply(story)
    with closing(Index(tmp_path / "calm.db", LISTED, OWN)) as index:
        index.apply(story)
    for view in ("observations", "contributions", "verdicts"):
        seen, calm = (sorted(rows(one, f"select * from {view}"), key=repr) for one in (path, tmp_path / "calm.db"))
        assert seen == calm


def test_an_entry_of_a_peer_is_shown_as_it_was_written(index: Index, log: Entries) -> None:
    """Whatever a schema of later versions adds."""
    batch = dataclasses.replace(a_batch(), schema_version=7)
    log.contribution(ALICE, batch)
    index.apply(log.written)
    assert rows(index.path, "select schema_version, observations from contributions") == [(7, 1)]
