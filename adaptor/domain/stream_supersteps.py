"""Words of attached jobs that have supersteps of their own: where they are told, what is wanted, how far they are."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adaptor.domain.checks import require_text
from adaptor.domain.objective import Objective
from adaptor.domain.run import MAX_SUPERSTEPS
from adaptor.errors import InvalidValueError

MAX_NAME = 200
"""Characters of a metric's or an accumulator's name: what a context allows, too."""


class SourceKind(enum.Enum):
    """Where the number of supersteps is told."""

    GAUGE = "gauge"
    """A metric of a vertex that holds the number of supersteps done; the job keeps it through restarts."""

    COUNTER = "counter"
    """A metric of a vertex that begins at zero with every restart."""

    ACCUMULATOR = "accumulator"
    """An accumulator of the job, which begins at zero with every restart."""

    LOG = "log"
    """Lines that DataSet iterations of Flink 1.x write to the logs of TaskManagers."""

    JOB = "job"
    """The job itself, which is bounded, as the one superstep of a program that is run again and again."""

    @property
    def begins_again(self) -> bool:
        """Whether it begins at zero with every restart."""
        return self in (SourceKind.COUNTER, SourceKind.ACCUMULATOR)

    @property
    def is_metric(self) -> bool:
        """Whether a vertex' metric tells it."""
        return self in (SourceKind.GAUGE, SourceKind.COUNTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepSource:
    """Where the number of supersteps is told, as asked for or as found.

    Attributes:
        kind: What tells it.
        name: Of the metric or accumulator, as the job calls it; empty for kinds that need none.
        vertex_id: The vertex whose metric it is; empty until found.
        metric: The metric's whole name; empty until found.
    """

    kind: SourceKind
    name: str = ""
    vertex_id: str = ""
    metric: str = ""

    def __post_init__(self) -> None:
        named = self.kind.is_metric or self.kind is SourceKind.ACCUMULATOR
        if named:
            require_text("superstep_source", self.name, max_length=MAX_NAME)
        elif self.name:
            raise InvalidValueError("superstep_source", f"{self.kind.value} takes no name, got {self.name!r}")

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}" if self.name else self.kind.value

    def found_at(self, vertex_id: str, metric: str) -> SuperstepSource:
        """The same with the place where it was found."""
        return replace(self, vertex_id=vertex_id, metric=metric)


def parse_source(text: str) -> SuperstepSource:
    """The source that a text like ``gauge:superstep``, ``accumulator:rounds`` or ``log`` names.

    Raises:
        InvalidValueError: If it names none.
    """
    kind, _, name = text.partition(":")
    if kind not in {one.value for one in SourceKind}:
        known = "gauge:NAME, counter:NAME, accumulator:NAME, log, job"
        raise InvalidValueError("superstep_source", f"{text!r} is none of {known}")
    return SuperstepSource(kind=SourceKind(kind), name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepSpec:
    """What is wanted of a job that has supersteps of its own.

    Attributes:
        objective: What is wanted of them together, from the moment of attaching on.
        max_supersteps: How many the job will have done at its end; ``None`` for a bounded job that is one as a whole.
        source: Where their number is told; ``None``: a gauge or an accumulator of the usual name.
        program: Under which its observations are kept; empty takes the job's name.
        parameters: That change the work, as in an execution context.
        data: Characteristics of the data, likewise.
        node_type: Kind of worker.
        policy: Name of the policy that decides.
        shareable: Whether observations may leave this machine.
    """

    objective: Objective
    policy: str
    max_supersteps: int | None = None
    source: SuperstepSource | None = None
    program: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    node_type: str = "unknown"
    shareable: bool = False

    def __post_init__(self) -> None:
        if self.max_supersteps is not None and not 1 <= self.max_supersteps <= MAX_SUPERSTEPS:
            raise InvalidValueError("supersteps", f"must lie between 1 and {MAX_SUPERSTEPS}, got {self.max_supersteps}")
        if self.is_whole_job and (self.max_supersteps or 1) != 1:
            raise InvalidValueError("supersteps", f"a job as a whole is one, got {self.max_supersteps}")

    @property
    def is_whole_job(self) -> bool:
        """Whether the job as a whole is the superstep."""
        return self.source is not None and self.source.kind is SourceKind.JOB

    def of_job(self, *, bounded: bool) -> SuperstepSpec:
        """The same for a job of which it is known whether it is bounded.

        Raises:
            InvalidValueError: If it is not said how many supersteps an unbounded job has.
        """
        if self.max_supersteps is not None:
            return self
        if self.is_whole_job or (bounded and self.source is None):
            return replace(self, source=SuperstepSource(kind=SourceKind.JOB), max_supersteps=1)
        raise InvalidValueError("supersteps", "say how many the job will have done at its end, such as --supersteps 40")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepProgress:
    """How far the supersteps of an attached job are, as it is kept.

    Attributes:
        run_id: The run that they are the barriers of.
        source: Where they are told; ``None`` until that was found.
        done: Supersteps done, as far as they were seen.
        reading: What the source said last; ``None`` before it said anything.
        offset: Supersteps done before the source began again at zero.
        kept: Vertices that keep their parallelism whatever the plan says, with it.
    """

    run_id: str
    source: SuperstepSource | None = None
    done: int = 0
    reading: int | None = None
    offset: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)


_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_STEM = 60
"""Characters of a job's name in the id of its run, which has room for 100."""


def run_id_of(job_name: str, job_id: str, *, attached_at_s: float) -> str:
    """The id of the run of an attached job: its name, the beginning of its id, and when it was attached."""
    stem = _UNFIT.sub("-", job_name).strip("-._")[:_LONGEST_STEM]
    return f"{stem or 'job'}-{job_id[:8]}-{round(attached_at_s * 1000):x}"
