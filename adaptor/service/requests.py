"""From protos to values. A field that is not set becomes its documented default; nonsense is refused by the values."""

from __future__ import annotations

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1.attachments_pb2 import SuperstepWish
from adaptor.domain.context import ExecutionContext
from adaptor.domain.objective import MAX_PARALLELISM, Bounds, CostBudget, EfficiencyTarget, Objective, RuntimeTarget
from adaptor.domain.run import RunSpec, RunState
from adaptor.domain.statistics import SuperstepReport
from adaptor.errors import InvalidValueError
from adaptor.planner.policies import DEFAULT_POLICY, policy_named


def run_spec(request: pb.StartRunRequest, *, default_confidence: float, owner: str = "") -> RunSpec:
    """The run that a request starts.

    Args:
        request: As it came.
        default_confidence: Of a target that names none.
        owner: Who makes the request.

    Raises:
        InvalidValueError: If a field makes no sense; the error names it.
    """
    policy = request.policy or DEFAULT_POLICY
    policy_named(policy)
    if not request.flink_url and not request.bounds.max_parallelism:
        raise InvalidValueError("bounds.max_parallelism", "must be given where flink_url is empty: slots are unknown")
    return RunSpec(
        run_id=request.run_id,
        context=ExecutionContext(
            program=request.context.program,
            parameters=dict(request.context.parameters),
            data=dict(request.context.data),
            node_type=request.context.node_type or "unknown",
        ),
        objective=objective_of(request, default_confidence=default_confidence),
        policy=policy,
        bounds=Bounds(
            min_parallelism=request.bounds.min_parallelism or 1,
            max_parallelism=request.bounds.max_parallelism or MAX_PARALLELISM,
        ),
        start_parallelism=request.start_parallelism,
        max_supersteps=request.max_supersteps,
        flink_url=request.flink_url.rstrip("/"),
        shareable=request.shareable,
        tolerance=request.tolerance if request.HasField("tolerance") else None,
        tenant=request.tenant,
        priority=request.priority,
        pausable=request.pausable,
        owner=owner,
    )


def objective_of(request: pb.StartRunRequest | SuperstepWish, *, default_confidence: float) -> Objective:
    """What a request wants.

    Raises:
        InvalidValueError: If it says nothing of it, or nonsense.
    """
    kind = request.WhichOneof("objective")
    if kind == "runtime_target":
        target = request.runtime_target
        confidence = target.confidence if target.HasField("confidence") else default_confidence
        return RuntimeTarget(target_s=target.target_s, confidence=confidence)
    if kind == "efficiency_target":
        return EfficiencyTarget(min_efficiency=request.efficiency_target.min_efficiency)
    if kind == "cost_budget":
        budget = request.cost_budget
        return CostBudget(
            budget_slot_s=budget.budget_slot_s,
            confidence=budget.confidence if budget.HasField("confidence") else default_confidence,
        )
    raise InvalidValueError("objective", "must be set: runtime_target, efficiency_target or cost_budget")


def superstep_report(request: pb.ReportBarrierRequest) -> SuperstepReport:
    """What a request says of a superstep.

    Raises:
        InvalidValueError: If a field makes no sense.
    """
    return SuperstepReport(
        superstep=request.superstep,
        attempt=request.attempt or 1,
        job_id=request.job_id,
        requested_parallelism=request.requested_parallelism,
        duration_s=request.duration_s,
        failed=request.failed,
        missed_supersteps=request.missed_supersteps,
        convergence=request.convergence if request.HasField("convergence") else None,
    )


_END_STATES = {
    pb.RUN_STATE_FINISHED: RunState.FINISHED,
    pb.RUN_STATE_FAILED: RunState.FAILED,
    pb.RUN_STATE_CANCELLED: RunState.CANCELLED,
}


def end_state(state: pb.RunState.ValueType) -> RunState:
    """How a request says that a run ended.

    Raises:
        InvalidValueError: If it is not one of the ends that a job may report.
    """
    if state not in _END_STATES:
        raise InvalidValueError("state", "must be FINISHED, FAILED or CANCELLED")
    return _END_STATES[state]
