"""The rescaler of all mechanisms: rescales in place go to the attached job, the rest to the driver loop."""

from __future__ import annotations

import asyncio
from typing import Protocol

from adaptor.domain.run import Mechanism, RunSpec
from adaptor.engine.ports import Rescaler
from adaptor.errors import OutOfOrderError

TAKEN_UP_S = 30.0
"""Longest wait for a job to be looked after again once a service is back: it is as soon as the store was read."""


class RescaledInPlace(Protocol):
    """An attached job."""

    async def rescale_to(self, parallelism: int) -> float:
        """Bring it to a parallelism and return the seconds without work that it cost.

        Raises:
            AdaptorError: If it did not come to that.
        """
        ...


class InPlaceRescaler:
    """Takes each rescale to whoever can do it.

    Args:
        driver_loop: For runs whose driver submits every superstep.
    """

    def __init__(self, driver_loop: Rescaler) -> None:
        self._driver_loop = driver_loop
        self._attached: dict[str, RescaledInPlace] = {}
        self._news = asyncio.Event()

    def take_on(self, run_id: str, attached: RescaledInPlace) -> None:
        """Note who rescales a run from now on."""
        self._attached[run_id] = attached
        self._news.set()
        self._news = asyncio.Event()

    def let_go(self, run_id: str) -> None:
        """Note that nobody does any more."""
        self._attached.pop(run_id, None)

    async def rescale(self, run: RunSpec, parallelism: int) -> float | None:
        """Bring a run to a parallelism, and return what that cost in seconds where it is measured.

        Raises:
            AdaptorError: If it did not come to that.
        """
        if run.mechanism is Mechanism.DRIVER_LOOP:
            return await self._driver_loop.rescale(run, parallelism)
        try:
            attached = await asyncio.wait_for(self._of(run.run_id), TAKEN_UP_S)
        except asyncio.TimeoutError as error:
            raise OutOfOrderError("rescale", f"the job of run {run.run_id!r} is not attached any more") from error
        return await attached.rescale_to(parallelism)

    async def _of(self, run_id: str) -> RescaledInPlace:
        while run_id not in self._attached:
            await self._news.wait()
        return self._attached[run_id]
