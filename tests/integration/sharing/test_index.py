"""The index on disk: what its views show, of the log and of this machine's own measurements."""

from __future__ import annotations

import dataclasses

from adaptor.domain.context import ExecutionContext
from adaptor.domain.verdict import Judgement
from adaptor.sharing.core.cid import cid_text
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.index import Index, PeerRow, run_query, time_text
from adaptor.sharing.log_file import SentObservation
from adaptor.testing.indexes import an_observation, rows, standings
from adaptor.testing.log_entries import ALICE, BOB, CAROL, FOUNDER, OWN, Entries, a_batch

NO = Judgement.INVALID


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


def test_an_entry_of_a_peer_is_shown_as_it_was_written(index: Index, log: Entries) -> None:
    """Whatever a schema of later versions adds."""
    batch = dataclasses.replace(a_batch(), schema_version=7)
    log.contribution(ALICE, batch)
    index.apply(log.written)
    assert rows(index.path, "select schema_version, observations from contributions") == [(7, 1)]
