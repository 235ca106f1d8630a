"""From values to protos."""

from __future__ import annotations

from collections.abc import Iterator

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.domain.events import (
    BarrierReached,
    RescaleFailed,
    RescaleOutcomeUnknown,
    RescaleSucceeded,
    RunFinished,
    RunStarted,
)
from adaptor.domain.objective import CostBudget, Objective, RuntimeTarget
from adaptor.domain.observation import Observation
from adaptor.domain.plan import Alternative, Interval, Plan
from adaptor.domain.run import RunSpec, RunState
from adaptor.domain.statistics import Spread, VertexStatistics
from adaptor.store.history import Recorded, RunSummary

STATES = {
    RunState.RUNNING: pb.RUN_STATE_RUNNING,
    RunState.FINISHED: pb.RUN_STATE_FINISHED,
    RunState.FAILED: pb.RUN_STATE_FAILED,
    RunState.CANCELLED: pb.RUN_STATE_CANCELLED,
    RunState.ABANDONED: pb.RUN_STATE_ABANDONED,
}


def plan(value: Plan) -> pb.Plan:
    """A plan as it goes to the job."""
    evidence = value.evidence
    return pb.Plan(
        superstep=value.superstep,
        parallelism=value.parallelism,
        previous_parallelism=value.previous_parallelism,
        policy=value.policy,
        reason_code=value.reason.code.value,
        reason=value.reason.text,
        predicted_s=interval(value.predicted_s),
        alternatives=[_alternative(one) for one in value.alternatives],
        evidence=pb.Evidence(
            own_observations=evidence.own_observations,
            earlier_observations=evidence.earlier_observations,
            shared_observations=evidence.shared_observations,
            distinct_parallelisms=evidence.distinct_parallelisms,
            model=evidence.model,
            supersteps_left=evidence.supersteps_left,
            elapsed_s=evidence.elapsed_s,
            adaptation_cost_s=evidence.adaptation_cost_s,
            slots=evidence.slots,
            contributors=evidence.contributors,
            shared_weight=evidence.shared_weight,
            supersteps_left_low=evidence.supersteps_left_low,
            supersteps_left_high=evidence.supersteps_left_high,
            supersteps_basis=evidence.supersteps_basis,
        ),
    )


def _alternative(value: Alternative) -> pb.Alternative:
    return pb.Alternative(
        parallelism=value.parallelism,
        superstep_s=interval(value.superstep_s),
        finish_s=interval(value.finish_s),
        cost_slot_s=value.cost_slot_s,
        on_time_probability=value.on_time_probability,
        outside_observed_range=value.outside_observed_range,
        verdict=value.verdict,
    )


def interval(value: Interval | None) -> pb.Interval | None:
    """A prediction, if there is one."""
    if value is None:
        return None
    return pb.Interval(low=value.low, expected=value.expected, high=value.high, level=value.level)


def observation(value: Observation) -> pb.Observation:
    """A superstep as it was measured."""
    return pb.Observation(
        superstep=value.superstep,
        attempt=value.attempt,
        planned_parallelism=value.planned_parallelism,
        requested_parallelism=value.requested_parallelism,
        observed_parallelism=value.observed_parallelism,
        duration_s=value.duration_s,
        cold=value.cold,
        failed=value.failed,
        job_duration_s=value.flink.duration_s,
        cpu_utilisation=value.flink.cpu_utilisation,
        vertices=[_vertex(one) for one in value.flink.vertices],
        problem=value.flink.problem,
    )


def _vertex(value: VertexStatistics) -> pb.VertexStatistics:
    return pb.VertexStatistics(
        name=value.name,
        parallelism=value.parallelism,
        duration_s=value.duration_s,
        records_in=value.records_in,
        records_out=value.records_out,
        bytes_in=value.bytes_in,
        bytes_out=value.bytes_out,
        subtask_duration_s=_spread(value.subtask_duration_s),
        subtask_records_in=_spread(value.subtask_records_in),
    )


def _spread(value: Spread | None) -> pb.Spread | None:
    return pb.Spread(minimum=value.minimum, median=value.median, maximum=value.maximum) if value else None


