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
from adaptor.domain.attachment import Attachment, AttachmentNews, StreamTraits
from adaptor.domain.cluster_watch import AttachRule, ClusterWatch
from adaptor.domain.stream import AttachmentSpec, AttachmentState
from adaptor.domain.stream_supersteps import SuperstepProgress, run_id_of
from adaptor.engine.attachment_loop import AttachmentLoop
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.back_ends import StreamBackEnds
from adaptor.engine.background import Background
from adaptor.engine.cluster_poller import ClusterPoller
from adaptor.engine.cluster_watches import WatchedCluster
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
        self._watched: dict[str, WatchedCluster] = {}
        self._told = asyncio.Event()

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
        return await self.attach_found(await self._with_job_id(spec))

    async def attach_found(self, spec: AttachmentSpec) -> Attachment:
        """As `attach`, of a job that was seen on its cluster and is named by its id."""
        known = self._loops.get(spec.attachment_id)
        if known is not None and not known.attachment.state.ended:
            if known.attachment.spec != spec:
                raise ConflictError("attachment_id", f"{spec.attachment_id!r} is in use for another stream")
            return known.attachment
        self._require_alone(spec)
        traits = await self._back_ends.clusters(spec.flink_url).traits(spec.job_id)
        attachment = self._attached(spec, traits)
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

    # --- whole clusters --------------------------------------------------------------------------------------

    async def attach_all(self, flink_url: str, rules: tuple[AttachRule, ...]) -> WatchedCluster:
        """Look after every job of a cluster that a rule selects, those that come later too.

        Args:
            flink_url: REST address of the cluster.
            rules: In place of those that were given for it before; jobs that are looked after already keep theirs.

        Raises:
            InvalidValueError: If the address is none, or one that is not allowed.
            FlinkError: If the cluster does not answer.
        """
        await self._back_ends.clusters(flink_url).jobs()
        watch = ClusterWatch(flink_url=flink_url, rules=rules, since_s=self._back_ends.clock.now_s())
        await self._back_ends.store.save_watch(watch)
        return self._begin_watch(watch)

    async def detach_all(self, flink_url: str) -> list[Attachment]:
        """Take up no more jobs of a cluster, and let go of those that were taken up so; they all go on as they are.

        Raises:
            UnknownAttachmentError: If the cluster is not looked after as a whole.
        """
        if flink_url not in self._watched:
            raise UnknownAttachmentError(flink_url)
        await self._back_ends.store.drop_watch(flink_url)
        del self._watched[flink_url]
        self._pollers[flink_url].watched = None
        taken = [one.spec for one in self.all() if one.spec.taken_up and not one.state.ended]
        left = [await self.detach(one.attachment_id) for one in taken if one.flink_url == flink_url]
        self._tell_all()
        return left

    def watched(self) -> list[WatchedCluster]:
        """Clusters that are looked after as a whole, in the order of their addresses."""
        return [self._watched[url] for url in sorted(self._watched)]

    async def watch_all(self, flink_url: str, *, after: int) -> AsyncIterator[tuple[int, AttachmentNews, Attachment]]:
        """What happens to every stream of a cluster, from a place on, as long as it is looked after as a whole.

        Raises:
            UnknownAttachmentError: If it is not.
        """
        if flink_url not in self._watched:
            raise UnknownAttachmentError(flink_url)
        while True:
            told, ended = self._told, flink_url not in self._watched
            page = await self._back_ends.store.cluster_news_after(flink_url, after, limit=NEWS_PAGE)
            for place, attachment_id, news in page:
                after = place
                yield place, news, self._loop(attachment_id).attachment
            if ended and len(page) < NEWS_PAGE:
                return
            if not page:
                await told.wait()

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

        for watch in await self._back_ends.store.watches():
            try:
                self._begin_watch(watch)
            except InvalidValueError as error:
                _log.warning("%s is not looked after: %s", watch.flink_url, error)

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
            on_news=self._tell_all,
        )
        self._loops[spec.attachment_id] = loop
        if attachment.state.ended:
            return
        self._poller(spec.flink_url).loops[spec.attachment_id] = loop
        loop.take_up()

    def _begin_watch(self, watch: ClusterWatch) -> WatchedCluster:
        watched = WatchedCluster(
            watch,
            cluster=self._back_ends.clusters(watch.flink_url),
            attach=self.attach_found,
            known_jobs=partial(self._known_jobs, watch.flink_url),
        )
        self._poller(watch.flink_url).watched = watched
        self._watched[watch.flink_url] = watched
        return watched

    def _known_jobs(self, flink_url: str) -> set[str]:
        """Jobs of a cluster that are looked after or were let go of; one that was lost may be there again."""
        here = [loop.attachment for loop in self._loops.values() if loop.attachment.spec.flink_url == flink_url]
        return {one.spec.job_id for one in here if one.state is not AttachmentState.LOST}

    def _poller(self, flink_url: str) -> ClusterPoller:
        """The one of a cluster, which begins to look as soon as there is anything to look after."""
        if flink_url not in self._pollers:
            poller = ClusterPoller(
                self._back_ends.clusters(flink_url), settings=self._settings, chance=self._back_ends.chance
            )
            self._pollers[flink_url] = poller
            self._background.repeat(partial(_rounds, poller), interval_s=self._settings.poll_interval_s)
        return self._pollers[flink_url]

    def _tell_all(self) -> None:
        """Wake whoever watches a whole cluster."""
        self._told.set()
        self._told = asyncio.Event()

    def _attached(self, spec: AttachmentSpec, traits: StreamTraits) -> Attachment:
        now_s, progress = self._back_ends.clock.now_s(), None
        if spec.supersteps is not None:
            spec.supersteps.of_job(bounded=traits.bounded)
            progress = SuperstepProgress(run_id=run_id_of(traits.job_name, spec.job_id, attached_at_s=now_s))
        return Attachment(
            spec=spec, traits=traits, state=AttachmentState.WATCHING, attached_at_s=now_s, progress=progress
        )

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
