"""Peers that remember what they were given, and may refuse it first."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.domain.observation import Observation
from adaptor.errors import AdaptorError


class RecordingPublisher:
    """Keeps what it is given; an observation given again changes nothing.

    Args:
        refusals: How many calls fail before one is taken.

    Attributes:
        given: Every id that was taken, in order, repetitions included.
        observations: What was taken, by id.
        ready: Whether there is anybody to give to.
    """

    def __init__(self, *, refusals: int = 0) -> None:
        self._refusals = refusals
        self.given: list[str] = []
        self.observations: dict[str, Observation] = {}
        self.ready = True

    async def publish(self, observations: Sequence[Observation]) -> None:
        """Take the observations."""
        if self._refusals:
            self._refusals -= 1
            raise AdaptorError("no peer listens now")
        self.given += [one.observation_id for one in observations]
        self.observations |= {one.observation_id: one for one in observations}
