"""The engine's view of managed clusters: a run is admitted, bounded by its grant, and heard of at its barriers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from adaptor.control.grants import bounded
from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.cluster_news import ClusterEvent, ClusterNews
from adaptor.domain.events import (
    BarrierReached,
    Event,
    RescaleFailed,
    RescaleOutcomeUnknown,
    RescaleSucceeded,
    RunFinished,
    RunStarted,
)
from adaptor.domain.plan import ReasonCode
from adaptor.domain.run import RunSpec, RunState
from adaptor.engine.cluster_desk import Desk, Desks, Member
from adaptor.engine.cluster_rounds import Rounds
from adaptor.engine.ports import Clock
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import InvalidValueError
from adaptor.store.history import Recorded


class ManagedGrants:
    """What managers of clusters let runs use.

    Args:
        desks: The clusters.
        rounds: Arbitrates.
        ledger: Who holds how much.
        clock: Tells the time.
    """

    def __init__(self, desks: Desks, rounds: Rounds, *, ledger: SlotLedger, clock: Clock) -> None:
        self._desks = desks
        self._rounds = rounds
        self._ledger = ledger
        self._clock = clock

    def bounded(self, run: RunSpec, capacity: Capacity) -> Capacity:
        """Slots that a run may count on; the same where nobody manages its cluster."""
        desk = self._desks.at(run.flink_url)
        if desk is None or not desk.begun:
            return capacity
        allowed = desk.allowed_slots(run.run_id, self._clock.now_s())
        return bounded(capacity, allowed_slots=allowed, held_slots=self._ledger.granted_to(run.run_id))

    async def admitted(self, started: RunStarted) -> RunStarted:
        """A run's start with no more slots than it is granted; the grant is on disk by then.

        Raises:
            InvalidValueError: If its tenant is not known.
            StateDirectoryError: If the grant could not be written.
        """
        spec = started.spec
        if spec.tenant and spec.tenant not in self._desks.tenants:
            raise InvalidValueError(
                "tenant", f"no tenant {spec.tenant[:100]!r} is known; `adaptor cluster tenant` makes one"
            )
        desk = self._desks.at(spec.flink_url)
        if desk is None:
            return started
        async with desk.lock:
            if desk.removed:
                return started
            desk.members[spec.run_id] = Member(spec, 0, record=RunRecord.started(started))
            try:
                # The others' demand is as it was at the last round: a start must not wait for all of them.
                await self._rounds.settle(desk, anew=[spec.run_id])
                desk.stirred = True
            except BaseException:
                self.withdraw(spec)
                raise
        return replace(started, capacity=self.bounded(spec, started.capacity))

    def withdraw(self, run: RunSpec) -> None:
        """Take back the admission of a run whose start could not be recorded."""
        desk = self._desks.at(run.flink_url)
        if desk is not None and run.run_id in desk.members:
            del desk.members[run.run_id]
            desk.gone.append(run.run_id)
            desk.stirred = True

    def note(self, record: RunRecord, recorded: Recorded) -> None:
        """Learn what happened to a run; it is recorded already. What follows is for the next round."""
        desk = self._desks.at(record.spec.flink_url)
        if desk is None:
            return
        run_id = record.spec.run_id
        if record.state is not RunState.RUNNING:
            if run_id in desk.members:
                del desk.members[run_id]
                desk.gone.append(run_id)
        else:
            self._renew(desk, record, recorded)
        for one in cluster_news(desk.managed.cluster_id, recorded):
            desk.tell(one)
        self._rounds.wake()

    def is_paused(self, run_id: str) -> bool:
        """Whether a run waits for slots and holds none."""
        member = self._desks.member(run_id)
        return member is not None and member.paused

    async def still_paused(self, run_id: str, *, wait_s: float) -> bool:
        """Whether a run has no slots after so many seconds; returns early once it has some."""
        member = self._desks.member(run_id)
        if member is None or not member.paused:
            return False
        waiting = asyncio.ensure_future(member.unpaused.wait())
        await asyncio.wait({waiting}, timeout=wait_s)
        waiting.cancel()
        return self.is_paused(run_id)

    def _renew(self, desk: Desk, record: RunRecord, recorded: Recorded) -> None:
        spec = record.spec
        member = desk.members.setdefault(spec.run_id, Member(spec, recorded.sequence))
        member.record, member.sequence = record, recorded.sequence
        if isinstance(recorded.event, (RunStarted, BarrierReached)):
            member.demand_slots = 0
            member.paused = False
            if must_wait_after(recorded, otherwise=False):
                member.wait(recorded.event.at_s)


def must_wait_after(recorded: Recorded, *, otherwise: bool) -> bool:
    """Whether a run holds no slots after an event: it was planned without any to use; other events change nothing."""
    event, plan = recorded.event, recorded.plan
    if plan is None or not isinstance(event, (RunStarted, BarrierReached)):
        return otherwise
    over = plan.reason.code is ReasonCode.LAST_SUPERSTEP
    return not over and event.capacity.most_slots < plan.parallelism


def cluster_news(cluster_id: str, recorded: Recorded) -> list[ClusterNews]:
    """What watchers of a cluster are told of one recorded event of a run."""
    event, found = recorded.event, []
    told: list[tuple[ClusterEvent, str]] = []
    if isinstance(event, (RescaleSucceeded, RescaleFailed, RescaleOutcomeUnknown)):
        told.append((event, _outcome(event)))
    if isinstance(event, RunFinished):
        told.append((event, f"the run is over: {event.state.value}"))
    if recorded.plan is not None:
        # Alternatives would be most of the news; who wants them reads the run.
        told.append((replace(recorded.plan, alternatives=()), recorded.plan.reason.text))
    for what, text in told:
        news = ClusterNews(at_s=event.at_s, text=text, event=what, cluster_id=cluster_id, run_id=recorded.run_id)
        found.append(news)
    return found


def _outcome(event: Event) -> str:
    if isinstance(event, RescaleSucceeded):
        return f"has {event.parallelism} slots after {event.duration_s:.1f} s"
    if isinstance(event, RescaleFailed):
        return f"did not get {event.parallelism} slots: {event.problem}"
    return "what became of a rescale is not known"
