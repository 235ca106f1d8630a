"""What looking after attached streams takes from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.control.stream_decision import AttachRules
from adaptor.domain.rescale import RescaleLimits
from adaptor.domain.resubmission import ResubmissionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSettings:
    """Bounds; `adaptor.app.settings` holds each one's default and its reason.

    Attributes:
        rules: Of decisions.
        limits: Of rescales.
        resubmission: Of resubmissions.
        poll_interval_s: Time between two looks at a cluster.
        most_backoff_s: Longest time between two looks at a cluster that does not answer.
        lost_after_s: Silence of a cluster after which its streams are taken for lost.
        proof_interval_s: Time between two looks at a rescale under way.
        settling_s: Seconds of running after a restart that do not count.
        span_s: Least seconds between two looks that a load is told from.
        gap_before_any_s: Seconds that a rescale is expected to cost before one was measured.
        remembered_gaps: Most measured gaps that the expectation rests on.
        superstep_name: Of the gauge or accumulator that tells supersteps, where none is named.
        log_interval_s: Time between two looks into logs that tell them.
        release_tries: Looks after narrowing at which surplus slots are given back, as Flink lets go of them.
    """

    rules: AttachRules
    limits: RescaleLimits
    resubmission: ResubmissionLimits
    poll_interval_s: float
    most_backoff_s: float
    lost_after_s: float
    proof_interval_s: float
    settling_s: float
    span_s: float
    gap_before_any_s: float
    remembered_gaps: int
    superstep_name: str
    log_interval_s: float
    release_tries: int
