"""Runs the loop around the core: look up what an event needs, record it, let the core decide, perform the effects.

Everything is on disk before it is acted on. An event, the plan made on it, the observation and the slot effect are
one write; after a crash the engine resumes from there, and slot effects without an outcome are observed again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

from adaptor.control import admission
from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.effects import Effect, ReleaseSlots, ReportPlan, RequestRescale, StoreObservation
from adaptor.domain.events import BarrierReached, Event, RescaleOutcomeUnknown, RunFinished, RunStarted
from adaptor.domain.plan import Plan
from adaptor.domain.run import Mechanism, RunSpec, RunState
from adaptor.domain.statistics import SuperstepReport
from adaptor.engine.background import Background
from adaptor.engine.grants import Grants, NobodyManages
from adaptor.engine.outbox import Outbox
from adaptor.engine.ports import Clock, Found, Knowledge, Meter, NoTally, Observer, Rescaler, RunStore, Tally
from adaptor.engine.recording import recorded_of
from adaptor.engine.rescales import Outcome, Rescales
from adaptor.engine.run_loop import RunLoop, RunLoops, SlotsAwaited, known_record
from adaptor.engine.settings import EngineSettings
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import AdaptorError, UnknownRunError
from adaptor.store.history import Recorded, RunSummary

_log = logging.getLogger(__name__)


class Engine:
    """All runs of one service.

    Args:
        store: Where everything is kept.
        observer: Reads what supersteps cost.
        ledger: Brings and takes slots.
        rescaler: Tells a run its new parallelism.
        outbox: Gives observations to peers.
        knowledge: Knows what other runs and peers measured.
        controller: Decides.
        clock: Tells the time.
        meter: Learns how long stages took.
        settings: Bounds.
        grants: What managers of clusters let runs use; nobody manages anything if not given.
        tally: Counts what happens to runs; nobody does if not given.
    """

    def __init__(
        self,
        *,
        store: RunStore,
        observer: Observer,
        ledger: SlotLedger,
        rescaler: Rescaler,
        outbox: Outbox,
        knowledge: Knowledge,
        controller: RunController,
        clock: Clock,
        meter: Meter,
        settings: EngineSettings,
        grants: Grants | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._store = store
        self._grants = grants or NobodyManages()
        self._tally: Tally = tally or NoTally()
        self._observer = observer
        self._ledger = ledger
        self._outbox = outbox
        self._knowledge = knowledge
        self._controller = controller
        self._clock = clock
        self._meter = meter
        self._settings = settings
        self._loops = RunLoops(store, max_loaded=settings.max_loaded_runs)
        self._background = Background()
        self._rescales = Rescales(
            ledger=ledger, grants=self._grants, rescaler=rescaler, clock=clock, background=self._background
        )

    # --- what a job calls ------------------------------------------------------------------------------------

    async def record_of(self, run_id: str) -> RunRecord | None:
        """What is known of a run; ``None`` if it was never started."""
        try:
            return (await self._loops.known(run_id)).record
        except UnknownRunError:
            return None

    async def start_run(self, spec: RunSpec, *, found: Found | None = None) -> RunRecord:
        """Begin a run, or find out where a known one is.

        Args:
            spec: What its owner says.
            found: What the caller knows of the cluster, which is asked otherwise.

        Raises:
            ConflictError: If the run id was used with other content.
            OutOfOrderError: If the run has ended.
        """
        loop = await self._loops.known_or_new(spec.run_id)
        async with loop.lock:
            if loop.record is None:
                return await self._begun(loop, spec, found)
            admission.require_same_spec(loop.record.spec, spec)
            admission.require_not_ended(loop.record)
            return loop.record

    async def _begun(self, loop: RunLoop, spec: RunSpec, found: Found | None) -> RunRecord:
        event = await self._start_event(spec, found)
        if spec.mechanism is Mechanism.DRIVER_LOOP:
            event = await self._grants.admitted(event)
        try:
            return await self._advance(loop, spec.run_id, event)
        except BaseException:
            self._grants.withdraw(spec)
            raise

    async def report_barrier(self, run_id: str, report: SuperstepReport, *, found: Found | None = None) -> Plan:
        """Take in the end of a superstep and plan the next one; a repeated report gets the recorded plan.

        Args:
            run_id: The run.
            report: What is said of the superstep.
            found: What the caller knows of the cluster and of the superstep's job, which are asked otherwise.

        Raises:
            UnknownRunError: If there is no such run.
            ConflictError: If the superstep was reported with other figures.
            OutOfOrderError: If another report is expected, or the run has ended.
        """
        loop = await self._loops.known(run_id)
        async with loop.lock:
            record = known_record(loop, run_id)
            if admission.is_repeated(record, report):
                return await self._recorded_plan(run_id, report)
            admission.require_in_order(record, report)
            event = await self._barrier_event(record, report, found)
            return cast(Plan, (await self._advance(loop, run_id, event)).plan)

    async def await_slots(self, run_id: str, *, wait_s: float) -> SlotsAwaited:
        """Wait for the slots of the newest plan.

        Args:
            run_id: The run.
            wait_s: Longest wait.

        Raises:
            UnknownRunError: If there is no such run.
        """
        loop = await self._loops.known(run_id)
        loop.asked_at_s = self._clock.now_s()
        if await self._grants.still_paused(run_id, wait_s=wait_s):
            return SlotsAwaited(settled=False, existing_slots=0, paused=True)
        settled = loop.settled
        if settled is not None:
            await asyncio.wait({settled}, timeout=wait_s)
        record = known_record(loop, run_id)
        existing = (await self._capacity(record.spec, otherwise=record.capacity)).existing_slots
        return SlotsAwaited(settled=settled is None or settled.done(), existing_slots=existing, paused=False)

    async def finish_run(self, run_id: str, state: RunState) -> RunState:
        """End a run and take its slots back; a run that has ended stays as it ended.

        Raises:
            UnknownRunError: If there is no such run.
        """
        loop = await self._loops.known(run_id)
        async with loop.lock:
            record = known_record(loop, run_id)
            if record.state.ended:
                return record.state
            return (await self._advance(loop, run_id, RunFinished(state=state, at_s=self._clock.now_s()))).state

    # --- what people and programs read -----------------------------------------------------------------------

    async def runs(self, *, limit: int, before: tuple[float, str] | None, owner: str | None = None) -> list[RunSummary]:
        """Runs, newest first; those of one owner alone if one is given."""
        return await self._store.runs(limit=limit, before=before, owner=owner)

    async def owner(self, run_id: str) -> str | None:
        """Who started a run; ``None`` if it is not known."""
        return await self._loops.owner(run_id)

    async def story(self, run_id: str) -> tuple[RunSummary, list[Recorded]]:
        """A run with all of its events.

        Raises:
            UnknownRunError: If there is no such run.
        """
        summary = await self._store.run(run_id)
        if summary is None:
            raise UnknownRunError(run_id)
        return summary, await self._store.history(run_id)

    async def watch(self, run_id: str, *, after: int) -> AsyncIterator[Recorded]:
        """The events of a run as they come, until it has ended.

        Args:
            run_id: The run.
            after: Place after which to begin; 0 stands for the beginning.

        Raises:
            UnknownRunError: If there is no such run.
        """
        loop = await self._loops.known(run_id)
        while True:
            news, ended = loop.news, known_record(loop, run_id).state.ended
            for recorded in await self._store.history_after(run_id, after):
                after = recorded.sequence
                yield recorded
            if ended:
                return
            await news.wait()

    # --- life of the engine ----------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Take up what a process before this one left: grants, and slot effects without an outcome."""
        running = await self._store.running()
        self._tally.resumed(summary.spec.run_id for summary in running)
        for summary in running:
            if summary.spec.mechanism is not Mechanism.DRIVER_LOOP:
                continue  # its slots are those of the attached job
            slots = 0 if self._grants.is_paused(summary.spec.run_id) else summary.parallelism
            self._ledger.grant(summary.spec.run_id, flink_url=summary.spec.flink_url, slots=slots)
        for run_id, sequence, effect in await self._store.pending_slot_effects():
            loop = await self._loops.known(run_id)
            async with loop.lock:
                await self._resume_effect(loop, run_id, sequence, effect)
        for flink_url in self._ledger.clusters():
            self._background.spawn(self._settle_again(flink_url))

    async def _settle_again(self, flink_url: str) -> None:
        """Bring a cluster, which may have changed meanwhile, to what its runs were granted before."""
        try:
            await self._ledger.settle(flink_url)
        except AdaptorError as error:
            _log.warning("%s", error)

    async def _resume_effect(
        self, loop: RunLoop, run_id: str, sequence: int, effect: RequestRescale | ReleaseSlots
    ) -> None:
        if isinstance(effect, RequestRescale):
            unknown = RescaleOutcomeUnknown(
                superstep=effect.superstep, parallelism=effect.parallelism, at_s=self._clock.now_s()
            )
            await self._advance(loop, run_id, unknown)
        self._begin_rescale(loop, sequence, effect)

    def start(self) -> None:
        """Begin the background work: healing clusters, ending abandoned runs, publishing."""
        settings, repeat = self._settings, self._background.repeat
        repeat(self._restore_clusters, interval_s=settings.reconcile_interval_s)
        repeat(self._end_abandoned, interval_s=settings.run_idle_timeout_s / 10)
        repeat(self._outbox.deliver, interval_s=settings.publish_interval_s, wake=self._outbox.news)

    async def stop(self) -> None:
        """End the background work. Rescales in flight are left to the next start, which finds them in the store."""
        await self._background.stop()

    # --- events ----------------------------------------------------------------------------------------------

    async def _start_event(self, spec: RunSpec, found: Found | None) -> RunStarted:
        limit = self._settings.earlier_observations
        earlier = await self._store.earlier_observations(spec.context.key, limit=limit)
        known = await self._knowledge.of(spec.context)
        lengths = await self._store.earlier_lengths(spec.context.key, limit=limit)
        if found is not None:
            capacity, costs = found.capacity, list(found.adaptation_costs_s)
        else:
            unknown = Capacity(existing_slots=spec.start_parallelism, obtainable_slots=spec.start_parallelism)
            capacity = await self._ledger.capacity_or(spec, otherwise=unknown)
            costs = await self._store.adaptation_costs_s(spec.flink_url, limit=limit)
        return RunStarted(
            spec=spec,
            earlier=(*earlier, *known.peers),
            prior=known.prior,
            earlier_lengths=tuple(lengths),
            capacity=capacity,
            planning=self._settings.planning,
            adaptation_costs_s=tuple(costs),
            at_s=self._clock.now_s(),
        )

    async def _barrier_event(self, record: RunRecord, report: SuperstepReport, found: Found | None) -> BarrierReached:
        spec = record.spec
        if found is not None:
            return BarrierReached(report=report, flink=found.flink, capacity=found.capacity, at_s=self._clock.now_s())
        with self._meter.span("rest"):
            flink, capacity = await asyncio.gather(
                self._observer.observe(run_id=spec.run_id, flink_url=spec.flink_url, job_id=report.job_id),
                self._capacity(spec, otherwise=record.capacity),
            )
        return BarrierReached(report=report, flink=flink, capacity=capacity, at_s=self._clock.now_s())

    async def _capacity(self, spec: RunSpec, *, otherwise: Capacity) -> Capacity:
        """Slots that a run may count on: those that there are, and no more than its cluster's manager lets it use."""
        return self._grants.bounded(spec, await self._ledger.capacity_or(spec, otherwise=otherwise))

    async def _recorded_plan(self, run_id: str, report: SuperstepReport) -> Plan:
        recorded = await self._store.barrier(run_id, report.superstep, report.attempt)
        admission.require_same_report(recorded[0] if recorded else None, report)
        return cast("tuple[SuperstepReport, Plan]", recorded)[1]

    async def _advance(self, loop: RunLoop, run_id: str, event: Event, *, completes: int | None = None) -> RunRecord:
        """Let the core decide on an event, record both, and perform the effects. The loop's lock is held."""
        handled = self._controller.handle(loop.record, event)
        sequence = loop.sequence + 1
        recorded = replace(recorded_of(run_id, sequence, event, handled), completes=completes)
        with self._meter.span("store"):
            await self._store.record(recorded)
        self._tally.note(loop.record, recorded)
        loop.advance(handled.record, sequence)
        record = handled.record
        if record.spec.mechanism is Mechanism.DRIVER_LOOP:
            self._hold(record, recorded)
        for effect in handled.effects:
            await self.perform(loop, run_id, sequence, effect)
        return record

    def _hold(self, record: RunRecord, recorded: Recorded) -> None:
        """Note what a run holds; a job that is attached has its slots from whoever looks after it."""
        run_id = record.spec.run_id
        self._grants.note(record, recorded)
        held = 0 if self._grants.is_paused(run_id) else record.granted_slots
        self._ledger.grant(run_id, flink_url=record.spec.flink_url, slots=held)

    # --- effects ---------------------------------------------------------------------------------------------

    async def perform(self, loop: RunLoop, run_id: str, sequence: int, effect: Effect) -> None:
        """Do what the core wants done; it is recorded already."""
        match effect:
            case StoreObservation():
                pass  # it was recorded with the event, and is given to peers together with others
            case ReportPlan(plan=plan):
                _log.info("run %s superstep %d: %d, %s", run_id, plan.superstep, plan.parallelism, plan.reason.text)
            case RequestRescale():
                settled = self._begin_rescale(loop, sequence, effect)
                if not effect.widens and known_record(loop, run_id).spec.mechanism is Mechanism.DRIVER_LOOP:
                    await asyncio.wait({settled}, timeout=self._settings.narrowing_wait_s)
            case ReleaseSlots():
                self._observer.forget(run_id)
                self._outbox.wake()
                self._begin_rescale(loop, sequence, effect)

    def _begin_rescale(
        self, loop: RunLoop, sequence: int, effect: RequestRescale | ReleaseSlots
    ) -> asyncio.Future[None]:
        """Settle the cluster in the background; the future is done once it is settled, or cannot be."""
        run_id = cast(RunRecord, loop.record).spec.run_id

        async def conclude(outcome: Outcome) -> None:
            if outcome is None:
                await self._store.complete(run_id, sequence)
                self._loops.drop_ended()
                return
            async with loop.lock:
                await self._advance(loop, run_id, outcome, completes=sequence)

        return self._rescales.begin(loop, effect, conclude)

    # --- background ------------------------------------------------------------------------------------------

    async def _restore_clusters(self) -> None:
        for flink_url in self._ledger.clusters():
            try:
                await self._ledger.restore(flink_url)
            except AdaptorError as error:
                _log.warning("%s", error)

    async def _end_abandoned(self) -> None:
        oldest_s = self._clock.now_s() - self._settings.run_idle_timeout_s
        for summary in await self._store.running():
            if summary.updated_at_s < oldest_s:
                await self._end_if_abandoned(summary.spec.run_id, oldest_s)

    async def _end_if_abandoned(self, run_id: str, oldest_s: float) -> None:
        loop = await self._loops.known(run_id)
        async with loop.lock:
            record = known_record(loop, run_id)
            # A report may have come in since the list was read.
            heard_at_s = max(record.last_heard_at_s, loop.asked_at_s)
            if record.state is RunState.RUNNING and heard_at_s < oldest_s:
                _log.warning("run %s: nothing was heard of it, its slots are taken back", run_id)
                await self._advance(loop, run_id, RunFinished(state=RunState.ABANDONED, at_s=self._clock.now_s()))
