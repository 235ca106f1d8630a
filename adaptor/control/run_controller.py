"""Decides what happens in a run: each event gives the run's next record and the effects that it calls for.

A plan is made when a run starts and at every iteration barrier, from the record alone; so the same events always
give the same plans, which is what `adaptor replay` checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from adaptor.control.run_record import RunRecord
from adaptor.domain.effects import Effect, ReleaseSlots, ReportPlan, RequestRescale, StoreObservation
from adaptor.domain.events import BarrierReached, Event, RunFinished, RunStarted
from adaptor.domain.observation import Observation, Origin
from adaptor.domain.plan import Evidence, Plan, Reason, ReasonCode
from adaptor.domain.run import Mechanism
from adaptor.models import runtime
from adaptor.models.runtime import RuntimeModel
from adaptor.models.supersteps_left import Basis, SuperstepsLeft, supersteps_left
from adaptor.planner.alternatives import alternatives
from adaptor.planner.outlook import Outlook, outlook
from adaptor.planner.policies import policy_named
from adaptor.planner.policy import Choice
from adaptor.planner.situation import Situation, compared_parallelisms

Spans = Callable[[str], AbstractContextManager[None]]
"""Opens a named span around a stage; who passes one in may measure time, the core itself has no clock."""


def no_span(_: str) -> AbstractContextManager[None]:
    """The span that does nothing."""
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """The outcome of one event."""

    record: RunRecord
    effects: tuple[Effect, ...]


class RunController:
    """Turns events into effects.

    Args:
        spans: Told when a stage begins and ends.
    """

    def __init__(self, *, spans: Spans = no_span) -> None:
        self._span = spans

    def handle(self, record: RunRecord | None, event: Event) -> Handled:
        """What an event of a run leads to.

        Args:
            record: The run so far; ``None`` for its start.
            event: What happened.

        Returns:
            The run after it, and what must be done.

        Raises:
            ValueError: If a run's first event is not its start.
        """
        if isinstance(event, RunStarted):
            return self._planned(RunRecord.started(event), before=None, first=())
        if record is None:
            raise ValueError(f"a run's first event must be its start, got {type(event).__name__}")
        after = record.after(event)
        if isinstance(event, BarrierReached):
            observation = StoreObservation(observation=observation_of(record, event))
            return self._planned(after, before=record, first=(observation,))
        if isinstance(event, RunFinished):
            return Handled(record=after, effects=(ReleaseSlots(),))
        return Handled(record=after, effects=())

    def _planned(self, record: RunRecord, *, before: RunRecord | None, first: tuple[Effect, ...]) -> Handled:
        plan = self.plan(record)
        effects: tuple[Effect, ...] = (*first, ReportPlan(plan=plan))
        previous = _parallelism_before(record, before)
        if previous is not None and plan.parallelism != previous:
            rescale = RequestRescale(
                superstep=plan.superstep, parallelism=plan.parallelism, previous_parallelism=previous
            )
            effects = (*effects, rescale)
        return Handled(record=record.planned(plan), effects=effects)

    def plan(self, record: RunRecord) -> Plan:
        """The decision for the superstep that comes next."""
        if record.next_superstep > record.spec.max_supersteps:
            return self._nothing_left(record)
        with self._span("model"):
            model = RuntimeModel.fit((*record.own, *record.earlier), prior=record.prior)
            situation = self.situation(record, model)
        with self._span("planner"):
            view = outlook(situation)
            choice = policy_named(record.spec.policy)(view)
            if choice.parallelism not in situation.candidates:
                view = outlook(self.situation(record, model, also=choice.parallelism))
            return self._plan(record, model, view, choice)

    def situation(self, record: RunRecord, model: RuntimeModel, *, also: int | None = None) -> Situation:
        """What a policy may look at, for the superstep that comes next.

        Args:
            record: The run so far.
            model: Of its durations.
            also: A parallelism that must be compared, too.
        """
        left = left_of(record)
        per = record.capacity.slots_per_task_manager
        always = {record.parallelism, *model.measured_parallelisms, *([also] if also else [])}
        candidates = compared_parallelisms(record.spec.bounds, record.slots, slots_per_task_manager=per, always=always)
        work, work_spread = model.work_ahead(record.next_superstep, left.expected)
        return Situation(
            objective=record.spec.objective,
            current_parallelism=record.parallelism,
            supersteps_left=left.expected,
            elapsed_s=record.elapsed_s,
            spent_slot_s=record.spent_slot_s,
            gap_s=record.gap_s,
            adaptation=record.adaptation,
            joint=model.joint(candidates),
            work=work,
            # A superstep more is about as much work as any, so the rest varies as their number does.
            work_spread=math.hypot(work_spread, left.log_spread),
            slots_per_task_manager=per,
            measured=model.measured_parallelisms,
            failing=record.failing,
            cpu_utilisation=record.cpu_utilisation,
        )

    def _plan(self, record: RunRecord, model: RuntimeModel, view: Outlook, choice: Choice) -> Plan:
        situation = view.situation
        return Plan(
            run_id=record.spec.run_id,
            superstep=record.next_superstep,
            parallelism=choice.parallelism,
            previous_parallelism=record.parallelism,
            policy=record.spec.policy,
            reason=choice.reason,
            predicted_s=situation.prediction.superstep_interval(situation.index(choice.parallelism)),
            alternatives=alternatives(view, choice),
            evidence=self._evidence(record, len(model.measured_parallelisms), model, left_of(record)),
        )

    def _nothing_left(self, record: RunRecord) -> Plan:
        """The plan after the last superstep: keep what was planned, in case the job goes beyond its own limit."""
        text = f"all {record.spec.max_supersteps} supersteps were run"
        return Plan(
            run_id=record.spec.run_id,
            superstep=record.next_superstep,
            parallelism=record.plan.parallelism if record.plan else record.parallelism,
            previous_parallelism=record.parallelism,
            policy=record.spec.policy,
            reason=Reason(code=ReasonCode.LAST_SUPERSTEP, text=text),
            predicted_s=None,
            alternatives=(),
            evidence=self._evidence(
                record, len({one.parallelism for one in (*record.own, *record.earlier)}), None, None
            ),
        )

    def _evidence(
        self, record: RunRecord, distinct: int, model: RuntimeModel | None, left: SuperstepsLeft | None
    ) -> Evidence:
        peers = sum(one.origin is Origin.PEER for one in record.earlier)
        return Evidence(
            own_observations=len(record.own),
            earlier_observations=sum(one.origin is Origin.EARLIER_RUN for one in record.earlier),
            shared_observations=peers + (record.prior.shared_observations if record.prior else 0),
            distinct_parallelisms=distinct,
            model=model.name if model else runtime.NAME,
            supersteps_left=left.expected if left else 0,
            elapsed_s=record.elapsed_s,
            adaptation_cost_s=record.adaptation.expected_s,
            slots=record.slots,
            contributors=_contributors(record),
            shared_weight=_shared_weight(record, model),
            supersteps_left_low=left.range[0] if left else 0,
            supersteps_left_high=left.range[1] if left else 0,
            supersteps_basis=(left.basis if left else Basis.LIMIT).value,
        )


def _parallelism_before(record: RunRecord, before: RunRecord | None) -> int | None:
    """What a plan is a change to; ``None`` where nothing is to be changed, whatever it says.

    A driver follows its plan, so what it was granted counts. A job that is rescaled in place may have been left as it
    was, so what it really runs with does.
    """
    if record.spec.mechanism is Mechanism.DRIVER_LOOP:
        return before.granted_slots if before else 0
    return record.parallelism if record.spec.mechanism is Mechanism.IN_PLACE else None


def left_of(record: RunRecord) -> SuperstepsLeft:
    """The supersteps left of a run that has not reached its limit."""
    return supersteps_left(
        done=record.supersteps_done,
        limit=record.spec.max_supersteps,
        tolerance=record.spec.tolerance,
        convergence=record.convergence,
        similar=record.earlier_lengths,
    )


def observation_of(record: RunRecord, event: BarrierReached) -> Observation:
    """What a barrier adds to the store, seen from the run before it."""
    report = event.report
    parallelism = event.flink.observed_parallelism or report.requested_parallelism
    return Observation(
        observation_id=f"{record.spec.run_id}/{report.superstep}/{report.attempt}",
        run_id=record.spec.run_id,
        superstep=report.superstep,
        attempt=report.attempt,
        context=record.spec.context,
        planned_parallelism=record.plan.parallelism if record.plan else record.spec.start_parallelism,
        requested_parallelism=report.requested_parallelism,
        observed_parallelism=event.flink.observed_parallelism,
        duration_s=report.duration_s,
        cold=record.cold(parallelism),
        failed=report.failed,
        shareable=record.spec.shareable,
        flink=event.flink,
    )


def _contributors(record: RunRecord) -> tuple[str, ...]:
    """Peers whose observations the prior rests on, the largest first."""
    sources = record.prior.sources if record.prior else ()
    return tuple(one.contributor for one in sources if one.contributor)


def _shared_weight(record: RunRecord, model: RuntimeModel | None) -> float | None:
    """How much predictions that peers' observations are part of count; ``None`` where there are none."""
    peers = any(one.origin is Origin.PEER for one in record.earlier)
    learnt = record.prior is not None and any(curve.shared for curve in record.prior.curves)
    return model.informed.shared_weight if model and (peers or learnt) else None
