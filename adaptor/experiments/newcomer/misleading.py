"""A peer whose log holds made-up durations: another scale, another shape, the best parallelism made to look the worst.

It runs in a thread of its own and speaks to newcomers through the production code, so what they refuse or believe is
what they would of any peer.
"""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections.abc import Awaitable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from adaptor.app.settings import load_settings
from adaptor.app.sharing import participation
from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.statistics import FlinkStatistics
from adaptor.experiments.demo.peers import Ahead
from adaptor.sharing.precedence import Precedence

T = TypeVar("T")

LOG_NAME = "misleading"

CLAIMED_SHARE = 0.15
"""What a superstep at `TURN` is claimed to take, as a share of the truth at 1. With shares from 0.1 to 0.25 and
exponents from 3 to 5 simulated newcomers that start at 2 planned the same: wide once, then 1."""

CLAIMED_EXPONENT = 5.0
"""Each doubling is claimed to make a superstep 32 times as fast, so one slot looks worst and the widest best. In truth
two cores make it at most twice as fast, and wider only costs."""

TURN = 2
"""The parallelism that the claims turn around."""

REPEATS = 3
"""Claimed supersteps at each parallelism: as many as make a median."""

CLAIMED_NOISE = 0.02
"""Standard deviation of log durations among them: as even as a good machine's."""

CALL_S = 30.0
"""Longest wait for the thread; creating a log takes well under 1 s."""


class MisleadingPeer:
    """A log of its own with made-up observations, as long as the block lasts.

    Args:
        state_dir: Of the peer.
        observations: What it publishes.

    Attributes:
        invitation: To its log.
        ahead: What a newcomer must hold to have all of it.
    """

    def __init__(self, state_dir: Path, observations: Sequence[Observation]) -> None:
        self._observations = observations
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="misleading-peer", daemon=True)
        flags = {"service.state_dir": str(state_dir), "sharing.listen": "127.0.0.1:0"}
        self._part = participation(load_settings(environment={}, flags=flags), precedence=Precedence())
        self.invitation = ""
        self.ahead = Ahead(own="", applied=0)

    def __enter__(self) -> MisleadingPeer:
        """Create the log and publish."""
        self._thread.start()
        try:
            self._run(self._publish())
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the log."""
        self._close()

    async def _publish(self) -> None:
        await self._part.create(name=LOG_NAME, writers=None, quorum=1, secret=True)
        await self._part.publish(self._observations)
        opened = self._part.open
        self.invitation = (await opened.invitation()).text
        self.ahead = Ahead(own=opened.log.own, applied=len(opened.log.exchange.replica.applied))

    def _close(self) -> None:
        try:
            self._run(self._part.stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_S)
            self._loop.close()

    def _run(self, work: Awaitable[T]) -> T:
        async def done() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(CALL_S)


def misleading_observations(
    context: ExecutionContext, *, superstep_at_1_s: float, most: int, seed: int
) -> list[Observation]:
    """Made-up supersteps of one run, as even as honest ones.

    Args:
        context: What they claim to be measured in.
        superstep_at_1_s: What a superstep at parallelism 1 takes in truth.
        most: Widest parallelism.
        seed: Of the noise.
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    claimed = [parallelism for parallelism in range(1, most + 1) for _ in range(REPEATS)]
    return [
        _observation(
            context,
            superstep=number,
            parallelism=parallelism,
            duration_s=claimed_s(parallelism, superstep_at_1_s) * math.exp(draw.gauss(0.0, CLAIMED_NOISE)),
        )
        for number, parallelism in enumerate(claimed, start=1)
    ]


def claimed_s(parallelism: int, superstep_at_1_s: float) -> float:
    """What a superstep is claimed to take."""
    faster: float = (parallelism / TURN) ** CLAIMED_EXPONENT
    return CLAIMED_SHARE * superstep_at_1_s / faster


def _observation(context: ExecutionContext, *, superstep: int, parallelism: int, duration_s: float) -> Observation:
    return Observation(
        observation_id=f"made-up/{superstep}/1",
        run_id="made-up",
        superstep=superstep,
        attempt=1,
        context=context,
        planned_parallelism=parallelism,
        requested_parallelism=parallelism,
        observed_parallelism=parallelism,
        duration_s=duration_s,
        cold=False,
        failed=False,
        shareable=True,
        flink=FlinkStatistics(observed_parallelism=parallelism),
    )