def summary(value: RunSummary) -> pb.RunSummary:
    """A run in one line."""
    return pb.RunSummary(
        run_id=value.spec.run_id,
        program=value.spec.context.program,
        state=STATES[value.state],
        started_at_s=value.started_at_s,
        elapsed_s=value.updated_at_s - value.started_at_s,
        supersteps=value.supersteps,
        parallelism=value.parallelism,
        objective=objective_text(value.spec.objective),
    )


def objective_text(objective: Objective) -> str:
    """What is wanted, in words."""
    if isinstance(objective, RuntimeTarget):
        return f"within {objective.target_s:g} s with {100 * objective.confidence:.0f} %"
    if isinstance(objective, CostBudget):
        return f"at most {objective.budget_slot_s:g} slot-seconds with {100 * objective.confidence:.0f} %"
    return f"parallel efficiency of at least {objective.min_efficiency:g}"


def start_request(spec: RunSpec) -> pb.StartRunRequest:
    """How a run was started."""
    request = pb.StartRunRequest(
        run_id=spec.run_id,
        context=pb.ExecutionContext(
            program=spec.context.program,
            parameters=dict(spec.context.parameters),
            data=dict(spec.context.data),
            node_type=spec.context.node_type,
        ),
        bounds=pb.Bounds(min_parallelism=spec.bounds.min_parallelism, max_parallelism=spec.bounds.max_parallelism),
        start_parallelism=spec.start_parallelism,
        max_supersteps=spec.max_supersteps,
        flink_url=spec.flink_url,
        policy=spec.policy,
        shareable=spec.shareable,
        tenant=spec.tenant,
        priority=spec.priority,
        pausable=spec.pausable,
    )
    objective = spec.objective
    if isinstance(objective, RuntimeTarget):
        request.runtime_target.target_s = objective.target_s
        request.runtime_target.confidence = objective.confidence
    elif isinstance(objective, CostBudget):
        request.cost_budget.budget_slot_s = objective.budget_slot_s
        request.cost_budget.confidence = objective.confidence
    else:
        request.efficiency_target.min_efficiency = objective.min_efficiency
    return request


def news(recorded: Recorded) -> Iterator[pb.WatchRunResponse]:
    """What a watcher is told of one recorded event; the last message carries the event's own resume token.

    A watcher that saw only the first of two messages resumes before the event and sees both again.
    """
    messages = list(_messages(recorded))
    for number, message in enumerate(messages, start=1):
        place = recorded.sequence if number == len(messages) else recorded.sequence - 1
        message.resume_token, message.at_s = str(place), recorded.event.at_s
        yield message


def _messages(recorded: Recorded) -> Iterator[pb.WatchRunResponse]:
    event = recorded.event
    if recorded.observation:
        yield pb.WatchRunResponse(observation=observation(recorded.observation))
    match event:
        case RunStarted():
            yield pb.WatchRunResponse(state=pb.RUN_STATE_RUNNING)
        case RescaleSucceeded() | RescaleFailed() | RescaleOutcomeUnknown():
            yield pb.WatchRunResponse(rescale=rescale(event))
        case RunFinished():
            yield pb.WatchRunResponse(state=STATES[event.state])
        case BarrierReached():
            pass
    if recorded.plan:
        yield pb.WatchRunResponse(plan=plan(recorded.plan))


def rescale(event: RescaleSucceeded | RescaleFailed | RescaleOutcomeUnknown) -> pb.RescaleOutcome:
    """What came of a rescale."""
    words = {RescaleSucceeded: "succeeded", RescaleFailed: "failed", RescaleOutcomeUnknown: "unknown"}
    return pb.RescaleOutcome(
        superstep=event.superstep,
        parallelism=event.parallelism,
        outcome=words[type(event)],
        duration_s=event.duration_s if isinstance(event, RescaleSucceeded) else None,
        existing_slots=None if isinstance(event, RescaleOutcomeUnknown) else event.capacity.existing_slots,
        problem=event.problem if isinstance(event, RescaleFailed) else "",
    )
