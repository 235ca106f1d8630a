"""An attached stream as the service keeps it: what the cluster can do, how it stands, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adaptor.domain.rescale import Order, Rescale
from adaptor.domain.resubmission import Resubmission
from adaptor.domain.stream import AttachmentSpec, AttachmentState, RescaleProof, StreamPlan
from adaptor.domain.stream_job import ParallelismRange
from adaptor.domain.stream_supersteps import SuperstepProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTraits:
    """What the cluster and the job can do; found out when a stream is attached.

    Attributes:
        job_name: What its owner called the job.
        flink_version: For example ``2.3.0``.
        order: Which comes first in a rescale.
        cooldown_s: Seconds after a restart in which the scheduler does nothing.
        obstacles: Why the job cannot be rescaled in place, each with the setting that would change it; empty if it can.
        remarks: What else the owner should know, such as a version that was never tried.
        bounded: Whether the job comes to an end by itself, as a batch job does.
        resubmittable: Whether the job could be stopped with a savepoint and submitted again.
    """

    job_name: str
    flink_version: str
    order: Order
    cooldown_s: float
    obstacles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    bounded: bool = False
    resubmittable: bool = False

    @property
    def rescalable(self) -> bool:
        """Whether the job can be rescaled in place."""
        return not self.obstacles


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """An attached stream.

    Attributes:
        spec: What was asked.
        traits: What can be done.
        state: Where it is in its life.
        attached_at_s: When it was attached, in seconds since the epoch.
        rescale: The one under way, if any.
        wish: What was asked of Flink last, by whomever; ``None`` before it was looked at.
        hold_until_s: Until when somebody else's wish is left alone, in seconds since the epoch.
        rescales: How many rescales were begun.
        last_plan: The newest plan.
        last_proof: What came of the newest rescale.
        problem: Why the cluster could not be asked last time; empty if it could.
        progress: How far its supersteps are; ``None`` where it has none.
        resubmission: The one under way, if any.
    """

    spec: AttachmentSpec
    traits: StreamTraits
    state: AttachmentState
    attached_at_s: float
    rescale: Rescale | None = None
    wish: Mapping[str, ParallelismRange] | None = None
    hold_until_s: float = 0.0
    rescales: int = 0
    last_plan: StreamPlan | None = None
    last_proof: RescaleProof | None = None
    problem: str = ""
    progress: SuperstepProgress | None = None
    resubmission: Resubmission | None = None

    @property
    def resubmits(self) -> bool:
        """Whether plans are carried out by stopping the job and submitting it again."""
        allowed = self.spec.submission is not None and self.spec.supersteps is None
        return allowed and not self.traits.rescalable and self.traits.resubmittable

    @property
    def mechanism(self) -> str:
        """Under which the cost of changes is remembered."""
        return "resubmission" if self.resubmits else self.traits.order.value


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentNews:
    """Something that happened to an attached stream, as it is kept and shown.

    Attributes:
        at_s: When, in seconds since the epoch.
        text: What, in words.
        plan: The plan, if it is one.
        proof: What came of a rescale, if it is that.
    """

    at_s: float
    text: str
    plan: StreamPlan | None = None
    proof: RescaleProof | None = None
