"""What the engine needs of the world, as small as it can be said. Back ends are put together in `adaptor.app`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from adaptor.control.run_record import RunRecord
from adaptor.domain.attachment import Attachment, AttachmentNews, StreamTraits
from adaptor.domain.capacity import Capacity
from adaptor.domain.cluster_news import ClusterBook, ClusterNews, ClusterWrite
from adaptor.domain.cluster_watch import ClusterWatch
from adaptor.domain.context import ExecutionContext
from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.known import Known
from adaptor.domain.observation import Observation, ObservedDuration
from adaptor.domain.plan import Plan
from adaptor.domain.rescale import Rescale, Step, StepResult
from adaptor.domain.resubmission import Resubmission, ResubmissionResult, ResubmissionStep
from adaptor.domain.run import RunLength, RunSpec, RunState
from adaptor.domain.statistics import FlinkStatistics, SuperstepReport
from adaptor.domain.stream_job import JobListed, ParallelismRange, StreamJob
from adaptor.domain.stream_supersteps import SuperstepSource
from adaptor.store.history import Recorded, RunSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What whoever tells the engine of a run has found out about its cluster, which is then not asked again.

    Attributes:
        capacity: Slots that the run may count on.
        flink: What Flink said of the superstep.
        adaptation_costs_s: Seconds that earlier rescales by the run's mechanism cost on this cluster, newest last.
    """

    capacity: Capacity
    flink: FlinkStatistics = field(default_factory=FlinkStatistics)
    adaptation_costs_s: tuple[float, ...] = ()


