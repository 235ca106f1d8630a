"""Messages out of what Kubo streams for a subscription: a line of JSON each, some of which may be anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from adaptor.sharing.kubo.api import parse_multibase

Message = tuple[str, bytes]
"""Name of the node that sent it, and what it sent. Kubo checked the signature; what is said is checked elsewhere."""

ENVELOPE_BYTES = 1_024
"""What Kubo puts around a payload: names of sender and topic, number and quotes take about 250 bytes."""

LONGEST_NAME = 128
"""Characters of a peer's name; those in use have 52."""


@dataclass(slots=True)
class MessageReader:
    """Cuts a stream into messages; one that cannot be read costs nothing but itself.

    Attributes:
        max_payload_bytes: Longest payload.
        unreadable: Lines so far that were no message.
    """

    max_payload_bytes: int
    unreadable: int = 0
    _line: bytearray = field(default_factory=bytearray)
    _skipping: bool = False

    @property
    def longest_line(self) -> int:
        """Bytes of a line, with the payload in base64."""
        return self.max_payload_bytes * 4 // 3 + ENVELOPE_BYTES

    def restart(self) -> None:
        """Another stream begins."""
        self._line.clear()
        self._skipping = False

    def read(self, chunk: bytes) -> Iterator[Message]:
        """Take a piece of the stream; gives the messages that are whole with it."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._append(end)
            message = None if self._skipping else self._message(bytes(self._line))
            if message is not None:
                yield message
            elif self._skipping or self._line.strip():
                self.unreadable += 1
            self.restart()
        self._append(rest)

    def _append(self, part: bytes) -> None:
        """Keep a part of a line, unless it grows longer than any message."""
        if not self._skipping:
            self._line += part
            if len(self._line) > self.longest_line:
                self._line.clear()
                self._skipping = True

    def _message(self, line: bytes) -> Message | None:
        try:
            said = json.loads(line)
            sender, payload = said["from"], parse_multibase(said["data"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        whole = isinstance(sender, str) and 0 < len(sender) <= LONGEST_NAME and len(payload) <= self.max_payload_bytes
        return (sender, payload) if whole else None
