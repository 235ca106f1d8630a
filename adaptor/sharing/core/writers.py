"""Who may write into a log, by its manifest and the membership entries applied so far.

This decides only whether an entry may become part of the log. Whether it *counts*, which a revocation changes after
the fact, is decided over the whole log, in `standing`.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from adaptor.api.v1 import log_pb2
from adaptor.sharing.core.entry import Entry
from adaptor.sharing.core.manifest import Manifest


class Writers:
    """Keys that may write.

    Args:
        manifest: Rules of the log.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._anyone = manifest.writers is None
        self._keys = {manifest.founder, *(manifest.writers or ())}

    def admit(self, entry: Entry) -> None:
        """Take note of an applied membership entry."""
        operation = log_pb2.Membership()
        try:
            operation.ParseFromString(entry.payload)
        except DecodeError:
            return
        if operation.operation == log_pb2.MEMBERSHIP_OPERATION_ADD:
            self._keys.add(operation.key)

    def __contains__(self, author: bytes) -> bool:
        return self._anyone or author in self._keys
