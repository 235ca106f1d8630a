"""Which entries count and how contributions stand: by production, and once more by a plain reading of the rules.

The second is written apart from the first and in another way, so that a defect which is the same at every replica is
seen as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adaptor.domain.verdict import Judgement
from adaptor.sharing.core import standing
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Entry, Kind, parse_entry
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.standing import Outcome, Ruling, Statement
from adaptor.sharing.payload import UnreadablePayloadError
from adaptor.sharing.statements import MembershipOperation, read_membership, read_validation, read_withdrawal

Standings = dict[bytes, tuple[int, int, int, str]]
"""Votes for, against and for neither, and what they amount to, by contribution."""


class Statements:
    """What entries say; each is read once for all replicas."""

    def __init__(self, manifest: Manifest) -> None:
        self._batch = manifest.limits.batch
        self._known: dict[bytes, Statement] = {}

    def of(self, blocks: Mapping[Cid, bytes], order: Iterable[Cid]) -> list[Statement]:
        """Of a replica's entries, in the order in which it applied them."""
        return [self._known.get(cid) or self._read(cid, blocks[cid]) for cid in order]

    def _read(self, cid: Cid, block: bytes) -> Statement:
        made = self._known[cid] = statement_of(cid, parse_entry(block).entry, batch=self._batch)
        return made


def statement_of(cid: Cid, entry: Entry, *, batch: int) -> Statement:
    """What one entry says."""
    withdraws: tuple[bytes, ...] = ()
    verdicts: tuple[tuple[bytes, Judgement], ...] = ()
    ruling = None
    try:
        if entry.kind is Kind.WITHDRAWAL:
            withdraws = tuple(read_withdrawal(entry.payload, batch=batch))
        elif entry.kind is Kind.VALIDATION:
            found = read_validation(entry.payload, batch=batch)
            verdicts = tuple((one.target, one.assessment.judgement) for one in found)
        elif entry.kind is Kind.MEMBERSHIP:
            said = read_membership(entry.payload)
            through = None if said.operation is MembershipOperation.ADD else said.through_number
            ruling = Ruling(number=entry.number, key=said.key, through_number=through)
    except UnreadablePayloadError:
        pass
    return Statement(
        cid=cid,
        author=entry.author,
        number=entry.number,
        contributes=entry.kind is Kind.CONTRIBUTION,
        withdraws=withdraws,
        verdicts=verdicts,
        ruling=ruling,
    )


def counted(manifest: Manifest, statements: Iterable[Statement]) -> Standings:
    """How contributions stand by production."""
    found: Mapping[bytes, Outcome] = standing.outcomes(manifest, statements)
    return {
        cid: (one.tally.valid, one.tally.invalid, one.tally.abstained, one.standing.value) for cid, one in found.items()
    }


def expected(manifest: Manifest, statements: Iterable[Statement]) -> Standings:
    """How contributions stand by the rules, read plainly."""
    ranked = sorted(statements, key=lambda one: (one.number, one.cid))
    heard = [one for i, one in enumerate(ranked) if not any(_twins(one, other) for other in _before(ranked, i))]
    last_word: dict[bytes, int | None] = {}
    ever_admitted = {manifest.founder, *(manifest.writers or ())}
    for one in heard:
        if one.ruling is not None and one.author == manifest.founder:
            last_word[one.ruling.key] = one.ruling.through_number
            if one.ruling.through_number is None:
                ever_admitted.add(one.ruling.key)
    counting = [one for one in heard if _counts(one, manifest, last_word, ever_admitted)]
    withdrawn = {(target, one.author) for one in counting for target in one.withdraws}
    ballots = _ballots(counting)
    voters = {one.author for one in counting if _votes(one.author, manifest, last_word)}
    result: Standings = {}
    for one in counting:
        if one.contributes and (one.cid, one.author) not in withdrawn:
            said = [ballots[voter, one.cid][2] for voter in voters - {one.author} if (voter, one.cid) in ballots]
            yes, no = said.count(Judgement.VALID), said.count(Judgement.INVALID)
            decided = "confirmed" if yes >= manifest.quorum and yes > no else ""
            decided = "refuted" if no >= manifest.quorum and no > yes else decided
            result[one.cid] = (yes, no, said.count(Judgement.ABSTAIN), decided or "open")
    return result


def _before(ranked: list[Statement], place: int) -> Iterable[Statement]:
    """Statements of the same number that come before one, with smaller names."""
    for i in range(place - 1, -1, -1):
        if ranked[i].number != ranked[place].number:
            return
        yield ranked[i]


def _twins(one: Statement, other: Statement) -> bool:
    return (one.author, one.number) == (other.author, other.number)


def _counts(
    one: Statement, manifest: Manifest, last_word: Mapping[bytes, int | None], ever_admitted: set[bytes]
) -> bool:
    if one.author == manifest.founder:
        return True
    if manifest.writers is not None and one.author not in ever_admitted:
        return False
    through = last_word.get(one.author)
    return through is None or one.number <= through


def _votes(author: bytes, manifest: Manifest, last_word: Mapping[bytes, int | None]) -> bool:
    if author in last_word and author != manifest.founder:
        return last_word[author] is None
    return author == manifest.founder or author in (manifest.writers or ())


def _ballots(counting: Iterable[Statement]) -> dict[tuple[bytes, bytes], tuple[int, int, Judgement]]:
    """The last word of everybody on everything: number of the entry, place in it, judgement."""
    last: dict[tuple[bytes, bytes], tuple[int, int, Judgement]] = {}
    for one in counting:
        for place, (target, judgement) in enumerate(one.verdicts):
            before = last.get((one.author, target))
            if before is None or before[:2] < (one.number, place):
                last[one.author, target] = (one.number, place, judgement)
    return last
