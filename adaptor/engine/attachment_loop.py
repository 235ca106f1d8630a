"""The loop of one attached stream: a turn at each look of its cluster's poller, and the rescale in flight."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from adaptor.control.in_place_rescale import after_step, next_step, resumed
from adaptor.control.stream_decision import begun, concluded, expected_gap_s, noticed, planned, wish_afterwards
from adaptor.control.stream_watch import Watch, looked
from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.objective import MAX_PARALLELISM
from adaptor.domain.rescale import Rescale, SlotsSeen, Step, StepResult, wish_for
from adaptor.domain.stream import AttachmentState, RescaleOutcome, RescaleProof, StreamPlan
from adaptor.domain.stream_job import JobListed, StreamJob, slots_of_job
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.background import Background
from adaptor.engine.ports import AttachmentStore, Clock, Meter, StreamCluster, StreamClusters
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import AdaptorError, FlinkError, UnknownJobError
from adaptor.planner.stream_policy import slots_of

_log = logging.getLogger(__name__)

_ACTING = (Step.PROVIDE_SLOTS, Step.PUT_WISH, Step.TRIGGER_CHECKPOINT)
"""Steps that change something; all others only look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBackEnds:
    """What looking after streams needs of the world.

    Attributes:
        store: Keeps attached streams.
        clusters: Finds their clusters.
        ledger: Brings and takes slots.
        clock: Tells the time.
        chance: For the jitter of pauses.
        meter: Learns how long it took from a look to its decision.
    """

    store: AttachmentStore
    clusters: StreamClusters
    ledger: SlotLedger
    clock: Clock
    chance: Random
    meter: Meter


