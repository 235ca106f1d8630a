"""Decides what to do about an attached stream: whose wish is respected, whether its plan is carried out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptor.control.stream_watch import Watch
from adaptor.domain.attachment import Attachment
from adaptor.domain.rescale import Phase, Rescale
from adaptor.domain.resubmission import Resubmission, ResubmissionPhase, next_job_id
from adaptor.domain.stream import AttachmentState, RescaleOutcome, RescaleProof, StreamPlan, StreamReason
from adaptor.domain.stream_job import ParallelismRange
from adaptor.errors import InvalidValueError
from adaptor.planner.stream_policy import StreamRules, StreamSituation, stream_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRules:
    """Bounds of the decision; each is a setting.

    Attributes:
        policy: Of the plan itself.
        respect_others_s: Seconds for which somebody else's wish is left alone.
        retry_after_s: Seconds after a rescale that did not succeed before another is tried.
    """

    policy: StreamRules
    respect_others_s: float
    retry_after_s: float


def planned(
    attachment: Attachment, watch: Watch, *, most_slots: int, rescale_s: float, now_s: float, rules: AttachRules
) -> StreamPlan | None:
    """The plan, or ``None`` before anything was measured. A plan that may not be carried out says why and stays.

    Args:
        attachment: The stream.
        watch: What was seen of it.
        most_slots: Slots it may use, its own included.
        rescale_s: Seconds that a rescale is expected to cost.
        now_s: Seconds since the epoch.
        rules: Bounds.
    """
    if not watch.loads:
        return None
    situation = StreamSituation(loads=watch.loads, most_slots=most_slots, rescale_s=rescale_s)
    plan = stream_plan(attachment.spec, situation, rules.policy)
    if plan.stays:
        return plan
    if reason := _hindering(attachment, now_s=now_s):
        return recommended(plan, reason, hindrance_of(attachment, now_s=now_s))
    return plan


def _hindering(attachment: Attachment, *, now_s: float) -> StreamReason | None:
    if attachment.traits.obstacles and not attachment.resubmits:
        return StreamReason.NOT_RESCALABLE
    if attachment.state is AttachmentState.PAUSED:
        return StreamReason.PAUSED
    return StreamReason.OTHER_WRITER if now_s < attachment.hold_until_s else None


def hindrance_of(attachment: Attachment, *, now_s: float) -> str:
    """Why nothing may be changed now; empty if it may."""
    reason = _hindering(attachment, now_s=now_s)
    if reason is StreamReason.NOT_RESCALABLE:
        return "; ".join(attachment.traits.obstacles)
    if reason is StreamReason.PAUSED:
        return "adaptor was told to pause"
    return f"nothing is changed for another {attachment.hold_until_s - now_s:.0f} s" if reason else ""


def recommended(plan: StreamPlan, reason: StreamReason, hindrance: str) -> StreamPlan:
    """A plan that is shown and not carried out: every vertex stays, and the text says what would be done."""
    wish = f"{plan.slots} instead of {plan.previous_slots} slots would be right ({plan.text}), but {hindrance}"
    vertices = tuple(replace(one, parallelism=one.previous_parallelism) for one in plan.vertices)
    return replace(plan, reason=reason, text=wish, vertices=vertices, slots=plan.previous_slots)


def noticed(
    attachment: Attachment, wish: Mapping[str, ParallelismRange], *, now_s: float, rules: AttachRules
) -> tuple[Attachment, str]:
    """The stream after a look at what is wished for it, and what is to be told of that; empty for nothing."""
    if attachment.wish is None or dict(wish) == dict(attachment.wish):
        return replace(attachment, wish=dict(wish)), ""
    held = replace(attachment, wish=dict(wish), hold_until_s=now_s + rules.respect_others_s)
    return held, f"somebody else asked for another parallelism; it is left alone for {rules.respect_others_s:g} s"


def begun(
    attachment: Attachment,
    plan: StreamPlan,
    *,
    before: Mapping[str, int],
    source_records_per_s: float,
    now_s: float,
) -> Attachment:
    """The stream with the rescale that carries out a plan; dry runs never come here.

    Args:
        attachment: The stream.
        plan: What is wanted.
        before: Parallelism by vertex as it is.
        source_records_per_s: Records that all sources emit a second.
        now_s: Seconds since the epoch.
    """
    rescale = Rescale(
        wanted=plan.parallelisms,
        before=before,
        slots=plan.slots,
        slots_before=plan.previous_slots,
        order=attachment.traits.order,
        cooldown_s=attachment.traits.cooldown_s,
        source_records_per_s=source_records_per_s,
        phase=Phase.SLOTS,
        began_s=now_s,
        phase_s=now_s,
    )
    return replace(attachment, rescale=rescale, rescales=attachment.rescales + 1, last_plan=plan)


def change_begun(attachment: Attachment, plan: StreamPlan, watch: Watch, *, now_s: float) -> Attachment:
    """The stream with what carries out a plan of its rates: a rescale in place, or a resubmission."""
    if attachment.resubmits:
        return resubmission_begun(attachment, plan, watch, now_s=now_s)
    load = watch.loads[-1]
    return begun(
        attachment,
        plan,
        before=load.parallelisms,
        source_records_per_s=sum(one.out_records_per_s for one in load.vertices if one.is_source),
        now_s=now_s,
    )


def resubmission_begun(attachment: Attachment, plan: StreamPlan, watch: Watch, *, now_s: float) -> Attachment:
    """The stream with the resubmission that carries out a plan: a job has one parallelism when it is submitted.

    Raises:
        InvalidValueError: The attachment does not allow it.
    """
    spec, load = attachment.spec, watch.loads[-1]
    if spec.submission is None:
        raise InvalidValueError("submission", "it is not known how the job is submitted")
    groups = len({one.sharing_group for one in load.vertices})
    parallelism = max(plan.parallelisms.values())
    resubmission = Resubmission(
        submission=spec.submission,
        job_id=spec.job_id,
        new_job_id=next_job_id(spec.job_id, "new", now_s),
        old_job_id=next_job_id(spec.job_id, "put back", now_s),
        parallelism=parallelism,
        parallelism_before=max(load.parallelisms.values()),
        slots=parallelism * groups,
        slots_before=plan.previous_slots,
        vertices=tuple(load.parallelisms),
        phase=ResubmissionPhase.SLOTS,
        began_s=now_s,
        phase_s=now_s,
    )
    return replace(attachment, resubmission=resubmission, rescales=attachment.rescales + 1, last_plan=plan)


def resubmission_concluded(
    attachment: Attachment, proof: RescaleProof, *, now_s: float, rules: AttachRules
) -> Attachment:
    """The stream after a resubmission: the run goes on under the id that its job has now."""
    one = attachment.resubmission
    after = concluded(replace(attachment, resubmission=None), proof, now_s=now_s, rules=rules)
    if proof.outcome is RescaleOutcome.STRANDED:
        return replace(after, state=AttachmentState.LOST)
    if one is None or proof.outcome not in _RUNS_AGAIN:
        return after
    return replace(after, spec=replace(attachment.spec, job_id=one.submitted_id))


def concluded(attachment: Attachment, proof: RescaleProof, *, now_s: float, rules: AttachRules) -> Attachment:
    """The stream after a rescale: what did not succeed is not tried again at once."""
    hold_s = 0.0 if proof.outcome is RescaleOutcome.DONE else rules.retry_after_s
    if proof.outcome is RescaleOutcome.SUPERSEDED:
        hold_s = rules.respect_others_s
    state = AttachmentState.JOB_ENDED if proof.outcome is RescaleOutcome.JOB_GONE else attachment.state
    return replace(
        attachment,
        rescale=None,
        wish=None,  # looked at anew: whoever wrote it last
        last_proof=proof,
        hold_until_s=max(attachment.hold_until_s, now_s + hold_s),
        state=state,
    )


_RUNS_AGAIN = (RescaleOutcome.DONE, RescaleOutcome.PARTIAL, RescaleOutcome.PUT_BACK)
"""Outcomes of a resubmission after which a job runs under an id of ours."""

WITHDRAWN = (RescaleOutcome.IGNORED, RescaleOutcome.NO_CHECKPOINT, RescaleOutcome.PARTIAL)
"""Outcomes after which our wish is taken back: left standing, Flink would fulfil it at a moment of its own choice."""


def wish_afterwards(proof: RescaleProof, before: Mapping[str, int]) -> dict[str, int] | None:
    """What is to be wished for instead of ours, by vertex; ``None`` if nothing of ours is to be taken back."""
    if proof.outcome not in WITHDRAWN:
        return None
    return dict(proof.observed if proof.outcome is RescaleOutcome.PARTIAL else before)


def expected_gap_s(gaps_s: Sequence[float], *, before_any_s: float) -> float:
    """Seconds without work that a rescale is expected to cost: the worse ones of those measured."""
    if not gaps_s:
        return before_any_s
    ordered = sorted(gaps_s)
    return ordered[(len(ordered) * 9) // 10]
