"""Looks after attached streams: one poller for each cluster, one rescale in flight for each stream.

Whatever is decided is written before it is done. A process that comes back takes up rescales where the store says,
and looks before it repeats anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from adaptor.control.stream_watch import Watch
from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.stream import AttachmentSpec, AttachmentState
from adaptor.engine.attachment_loop import AttachmentLoop, StreamBackEnds
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.background import Background
from adaptor.engine.cluster_poller import ClusterPoller
from adaptor.errors import (
    ConflictError,
    InvalidValueError,
    OutOfOrderError,
    UnknownAttachmentError,
    UnknownJobError,
)

_log = logging.getLogger(__name__)

NEWS_PAGE = 100
"""News read from the store at once: about 100 kB."""


class Attachments:
    """All attached streams of one service.

    Args:
        back_ends: Store, clusters, slots and clock.
        settings: Bounds.
    """

    def __init__(self, back_ends: StreamBackEnds, settings: AttachmentSettings) -> None:
        self._back_ends = back_ends
        self._settings = settings
        self._background = Background()
        self._loops: dict[str, AttachmentLoop] = {}
        self._pollers: dict[str, ClusterPoller] = {}

    # --- what people and programs ask for --------------------------------------------------------------------

    async def attach(self, spec: AttachmentSpec) -> Attachment:
        """Begin to look after a stream, or find out how a known one stands.

        Args:
            spec: What is asked; its job may be named by id or, if only one running job has it, by name. The id of an
                attachment that has ended may be used again.

        Raises:
            ConflictError: If the id is in use with other content, or the job is looked after under another id.
            UnknownJobError: If the cluster does not know the job.
            FlinkError: If the cluster does not answer.
        """
        spec = await self._with_job_id(spec)
        known = self._loops.get(spec.attachment_id)
        if known is not None and not known.attachment.state.ended:
            if known.attachment.spec != spec:
                raise ConflictError("attachment_id", f"{spec.attachment_id!r} is in use for another stream")
            return known.attachment
        self._require_alone(spec)
        traits = await self._back_ends.clusters(spec.flink_url).traits(spec.job_id)
        attachment = Attachment(
            spec=spec,
            traits=traits,
            state=AttachmentState.WATCHING,
            attached_at_s=self._back_ends.clock.now_s(),
        )
        await self._back_ends.store.save(attachment, (self._news(f"attached to {traits.job_name}"),))
        self._begin(attachment)
        return attachment

    async def detach(self, attachment_id: str) -> Attachment:
        """Let go of a stream; the job goes on as it is.

        Raises:
            UnknownAttachmentError: If there is none of this id.
        """
        return await self._loop(attachment_id).enter(AttachmentState.DETACHED, "detached; the job goes on as it is")

    async def pause(self, attachment_id: str) -> Attachment:
        """Go on watching and change nothing.

        Raises:
            UnknownAttachmentError: If there is none of this id.
            OutOfOrderError: If it has ended.
        """
        return await self._unended(attachment_id).enter(AttachmentState.PAUSED, "paused: watched, and left as it is")

    async def resume(self, attachment_id: str) -> Attachment:
        """Change the stream again where that is right.

        Raises:
            UnknownAttachmentError: If there is none of this id.
            OutOfOrderError: If it has ended.
        """
        return await self._unended(attachment_id).enter(AttachmentState.WATCHING, "resumed")

    def all(self) -> list[Attachment]:
        """Every stream, in the order of their ids."""
        return [self._loops[name].attachment for name in sorted(self._loops)]

    async def watch(self, attachment_id: str, *, after: int) -> AsyncIterator[tuple[int, AttachmentNews, Attachment]]:
        """What happens to a stream, from a place on, until it has ended; each with its place and how it stands then.

        Raises:
            UnknownAttachmentError: If there is none of this id.
        """
        loop = self._loop(attachment_id)
        while True:
            changed, ended = loop.changed, loop.attachment.state.ended
            page = await self._back_ends.store.news_after(attachment_id, after, limit=NEWS_PAGE)
            for place, news in page:
                after = place
                yield place, news, loop.attachment
            if ended and len(page) < NEWS_PAGE:
                return
            if not page:
                await changed.wait()

    # --- life of the engine ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what a process before this one left, and begin to look.

        Raises:
            StateDirectoryError: If the store cannot be read.
        """
        for attachment in await self._back_ends.store.all():
            try:
                self._begin(attachment)
            except InvalidValueError as error:
                # An address that the settings allowed before: it is listed, and not asked any more.
                _log.warning("%s is not looked after: %s", attachment.spec.attachment_id, error)

    async def stop(self) -> None:
        """End the background work. Rescales in flight are left to the next start, which finds them in the store."""
        await self._background.stop()

    # --- within ----------------------------------------------------------------------------------------------

    def _begin(self, attachment: Attachment) -> None:
        spec = attachment.spec
        loop = AttachmentLoop(
            replace(attachment, problem=""),
            watch=Watch(settled_s=self._settings.settling_s, span_s=self._settings.span_s),
            back_ends=self._back_ends,
            settings=self._settings,
            background=self._background,
        )
        self._loops[spec.attachment_id] = loop
        if attachment.state.ended:
            return
        poller = self._pollers.get(spec.flink_url)
        if poller is None:
            poller = ClusterPoller(
                self._back_ends.clusters(spec.flink_url), settings=self._settings, chance=self._back_ends.chance
            )
            self._pollers[spec.flink_url] = poller
            self._background.repeat(partial(_rounds, poller), interval_s=self._settings.poll_interval_s)
        poller.loops[spec.attachment_id] = loop
        loop.take_up()

    def _loop(self, attachment_id: str) -> AttachmentLoop:
        loop = self._loops.get(attachment_id)
        if loop is None:
            raise UnknownAttachmentError(attachment_id)
        return loop

    def _unended(self, attachment_id: str) -> AttachmentLoop:
        loop = self._loop(attachment_id)
        if loop.attachment.state.ended:
            raise OutOfOrderError("attachment_id", f"{attachment_id!r} is {loop.attachment.state.value}")
        return loop

    async def _with_job_id(self, spec: AttachmentSpec) -> AttachmentSpec:
        """The same with the id of the job that it names."""
        jobs = await self._back_ends.clusters(spec.flink_url).jobs()
        if spec.job_id in jobs:
            return spec
        named = [one.job_id for one in jobs.values() if one.name == spec.job_id and not one.ended]
        if not named:
            raise UnknownJobError(spec.job_id)
        if len(named) > 1:
            raise InvalidValueError("job", f"{len(named)} running jobs are called {spec.job_id!r}; give an id")
        return replace(spec, job_id=named[0])

    def _require_alone(self, spec: AttachmentSpec) -> None:
        for loop in self._loops.values():
            other = loop.attachment
            if (other.spec.flink_url, other.spec.job_id) == (spec.flink_url, spec.job_id) and not other.state.ended:
                raise ConflictError("job_id", f"the job is looked after already, as {other.spec.attachment_id!r}")

    def _news(self, text: str) -> AttachmentNews:
        return AttachmentNews(at_s=self._back_ends.clock.now_s(), text=text)


async def _rounds(poller: ClusterPoller) -> None:
    """Look round after round; only a fault that no cluster makes, such as a full disk, comes out of it."""
    while True:
        pause_s = await poller.round()
        await asyncio.sleep(pause_s)
