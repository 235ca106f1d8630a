"""Applied entries of a log, written without keys: what reads them later does not ask for signatures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adaptor.domain.shared import SharedBatch, SharedContext, SharedObservation
from adaptor.domain.verdict import Assessment, Finding, Judgement, Verdict
from adaptor.sharing.contributions import write_contribution
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Entry, Kind, SignedEntry
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.log_file import StoredEntry
from adaptor.sharing.statements import (
    Membership,
    MembershipOperation,
    write_membership,
    write_validation,
    write_withdrawal,
)

KEYS = tuple(bytes([number]) * 32 for number in range(1, 9))
"""Public keys; the first one is the founder's, the second one this machine's."""

FOUNDER, OWN, ALICE, BOB, CAROL = KEYS[:5]
FIRST_MS = 1_750_000_000_000


def a_manifest(*, listed: Sequence[bytes] | None = None, quorum: int = 1) -> Manifest:
    """Rules of a log."""
    writers = None if listed is None else tuple(listed)
    return Manifest(name="test", founder=FOUNDER, writers=writers, quorum=quorum, salt=b"s" * 32)


def a_batch(
    run: str = "run", *, durations_s: Iterable[float] = (1.5,), parallelism: int = 4, **context: str
) -> SharedBatch:
    """Supersteps of one run of k-means, unless said otherwise."""
    return SharedBatch(
        context=SharedContext(algorithm=context.pop("algorithm", "kmeans"), parameters=context),
        run=run,
        observations=tuple(
            SharedObservation(superstep=number, parallelism=parallelism, duration_s=duration_s, cold=number == 1)
            for number, duration_s in enumerate(durations_s, start=1)
        ),
    )


class Entries:
    """Writes entries; each is the next of its author.

    Args:
        manifest: Rules of the log.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.written: list[StoredEntry] = []
        self._numbers: dict[bytes, int] = {}

    def write(self, kind: Kind, author: bytes, payload: bytes, *, number: int | None = None) -> Cid:
        """An entry of any kind; one of a number that is taken is a twin."""
        number = number or self._numbers.get(author, 0) + 1
        self._numbers[author] = max(number, self._numbers.get(author, 0))
        one = an_entry(self.manifest, kind, author, payload, number=number)
        self.written.append(StoredEntry(len(self.written) + 1, one, "peer"))
        return one.cid

    def contribution(self, author: bytes, batch: SharedBatch | None = None, *, number: int | None = None) -> Cid:
        """A contribution."""
        return self.write(Kind.CONTRIBUTION, author, write_contribution(batch or a_batch()), number=number)

    def verdict(
        self, author: bytes, *targets: bytes, says: Judgement = Judgement.VALID, number: int | None = None
    ) -> Cid:
        """The same verdict on some contributions."""
        return self.write(Kind.VALIDATION, author, a_validation((target, says) for target in targets), number=number)

    def withdrawal(self, author: bytes, *targets: Cid) -> Cid:
        """A withdrawal."""
        return self.write(Kind.WITHDRAWAL, author, write_withdrawal(targets))

    def admit(self, key: bytes) -> Cid:
        """The founder admits a key."""
        return self.write(Kind.MEMBERSHIP, FOUNDER, a_membership(key))

    def revoke(self, key: bytes, through: int) -> Cid:
        """The founder revokes a key."""
        return self.write(Kind.MEMBERSHIP, FOUNDER, a_membership(key, through))


def an_entry(manifest: Manifest, kind: Kind, author: bytes, payload: bytes, *, number: int) -> SignedEntry:
    """An entry with its name, but neither parents nor signature."""
    entry = Entry(
        log=manifest.log_id,
        kind=kind,
        author=author,
        number=number,
        previous=None,
        parents=(),
        skips=(),
        height=1,
        at_ms=FIRST_MS + 1000 * number,
        payload=payload,
    )
    return SignedEntry(cid=cid_of(entry.body), block=b"", entry=entry)


def a_validation(verdicts: Iterable[tuple[bytes, Judgement]]) -> bytes:
    """The payload of these verdicts, each with one finding."""
    return write_validation(
        [
            Verdict(
                target=target,
                assessment=Assessment(
                    judgement=judgement, findings=(Finding(validator="residual", text=f"so {judgement.value}"),)
                ),
            )
            for target, judgement in verdicts
        ]
    )


def a_membership(key: bytes, through: int | None = None) -> bytes:
    """The payload that admits a key, or revokes it after a number."""
    operation = MembershipOperation.ADD if through is None else MembershipOperation.REVOKE
    return write_membership(Membership(operation=operation, key=key, through_number=through or 0))
