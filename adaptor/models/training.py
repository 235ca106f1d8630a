"""What a prior is learnt from: rows of any origin, and the same grouped into columns.

Nothing depends on names or on the order of rows: contexts are put into an order by what was measured in them, and
names serve to tell one column, category or contributor from another and for nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptor.domain.checks import require_measurable, require_positive
from adaptor.domain.context import ExecutionContext
from adaptor.errors import InvalidValueError
from adaptor.models.arrays import Counts, Floats
from adaptor.models.groups import FEWEST_FOR_MEDIAN, NORMAL_MAD, Observed, Summary, equal_votes
from adaptor.models.noise import RUN_LEVEL, SUPERSTEP_NOISE, SpreadPrior
from adaptor.models.start_up import without_start_up

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
    """Rows of one program in groups; arrays have shape (groups,) unless said otherwise.

    Attributes:
        places: Contexts, in an order that depends on measurements alone.
        contributors: Likewise.
        place: Index into `places`.
        contributor: Index into `contributors`; their number for what several peers measured together.
        parallelism: Subtasks.
        log_s: Median log seconds of a warm superstep.
        variance: Of `log_s`, from the noise between observations.
        belief: From 0 to 1, which share of them is believed.
        observed: All of them.
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
    belief: Floats
    observed: Observed
    noise: SpreadPrior
    run_level: float

    @classmethod
    def of(cls, rows: Sequence[TrainingRow]) -> TrainingSet:
        """The rows, grouped, all of them believed.

        Args:
            rows: Of one program, at least one.
        """
        groups = _grouped(rows)
        by_context: defaultdict[str, list[TrainingRow]] = defaultdict(list)
        for row in rows:
            by_context[row.context.key].append(row)
        contexts = _thinned(_ranks((row.context.key, row) for row in rows), len(groups))
        contributors = _ranks((row.contributor, row) for row in rows)
        crowd = len(contributors)
        codes = {
            key: contributors.get(key.contributor, crowd) if key.contributor is not None else crowd for key in groups
        }
        keys = sorted(
            (key for key in groups if key.context in contexts),
            key=lambda key: (contexts[key.context], key.parallelism, codes[key]),
        )
        observed = _observed([groups[key] for key in keys], contributors)
        summary = Summary.of(observed, observed.votes)
        noise = SUPERSTEP_NOISE.updated(float(summary.squares.sum()), float(summary.free.sum()))
        return cls(
            places=tuple(_place(by_context[key]) for key in contexts),
            contributors=tuple(contributors),
            place=np.array([contexts[key.context] for key in keys], dtype=np.int64),
            contributor=np.array([codes[key] for key in keys], dtype=np.int64),
            parallelism=np.array([key.parallelism for key in keys], dtype=np.float64),
            log_s=summary.log_s,
            variance=summary.variance(noise.spread),
            belief=np.ones(len(keys)),
            observed=observed,
            noise=noise,
            run_level=_run_level(rows),
        )

    def __len__(self) -> int:
        return len(self.log_s)

    @property
    def measured_places(self) -> list[Counts]:
        """For each contributor the place of each of his observations."""
        places, who = self.place[self.observed.group], self.observed.contributor
        return [places[who == code] for code in range(len(self.contributors))]

    def believing(self, beliefs: Floats, doubts: Floats) -> TrainingSet:
        """The same with each observation counting as far as it is believed.

        Args:
            beliefs: In each observation, from above 0 to 1, shape (M,).
            doubts: Variance to add to each group, shape (groups,).
        """
        weights = self.observed.votes * beliefs
        summary = Summary.of(self.observed, weights)
        noise = SUPERSTEP_NOISE.updated(float(summary.squares.sum()), float(summary.free.sum()))
        group, votes = self.observed.group, self.observed.votes
        return replace(
            self,
            log_s=summary.log_s,
            variance=summary.variance(noise.spread) + doubts,
            belief=np.bincount(group, weights=weights) / np.bincount(group, weights=votes),
            noise=noise,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What a group is of; `contributor` is ``None`` for several peers together."""

    context: str
    parallelism: int
    contributor: str | None


def _grouped(rows: Sequence[TrainingRow]) -> dict[_Key, list[TrainingRow]]:
    """Rows of each context and parallelism apart for each contributor, but those of many peers together."""
    cells: defaultdict[tuple[str, int], list[TrainingRow]] = defaultdict(list)
    for row in rows:
        cells[row.context.key, row.parallelism].append(row)
    groups: defaultdict[_Key, list[TrainingRow]] = defaultdict(list)
    for (context, parallelism), members in cells.items():
        peers = {row.contributor for row in members if row.contributor}
        together = len(peers) >= FEWEST_FOR_MEDIAN
        for row in members:
            contributor = None if together and row.contributor else row.contributor
            groups[_Key(context=context, parallelism=parallelism, contributor=contributor)].append(row)
    return groups


def _observed(groups: Sequence[Sequence[TrainingRow]], contributors: Mapping[str, int]) -> Observed:
    """Warm rows of each group where there are some, else cold ones without the usual start-up, which count less."""
    chosen = [[row for row in rows if not row.cold] or rows for rows in groups]
    ordered = [sorted(rows, key=lambda row: (row.duration_s, contributors[row.contributor])) for rows in chosen]
    cold = np.array([row.cold for rows in ordered for row in rows], dtype=np.bool_)
    logs, weights = without_start_up([row.duration_s for rows in ordered for row in rows], cold)
    return Observed(
        group=np.repeat(np.arange(len(ordered)), [len(rows) for rows in ordered]),
        log_s=logs,
        contributor=np.array([contributors[row.contributor] for rows in ordered for row in rows], dtype=np.int64),
        votes=np.concatenate([equal_votes([row.contributor for row in rows]) for rows in ordered]) * weights,
        free=1.0 - cold,
    )


def _ranks(named: Iterable[tuple[str, TrainingRow]]) -> dict[str, int]:
    """Place of each name in an order by what was measured under it; the name decides between equal ones alone."""
    measured: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for name, row in named:
        measured[name].append((row.parallelism, round(float(np.log(row.duration_s)), 9)))
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
