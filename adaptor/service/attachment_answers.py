"""Attached streams to protos and back. A field that is not set becomes its documented default."""

from __future__ import annotations

import math

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.objective import MAX_PARALLELISM, Bounds
from adaptor.domain.stream import (
    DEFAULT_CATCH_UP_S,
    DEFAULT_UTILISATION,
    AttachmentSpec,
    AttachmentState,
    RescaleProof,
    StreamPlan,
    StreamTarget,
)

STATES = {
    AttachmentState.WATCHING: pb.ATTACHMENT_STATE_WATCHING,
    AttachmentState.PAUSED: pb.ATTACHMENT_STATE_PAUSED,
    AttachmentState.DETACHED: pb.ATTACHMENT_STATE_DETACHED,
    AttachmentState.JOB_ENDED: pb.ATTACHMENT_STATE_JOB_ENDED,
    AttachmentState.LOST: pb.ATTACHMENT_STATE_LOST,
}


def attachment_spec(request: pb.AttachRequest) -> AttachmentSpec:
    """The stream that a request names.

    Raises:
        InvalidValueError: If a field makes no sense; the error names it.
    """
    target = request.target
    return AttachmentSpec(
        attachment_id=request.attachment_id or request.job_id,
        flink_url=request.flink_url.rstrip("/"),
        job_id=request.job_id,
        target=StreamTarget(
            utilisation=target.utilisation or DEFAULT_UTILISATION,
            rate_records_per_s=float(target.rate_records_per_s) or None,
            catch_up_s=target.catch_up_s or DEFAULT_CATCH_UP_S,
            max_lag_s=target.max_lag_s,
        ),
        bounds=Bounds(
            min_parallelism=request.bounds.min_parallelism or 1,
            max_parallelism=request.bounds.max_parallelism or MAX_PARALLELISM,
        ),
        dry_run=request.dry_run,
    )


def attachment(one: Attachment) -> pb.Attachment:
    """A stream and how it stands."""
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
        rescaling=one.rescale is not None,
        problem=one.problem,
        plan=None if one.last_plan is None else plan(one.last_plan),
        proof=None if one.last_proof is None else proof(one.last_proof),
        attached_at_s=one.attached_at_s,
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
