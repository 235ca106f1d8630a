"""The one poller of a cluster: how long it pauses, and that it asks for nothing where nobody is looked after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.engine.cluster_poller import ClusterPoller
from adaptor.errors import FlinkUnreachableError
from adaptor.testing.attached import SETTINGS

PACED = replace(SETTINGS, poll_interval_s=1.0, most_backoff_s=30.0)


class Chance:
    """Takes the middle, or an end."""

    def __init__(self, share: float = 0.5) -> None:
        self._share = share

    def uniform(self, a: float, b: float, /) -> float:
        """So far between the two."""
        return a + self._share * (b - a)


class Cluster:
    """One that answers or does not."""

    def __init__(self) -> None:
        self.answers = True
        self.asked = 0

    async def jobs(self) -> dict[str, object]:
        """No job, or no answer."""
        self.asked += 1
        if not self.answers:
            raise FlinkUnreachableError("http://here", "refused")
        return {}


class Watched:
    """A watched cluster that notes its turns."""

    def __init__(self) -> None:
        self.turns = 0

    async def turn(self, _listed: object) -> None:
        """Note it."""
        self.turns += 1


def a_poller(cluster: Cluster, *, share: float = 0.5) -> ClusterPoller:
    """Of a cluster that is looked after as a whole."""
    poller = ClusterPoller(cluster, settings=PACED, chance=Chance(share))  # type: ignore[arg-type]
    poller.watched = Watched()  # type: ignore[assignment]
    return poller


async def test_a_cluster_that_fails_is_asked_less_and_less_often() -> None:
    """Twice as long after each failure, up to a bound; as often as ever once it answers."""
    cluster = Cluster()
    poller = a_poller(cluster)
    cluster.answers = False
    assert [await poller.round() for _ in range(7)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    cluster.answers = True
    assert await poller.round() == 1.0


@pytest.mark.parametrize(("share", "pause_s"), [(0.0, 0.9), (1.0, 1.1)])
async def test_pauses_vary_so_that_services_do_not_ask_in_step(share: float, pause_s: float) -> None:
    """By a tenth either way."""
    assert await a_poller(Cluster(), share=share).round() == pytest.approx(pause_s)


async def test_nobody_is_asked_where_nothing_is_looked_after() -> None:
    """Neither streams nor a whole cluster."""
    cluster = Cluster()
    poller = a_poller(cluster)
    await poller.round()
    poller.watched = None
    await poller.round()
    assert cluster.asked == 1
