"""Attached streams to protos and back. A field that is not set becomes its documented default."""

from __future__ import annotations

import math

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import runs_pb2
from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.cluster_watch import AttachRule
from adaptor.domain.objective import MAX_PARALLELISM, Bounds
from adaptor.domain.resubmission import Submission
from adaptor.domain.stream import (
    DEFAULT_CATCH_UP_S,
    DEFAULT_UTILISATION,
    AttachmentSpec,
    AttachmentState,
    RescaleProof,
    StreamPlan,
    StreamTarget,
)
from adaptor.domain.stream_supersteps import SuperstepSpec, parse_source
from adaptor.engine.cluster_watches import WatchedCluster
from adaptor.planner.policies import DEFAULT_POLICY, policy_named
from adaptor.service.requests import objective_of

STATES = {
    AttachmentState.WATCHING: pb.ATTACHMENT_STATE_WATCHING,
    AttachmentState.PAUSED: pb.ATTACHMENT_STATE_PAUSED,
    AttachmentState.DETACHED: pb.ATTACHMENT_STATE_DETACHED,
    AttachmentState.JOB_ENDED: pb.ATTACHMENT_STATE_JOB_ENDED,
    AttachmentState.LOST: pb.ATTACHMENT_STATE_LOST,
}


def attachment_spec(request: pb.AttachRequest, *, default_confidence: float) -> AttachmentSpec:
    """The stream that a request names.

    Args:
        request: As it came.
        default_confidence: Of objectives that say none.

    Raises:
        InvalidValueError: If a field makes no sense; the error names it.
    """
    return AttachmentSpec(
        attachment_id=request.attachment_id or request.job_id,
        flink_url=request.flink_url.rstrip("/"),
        job_id=request.job_id,
        target=_target(request.target),
        bounds=_bounds(request.bounds),
        dry_run=request.dry_run,
        supersteps=_supersteps(request, default_confidence=default_confidence),
        submission=submission(request.submission) if request.HasField("submission") else None,
    )


def submission(one: pb.Submission) -> Submission:
    """How a job is submitted.

    Raises:
        InvalidValueError: If a field makes no sense; the error names it.
    """
    return Submission(
        jar=one.jar,
        entry_class=one.entry_class,
        arguments=tuple(one.arguments),
        savepoint_folder=one.savepoint_folder,
        configuration=dict(one.configuration),
    )


def attach_rule(request: pb.AttachRule, *, default_confidence: float) -> AttachRule:
    """A rule that a request gives.

    Raises:
        InvalidValueError: If a field makes no sense; the error names it.
    """
    return AttachRule(
        select=request.select or "*",
        labels=dict(request.labels),
        ignore=request.ignore,
        target=_target(request.target),
        bounds=_bounds(request.bounds),
        dry_run=request.dry_run,
        supersteps=_supersteps(request, default_confidence=default_confidence),
    )


def _target(target: pb.StreamTarget) -> StreamTarget:
    return StreamTarget(
        utilisation=target.utilisation or DEFAULT_UTILISATION,
        rate_records_per_s=float(target.rate_records_per_s) or None,
        catch_up_s=target.catch_up_s or DEFAULT_CATCH_UP_S,
        max_lag_s=target.max_lag_s,
    )


def _bounds(bounds: runs_pb2.Bounds) -> Bounds:
    return Bounds(
        min_parallelism=bounds.min_parallelism or 1, max_parallelism=bounds.max_parallelism or MAX_PARALLELISM
    )


def _supersteps(request: pb.AttachRequest | pb.AttachRule, *, default_confidence: float) -> SuperstepSpec | None:
    if not request.HasField("supersteps"):
        return None
    return superstep_spec(request.supersteps, default_confidence=default_confidence)


def superstep_spec(wish: pb.SuperstepWish, *, default_confidence: float) -> SuperstepSpec:
    """What is wanted of a job's supersteps.

    Raises:
        InvalidValueError: If a field makes no sense; the error names it.
    """
    policy = wish.policy or DEFAULT_POLICY
    policy_named(policy)
    return SuperstepSpec(
        objective=objective_of(wish, default_confidence=default_confidence),
        max_supersteps=wish.max_supersteps or None,
        policy=policy,
        source=parse_source(wish.source) if wish.source else None,
        program=wish.context.program,
        parameters=dict(wish.context.parameters),
        data=dict(wish.context.data),
        node_type=wish.context.node_type or "unknown",
        shareable=wish.shareable,
    )


def attachment(one: Attachment) -> pb.Attachment:
    """A stream and how it stands."""
    progress = one.progress
    return pb.Attachment(
        attachment_id=one.spec.attachment_id,
        flink_url=one.spec.flink_url,
        job_id=one.spec.job_id,
        job_name=one.traits.job_name,
        state=STATES[one.state],
        flink_version=one.traits.flink_version,
        obstacles=one.traits.obstacles,
        remarks=one.traits.remarks,
        dry_run=one.spec.dry_run,
        rescales=one.rescales,
        rescaling=one.rescale is not None or one.resubmission is not None,
        problem=one.problem,
        plan=None if one.last_plan is None else plan(one.last_plan),
        proof=None if one.last_proof is None else proof(one.last_proof),
        attached_at_s=one.attached_at_s,
        run_id=progress.run_id if progress else "",
        supersteps_done=progress.done if progress else 0,
        superstep_source=str(progress.source) if progress and progress.source else "",
    )


def cluster(one: WatchedCluster) -> pb.WatchedCluster:
    """A cluster that is looked after as a whole."""
    watch = one.watch
    return pb.WatchedCluster(
        flink_url=watch.flink_url, rules=len(watch.rules), since_s=watch.since_s, problem=one.problem
    )


def news(place: int, one: AttachmentNews, state: AttachmentState) -> pb.WatchAttachmentResponse:
    """One thing that happened."""
    return pb.WatchAttachmentResponse(
        resume_token=str(place),
        at_s=one.at_s,
        text=one.text,
        plan=None if one.plan is None else plan(one.plan),
        proof=None if one.proof is None else proof(one.proof),
        state=STATES[state],
    )


def plan(one: StreamPlan) -> pb.StreamPlan:
    """A plan."""
    return pb.StreamPlan(
        reason=one.reason.value,
        text=one.text,
        vertices=[
            pb.VertexPlan(
                vertex_id=vertex.vertex_id,
                name=vertex.name,
                parallelism=vertex.parallelism,
                previous_parallelism=vertex.previous_parallelism,
                target_records_per_s=_rounded(vertex.target_records_per_s),
                true_records_per_s=_rounded(vertex.true_records_per_s),
            )
            for vertex in one.vertices
        ],
        slots=one.slots,
        previous_slots=one.previous_slots,
    )


def proof(one: RescaleProof) -> pb.RescaleProof:
    """What Flink shows of a rescale."""
    return pb.RescaleProof(
        outcome=one.outcome.value,
        text=one.text,
        triggered_id=one.triggered_id,
        restored_id=one.restored_id,
        checkpoint_s=one.checkpoint_s,
        gap_s=one.gap_s,
        reprocessed_bound=None if one.reprocessed_bound is None else math.ceil(one.reprocessed_bound),
        duration_s=one.duration_s,
    )


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
