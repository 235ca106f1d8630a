"""Makes the supersteps of an attached job the barriers of a run: recorded, planned on, kept and shared as any other."""

from __future__ import annotations

from dataclasses import replace

from adaptor.control.run_record import RunRecord
from adaptor.control.superstep_decision import (
    capacity_of,
    end_of_run,
    kept_vertices,
    plan_in_words,
    run_spec_of,
    width_of,
)
from adaptor.control.superstep_watch import SuperstepsEnded, SuperstepWatch, counted, ended, statistics_of_job
from adaptor.domain.attachment import Attachment
from adaptor.domain.run import RunState
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport
from adaptor.domain.stream_job import JobListed, StreamJob
from adaptor.domain.stream_supersteps import SourceKind, SuperstepProgress, SuperstepSpec
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.engine.back_ends import StreamBackEnds
from adaptor.engine.ports import Found, StreamCluster


class SuperstepFollower:
    """Follows the supersteps of one attached job.

    Args:
        wanted: What is wanted of them.
        back_ends: Of the service.
        settings: Bounds.
    """

    def __init__(self, wanted: SuperstepSpec, *, back_ends: StreamBackEnds, settings: AttachmentSettings) -> None:
        self._wanted = wanted
        self._back_ends = back_ends
        self._settings = settings
        self._watch = SuperstepWatch(span_s=settings.span_s)
        self._looks = 0
        self._log_read_s: float | None = None

    async def look(self, attachment: Attachment, job: StreamJob, cluster: StreamCluster) -> tuple[Attachment, str]:
        """Look how far the supersteps are, and have the engine plan where one has ended.

        Args:
            attachment: How the job stands, with its progress.
            job: As it was just seen.
            cluster: It runs on.

        Returns:
            How it stands now, and what is to be told; empty for nothing.

        Raises:
            AdaptorError: If the cluster does not answer, or nothing can be written.
        """
        progress = attachment.progress
        if progress is None or not job.all_running:
            return attachment, ""
        if progress.source is None:
            progress = await self._with_source(progress, job, cluster)
        progress, is_news = await self._read(progress, job, cluster)
        after = replace(attachment, progress=progress)
        if not is_news or progress.source is None:
            return after, ""
        return await self._decided(after, progress, job, cluster)

    async def job_ended(self, attachment: Attachment, listed: JobListed, cluster: StreamCluster) -> None:
        """End the run as its job ended; a job that is a superstep as a whole is reported as one.

        Raises:
            AdaptorError: If the cluster does not answer, or nothing can be written.
        """
        progress, state = attachment.progress, end_of_run(listed.state)
        if progress is None or await self._back_ends.runs.record_of(progress.run_id) is None:
            return
        if self._wanted.is_whole_job and listed.duration_s and state is not RunState.CANCELLED:
            await self._report_job(progress, listed.duration_s, cluster, listed, failed=state is RunState.FAILED)
        await self._back_ends.runs.finish_run(progress.run_id, state)

    async def let_go(self, attachment: Attachment) -> None:
        """End the run of a job that is not looked after any more.

        Raises:
            AdaptorError: If nothing can be written.
        """
        progress = attachment.progress
        if progress is not None and await self._back_ends.runs.record_of(progress.run_id) is not None:
            await self._back_ends.runs.finish_run(progress.run_id, RunState.ABANDONED)

    # --- where the supersteps are ----------------------------------------------------------------------------

    async def _with_source(
        self, progress: SuperstepProgress, job: StreamJob, cluster: StreamCluster
    ) -> SuperstepProgress:
        turn, self._looks = self._looks, self._looks + 1
        source = await cluster.find_supersteps(
            job, self._wanted.source, usual_name=self._settings.superstep_name, turn=turn
        )
        if source is None:
            return progress
        kept = {} if source.kind is SourceKind.JOB else kept_vertices(job, source)
        return replace(progress, source=source, kept=kept)

    async def _read(
        self, progress: SuperstepProgress, job: StreamJob, cluster: StreamCluster
    ) -> tuple[SuperstepProgress, bool]:
        source = progress.source
        if source is None or (source.kind is SourceKind.LOG and not self._log_is_due()):
            return progress, False
        reading = await cluster.supersteps(job.job_id, source)
        return (progress, False) if reading is None else (counted(progress, reading), True)

    def _log_is_due(self) -> bool:
        """Whether the logs are to be read again: each time Flink carries them over as a whole."""
        now_s = self._back_ends.clock.monotonic_s()
        if self._log_read_s is not None and now_s - self._log_read_s < self._settings.log_interval_s:
            return False
        self._log_read_s = now_s
        return True

    # --- the run ---------------------------------------------------------------------------------------------

    async def _decided(
        self, attachment: Attachment, progress: SuperstepProgress, job: StreamJob, cluster: StreamCluster
    ) -> tuple[Attachment, str]:
        record = await self._back_ends.runs.record_of(progress.run_id)
        position = progress.offset + (progress.reading or 0)
        self._watch, barrier = ended(self._watch, job, position=position, now_s=self._back_ends.clock.monotonic_s())
        if record is None:
            return attachment, await self._started(attachment, progress, job, cluster)
        if barrier is None or barrier.done < record.next_superstep or record.state.ended:
            return attachment, ""
        return attachment, await self._reported(record, barrier, progress, job, cluster, attachment)

    async def _started(
        self, attachment: Attachment, progress: SuperstepProgress, job: StreamJob, cluster: StreamCluster
    ) -> str:
        spec = run_spec_of(attachment, self._wanted, progress, job)
        found = await self._found(attachment, progress, job, cluster, FlinkStatistics())
        record = await self._back_ends.runs.start_run(spec, found=found)
        told = f"run {spec.run_id}: supersteps are told by {progress.source}, {progress.done} are done"
        width = width_of(job, progress.kept)
        return f"{told}; {plan_in_words(record.plan, width)}" if record.plan else told

    async def _reported(
        self,
        record: RunRecord,
        barrier: SuperstepsEnded,
        progress: SuperstepProgress,
        job: StreamJob,
        cluster: StreamCluster,
        attachment: Attachment,
    ) -> str:
        width = width_of(job, progress.kept)
        report = SuperstepReport(
            superstep=barrier.done,
            job_id=job.job_id,
            requested_parallelism=width,
            duration_s=barrier.duration_s,
            missed_supersteps=barrier.done - record.next_superstep,
        )
        found = await self._found(
            attachment, progress, job, cluster, replace(barrier.flink, observed_parallelism=width)
        )
        plan = await self._back_ends.runs.report_barrier(record.spec.run_id, report, found=found)
        many = f" (mean of {barrier.supersteps})" if barrier.supersteps > 1 else ""
        took = f"superstep {barrier.done} took {barrier.duration_s:.1f} s at {width}{many}"
        return f"{took}; {plan_in_words(plan, width)}"

    async def _report_job(
        self, progress: SuperstepProgress, duration_s: float, cluster: StreamCluster, listed: JobListed, *, failed: bool
    ) -> None:
        record = await self._back_ends.runs.record_of(progress.run_id)
        if record is None or record.next_superstep > 1 or record.state.ended:
            return
        job, _ = await cluster.look(listed.job_id)
        width = width_of(job, {})
        report = SuperstepReport(
            superstep=1, job_id=job.job_id, requested_parallelism=width, duration_s=duration_s, failed=failed
        )
        flink = replace(statistics_of_job(job, duration_s=duration_s), observed_parallelism=width)
        await self._back_ends.runs.report_barrier(
            progress.run_id, report, found=Found(capacity=record.capacity, flink=flink)
        )

    async def _found(
        self,
        attachment: Attachment,
        progress: SuperstepProgress,
        job: StreamJob,
        cluster: StreamCluster,
        flink: FlinkStatistics,
    ) -> Found:
        spec = attachment.spec
        known = await self._back_ends.ledger.capacity_for(spec.attachment_id, spec.flink_url)
        gaps_s = await self._back_ends.store.gaps_s(
            spec.flink_url, attachment.traits.order.value, limit=self._settings.remembered_gaps
        )
        capacity = capacity_of(
            job,
            progress.kept,
            free_slots=await cluster.free_slots(),
            more_slots=max(0, known.obtainable_slots - known.existing_slots),
            slots_per_task_manager=known.slots_per_task_manager,
        )
        return Found(capacity=capacity, flink=flink, adaptation_costs_s=tuple(reversed(gaps_s)))
