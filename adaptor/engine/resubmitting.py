"""Sees the resubmission of one attached stream through: each step is written before it is taken.

Once the job was asked to stop, nothing but the end of the resubmission lets go of it: not a wish to detach, and not a
store that cannot be written for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from adaptor.control.resubmission import after_step, next_step, resumed
from adaptor.control.stream_decision import resubmission_concluded
from adaptor.domain.attachment import Attachment
from adaptor.domain.resubmission import Resubmission, ResubmissionResult, ResubmissionStep
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.job_slots import JobSlots
from adaptor.engine.ports import StreamCluster
from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)

_ACTING = (
    ResubmissionStep.PROVIDE_SLOTS,
    ResubmissionStep.STOP,
    ResubmissionStep.SUBMIT,
    ResubmissionStep.CANCEL,
)
"""Steps that change something; all others only look."""


class Keep(Protocol):
    """Writes how a stream stands and what is told of it."""

    async def __call__(self, attachment: Attachment, text: str = "", *, proof: RescaleProof | None = None) -> None:
        """Write it; only then does it stand so."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What a resubmission needs of the loop of its stream.

    Attributes:
        attachment: How the stream stands.
        replaced: Lets it stand otherwise without writing it.
        keep: Writes how it stands.
        cluster: Its cluster.
        slots: Its slots.
        now_s: Seconds since the epoch.
        lock: Held while how it stands is changed.
        settings: Bounds.
    """

    attachment: Callable[[], Attachment]
    replaced: Callable[[Attachment], None]
    keep: Keep
    cluster: Callable[[], StreamCluster]
    slots: JobSlots
    now_s: Callable[[], float]
    lock: asyncio.Lock
    settings: AttachmentSettings


class Resubmitting:
    """The resubmissions of one stream.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._runs = asyncio.Event()

    def resume(self) -> None:
        """Take up what a process before this one left."""
        self._doubt()

    async def until_it_runs(self) -> None:
        """Wait until no job is stopped; returns at once where nothing was asked of it."""
        while (one := self._stream.attachment().resubmission) is not None and not one.untouched:
            await self._runs.wait()

    async def carry_out(self) -> None:
        """See a resubmission through; what cannot be written is not done, and tried again."""
        self._runs.clear()
        while self._stream.attachment().resubmission is not None:
            try:
                await self._steps()
            except AdaptorError as error:
                _log.warning("%s: the resubmission pauses: %s", self._stream.attachment().spec.attachment_id, error)
                await asyncio.sleep(self._stream.settings.poll_interval_s)
                self._doubt()
        self._runs.set()

    async def _steps(self) -> None:
        stream = self._stream
        while (one := stream.attachment().resubmission) is not None:
            if one.untouched and stream.attachment().state.ended:
                stream.replaced(replace(stream.attachment(), resubmission=None))
                return
            step = next_step(one)
            result = await self._taken(one, step)
            after = after_step(one, result, now_s=stream.now_s(), limits=stream.settings.resubmission)
            async with stream.lock:
                if isinstance(after, RescaleProof):
                    await self._conclude(one, after)
                elif after != one:
                    await stream.keep(replace(stream.attachment(), resubmission=after))
            if step not in _ACTING and not isinstance(after, RescaleProof):
                await asyncio.sleep(stream.settings.proof_interval_s)

    async def _taken(self, one: Resubmission, step: ResubmissionStep) -> ResubmissionResult:
        if step is ResubmissionStep.PROVIDE_SLOTS:
            return await self._stream.slots.provided(self._stream.cluster(), one)
        return await self._stream.cluster().take_resubmission_step(one, step)

    async def _conclude(self, one: Resubmission, proof: RescaleProof) -> None:
        stream = self._stream
        attachment = resubmission_concluded(
            stream.attachment(), proof, now_s=stream.now_s(), rules=stream.settings.rules
        )
        done = proof.outcome in (RescaleOutcome.DONE, RescaleOutcome.PARTIAL)
        used = one.slots if done else one.slots_before
        stream.slots.concluded(0 if attachment.state.ended else used, tries=stream.settings.release_tries)
        await stream.keep(attachment, f"resubmission {proof.outcome.value}: {proof.text}", proof=proof)

    def _doubt(self) -> None:
        attachment = self._stream.attachment()
        if attachment.resubmission is not None:
            doubted = resumed(attachment.resubmission, now_s=self._stream.now_s())
            self._stream.replaced(replace(attachment, resubmission=doubted))
