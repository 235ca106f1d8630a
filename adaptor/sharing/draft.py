"""What this machine is about to write into a log."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.sharing.core.entry import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry to be written.

    Attributes:
        kind: What it is for.
        payload: A message of ``log.proto``.
        observation_ids: Observations that leave this machine with it.
    """

    kind: Kind
    payload: bytes
    observation_ids: tuple[str, ...] = ()
