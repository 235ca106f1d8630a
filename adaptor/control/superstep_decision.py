"""What the plan of a run means for a job that is rescaled in place, and what the job means for the plan. Pure.

A run has one parallelism, a job one for each vertex. The plan's is that of every vertex but those that the job's owner
kept narrower when the job was attached, and the one that only publishes the number of supersteps. So a plan may cost
more slots than its parallelism, and what it may count on is told in parallelism, not in slots.
"""

from __future__ import annotations

from collections.abc import Mapping

from adaptor.domain.attachment import Attachment
from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.plan import Plan
from adaptor.domain.run import Mechanism, RunSpec, RunState
from adaptor.domain.stream import StreamPlan, StreamReason, VertexPlan
from adaptor.domain.stream_job import StreamJob, slots_of_job
from adaptor.domain.stream_supersteps import SuperstepProgress, SuperstepSource, SuperstepSpec


def kept_vertices(job: StreamJob, source: SuperstepSource | None) -> dict[str, int]:
    """Vertices that keep their parallelism whatever is planned, with it.

    Args:
        job: As it was attached.
        source: Where its supersteps are told.
    """
    widest = max((one.parallelism or 1 for one in job.vertices), default=1)
    groups = [one.sharing_group for one in job.vertices]
    kept = {}
    for one in job.vertices:
        publishes_alone = (
            source is not None
            and one.vertex_id == source.vertex_id
            and len(job.vertices) > 1
            and groups.count(one.sharing_group) == 1
        )
        if publishes_alone or (one.parallelism or 1) < widest:
            kept[one.vertex_id] = one.parallelism or 1
    return kept


def width_of(job: StreamJob, kept: Mapping[str, int]) -> int:
    """The parallelism of a job: its widest vertex, of those that a plan changes."""
    return max((one.parallelism or 1 for one in job.vertices if one.vertex_id not in kept), default=1)


def parallelisms_for(job: StreamJob, kept: Mapping[str, int], parallelism: int) -> dict[str, int]:
    """What every vertex gets under a parallelism: no more than its key groups."""
    return {
        one.vertex_id: kept.get(one.vertex_id, min(parallelism, one.max_parallelism or parallelism))
        for one in job.vertices
    }


def slots_for(job: StreamJob, parallelisms: Mapping[str, int]) -> int:
    """Slots that a job takes with these: of each slot sharing group its widest vertex."""
    widest: dict[str, int] = {}
    for one in job.vertices:
        widest[one.sharing_group] = max(widest.get(one.sharing_group, 0), parallelisms[one.vertex_id])
    return sum(widest.values())


def capacity_of(
    job: StreamJob, kept: Mapping[str, int], *, free_slots: int, more_slots: int, slots_per_task_manager: int
) -> Capacity:
    """What a job's plans may count on, in parallelism.

    Args:
        job: As it is.
        kept: Vertices that keep their parallelism.
        free_slots: Slots without tasks.
        more_slots: Slots that could be had besides.
        slots_per_task_manager: Slots that come and go together.
    """
    own = slots_of_job(job)
    return Capacity(
        existing_slots=_widest_within(job, kept, own + free_slots),
        obtainable_slots=_widest_within(job, kept, own + free_slots + more_slots),
        slots_per_task_manager=slots_per_task_manager,
    )


def _widest_within(job: StreamJob, kept: Mapping[str, int], slots: int) -> int:
    """The widest parallelism that so many slots suffice for; never less than what the job has."""
    fixed = slots_for(job, {one.vertex_id: kept.get(one.vertex_id, 0) for one in job.vertices})
    scaling = len({one.sharing_group for one in job.vertices if one.vertex_id not in kept}) or 1
    guess = max(1, (slots - fixed) // scaling)
    # A group with a vertex that keeps its parallelism may have room for more of the others.
    while slots_for(job, parallelisms_for(job, kept, guess + 1)) <= slots and guess < slots:
        guess += 1
    return max(guess, width_of(job, kept))


def run_spec_of(attachment: Attachment, wanted: SuperstepSpec, progress: SuperstepProgress, job: StreamJob) -> RunSpec:
    """The run that an attached job's supersteps are the barriers of."""
    spec = attachment.spec
    advised = spec.dry_run or attachment.traits.obstacles or wanted.is_whole_job
    return RunSpec(
        run_id=progress.run_id,
        context=ExecutionContext(
            program=wanted.program or attachment.traits.job_name,
            parameters=wanted.parameters,
            data=wanted.data,
            node_type=wanted.node_type,
        ),
        objective=wanted.objective,
        policy=wanted.policy,
        bounds=spec.bounds,
        start_parallelism=spec.bounds.clamp(width_of(job, progress.kept)),
        max_supersteps=max(wanted.max_supersteps or 1, progress.done, 1),
        flink_url=spec.flink_url,
        shareable=wanted.shareable,
        mechanism=Mechanism.ADVICE if advised else Mechanism.IN_PLACE,
        supersteps_before=progress.done,
    )


def rescaling_plan(plan_text: str, job: StreamJob, parallelisms: Mapping[str, int]) -> StreamPlan:
    """The plan of a run as one of every vertex, with its reason."""
    return StreamPlan(
        reason=StreamReason.SUPERSTEPS,
        text=plan_text,
        vertices=tuple(
            VertexPlan(
                vertex_id=one.vertex_id,
                name=one.name,
                parallelism=parallelisms[one.vertex_id],
                previous_parallelism=one.parallelism or 1,
                target_records_per_s=None,
                true_records_per_s=None,
            )
            for one in job.vertices
        ),
        slots=slots_for(job, parallelisms),
        previous_slots=slots_of_job(job),
    )


def plan_in_words(plan: Plan, width: int) -> str:
    """A plan of a run in a line."""
    number = f"superstep {plan.superstep}"
    if plan.parallelism == width:
        return f"{number}: parallelism {width} stays: {plan.reason.text}"
    return f"{number}: parallelism {plan.parallelism} instead of {width}: {plan.reason.text}"


_ENDS = {"FINISHED": RunState.FINISHED, "FAILED": RunState.FAILED, "CANCELED": RunState.CANCELLED}


def end_of_run(job_state: str) -> RunState:
    """How a run ends whose job is in a final state, in Flink's words; of others nothing is known."""
    return _ENDS.get(job_state, RunState.ABANDONED)
