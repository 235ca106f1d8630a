"""What peers and other runs measured, made ready for a run that begins.

Runs are compared as peers would see them: own contexts pass through the gate as well, so what was coarsened or hashed
still matches. A prior over all observations is fitted in a process of its own, whenever something new came in, so that
it costs no barrier a millisecond; a run that begins takes the newest one there is, and waits a bounded time for the
first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from collections.abc import Sequence

from adaptor.domain.context import ExecutionContext
from adaptor.domain.known import Known
from adaptor.domain.observation import ObservedDuration, Origin
from adaptor.domain.shared import SharedContext
from adaptor.models.prior import Prior
from adaptor.models.training import TrainingRow
from adaptor.sharing.digest import Digest
from adaptor.sharing.gate import Gate
from adaptor.sharing.index.reader import IndexReader
from adaptor.sharing.index.rows import TrainingRows, View
from adaptor.sharing.waiting import survived, woken

_log = logging.getLogger(__name__)

MAX_ROWS = 10_000
"""Most observations a prior is fitted to, shared out among algorithms; a fit of so many takes some seconds."""

MAX_SAME = 500
"""Most observations of peers in the same execution context: as many as of own earlier runs."""

FIT_S = 60.0
"""Longest time of a fit: twice what the largest should take."""

FIRST_WAIT_S = 4.0
"""Longest wait of a beginning run for the first prior: a process starts and fits a small one in two."""

SETTLE_S = 0.3
"""Wait after news before a fit: they come in batches."""

IDLE_S = 600.0
"""Longest time between two looks."""


class Knowledge:
    """Everything that was learnt from one log.

    Args:
        digest: Holds the index.
        gate: Between private and shareable.
        view: Which contributions count.
    """

    def __init__(self, digest: Digest, gate: Gate, *, view: str) -> None:
        self._digest = digest
        self._gate = gate
        self._view = View(view)
        self._prior: Prior | None = None
        self._fitted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to fit."""
        self._task = asyncio.get_running_loop().create_task(self._keep_fitted())

    async def stop(self) -> None:
        """End fitting."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def of(self, context: ExecutionContext) -> Known:
        """What is known of an execution context."""
        await woken(self._fitted, within_s=FIRST_WAIT_S)
        seen = self._gate.shared_context(context)
        same = await self._digest.read(
            self._digest.reader.training_rows, context_key=seen.key, view=self._view, own=False, limit=MAX_SAME
        )
        prior = self._prior.informed(as_context(seen)) if self._prior is not None else None
        return Known(peers=_durations(same), prior=prior)

    async def _keep_fitted(self) -> None:
        while True:
            self._digest.changed.clear()
            await asyncio.sleep(SETTLE_S)
            await survived(self._fit())
            self._fitted.set()
            await woken(self._digest.changed, within_s=IDLE_S)

    async def _fit(self) -> None:
        rows = await self._digest.read(self._training_rows, self._digest.reader)
        if rows:
            self._prior = await fitted(rows) or self._prior

    def _training_rows(self, reader: IndexReader) -> list[TrainingRow]:
        """Rows of every algorithm, each its share, every context as peers see it."""
        algorithms = reader.algorithms()
        share = MAX_ROWS // max(1, len(algorithms))
        found = (reader.training_rows(algorithm=one, view=self._view, limit=share) for one in algorithms)
        return [row for rows in found for row in self._rows_of(rows)]

    def _rows_of(self, found: TrainingRows) -> list[TrainingRow]:
        theirs = [as_context(one) for one in found.contexts]
        own = [as_context(self._gate.shared_context(one)) for one in theirs]
        return [
            TrainingRow(
                context=own[context] if is_own else theirs[context],
                parallelism=int(parallelism),
                duration_s=float(duration_s),
                superstep=int(superstep),
                cold=bool(cold),
                contributor="" if is_own else found.authors[author],
            )
            for context, author, superstep, parallelism, duration_s, cold, is_own in zip(
                found.context,
                found.author,
                found.superstep,
                found.parallelism,
                found.duration_s,
                found.cold,
                found.own,
                strict=True,
            )
        ]


def as_context(shared: SharedContext) -> ExecutionContext:
    """A context as peers see it, in the form that models know."""
    return ExecutionContext(
        program=shared.algorithm,
        parameters=shared.parameters,
        data=shared.data,
        node_type=shared.node_type or "unknown",
    )


def _durations(rows: TrainingRows) -> tuple[ObservedDuration, ...]:
    """Durations that peers measured."""
    return tuple(
        ObservedDuration(
            parallelism=int(parallelism), duration_s=float(duration_s), cold=bool(cold), origin=Origin.PEER
        )
        for parallelism, duration_s, cold in zip(rows.parallelism, rows.duration_s, rows.cold, strict=True)
    )


async def fitted(rows: Sequence[TrainingRow]) -> Prior | None:
    """The prior of some rows, fitted in a process of its own; ``None`` if that failed, which the log says."""
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
        answer, _ = await asyncio.wait_for(process.communicate(pickle.dumps(tuple(rows))), FIT_S)
    except asyncio.TimeoutError:
        _log.warning("a prior of %d observations was not fitted within %.0f s", len(rows), FIT_S)
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        _log.warning("a prior of %d observations could not be fitted; standard error says why", len(rows))
        return None
    prior: Prior = pickle.loads(answer)  # noqa: S301 - from our own child process
    return prior