class AttachmentLoop:
    """One attached stream.

    Args:
        attachment: How it stands.
        watch: What was seen of it.
        back_ends: Of the service.
        settings: Bounds.
        background: Where rescales go on.

    Attributes:
        attachment: How it stands now.
        changed: Set, and exchanged for another, whenever something is told of it.
    """

    def __init__(
        self,
        attachment: Attachment,
        *,
        watch: Watch,
        back_ends: StreamBackEnds,
        settings: AttachmentSettings,
        background: Background,
    ) -> None:
        self.attachment = attachment
        self.changed = asyncio.Event()
        self._watch = watch
        self._back_ends = back_ends
        self._settings = settings
        self._background = background
        self._lock = asyncio.Lock()
        self._graph_s = 0.0
        self._releases_left = 0
        self._silent_s: float | None = None

    @property
    def _cluster(self) -> StreamCluster:
        """The stream's cluster; one that has ended needs none."""
        return self._back_ends.clusters(self.attachment.spec.flink_url)

    # --- from outside ----------------------------------------------------------------------------------------

    def take_up(self) -> None:
        """Go on with a rescale that a process before this one left."""
        if self.attachment.rescale is not None:
            rescale = resumed(self.attachment.rescale, now_s=self._now_s())
            self.attachment = replace(self.attachment, rescale=rescale)
            self._background.spawn(self._carry_out())

    async def enter(self, state: AttachmentState, text: str) -> Attachment:
        """Enter a state and tell it; one that has ended stays as it ended."""
        async with self._lock:
            if not self.attachment.state.ended and self.attachment.state is not state:
                await self._keep(replace(self.attachment, state=state), text)
                if state.ended:
                    self._grant(0)
            return self.attachment

    async def unanswered(self, error: AdaptorError) -> None:
        """Note that the cluster did not answer, once for each silence; one that lasts ends the attachment."""
        async with self._lock:
            now_s = self._back_ends.clock.monotonic_s()
            self._silent_s = now_s if self._silent_s is None else self._silent_s
            idle = self.attachment.rescale is None
            if idle and now_s - self._silent_s > self._settings.lost_after_s:
                await self._keep(replace(self.attachment, state=AttachmentState.LOST, problem=str(error)), _SILENT)
                self._grant(0)
            elif not self.attachment.problem:
                await self._keep(replace(self.attachment, problem=str(error)), f"left alone: {error}")

    async def turn(self, listed: Mapping[str, JobListed]) -> None:
        """Look at the stream, plan, and begin a rescale where that is right."""
        if self.attachment.state.ended:
            return
        job = listed.get(self.attachment.spec.job_id)
        try:
            if self.attachment.rescale is None:
                await self._turn(job)
        except UnknownJobError:
            await self.enter(AttachmentState.LOST, _LOST)
        except FlinkError as error:
            await self.unanswered(error)

    # --- a turn ----------------------------------------------------------------------------------------------

    async def _turn(self, listed: JobListed | None) -> None:
        if listed is None:
            await self.enter(AttachmentState.LOST, _LOST)
            return
        if listed.ended:
            await self.enter(AttachmentState.JOB_ENDED, f"the job is {listed.state}")
            return
        job, pending = await self._cluster.look(listed.job_id)
        await self._release_surplus()
        async with self._lock:
            self._silent_s = None
            if self.attachment.problem:
                await self._keep(replace(self.attachment, problem=""), "the cluster answers again")
            with self._back_ends.meter.span("decision"):
                self._watch = looked(self._watch, job, pending=pending)
                self._grant(slots_of_job(job))
                await self._plan(job)

    async def _plan(self, job: StreamJob) -> None:
        if self._graph_s != job.created_s:
            self._graph_s = job.created_s
            await self._look_for_others()
        plan = await self._planned()
        if plan is not None and not plan.stays and await self._look_for_others():
            plan = await self._planned()
        if plan is None:
            return
        if plan.stays or self.attachment.spec.dry_run:
            await self._tell(plan)
        else:
            now_s = self._now_s()
            text = f"rescale from {plan.previous_slots} to {plan.slots} slots: {plan.text}"
            await self._keep(begun(self.attachment, plan, self._watch, now_s=now_s), text, plan=plan)
            self._background.spawn(self._carry_out())

    async def _planned(self) -> StreamPlan | None:
        """The plan; slots are asked about only where more of them would be right."""
        plan = await self._planned_within(MAX_PARALLELISM)
        if plan is None or plan.slots <= plan.previous_slots:
            return plan
        return await self._planned_within(await self._most_slots())

    async def _planned_within(self, slots: int) -> StreamPlan | None:
        if not self._watch.loads:
            return None
        spec = self.attachment.spec
        gaps = await self._back_ends.store.gaps_s(
            spec.flink_url, self.attachment.traits.order.value, limit=self._settings.remembered_gaps
        )
        return planned(
            self.attachment,
            self._watch,
            most_slots=slots,
            rescale_s=expected_gap_s(gaps, before_any_s=self._settings.gap_before_any_s),
            now_s=self._now_s(),
            rules=self._settings.rules,
        )

    async def _look_for_others(self) -> bool:
        """Whether somebody else's wish was found."""
        if self.attachment.traits.obstacles:
            return False
        wish = await self._cluster.wish(self.attachment.spec.job_id)
        attachment, text = noticed(self.attachment, wish, now_s=self._now_s(), rules=self._settings.rules)
        if text:
            await self._keep(attachment, text)
        else:
            self.attachment = attachment
        return bool(text)

    async def _tell(self, plan: StreamPlan) -> None:
        """Keep a plan that changes nothing if it says something new: the same reason each second is no news."""
        last = self.attachment.last_plan
        said = last is not None and (last.reason, last.parallelisms) == (plan.reason, plan.parallelisms)
        if said:
            self.attachment = replace(self.attachment, last_plan=plan)
        else:
            dry = self.attachment.spec.dry_run and not plan.stays
            text = f"dry run: {plan.slots} slots would be right: {plan.text}" if dry else plan.text
            await self._keep(replace(self.attachment, last_plan=plan), text, plan=plan)

    async def _most_slots(self) -> int:
        """Slots that the stream may use: its own, those without tasks, and those that can be had."""
        load = self._watch.loads[-1]
        own = slots_of(load, load.parallelisms)
        spec = self.attachment.spec
        capacity = await self._back_ends.ledger.capacity_for(spec.attachment_id, spec.flink_url)
        more = max(0, capacity.obtainable_slots - capacity.existing_slots)
        return max(own, own + await self._cluster.free_slots() + more)

    # --- a rescale -------------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """See a rescale through; what cannot be written is not done, and tried again."""
        while self.attachment.rescale is not None and not self.attachment.state.ended:
            try:
                await self._steps()
            except AdaptorError as error:
                _log.warning("%s: the rescale pauses: %s", self.attachment.spec.attachment_id, error)
                await asyncio.sleep(self._settings.poll_interval_s)
                doubted = resumed(self.attachment.rescale, now_s=self._now_s())
                self.attachment = replace(self.attachment, rescale=doubted)

    async def _steps(self) -> None:
        while (rescale := self.attachment.rescale) is not None and not self.attachment.state.ended:
            step = next_step(rescale)
            result = await self._taken(rescale, step)
            after = after_step(rescale, result, now_s=self._now_s(), limits=self._settings.limits)
            async with self._lock:
                if isinstance(after, RescaleProof):
                    await self._conclude(rescale, after)
                elif after != rescale:
                    await self._keep(replace(self.attachment, rescale=after))
            if step not in _ACTING and not isinstance(after, RescaleProof):
                await asyncio.sleep(self._settings.proof_interval_s)

    async def _taken(self, rescale: Rescale, step: Step) -> StepResult:
        if step is Step.PROVIDE_SLOTS:
            return await self._provided(rescale)
        return await self._cluster.take_step(self.attachment.spec.job_id, rescale, step)

    async def _provided(self, rescale: Rescale) -> StepResult:
        """Ask for slots before the wish; what does not come is told by the number of those there are."""
        before = rescale.slots_before
        self._grant(max(before, rescale.slots))
        try:
            await self._back_ends.ledger.settle(self.attachment.spec.flink_url)
        except AdaptorError as error:
            _log.warning("%s", error)
        try:
            return SlotsSeen(slots=before + await self._cluster.free_slots())
        except AdaptorError:
            return SlotsSeen(slots=before)

    async def _conclude(self, rescale: Rescale, proof: RescaleProof) -> None:
        await self._take_back(rescale, proof)
        attachment = concluded(self.attachment, proof, now_s=self._now_s(), rules=self._settings.rules)
        self._watch = replace(self._watch, base=None, loads=())
        done = proof.outcome is RescaleOutcome.DONE
        slots = rescale.slots if done else max(rescale.slots, rescale.slots_before)
        self._grant(0 if attachment.state.ended else slots)
        self._releases_left = self._settings.release_tries
        await self._keep(attachment, f"rescale {proof.outcome.value}: {proof.text}", proof=proof)

    async def _take_back(self, rescale: Rescale, proof: RescaleProof) -> None:
        """Leave no wish behind that Flink might fulfil at a moment of its own choice."""
        instead = wish_afterwards(proof, rescale.before)
        if instead is None:
            return
        try:
            await self._cluster.put_wish(self.attachment.spec.job_id, wish_for(instead))
        except AdaptorError as error:
            _log.warning("%s: the wish could not be taken back: %s", self.attachment.spec.attachment_id, error)

    async def _release_surplus(self) -> None:
        """Give back slots after narrowing; Flink keeps them for the job for a while, so several looks are needed."""
        if self._releases_left <= 0:
            return
        self._releases_left -= 1
        try:
            await self._back_ends.ledger.settle(self.attachment.spec.flink_url)
        except AdaptorError as error:
            _log.warning("%s", error)

    # --- within ----------------------------------------------------------------------------------------------

    def _grant(self, slots: int) -> None:
        spec = self.attachment.spec
        self._back_ends.ledger.grant(spec.attachment_id, flink_url=spec.flink_url, slots=slots)

    async def _keep(
        self,
        attachment: Attachment,
        text: str = "",
        *,
        plan: StreamPlan | None = None,
        proof: RescaleProof | None = None,
    ) -> None:
        """Write how the stream stands and what is told of it; only then does it stand so."""
        news = (AttachmentNews(at_s=self._now_s(), text=text, plan=plan, proof=proof),) if text else ()
        await self._back_ends.store.save(attachment, news)
        self.attachment = attachment
        if text:
            _log.info("%s: %s", attachment.spec.attachment_id, text)
            self.changed.set()
            self.changed = asyncio.Event()

    def _now_s(self) -> float:
        return self._back_ends.clock.now_s()


_SILENT = "the cluster did not answer for so long that the job is taken for lost; attach to it again once it is back"
_LOST = "the cluster does not know the job any more: it lost its JobManager without high availability, or forgot it"
