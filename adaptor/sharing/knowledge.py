"""What peers and other runs measured, made ready for a run that begins.

Runs are compared as peers would see them: own contexts pass through the gate as well, so what was coarsened or hashed
still matches. A prior over all observations is fitted in a process of its own, when something new came in and the last
fit is not too fresh. A run that begins is worth a fit at once: it waits for it as long as its driver can bear.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
from dataclasses import replace

from adaptor.domain.context import ExecutionContext
from adaptor.domain.known import Known
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.models.prior import Prior
from adaptor.sharing.digest import Digest
from adaptor.sharing.fitting import Source, as_context
from adaptor.sharing.gate import Gate
from adaptor.sharing.index.rows import TrainingRows, View
from adaptor.sharing.waiting import ended, survived, woken

_log = logging.getLogger(__name__)

MAX_SAME = 500
"""Most observations of peers in the same execution context: as many as of own earlier runs."""

FIT_S = 60.0
"""Longest time of a fit: twice what the largest should take."""

FRESH_S = 1.5
"""Longest wait of a beginning run for a prior of all that came in; a small one takes 1.2 s, and drivers wait for 2."""

SETTLE_S = 0.5
"""Wait after news before a fit: they come in batches."""

RESTS = 10
"""Rest after a fit, as a multiple of its time: at most a tenth of a core goes into fits, however much comes in."""

IDLE_S = 600.0
"""Longest time between two looks."""


class Knowledge:
    """Everything that was learnt from one log.

    Args:
        digest: Holds the index.
        gate: Between private and shareable.
        view: Which contributions count.

    Attributes:
        position: Entries of the log that the newest prior could rest on.
    """

    def __init__(self, digest: Digest, gate: Gate, *, view: str) -> None:
        self.position = 0
        self._digest = digest
        self._gate = gate
        self._view = View(view)
        self._prior: Prior | None = None
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to fit."""
        self._task = asyncio.get_running_loop().create_task(self._keep_fitted())

    async def stop(self) -> None:
        """End fitting."""
        await ended([self._task] if self._task is not None else [])

    async def of(self, context: ExecutionContext) -> Known:
        """What is known of an execution context."""
        if self.position != self._digest.position:
            self._looked.clear()
            self._wanted.set()
        await woken(self._looked, within_s=FRESH_S)
        seen = self._gate.shared_context(context)
        same = await self._digest.read(
            self._digest.reader.training_rows, context_key=seen.key, view=self._view, own=False, limit=MAX_SAME
        )
        prior = self._prior.informed(as_context(seen)) if self._prior is not None else None
        return Known(peers=_durations(same), prior=prior)

    async def _keep_fitted(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._digest.changed.clear()
            await woken(self._wanted, within_s=SETTLE_S)
            self._wanted.clear()
            began_s = loop.time()
            await survived(self._fit())
            self._looked.set()
            rest_s = RESTS * (loop.time() - began_s) if self._prior is not None else 0.0
            await woken(self._wanted, within_s=rest_s)
            if not self._wanted.is_set():
                await woken(self._digest.changed, within_s=IDLE_S)

    async def _fit(self) -> None:
        position = self._digest.position
        # The noise of what is given is no business of a reader: it gets no secret.
        source = Source(index=self._digest.path, view=self._view, gate=replace(self._gate, secret=b""))
        self._prior = await fitted(source) or self._prior
        self.position = position


def _durations(rows: TrainingRows) -> tuple[ObservedDuration, ...]:
    """Durations that peers measured."""
    return tuple(
        ObservedDuration(
            parallelism=int(parallelism),
            duration_s=float(duration_s),
            cold=bool(cold),
            origin=Origin.PEER,
            superstep=int(superstep),
        )
        for parallelism, duration_s, cold, superstep in zip(
            rows.parallelism, rows.duration_s, rows.cold, rows.superstep, strict=True
        )
    )


async def fitted(source: Source) -> Prior | None:
    """The prior of a log, fitted in a process of its own.

    Returns:
        ``None`` if nothing was measured, or if it failed, which the log says.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adaptor.sharing.fitting",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # One core is enough: the others are the jobs'.
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        answer, _ = await asyncio.wait_for(process.communicate(pickle.dumps(source)), FIT_S)
    except asyncio.TimeoutError:
        _log.warning("a prior was not fitted within %.0f s", FIT_S)
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        _log.warning("a prior could not be fitted; standard error says why")
        return None
    prior: Prior | None = pickle.loads(answer)  # noqa: S301 - from our own child process
    return prior
