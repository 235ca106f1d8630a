"""The third act: a second service that has measured nothing joins the log, and starts well from what the first shared.

It runs the first act's program on half the data, with a target so loose that one slot suffices where the first act
needed more. Its driver asks for what the first act used most, which is what anybody would try without adaptor.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptor.experiments.demo import peers
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.demo.calibration import Calibration
from adaptor.experiments.demo.peers import Ahead
from adaptor.experiments.demo.service_process import ServiceProcess
from adaptor.experiments.demo.stage import Stage

LOG_NAME = "demo"

FRACTION = 0.5
"""Share of the flights: a size that nobody has measured."""

SUPERSTEPS = 6
"""Limit of the act: half a minute on half the data."""

TARGET_SHARE = 4.0
"""Target as a share of what parallelism 1 is expected to need. Of a size of data that nobody has measured the upper
end of a first prediction was seen at 3.0 times its middle; the rest is for a calibration that is one superstep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What came of a join.

    Attributes:
        log: CID of the log.
        own: Public key of the newcomer, hex.
        entries: Entries it held in the end.
        joined_s: Seconds from the call to join until it held and had indexed all that the peer had.
    """

    log: str
    own: str
    entries: int
    joined_s: float

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {"log": self.log, "newcomer": self.own, "entries": self.entries, "joined_s": self.joined_s}


def newcomers_plan(
    first: ActStory, calibration: Calibration, *, points: Path, name: str = "newcomer", question: str = ""
) -> ActPlan:
    """What the newcomer runs.

    Args:
        first: The act that it learns from.
        calibration: What the target is made of.
        points: Folder of its points, `FRACTION` of those of the first act.
        name: Of the act.
        question: One line for people; empty for the demo's.
    """
    usual = (
        f"an empty service joins; its driver asks for {first.most_used}, which the first act used most, "
        "for half the data and a looser target"
    )
    return ActPlan(
        name=name,
        question=question or usual,
        start=first.most_used,
        target_s=TARGET_SHARE * SUPERSTEPS * calibration.expected_s(FRACTION),
        points=points,
        k=first.plan.k,
        supersteps=SUPERSTEPS,
        shareable=True,
    )


@contextmanager
def newcomer(stage: Stage, state_dir: Path) -> Iterator[tuple[ServiceProcess, Joining]]:
    """An empty service that has joined the first one's log, to which drivers report from now on.

    Args:
        stage: With a first service that takes part in a log; it gives up the cluster and goes on with its log.
        state_dir: Of the newcomer.

    Raises:
        AdaptorError: If a service does not start, or the log did not come in time.
    """
    peers.when_published(stage.first.address)
    stage.let_go_of_slots()
    there = peers.when_published(stage.first.address)
    with stage.newcomer("newcomer", state_dir) as service:
        yield service, joined(service, peers.invitation(stage.first.address), there)


def joined(service: ServiceProcess, invitation: str, there: Ahead) -> Joining:
    """Let a service join, and wait until it has everything that the inviting machine had.

    Raises:
        ServiceCallError: If that fails, or takes too long.
    """
    began_s = time.monotonic()
    peers.join(service.address, invitation)
    here = peers.when_caught_up(service.address, there)
    return Joining(log=here.log, own=here.own, entries=here.applied, joined_s=time.monotonic() - began_s)
