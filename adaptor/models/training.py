"""What a prior is learnt from: rows of any origin, and the same grouped into columns.

Nothing depends on names or on the order of rows: contexts are put into an order by what was measured in them, and
names serve to tell one column, category or contributor from another and for nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.domain.checks import require_measurable, require_positive
from adaptor.domain.context import ExecutionContext
from adaptor.errors import InvalidValueError
from adaptor.models.arrays import Counts, Floats
from adaptor.models.noise import RUN_LEVEL, SUPERSTEP_NOISE, SpreadPrior
from adaptor.models.start_up import COLD_WEIGHT, START_UP_LOG

NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

MEDIAN_COST = float(np.pi / 2)
"""Variance of the median over that of the mean, for normal noise and many points."""

FEWEST_FOR_MEDIAN = 3
"""Observations from which on their median is taken: with two it is their mean."""

GROUP_WEIGHT = 4.0
"""Observations that the common noise is worth against that of one group: as many as groups usually hold."""


MOST_GROUPS = 800
"""Groups that a program is learnt from: memory grows by their square, 100 MB here, and time by their third power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """One superstep that ended well.

    Attributes:
        context: What its duration depends on besides parallelism.
        parallelism: Subtasks it ran with; of a whole job on a cluster, its cores.
        duration_s: Wall-clock seconds.
        superstep: Number in its run, from 1.
        cold: Whether start-up weighs on it.
        scale_out: Workers it ran on; ``None`` if unknown.
        memory_mb: Memory of all those workers together; ``None`` if unknown.
        contributor: Who measured it; empty for this machine.
        run: Name of the run among its contributor's; empty if it was not told.
    """

    context: ExecutionContext
    parallelism: int
    duration_s: float
    superstep: int = 1
    cold: bool = False
    scale_out: int | None = None
    memory_mb: float | None = None
    contributor: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        if self.parallelism < 1:
            raise InvalidValueError("parallelism", f"must be at least 1, got {self.parallelism}")
        require_measurable("duration_s", self.duration_s)
        for name, value in (("scale_out", self.scale_out), ("memory_mb", self.memory_mb)):
            if value is not None:
                require_positive(name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An execution context with what is known of its workers.

    Attributes:
        context: The execution context.
        cores: Subtasks of one worker; ``None`` if unknown.
        memory_mb: Memory for one subtask; ``None`` if unknown.
    """

    context: ExecutionContext
    cores: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Rows of one program by context, parallelism and contributor; arrays have shape (groups,) unless said otherwise.

    Attributes:
        places: Contexts, in an order that depends on measurements alone.
        contributors: Likewise.
        place: Index into `places`.
        contributor: Index into `contributors`.
        parallelism: Subtasks.
        log_s: Median log seconds of a warm superstep.
        variance: Of `log_s`, from the noise between observations.
        count: Observations.
        noise: Spread between observations of one group.
        run_level: Standard deviation between runs of one context.
    """

    places: tuple[Place, ...]
    contributors: tuple[str, ...]
    place: Counts
    contributor: Counts
    parallelism: Floats
    log_s: Floats
    variance: Floats
    count: Counts
    noise: SpreadPrior
    run_level: float

    @classmethod
    def of(cls, rows: Sequence[TrainingRow]) -> TrainingSet:
        """The rows, grouped.

        Args:
            rows: Of one program, at least one.
        """
        by_context: defaultdict[str, list[TrainingRow]] = defaultdict(list)
        groups: defaultdict[tuple[str, int, str], list[TrainingRow]] = defaultdict(list)
        for row in rows:
            key = row.context.key
            by_context[key].append(row)
            groups[key, row.parallelism, row.contributor].append(row)
        found = {key: _Group.of(members) for key, members in groups.items()}
        contexts = _ranks({key: key[0] for key in found}, found)
        contributors = _ranks({key: key[2] for key in found}, found)
        contexts = _thinned(contexts, len(found))
        keys = sorted(
            (key for key in found if key[0] in contexts),
            key=lambda key: (contexts[key[0]], key[1], contributors[key[2]]),
        )
        members = [found[key] for key in keys]
        noise = SUPERSTEP_NOISE.updated(sum(one.squares for one in members), sum(one.free for one in members))
        return cls(
            places=tuple(_place(by_context[key]) for key in contexts),
            contributors=tuple(contributors),
            place=np.array([contexts[key[0]] for key in keys], dtype=np.int64),
            contributor=np.array([contributors[key[2]] for key in keys], dtype=np.int64),
            parallelism=np.array([key[1] for key in keys], dtype=np.float64),
            log_s=np.array([one.log_s for one in members]),
            variance=np.array([one.variance(noise.spread) for one in members]),
            count=np.array([one.count for one in members], dtype=np.int64),
            noise=noise,
            run_level=_run_level(rows),
        )

    def __len__(self) -> int:
        return len(self.log_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Observations of one contributor at one parallelism of one context."""

    log_s: float
    count: int
    worth: float
    squares: float
    free: float

    @classmethod
    def of(cls, rows: Sequence[TrainingRow]) -> _Group:
        """Warm observations where there are some, else cold ones without the usual start-up, which count less."""
        warm = [row for row in rows if not row.cold]
        chosen = warm or rows
        logs = np.log(np.sort([row.duration_s for row in chosen])) - (0.0 if warm else START_UP_LOG)
        middle = float(np.median(logs))
        spread = NORMAL_MAD * float(np.median(np.abs(logs - middle)))
        free = max(0.0, len(logs) - 1.0) if warm and len(logs) >= FEWEST_FOR_MEDIAN else 0.0
        worth = len(logs) / (MEDIAN_COST if len(logs) >= FEWEST_FOR_MEDIAN else 1.0)
        return cls(
            log_s=middle,
            count=len(logs),
            worth=worth if warm else worth * COLD_WEIGHT,
            squares=free * spread**2,
            free=free,
        )

    def variance(self, noise: float) -> float:
        """Of the group's log seconds: from its own scatter, shrunk towards the common one [Gelman13, ch. 3]."""
        return (GROUP_WEIGHT * noise**2 + self.squares) / (GROUP_WEIGHT + self.free) / self.worth


_Key = tuple[str, int, str]


def _ranks(names: Mapping[_Key, str], groups: Mapping[_Key, _Group]) -> dict[str, int]:
    """Place of each name in an order by what was measured under it; the name decides between equal ones alone."""
    measured: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for key, name in names.items():
        measured[name].append((key[1], round(groups[key].log_s, 9)))
    ordered = sorted(measured, key=lambda name: (sorted(measured[name]), name))
    return {name: rank for rank, name in enumerate(ordered)}


def _thinned(ranks: dict[str, int], groups: int) -> dict[str, int]:
    """Every so many-th context, so that about `MOST_GROUPS` groups are left."""
    step = max(1, -(-groups // MOST_GROUPS))
    return {name: rank // step for name, rank in ranks.items() if rank % step == 0}


def _place(rows: Sequence[TrainingRow]) -> Place:
    cores = [row.parallelism / row.scale_out for row in rows if row.scale_out]
    memory = [row.memory_mb / row.parallelism for row in rows if row.memory_mb]
    return Place(
        context=rows[0].context,
        cores=float(np.median(cores)) if cores else None,
        memory_mb=float(np.median(memory)) if memory else None,
    )


def _run_level(rows: Sequence[TrainingRow]) -> float:
    """Spread between runs; none where every row is a run of its own, as their noise then holds it already."""
    if all(row.superstep == 1 and not row.run for row in rows):
        return 0.0
    cells: defaultdict[tuple[str, int, bool], list[TrainingRow]] = defaultdict(list)
    for row in rows:
        cells[row.context.key, row.parallelism, row.cold].append(row)
    deviations: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for (key, _, _), members in cells.items():
        if len({(row.contributor, row.run) for row in members if row.run}) > 1:
            middle = float(np.median(np.log([row.duration_s for row in members])))
            for row in members:
                deviations[key, row.contributor, row.run].append(float(np.log(row.duration_s)) - middle)
    levels = np.sort([float(np.median(found)) for found in deviations.values()])
    free = max(0, len(levels) - len({key for key, _, _ in deviations}))
    spread = NORMAL_MAD * float(np.median(np.abs(levels))) if free else 0.0
    return RUN_LEVEL.updated(free * spread**2, free).spread
