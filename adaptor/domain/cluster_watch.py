"""A whole cluster that is looked after: which of its jobs are taken up, and what is wanted of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptor.domain.checks import require_text
from adaptor.domain.objective import Bounds
from adaptor.domain.stream import StreamTarget
from adaptor.domain.stream_supersteps import SuperstepSpec
from adaptor.errors import InvalidValueError

MAX_RULES = 100
"""Rules of a cluster: what a person would still read; every new job is held against all of them."""

MAX_PATTERN = 200
"""Characters of a pattern of names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRule:
    """Jobs of a kind, and what is wanted of them.

    Attributes:
        select: Pattern of the names of jobs, with ``*`` and ``?`` as in file names.
        labels: Global job parameters that a job must have been given, with these values.
        ignore: Whether such jobs are left alone.
        target: What is wanted of a stream.
        bounds: Least and most parallelism of any vertex.
        dry_run: Whether to decide everything and change nothing.
        supersteps: What is wanted of supersteps; ``None`` for streams without.
    """

    select: str = "*"
    labels: Mapping[str, str] = field(default_factory=dict)
    ignore: bool = False
    target: StreamTarget = field(default_factory=StreamTarget)
    bounds: Bounds = field(default_factory=Bounds)
    dry_run: bool = False
    supersteps: SuperstepSpec | None = None

    def __post_init__(self) -> None:
        require_text("select", self.select, max_length=MAX_PATTERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWatch:
    """A cluster of which every job that a rule selects is looked after.

    Attributes:
        flink_url: REST address of the cluster.
        rules: The first that selects a job decides; a job that none selects is left alone.
        since_s: When it was asked for, in seconds since the epoch.
    """

    flink_url: str
    rules: tuple[AttachRule, ...]
    since_s: float

    def __post_init__(self) -> None:
        require_text("flink_url", self.flink_url, max_length=2048)
        if not 1 <= len(self.rules) <= MAX_RULES:
            raise InvalidValueError("rules", f"must be 1 to {MAX_RULES}, got {len(self.rules)}")
