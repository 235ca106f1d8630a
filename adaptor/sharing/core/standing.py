"""Which entries count, and what verdicts amount to: all of it a function of the set of applied entries.

Replicas apply the same entries in different orders, and must agree all the same; so nothing here asks which came first.
The rules:

- *Equivocation*: of several entries of one author with one number, only that with the smallest CID counts.
- *Membership*: the founder's entries speak, ordered by their numbers; the latest one about a key decides. Admitted, all
  of the key's entries count; revoked, those up to a number. In a log with listed writers a key that was never listed
  nor admitted counts for nothing; in an open log everybody counts until revoked. The founder always counts.
- *Votes*: members vote, that is the founder and, in a log with listed writers, those who are writers now. Keys cost
  nothing, so in an open log only keys that the founder admitted vote: no number of invented writers outvotes them.
- *Withdrawals* hide contributions of the same author, nobody else's.
- *Verdicts*: one for each author and contribution: that of his entry with the highest number, and the last within it.
  Votes on one's own contribution do not count; abstentions are verdicts that speak for neither side.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adaptor.domain.verdict import Judgement
from adaptor.sharing.core.manifest import Manifest


class Standing(enum.Enum):
    """What a quorum made of a contribution."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the founder said about a key.

    Attributes:
        number: Of his entry that says so.
        key: Public key it is about.
        through_number: Last entry of the key that still counts; ``None`` admits the key.
    """

    number: int
    key: bytes
    through_number: int | None


class Roll:
    """Whose entries count, and who may vote.

    Args:
        manifest: Rules of the log.
        rulings: Those of the founder's entries that count, in any order.
    """

    def __init__(self, manifest: Manifest, rulings: Iterable[Ruling] = ()) -> None:
        self._founder = manifest.founder
        self._open = manifest.writers is None
        self._listed = frozenset(manifest.writers or ())
        ordered = sorted(rulings, key=lambda one: one.number)
        self._latest: dict[bytes, Ruling] = {one.key: one for one in ordered}
        self._admitted = frozenset(one.key for one in ordered if one.through_number is None)

    @property
    def named(self) -> frozenset[bytes]:
        """Keys that a ruling is about; all others stand as the manifest has it."""
        return frozenset(self._latest)

    def through(self, author: bytes) -> int | None:
        """Number of the last entry of an author that counts: ``None`` if all do, 0 if none does."""
        if author == self._founder:
            return None
        if not (self._open or author in self._listed or author in self._admitted):
            return 0
        latest = self._latest.get(author)
        return latest.through_number if latest is not None else None

    def counts(self, author: bytes, number: int) -> bool:
        """Whether an entry counts, unless it has a twin of a smaller CID."""
        through = self.through(author)
        return through is None or number <= through

    def votes(self, author: bytes) -> bool:
        """Whether an author is a member now."""
        if author == self._founder:
            return True
        latest = self._latest.get(author)
        return author in self._listed if latest is None else latest.through_number is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Votes on one contribution.

    Attributes:
        valid: Votes for it.
        invalid: Votes against it.
        abstained: Votes for neither.
    """

    valid: int = 0
    invalid: int = 0
    abstained: int = 0

    def standing(self, quorum: int) -> Standing:
        """What they amount to.

        Args:
            quorum: Votes that decide, more than those of the other side.
        """
        if self.valid >= quorum and self.valid > self.invalid:
            return Standing.CONFIRMED
        if self.invalid >= quorum and self.invalid > self.valid:
            return Standing.REFUTED
        return Standing.OPEN


def tally(judgements: Iterable[Judgement]) -> Tally:
    """The votes counted; whether they are votes was asked before, see `is_vote`."""
    counts = dict.fromkeys(Judgement, 0)
    for one in judgements:
        counts[one] += 1
    return Tally(valid=counts[Judgement.VALID], invalid=counts[Judgement.INVALID], abstained=counts[Judgement.ABSTAIN])


def is_vote(author: bytes, *, contributor: bytes, roll: Roll) -> bool:
    """Whether an author's verdict on a contribution is a vote."""
    return author != contributor and roll.votes(author)


# --- the same over a whole log ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an entry says, as far as it matters here. One that cannot be read says nothing, but has its number.

    Attributes:
        cid: Of the entry.
        author: Public key.
        number: Which entry of its author it is.
        contributes: Whether it is a contribution.
        withdraws: Contributions that it withdraws.
        verdicts: Contribution and judgement, in the order of the entry.
        ruling: What it says about a key.
    """

    cid: bytes
    author: bytes
    number: int
    contributes: bool = False
    withdraws: tuple[bytes, ...] = ()
    verdicts: tuple[tuple[bytes, Judgement], ...] = ()
    ruling: Ruling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a contribution stands.

    Attributes:
        author: Who contributed.
        tally: Votes on it.
        standing: What they amount to.
    """

    author: bytes
    tally: Tally
    standing: Standing


def outcomes(manifest: Manifest, statements: Iterable[Statement]) -> dict[bytes, Outcome]:
    """Every contribution that counts and is not withdrawn, by CID.

    The plain reading of the rules, over a whole log at once; an index that is kept up to date must agree with it.

    Args:
        manifest: Rules of the log.
        statements: Of all applied entries, in any order; repetitions change nothing.
    """
    unique = list(_without_twins(statements))
    rulings = (one.ruling for one in unique if one.ruling is not None and one.author == manifest.founder)
    roll = Roll(manifest, rulings)
    counting = [one for one in unique if roll.counts(one.author, one.number)]
    withdrawn = {(target, one.author) for one in counting for target in one.withdraws}
    ballots = _ballots(counting)
    found = {}
    for one in counting:
        if one.contributes and (one.cid, one.author) not in withdrawn:
            cast = ballots.get(one.cid, {})
            votes = tally(cast[author] for author in cast if is_vote(author, contributor=one.author, roll=roll))
            found[one.cid] = Outcome(author=one.author, tally=votes, standing=votes.standing(manifest.quorum))
    return found


def _without_twins(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Of every author and number the one with the smallest CID."""
    smallest: dict[tuple[bytes, int], Statement] = {}
    for one in statements:
        key = (one.author, one.number)
        if key not in smallest or one.cid < smallest[key].cid:
            smallest[key] = one
    yield from smallest.values()


def _ballots(counting: Iterable[Statement]) -> Mapping[bytes, Mapping[bytes, Judgement]]:
    """The last judgement of each author on each contribution."""
    ballots: dict[bytes, dict[bytes, Judgement]] = {}
    for one in sorted(counting, key=lambda one: one.number):
        for target, judgement in one.verdicts:
            ballots.setdefault(target, {})[one.author] = judgement
    return ballots
