"""The one poller of a cluster, whatever the number of its attached streams."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from adaptor.engine.attachment_loop import AttachmentLoop
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.cluster_watches import WatchedCluster
from adaptor.engine.ports import StreamCluster
from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)

MOST_DOUBLINGS = 16
"""Of the pause after failures; whatever the longest pause is, it is reached by then."""


class Chance(Protocol):
    """Random numbers, for pauses that do not fall together."""

    def uniform(self, a: float, b: float, /) -> float:
        """A number between the two."""
        ...


class ClusterPoller:
    """Looks at one cluster and has each of its streams take its turn.

    Args:
        cluster: The cluster.
        settings: Bounds.
        chance: For the jitter of pauses.

    Attributes:
        loops: The streams by id; ended ones are taken off in a round.
        watched: Takes up jobs that come, where the whole cluster is looked after.
    """

    def __init__(self, cluster: StreamCluster, *, settings: AttachmentSettings, chance: Chance) -> None:
        self.loops: dict[str, AttachmentLoop] = {}
        self.watched: WatchedCluster | None = None
        self._cluster = cluster
        self._settings = settings
        self._chance = chance
        self._failures = 0

    async def round(self) -> float:
        """Look once at everything and return the seconds until the next round."""
        if not self.loops and self.watched is None:
            return self._pause_s()
        try:
            listed = await self._cluster.jobs()
        except AdaptorError as error:
            self._failures += 1
            for loop in list(self.loops.values()):
                await loop.unanswered(error)
            return self._pause_s()
        self._failures = 0
        # All at once: the cluster's pace and its few threads keep them apart.
        await asyncio.gather(*(loop.turn(listed) for loop in self.loops.values()))
        if self.watched is not None:
            await self.watched.turn(listed)
        self.loops = {name: loop for name, loop in self.loops.items() if not loop.attachment.state.ended}
        return self._pause_s()

    def _pause_s(self) -> float:
        """The interval, doubled for each failure, up to a bound; with jitter, so that services do not ask in step."""
        doubled_s = self._settings.poll_interval_s * (1 << min(self._failures, MOST_DOUBLINGS))
        bound_s = max(self._settings.poll_interval_s, self._settings.most_backoff_s)
        return min(doubled_s, bound_s) * self._chance.uniform(0.9, 1.1)
