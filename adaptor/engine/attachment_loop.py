"""The loop of one attached stream: a turn at each look of its cluster's poller, and the rescale in flight."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from adaptor.control.in_place_rescale import after_step, next_step, resumed
from adaptor.control.stream_decision import (
    begun,
    change_begun,
    concluded,
    expected_gap_s,
    hindrance_of,
    noticed,
    planned,
    wish_afterwards,
)
from adaptor.control.stream_watch import Watch, looked, source_rate
from adaptor.control.superstep_decision import parallelisms_for, rescaling_plan
from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.objective import MAX_PARALLELISM
from adaptor.domain.rescale import Rescale, Step, StepResult, wish_for
from adaptor.domain.stream import AttachmentState, RescaleOutcome, RescaleProof, StreamPlan
from adaptor.domain.stream_job import JobListed, StreamJob, slots_of_job
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.back_ends import StreamBackEnds
from adaptor.engine.background import Background
from adaptor.engine.job_slots import JobSlots
from adaptor.engine.ports import StreamCluster
from adaptor.engine.resubmitting import Resubmitting, Stream
from adaptor.engine.superstep_follower import SuperstepFollower
from adaptor.errors import AdaptorError, FlinkError, OutOfOrderError, UnknownJobError
from adaptor.planner.stream_policy import slots_of

_log = logging.getLogger(__name__)

_ACTING = (Step.PROVIDE_SLOTS, Step.PUT_WISH, Step.TRIGGER_CHECKPOINT)
"""Steps that change something; all others only look."""


class AttachmentLoop:
    """One attached stream.

    Args:
        attachment: How it stands.
        watch: What was seen of it.
        back_ends: Of the service.
        settings: Bounds.
        background: Where rescales go on.
        on_news: Told whenever there is something to tell.

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
        on_news: Callable[[], None],
    ) -> None:
        self.attachment = attachment
        self.changed = asyncio.Event()
        self._watch = watch
        self._back_ends = back_ends
        self._settings = settings
        self._background = background
        self._on_news = on_news
        self._lock = asyncio.Lock()
        self._graph_s = 0.0
        self._slots = JobSlots(attachment.spec, back_ends.ledger)
        self._silent_s: float | None = None
        wanted = attachment.spec.supersteps
        self._follower = (
            SuperstepFollower(wanted.of_job(bounded=attachment.traits.bounded), back_ends=back_ends, settings=settings)
            if wanted is not None
            else None
        )
        self._proofs: list[asyncio.Future[RescaleProof]] = []
        self._resubmitting = Resubmitting(
            Stream(
                attachment=lambda: self.attachment,
                replaced=partial(setattr, self, "attachment"),
                keep=self._keep,
                cluster=lambda: self._cluster,
                slots=self._slots,
                now_s=self._now_s,
                lock=self._lock,
                settings=self._settings,
            )
        )

    @property
    def _cluster(self) -> StreamCluster:
        """The stream's cluster; one that has ended needs none."""
        return self._back_ends.clusters(self.attachment.spec.flink_url)

    # --- from outside ----------------------------------------------------------------------------------------

    def take_up(self) -> None:
        """Go on with a rescale that a process before this one left, and be there for those of the job's run."""
        if self.attachment.progress is not None:
            self._back_ends.rescaler.take_on(self.attachment.progress.run_id, self)
        self._resubmitting.resume()
        if self.attachment.rescale is not None:
            rescale = resumed(self.attachment.rescale, now_s=self._now_s())
            self.attachment = replace(self.attachment, rescale=rescale)
        if self.attachment.rescale is not None or self.attachment.resubmission is not None:
            self._background.spawn(self._carry_out())

    async def enter(self, state: AttachmentState, text: str) -> Attachment:
        """Enter a state and tell it; one that has ended stays as it ended. No job is let go of while it is stopped."""
        if state.ended:
            await self._resubmitting.until_it_runs()
        async with self._lock:
            if not self.attachment.state.ended and self.attachment.state is not state:
                await self._keep(replace(self.attachment, state=state), text)
                if state.ended:
                    self._slots.grant(0)
            return self.attachment

    async def rescale_to(self, parallelism: int) -> float:
        """Bring the job of a run to the parallelism of its plan, and return the seconds without work that it cost.

        Raises:
            OutOfOrderError: If nothing may be changed now, or it did not come to what was wanted; the message says why.
            AdaptorError: If the cluster does not answer, or nothing can be written.
        """
        job, _ = await self._cluster.look(self.attachment.spec.job_id)
        async with self._lock:
            progress = self.attachment.progress
            wanted = parallelisms_for(job, progress.kept if progress else {}, parallelism)
            if self.attachment.rescale is None:
                if wanted == job.parallelisms:
                    return self._cost_of(wanted)
                await self._begin_for_run(job, wanted)
            proven: asyncio.Future[RescaleProof] = asyncio.get_running_loop().create_future()
            self._proofs.append(proven)
        proof = await proven
        if proof.outcome is not RescaleOutcome.DONE or dict(proof.wanted) != wanted:
            raise OutOfOrderError("rescale", f"{proof.outcome.value}: {proof.text}")
        return proof.gap_s or 0.0

    def _cost_of(self, parallelisms: Mapping[str, int]) -> float:
        """What the rescale cost by which the job came to have these."""
        proof = self.attachment.last_proof
        if proof is not None and proof.outcome is RescaleOutcome.DONE and dict(proof.wanted) == dict(parallelisms):
            return proof.gap_s or 0.0
        raise OutOfOrderError("rescale", "the job has this parallelism already")

    async def _begin_for_run(self, job: StreamJob, wanted: Mapping[str, int]) -> None:
        await self._look_for_others()
        if hindrance := hindrance_of(self.attachment, now_s=self._now_s()):
            raise OutOfOrderError("rescale", hindrance)
        text = "the run's plan for its next superstep"
        plan = rescaling_plan(text, job, wanted)
        rate = source_rate(job, self._watch)
        told = f"rescale from {plan.previous_slots} to {plan.slots} slots: {text}"
        attachment = begun(
            self.attachment, plan, before=job.decided_parallelisms, source_records_per_s=rate, now_s=self._now_s()
        )
        await self._keep(attachment, told, plan=plan)
        self._background.spawn(self._carry_out())

    async def unanswered(self, error: AdaptorError) -> None:
        """Note that the cluster did not answer, once for each silence; one that lasts ends the attachment."""
        async with self._lock:
            now_s = self._back_ends.clock.monotonic_s()
            self._silent_s = now_s if self._silent_s is None else self._silent_s
            idle = self.attachment.rescale is None and self.attachment.resubmission is None
            if idle and now_s - self._silent_s > self._settings.lost_after_s:
                await self._keep(replace(self.attachment, state=AttachmentState.LOST, problem=str(error)), _SILENT)
                self._slots.grant(0)
            elif not self.attachment.problem:
                await self._keep(replace(self.attachment, problem=str(error)), f"left alone: {error}")

    async def turn(self, listed: Mapping[str, JobListed]) -> None:
        """Look at the stream, plan, and begin a rescale where that is right."""
        if self.attachment.state.ended:
            return
        job = listed.get(self.attachment.spec.job_id)
        try:
            if self.attachment.rescale is None and self.attachment.resubmission is None:
                await self._turn(job)
        except UnknownJobError:
            await self.enter(AttachmentState.LOST, _LOST)
        except FlinkError as error:
            await self.unanswered(error)

    # --- a turn ----------------------------------------------------------------------------------------------

    async def _turn(self, listed: JobListed | None) -> None:
        if listed is None:
            # The list is stale by seconds, and a job that was just submitted may be missing: one that is gone raises.
            await self._cluster.look(self.attachment.spec.job_id)
            return
        if listed.ended:
            if self._follower is not None:
                await self._follower.job_ended(self.attachment, listed, self._cluster)
            await self.enter(AttachmentState.JOB_ENDED, f"the job is {listed.state}")
            return
        job, pending = await self._cluster.look(listed.job_id)
        await self._slots.release_surplus()
        async with self._lock:
            self._silent_s = None
            if self.attachment.problem:
                await self._keep(replace(self.attachment, problem=""), "the cluster answers again")
            self._watch = looked(self._watch, job, pending=pending)
            self._slots.grant(slots_of_job(job))
            if self._graph_s != job.created_s:
                self._graph_s = job.created_s
                await self._look_for_others()
            if self._follower is not None:
                await self._follow(self._follower, job)
                return
            with self._back_ends.meter.span("decision"):
                await self._plan()

    async def _follow(self, follower: SuperstepFollower, job: StreamJob) -> None:
        """Let the run of the job's supersteps decide; what it wants comes back as `rescale_to`."""
        attachment, text = await follower.look(self.attachment, job, self._cluster)
        if text:
            await self._keep(attachment, text)
        else:
            self.attachment = attachment

    async def _plan(self) -> None:
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
            await self._keep(change_begun(self.attachment, plan, self._watch, now_s=now_s), text, plan=plan)
            self._background.spawn(self._carry_out())

    async def _planned(self) -> StreamPlan | None:
        """The plan; slots are asked about only where more of them would be right."""
        plan = await self._planned_within(MAX_PARALLELISM)
        if plan is None or plan.slots <= plan.previous_slots:
            return plan
        load = self._watch.loads[-1]
        return await self._planned_within(await self._slots.most(self._cluster, own=slots_of(load, load.parallelisms)))

    async def _planned_within(self, slots: int) -> StreamPlan | None:
        if not self._watch.loads:
            return None
        spec = self.attachment.spec
        gaps = await self._back_ends.store.gaps_s(
            spec.flink_url, self.attachment.mechanism, limit=self._settings.remembered_gaps
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

    # --- a rescale -------------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """See a change through; what cannot be written is not done, and tried again."""
        if self.attachment.resubmission is not None:
            await self._resubmitting.carry_out()
            return
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
            return await self._slots.provided(self._cluster, rescale)
        return await self._cluster.take_step(self.attachment.spec.job_id, rescale, step)

    async def _conclude(self, rescale: Rescale, proof: RescaleProof) -> None:
        await self._take_back(rescale, proof)
        attachment = concluded(self.attachment, proof, now_s=self._now_s(), rules=self._settings.rules)
        done = proof.outcome is RescaleOutcome.DONE
        slots = rescale.slots if done else max(rescale.slots, rescale.slots_before)
        self._slots.concluded(0 if attachment.state.ended else slots, tries=self._settings.release_tries)
        await self._keep(attachment, f"rescale {proof.outcome.value}: {proof.text}", proof=proof)
        self._prove(proof)

    async def _take_back(self, rescale: Rescale, proof: RescaleProof) -> None:
        """Leave no wish behind that Flink might fulfil at a moment of its own choice."""
        instead = wish_afterwards(proof, rescale.before)
        if instead is None:
            return
        try:
            await self._cluster.put_wish(self.attachment.spec.job_id, wish_for(instead))
        except AdaptorError as error:
            _log.warning("%s: the wish could not be taken back: %s", self.attachment.spec.attachment_id, error)

    # --- within ----------------------------------------------------------------------------------------------

    async def _keep(
        self,
        attachment: Attachment,
        text: str = "",
        *,
        plan: StreamPlan | None = None,
        proof: RescaleProof | None = None,
    ) -> None:
        """Write how the stream stands and what is told of it; only then does it stand so."""
        if proof is not None:
            self._watch = replace(self._watch, base=None, loads=())
        news = (AttachmentNews(at_s=self._now_s(), text=text, plan=plan, proof=proof),) if text else ()
        await self._back_ends.store.save(attachment, news)
        has_ended = attachment.state.ended and not self.attachment.state.ended
        self.attachment = attachment
        if has_ended:
            await self._end_run()
        if text:
            _log.info("%s: %s", attachment.spec.attachment_id, text)
            self.changed.set()
            self.changed = asyncio.Event()
            self._on_news()

    def _prove(self, proof: RescaleProof | None) -> None:
        """Tell who waits for a rescale what came of it; none: nobody will ever know."""
        for waiting in (one for one in self._proofs if not one.done()):
            if proof is None:
                waiting.set_exception(OutOfOrderError("rescale", "the job is not looked after any more"))
            else:
                waiting.set_result(proof)
        self._proofs.clear()

    async def _end_run(self) -> None:
        """Let go of the run that the job's supersteps were the barriers of."""
        self._prove(None)
        if self._follower is None or self.attachment.progress is None:
            return
        self._back_ends.rescaler.let_go(self.attachment.progress.run_id)
        try:
            await self._follower.let_go(self.attachment)
        except AdaptorError as error:
            _log.warning("%s: its run could not be ended: %s", self.attachment.spec.attachment_id, error)

    def _now_s(self) -> float:
        return self._back_ends.clock.now_s()


_SILENT = "the cluster did not answer for so long that the job is taken for lost; attach to it again once it is back"
_LOST = "the cluster does not know the job any more: it lost its JobManager without high availability, or forgot it"