class Clock(Protocol):
    """Tells the time."""

    def now_s(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...


class Meter(Protocol):
    """Learns how long stages took."""

    def span(self, stage: str) -> AbstractContextManager[None]:
        """Measures what runs inside the span."""
        ...


class Tally(Protocol):
    """Counts what happens to runs."""

    def note(self, before: RunRecord | None, recorded: Recorded) -> None:
        """Count what happened to a run; it is recorded already. Must not wait for anything."""
        ...

    def resumed(self, run_ids: Iterable[str]) -> None:
        """Learn which runs went on when the engine began."""
        ...


class NoTally:
    """Counts nothing."""

    def note(self, before: RunRecord | None, recorded: Recorded) -> None:
        """Do nothing."""

    def resumed(self, run_ids: Iterable[str]) -> None:
        """Do nothing."""


class Observer(Protocol):
    """Reads what a superstep cost."""

    async def observe(self, *, run_id: str, flink_url: str, job_id: str) -> FlinkStatistics:
        """What Flink says of the superstep's job, within a bounded time; what it does not say is unknown."""
        ...

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run between its barriers."""
        ...


class Provisioner(Protocol):
    """Brings and takes the slots of one cluster."""

    async def capacity(self) -> Capacity:
        """Slots there are and could be.

        Raises:
            AdaptorError: If that cannot be found out.
        """
        ...

    async def provide(self, slots: int) -> Capacity:
        """Bring the cluster to so many slots, or as near as unused surplus allows; may be repeated at will.

        Raises:
            ProvisionError: If slots that were asked for did not come.
        """
        ...

    async def restore(self) -> None:
        """Put back what died since the last call of `provide`; never takes anything away."""
        ...


class Provisioners(Protocol):
    """Finds the provisioner of a cluster."""

    def __call__(self, flink_url: str, /) -> Provisioner:
        """The provisioner of the cluster at this address; empty stands for "no cluster is known"."""
        ...


class Rescaler(Protocol):
    """Makes a run use another parallelism, by one of the mechanisms that Flink offers."""

    async def rescale(self, run: RunSpec, parallelism: int) -> float | None:
        """Ask for the parallelism; returns once the run was told.

        Returns:
            Seconds that it cost the run, where the mechanism measures them; ``None``: those that it took.

        Raises:
            AdaptorError: If it could not be told, or refused.
        """
        ...


class Publisher(Protocol):
    """The sharing port: takes observations to peers."""

    @property
    def ready(self) -> bool:
        """Whether there is anybody to give observations to; until then they are kept."""
        ...

    async def publish(self, observations: Sequence[Observation]) -> None:
        """Give these to peers; an observation id that was given before must change nothing.

        Raises:
            AdaptorError: If they were not taken; they will be given again.
        """
        ...


class Knowledge(Protocol):
    """Knows what other runs and peers measured."""

    async def of(self, context: ExecutionContext) -> Known:
        """What is known of an execution context, within a bounded time; nothing if that is not enough."""
        ...


class RunStore(Protocol):
    """Keeps every run. Every method may raise `StateDirectoryError`."""

    async def record(self, recorded: Recorded) -> None:
        """Write an event and everything decided on it, at once or not at all, to survive a power cut."""
        ...

    async def complete(self, run_id: str, sequence: int) -> None:
        """Note that a slot effect was performed, or has become void."""
        ...

    async def published(self, observation_ids: Sequence[str]) -> None:
        """Note that peers were given these observations."""
        ...

    async def history(self, run_id: str) -> list[Recorded]:
        """Every event of a run, in order; empty if the run is unknown."""
        ...

    async def history_after(self, run_id: str, sequence: int) -> list[Recorded]:
        """The events after a place."""
        ...

    async def barrier(self, run_id: str, superstep: int, attempt: int) -> tuple[SuperstepReport, Plan] | None:
        """What was reported of a superstep and planned on it."""
        ...

    async def run(self, run_id: str) -> RunSummary | None:
        """One run in one line."""
        ...

    async def runs(self, *, limit: int, before: tuple[float, str] | None, owner: str | None = None) -> list[RunSummary]:
        """Runs, newest first; those of one owner alone if one is given."""
        ...

    async def running(self) -> list[RunSummary]:
        """Every run that has neither ended nor been abandoned."""
        ...

    async def earlier_observations(self, context_key: str, *, limit: int) -> list[ObservedDuration]:
        """The newest durations of an execution context, oldest first."""
        ...

    async def earlier_lengths(self, context_key: str, *, limit: int) -> list[RunLength]:
        """How long the newest runs of an execution context were that came to their end, oldest first."""
        ...

    async def adaptation_costs_s(self, flink_url: str, *, limit: int) -> list[float]:
        """Seconds of the newest rescales on a cluster, oldest first."""
        ...

    async def pending_slot_effects(self) -> list[tuple[str, int, RequestRescale | ReleaseSlots]]:
        """Slot effects whose outcome was never noted."""
        ...

    async def unpublished(self, *, limit: int) -> list[Observation]:
        """Shareable observations that peers were not given yet."""
        ...


class Runs(Protocol):
    """Decides about runs whose supersteps somebody saw; the engine."""

    async def record_of(self, run_id: str) -> RunRecord | None:
        """What is known of a run; ``None`` if it was never started."""
        ...

    async def start_run(self, spec: RunSpec, *, found: Found | None = None) -> RunRecord:
        """Begin a run, or find out where a known one is."""
        ...

    async def report_barrier(self, run_id: str, report: SuperstepReport, *, found: Found | None = None) -> Plan:
        """Take in the end of a superstep and plan the next one."""
        ...

    async def finish_run(self, run_id: str, state: RunState) -> RunState:
        """End a run; one that has ended stays as it ended."""
        ...


class StreamCluster(Protocol):
    """One cluster whose streams are attached. Every method may raise `FlinkError`."""

    async def traits(self, job_id: str) -> StreamTraits:
        """What can be done with a job."""
        ...

    async def jobs(self) -> dict[str, JobListed]:
        """Every job that the cluster knows, by id."""
        ...

    async def look(self, job_id: str) -> tuple[StreamJob, dict[str, float]]:
        """A job, and the records that wait at its sources, by vertex, where they say so."""
        ...

    async def find_supersteps(
        self, job: StreamJob, wanted: SuperstepSource | None, *, usual_name: str, turn: int
    ) -> SuperstepSource | None:
        """Where a job tells its supersteps, looked for in one place at a time; ``None`` if not there, or not yet."""
        ...

    async def supersteps(self, job_id: str, source: SuperstepSource) -> int | None:
        """How many supersteps of a job are done; ``None`` if that is not told now."""
        ...

    async def labels(self, job_id: str) -> dict[str, str]:
        """What a job's owner gave it as global job parameters."""
        ...

    async def wish(self, job_id: str) -> dict[str, ParallelismRange]:
        """What was asked for every vertex."""
        ...

    async def put_wish(self, job_id: str, wish: Mapping[str, ParallelismRange]) -> None:
        """Ask for a parallelism of every vertex."""
        ...

    async def free_slots(self) -> int:
        """Slots without tasks."""
        ...

    async def take_step(self, job_id: str, rescale: Rescale, step: Step) -> StepResult:
        """Take a step of a rescale; never raises, what goes wrong is a result."""
        ...

    async def take_resubmission_step(self, one: Resubmission, step: ResubmissionStep) -> ResubmissionResult:
        """Take a step of a resubmission; never raises, what goes wrong is a result."""
        ...


class StreamClusters(Protocol):
    """Finds the clusters."""

    def __call__(self, flink_url: str, /) -> StreamCluster:
        """The cluster at this address.

        Raises:
            InvalidValueError: If the address is none, or one that is not allowed.
        """
        ...


class AttachmentStore(Protocol):
    """Keeps attached streams. Every method may raise `StateDirectoryError`."""

    async def save(self, attachment: Attachment, news: Sequence[AttachmentNews] = ()) -> None:
        """Write how a stream stands and what happened to it, at once or not at all."""
        ...

    async def all(self) -> list[Attachment]:
        """Every stream that was ever attached."""
        ...

    async def news_after(self, attachment_id: str, place: int, *, limit: int) -> list[tuple[int, AttachmentNews]]:
        """What happened to a stream after a place, each with its place."""
        ...

    async def cluster_news_after(
        self, flink_url: str, place: int, *, limit: int
    ) -> list[tuple[int, str, AttachmentNews]]:
        """What happened to all streams of a cluster after a place, each with its place and the stream's id."""
        ...

    async def save_watch(self, watch: ClusterWatch) -> None:
        """Write that a whole cluster is looked after, in place of what was asked for it before."""
        ...

    async def drop_watch(self, flink_url: str) -> None:
        """Write that it is not any more."""
        ...

    async def watches(self) -> list[ClusterWatch]:
        """Every cluster that is looked after as a whole, in the order of their addresses."""
        ...

    async def gaps_s(self, flink_url: str, mechanism: str, *, limit: int) -> list[float]:
        """Gaps of the newest rescales on a cluster, in seconds, newest first."""
        ...


class ClusterStore(Protocol):
    """Keeps managed clusters. Every method may raise `StateDirectoryError`."""

    async def write(self, changes: ClusterWrite) -> None:
        """Write changes, at once or not at all, to survive a power cut."""
        ...

    async def book(self) -> ClusterBook:
        """All that is kept, but for the news."""
        ...

    async def news_after(self, place: int, *, cluster_id: str, limit: int) -> list[tuple[int, ClusterNews]]:
        """What happened after a place, in order, each with its place; an empty id stands for all clusters."""
        ...

    async def kept_news(self) -> tuple[int, int]:
        """Place of the newest news that is no longer kept, and of the newest of all; both 0 if there is none."""
        ...
