"""Why something of a peer's was not taken, for programs and for people."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from adaptor.sharing.core.cid import Cid


class RefusalReason(enum.Enum):
    """Why. What is refused for good is refused by every honest replica, as it follows from the block and its past."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    WRONG_CID = "wrong_cid"
    WRONG_LOG = "wrong_log"
    WRONG_SIGNATURE = "wrong_signature"
    TOO_MANY_LINKS = "too_many_links"
    WRONG_HEIGHT = "wrong_height"
    BROKEN_CHAIN = "broken_chain"
    BACKDATED = "backdated"
    TOO_MANY_ENTRIES = "too_many_entries"
    NOT_THE_FOUNDER = "not_the_founder"
    PARENT_REFUSED = "parent_refused"
    # From here on: for now only.
    HEIGHT_JUMP = "height_jump"
    FROM_THE_FUTURE = "from_the_future"
    NOT_A_WRITER = "not_a_writer"
    TOO_MANY_WAITING = "too_many_waiting"
    TOO_MANY_MISSING = "too_many_missing"
    NEVER_FOUND = "never_found"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_REFUSALS = "too_many_refusals"
    TOO_MANY_HEADS = "too_many_heads"
    MALFORMED_MESSAGE = "malformed_message"
    UNREADABLE_PAYLOAD = "unreadable_payload"
    UNPROVEN = "unproven"

    @property
    def for_good(self) -> bool:
        """Whether the same block is refused by everybody and for ever."""
        return self not in _FOR_NOW


_FOR_NOW = frozenset(
    (
        RefusalReason.HEIGHT_JUMP,
        RefusalReason.FROM_THE_FUTURE,
        RefusalReason.NOT_A_WRITER,
        RefusalReason.TOO_MANY_WAITING,
        RefusalReason.TOO_MANY_MISSING,
        RefusalReason.NEVER_FOUND,
        RefusalReason.TOO_MANY_BYTES,
        RefusalReason.TOO_MANY_REFUSALS,
        RefusalReason.TOO_MANY_HEADS,
        RefusalReason.MALFORMED_MESSAGE,
        RefusalReason.UNREADABLE_PAYLOAD,
        RefusalReason.UNPROVEN,
        RefusalReason.WRONG_CID,
    )
)


class RefusedEntryError(Exception):
    """A block is no entry of this log; ends at the replica, as a `Refusal`."""

    def __init__(self, reason: RefusalReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that was not taken.

    Attributes:
        reason: Why.
        text: The same for people.
        peer: Who gave it.
        cid: Which block; ``None`` if it was no block.
        author: Who signed it, as far as that is known.
    """

    reason: RefusalReason
    text: str
    peer: str
    cid: Cid | None = None
    author: bytes | None = None
