"""The back end for a machine on its own: takes every observation and gives it to nobody."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.domain.observation import Observation


class NoPeers:
    """There are no peers, so publishing is done as soon as it is asked for."""

    async def publish(self, observations: Sequence[Observation]) -> None:
        """Take the observations; nobody is there to read them."""
