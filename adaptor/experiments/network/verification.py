"""Reading a block costs a signature check; the same block is read the same way by every simulated replica."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from adaptor.sharing.core import entry, replica
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import SignedEntry
from adaptor.sharing.core.limits import LogLimits
from adaptor.sharing.core.refusal import RefusedEntryError


@contextmanager
def blocks_read_once() -> Iterator[None]:
    """Within it, what production made of a block, entry or refusal, is remembered for all replicas of this process."""
    production = entry.read_entry
    known: dict[bytes, SignedEntry | RefusedEntryError] = {}

    def read_entry(block: bytes, *, log: Cid, limits: LogLimits) -> SignedEntry:
        found = known.get(block)
        if found is None:
            try:
                found = production(block, log=log, limits=limits)
            except RefusedEntryError as error:
                found = error
            known[block] = found
        if isinstance(found, RefusedEntryError):
            raise RefusedEntryError(found.reason, found.text)
        return found

    with mock.patch.object(replica, "read_entry", read_entry):
        yield
