"""Performs rescales: one in flight per run, in the order in which they were asked for.

Slots come in the background, and the driver waits for them (`AwaitSlots`) before it submits a wider superstep: a batch
job begun without them gives all work to its first subtasks. Slots go before the barrier is answered, within a bounded
wait: at that moment no task of the run can be on them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import RescaleFailed, RescaleSucceeded
from adaptor.domain.run import Mechanism
from adaptor.engine.background import Background
from adaptor.engine.grants import Grants
from adaptor.engine.ports import Clock, Rescaler
from adaptor.engine.run_loop import RunLoop
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)

SlotEffect = RequestRescale | ReleaseSlots
Outcome = RescaleSucceeded | RescaleFailed | None


class Rescales:
    """All rescales of one service.

    Args:
        ledger: Brings and takes slots.
        grants: What managers let runs use.
        rescaler: Tells a run its new parallelism.
        clock: Tells the time.
        background: Where the work goes on.
    """

    def __init__(
        self, *, ledger: SlotLedger, grants: Grants, rescaler: Rescaler, clock: Clock, background: Background
    ) -> None:
        self._ledger = ledger
        self._grants = grants
        self._rescaler = rescaler
        self._clock = clock
        self._background = background

    def begin(
        self, loop: RunLoop, effect: SlotEffect, conclude: Callable[[Outcome], Awaitable[None]]
    ) -> asyncio.Future[None]:
        """Settle the run's cluster in the background, after the rescale before this one.

        Args:
            loop: The run.
            effect: What is to be done about its slots.
            conclude: Told the outcome afterwards.

        Returns:
            Done as soon as the cluster is settled, or cannot be; the outcome may not be recorded yet.
        """
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        previous, loop.settled = loop.settled, settled

        async def work() -> None:
            try:
                if previous is not None:
                    await asyncio.wait({previous})
                outcome = await self._settle(cast(RunRecord, loop.record), effect)
            finally:
                if not settled.done():
                    settled.set_result(None)
            await conclude(outcome)

        self._background.spawn(work())
        return settled

    async def _settle(self, record: RunRecord, effect: SlotEffect) -> Outcome:
        """Bring the cluster to what its runs were granted, and say how that went.

        Returns:
            ``None`` for a run that is over, and for a rescale that a later plan has overtaken.
        """
        if isinstance(effect, ReleaseSlots):
            await self._change(record, effect)
            return None
        if effect.parallelism != record.granted_slots:
            return None
        began_s = self._clock.monotonic_s()
        problem, cost_s = await self._change(record, effect)
        capacity = await self._capacity(record)
        if problem:
            return RescaleFailed(
                superstep=effect.superstep,
                parallelism=effect.parallelism,
                capacity=capacity,
                problem=problem,
                at_s=self._clock.now_s(),
            )
        return RescaleSucceeded(
            superstep=effect.superstep,
            parallelism=effect.parallelism,
            capacity=capacity,
            duration_s=self._clock.monotonic_s() - began_s if cost_s is None else cost_s,
            at_s=self._clock.now_s(),
        )

    async def _capacity(self, record: RunRecord) -> Capacity:
        """Slots afterwards; those of an attached job are looked at with its next superstep."""
        if record.spec.mechanism is not Mechanism.DRIVER_LOOP:
            return record.capacity
        seen = await self._ledger.capacity_or(record.spec, otherwise=record.capacity)
        return self._grants.bounded(record.spec, seen)

    async def _change(self, record: RunRecord, effect: SlotEffect) -> tuple[str, float | None]:
        """Settle the cluster and tell the run; what went wrong in words, or nothing, and what it cost if that is known.

        An attached job has its slots from whoever rescales it in place.
        """
        try:
            if isinstance(effect, ReleaseSlots) or record.spec.mechanism is Mechanism.DRIVER_LOOP:
                await self._ledger.settle(record.spec.flink_url)
            if isinstance(effect, RequestRescale):
                return "", await self._rescaler.rescale(record.spec, effect.parallelism)
        except AdaptorError as error:
            _log.warning("run %s: %s", record.spec.run_id, error)
            return str(error), None
        return "", None
