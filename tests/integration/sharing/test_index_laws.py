"""The law of the index: whatever came first, however often, it is what the rules say of the set of entries."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.statistics import FlinkStatistics
from adaptor.domain.verdict import Judgement
from adaptor.sharing.contributions import write_contribution
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.core.entry import Kind, SignedEntry
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.standing import Ruling, Statement, outcomes
from adaptor.sharing.index import VIEWS, Index, PeerRow, run_query
from adaptor.sharing.log_file import SentObservation, StoredEntry
from adaptor.sharing.payload import UnreadablePayloadError
from adaptor.sharing.statements import (
    MembershipOperation,
    read_membership,
    read_validation,
    read_withdrawal,
    write_withdrawal,
)
from adaptor.testing.log_entries import (
    ALICE,
    BOB,
    FOUNDER,
    KEYS,
    OWN,
    a_batch,
    a_manifest,
    a_membership,
    a_validation,
    an_entry,
)

MANIFESTS = (a_manifest(), a_manifest(listed=(OWN, ALICE, BOB)), a_manifest(listed=(OWN, ALICE, BOB), quorum=2))
AUTHORS = st.sampled_from(KEYS[:5])
NUMBERS = st.integers(1, 4)
PLACES = st.integers(0, 99)


def observation(superstep: int) -> Observation:
    return Observation(
        observation_id=f"own-run/{superstep}/1",
        run_id="own-run",
        superstep=superstep,
        attempt=1,
        context=ExecutionContext(program="kmeans", parameters={"k": "8"}),
        planned_parallelism=2,
        requested_parallelism=2,
        observed_parallelism=2,
        duration_s=3.25 + superstep,
        cold=False,
        failed=False,
        shareable=True,
        flink=FlinkStatistics(),
    )


OBSERVATIONS = tuple(observation(superstep) for superstep in (1, 2, 3))


@st.composite
def logs(draw: st.DrawFn) -> tuple[Manifest, list[SignedEntry]]:
    """A set of entries: contributions, and whatever may be said of them, of anybody, by anybody."""
    manifest = draw(st.sampled_from(MANIFESTS))
    contributions = [
        an_entry(
            manifest,
            Kind.CONTRIBUTION,
            draw(AUTHORS),
            write_contribution(a_batch(f"run-{place}", durations_s=(1.5, 2.5), k=str(place % 2))),
            number=draw(NUMBERS),
        )
        for place in range(draw(st.integers(1, 5)))
    ]
    others = draw(
        st.lists(st.tuples(AUTHORS, NUMBERS, st.sampled_from(("judge", "withdraw", "rule", "noise"))), max_size=14)
    )
    entries = [_said(draw, manifest, contributions, *one) for one in others]
    unique = {one.cid: one for one in (*contributions, *entries)}
    return manifest, list(unique.values())


def _said(
    draw: st.DrawFn, manifest: Manifest, contributions: Sequence[SignedEntry], author: bytes, number: int, what: str
) -> SignedEntry:
    targets = st.sampled_from([one.cid for one in contributions])
    if what == "judge":
        verdicts = draw(st.lists(st.tuples(targets, st.sampled_from(Judgement)), min_size=1, max_size=3))
        return an_entry(manifest, Kind.VALIDATION, author, a_validation(verdicts), number=number)
    if what == "withdraw":
        return an_entry(manifest, Kind.WITHDRAWAL, author, write_withdrawal([draw(targets)]), number=number)
    if what == "rule":
        payload = a_membership(draw(AUTHORS), draw(st.none() | st.integers(0, 4)))
        return an_entry(
            manifest, Kind.MEMBERSHIP, draw(st.sampled_from((FOUNDER, FOUNDER, author))), payload, number=number
        )
    return an_entry(manifest, draw(st.sampled_from(Kind)), author, b"\xff\xff", number=number)


def stored(entries: Sequence[SignedEntry]) -> list[StoredEntry]:
    return [StoredEntry(sequence, one, "peer") for sequence, one in enumerate(entries, start=1)]


def statement(one: SignedEntry, manifest: Manifest) -> Statement:
    """What an entry says, for the plain reading of the rules."""
    entry, said = one.entry, {}
    try:
        if entry.kind is Kind.CONTRIBUTION:
            said = {"contributes": entry.payload != b"\xff\xff"}
        elif entry.kind is Kind.WITHDRAWAL:
            said = {"withdraws": read_withdrawal(entry.payload, batch=512)}
        elif entry.kind is Kind.VALIDATION:
            verdicts = read_validation(entry.payload, batch=512)
            said = {"verdicts": tuple((verdict.target, verdict.assessment.judgement) for verdict in verdicts)}
        elif entry.author == manifest.founder:
            ruling = read_membership(entry.payload)
            through = None if ruling.operation is MembershipOperation.ADD else ruling.through_number
            said = {"ruling": Ruling(number=entry.number, key=ruling.key, through_number=through)}
    except UnreadablePayloadError:
        said = {}
    return Statement(cid=one.cid, author=entry.author, number=entry.number, **said)


def dump(path: Path) -> dict[str, list[Any]]:
    """All that can be seen."""
    return {view: sorted(run_query(path, f"select * from {view}").rows, key=repr) for view in VIEWS}


def expected(manifest: Manifest, entries: Sequence[SignedEntry]) -> dict[str, tuple[object, ...]]:
    found = outcomes(manifest, [statement(one, manifest) for one in entries])
    return {
        cid_text(cid): (
            one.author.hex(),
            one.standing.value,
            one.tally.valid,
            one.tally.invalid,
            one.tally.abstained,
        )
        for cid, one in found.items()
    }


def keep(
    path: Path,
    manifest: Manifest,
    entries: Sequence[SignedEntry],
    sent: Sequence[SentObservation],
    chance: random.Random,
) -> None:
    """Feed an index as it may happen: in pieces, with repetitions and restarts, own rows in between."""
    log, at, steps = stored(entries), 0, ["own", "sent", "peers"]
    chance.shuffle(steps)
    index = Index(path, manifest, OWN)
    while at < len(log) or steps:
        if steps and chance.random() < 0.4:
            step = steps.pop()
            if step == "own":
                index.apply_own(OBSERVATIONS, through=3)
            elif step == "sent":
                index.put_sent(sent)
            else:
                index.put_peers([PeerRow(peer=ALICE.hex(), heads=2)])
        size = chance.randint(1, 4)
        index.apply(log[max(0, at - chance.randint(0, 3)) : at + size])
        at = min(len(log), at + size)
        if chance.random() < 0.2:
            index.close()
            index = Index(path, manifest, OWN)
    index.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(logs(), PLACES, st.randoms(use_true_random=False))
def test_an_index_is_what_the_rules_say_whatever_came_first(
    log: tuple[Manifest, list[SignedEntry]], place: int, chance: random.Random
) -> None:
    """Kept in two orders, with repetitions and restarts, and made again: the same views, and those of the core."""
    manifest, entries = log
    own = [one.cid for one in entries if one.entry.kind is Kind.CONTRIBUTION and one.entry.author == OWN]
    target = own[place % len(own)] if own else Cid(b"\x01\x71\x12\x20" + bytes(32))
    sent = [
        SentObservation(observation_id=one.observation_id, contribution=target, at_s=1.0) for one in OBSERVATIONS[:2]
    ]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.db" for number in (1, 2)]
        for path in paths:
            keep(path, manifest, entries, sent, chance)
            chance.shuffle(entries)
        seen = dump(paths[0])
        assert dump(paths[1]) == seen
        with closing(Index(paths[0], manifest, OWN)) as index:
            index.rebuild(stored(entries))
            assert index.position == len(entries)
        assert dump(paths[0]) == seen
        rows = run_query(
            paths[0], "select contribution, author, standing, valid, invalid, abstained from contributions"
        )
        assert {row[0]: row[1:] for row in rows.rows} == expected(manifest, entries)
        # Every superstep of this machine is there exactly once, with or without its contribution.
        counted = run_query(paths[0], "select count(*) from observations where run = 'own-run'").rows[0][0]
        assert counted == len(OBSERVATIONS)
        _require_no_doubles(paths[0], own)


def _require_no_doubles(path: Path, own: Sequence[Cid]) -> None:
    for contribution in map(cid_text, own):
        rows = run_query(
            path, "select superstep from observations where contribution = ?", parameters=[contribution]
        ).rows
        assert len(rows) == len(set(rows))
