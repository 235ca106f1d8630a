"""Who may write."""

from __future__ import annotations

from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.writers import Writers
from adaptor.testing import logs


def test_anybody_may_write_into_an_open_log() -> None:
    """Keys cost nothing."""
    assert logs.public("anybody") in Writers(logs.a_manifest())


def test_the_founder_the_listed_and_the_admitted_may_write_into_a_listed_one() -> None:
    """A revocation takes nothing out of the log; what counts is asked elsewhere."""
    manifest = logs.a_manifest(writers=["ann"])
    founder = logs.Scribe(logs.FOUNDER, manifest)
    writers = Writers(manifest)
    assert logs.public(logs.FOUNDER) in writers and logs.public("ann") in writers
    assert logs.public("bob") not in writers
    writers.admit(founder.draft(**logs.a_membership("bob")))
    writers.admit(founder.draft(**logs.a_membership("bob", revoked_after=0)))
    assert logs.public("bob") in writers


def test_a_membership_that_cannot_be_read_admits_nobody() -> None:
    """It is part of the log all the same."""
    manifest = logs.a_manifest(writers=[])
    writers = Writers(manifest)
    writers.admit(logs.Scribe(logs.FOUNDER, manifest).draft(kind=Kind.MEMBERSHIP, payload=b"\xff\xff"))
    assert b"" not in writers and logs.public("ann") not in writers
