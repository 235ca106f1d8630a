"""What everything that was measured and shared says of a context nobody has measured yet.

A prior is fitted in the background and written down for one execution context at a time (`Prior.informed`), so that
at a barrier nothing is left to do but to read off and update. Of the same program levels and curves are learnt
(`adaptor.models.program`); other programs say only how steep curves over parallelism usually are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adaptor.domain.checks import LONGEST_S, SHORTEST_S
from adaptor.domain.context import ExecutionContext
from adaptor.domain.informed_prior import MAX_PARALLELISMS, MAX_SOURCES, InformedPrior, PriorCurve, PriorSource
from adaptor.models.arrays import Flags
from adaptor.models.curve import ANY_ROUGHNESS, ANY_SLOPE, ANY_SLOPE_SPREAD, any_directions, main_directions
from adaptor.models.learning import WHOLE, Parts
from adaptor.models.noise import RUN_LEVEL, SUPERSTEP_NOISE, SpreadPrior
from adaptor.models.nothing_known import ANY_TAIL
from adaptor.models.program import ProgramModel
from adaptor.models.training import Place, TrainingRow, TrainingSet

GRID = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Parallelisms at which curves are written down besides the measured ones: two to each doubling."""

WIDEST = 10.0
"""Largest standard deviation of log seconds that is written down: a factor of 22,000 says that nothing is known."""

THIS_MACHINE = ""
"""The contributor that this machine is to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Fitted models of all programs.

    Attributes:
        programs: By name.
        slopes: Slope of log seconds over log parallelism of each that shows one.
    """

    programs: dict[str, ProgramModel]
    slopes: dict[str, float]

    @classmethod
    def fit(cls, rows: Sequence[TrainingRow], *, seed: int = 0, parts: Parts = WHOLE) -> Prior:
        """The prior of these rows.

        Args:
            rows: Of any programs and contributors; supersteps that failed are not among them.
            seed: Of everything random.
            parts: What models are made of.
        """
        by_program: defaultdict[str, list[TrainingRow]] = defaultdict(list)
        for row in rows:
            by_program[row.context.program].append(row)
        sets = {name: TrainingSet.of(found) for name, found in by_program.items()}
        slopes = {name: _slope(found) for name, found in sets.items()}
        known = {name: slope for name, slope in slopes.items() if slope is not None}
        programs = {}
        for name, training in sets.items():
            mean, spread = _usual_slope([slope for other, slope in known.items() if other != name])
            programs[name] = ProgramModel.fit(training, slope=spread, mean_slope=mean, seed=seed, parts=parts)
        return cls(programs=programs, slopes=known)

    def with_trees(self, share: float) -> Prior:
        """The same with another share of the trees where there are any; tells what they are worth."""
        programs = {
            name: replace(one, trees=replace(one.trees, share=share) if one.trees else None)
            for name, one in self.programs.items()
        }
        return replace(self, programs=programs)

    def informed(
        self,
        context: ExecutionContext,
        *,
        place: Place | None = None,
        parallelisms: Sequence[int] | None = None,
        contributor: str = THIS_MACHINE,
    ) -> InformedPrior | None:
        """What is known of a context, its own measurements left out.

        Args:
            context: The context.
            place: The same with its workers, where they are known.
            parallelisms: Where to write the curves down; ``None`` for `GRID` and what was measured.
            contributor: Who will run it.

        Returns:
            ``None`` if there is nothing to say: no other context of the program, and no other program.
        """
        program = self.programs.get(context.program)
        if program is None or all(one.context.key == context.key for one in program.training.places):
            others = [slope for name, slope in sorted(self.slopes.items()) if name != context.program]
            return _shape_alone(others, self, context) if others else None
        at = tuple(parallelisms) if parallelisms else _grid(program)
        return _tabulated(program, place or _like(program, context), at, contributor)


def _tabulated(program: ProgramModel, place: Place, parallelisms: tuple[int, ...], contributor: str) -> InformedPrior:
    training = program.training
    shared = any(one != THIS_MACHINE for one in training.contributors)
    own = THIS_MACHINE in training.contributors
    curves = [_curve(program, place, parallelisms, contributor, sources=None, shared=shared)]
    if shared and own:
        alone = _curve(program, place, parallelisms, contributor, sources=(THIS_MACHINE,), shared=False)
        curves.append(alone)
    elsewhere = np.array([one.context.key != place.context.key for one in training.places])
    other = elsewhere[training.place]
    return InformedPrior(
        parallelisms=parallelisms,
        curves=tuple(curves),
        noise=training.noise.spread,
        noise_weight=training.noise.weight,
        run_level=training.run_level,
        least_measured=int(training.parallelism[other].min()),
        most_measured=int(training.parallelism[other].max()),
        stretch=program.calibration.stretch,
        degrees_of_freedom=program.calibration.degrees_of_freedom,
        sources=_sources(program, elsewhere),
    )


def _curve(
    program: ProgramModel,
    place: Place,
    parallelisms: tuple[int, ...],
    contributor: str,
    *,
    sources: Sequence[str] | None,
    shared: bool,
) -> PriorCurve:
    mean, covariance = program.curve(
        place, np.array(parallelisms, dtype=np.float64), contributor=contributor, sources=sources
    )
    mean = np.clip(mean, np.log(SHORTEST_S), np.log(LONGEST_S))
    widest = float(np.sqrt(np.diag(covariance).max()))
    directions, roughness = main_directions(covariance * min(1.0, WIDEST / widest) ** 2)
    return PriorCurve(
        log_s=tuple(mean.tolist()), directions=directions, roughness=roughness, level_known=True, shared=shared
    )


def _grid(program: ProgramModel) -> tuple[int, ...]:
    """`GRID` with what was measured, what was measured most often first where that is too much."""
    measured, counts = np.unique(program.training.parallelism.astype(np.int64), return_counts=True)
    most = measured[np.argsort(-counts, kind="stable")][: MAX_PARALLELISMS - len(GRID)]
    return tuple(sorted({*GRID, *most.tolist()}))


def _like(program: ProgramModel, context: ExecutionContext) -> Place:
    """The context with workers as others on its kind of node have them."""
    alike = [one for one in program.training.places if one.context.node_type == context.node_type]
    cores = [one.cores for one in alike if one.cores]
    memory = [one.memory_mb for one in alike if one.memory_mb]
    return Place(
        context=context,
        cores=float(np.median(cores)) if cores else None,
        memory_mb=float(np.median(memory)) if memory else None,
    )


def _sources(program: ProgramModel, other: Flags) -> tuple[PriorSource, ...]:
    """Contributors by how much they measured in other contexts; the smallest are summed up in one."""
    training, found = program.training, []
    for code, (name, places) in enumerate(zip(training.contributors, training.measured_places, strict=True)):
        mine = places[other[places]]
        if len(mine):
            found.append(
                PriorSource(
                    contributor=name,
                    observations=len(mine),
                    contexts=len(np.unique(mine)),
                    weight=float(program.weights[code]),
                )
            )
    found.sort(key=lambda one: (-one.observations, one.contributor))
    kept, rest = found[: MAX_SOURCES - 1], found[MAX_SOURCES - 1 :]
    if rest:
        count = sum(one.observations for one in rest)
        weight = sum(one.weight * one.observations for one in rest) / count
        contexts = sum(one.contexts for one in rest)
        others = PriorSource(contributor="others", observations=count, contexts=contexts, weight=weight)
        kept.append(others)
    return tuple(kept)


def _slope(training: TrainingSet) -> float | None:
    """Mean slope of log seconds over log parallelism of the contexts that show one."""
    slopes = []
    for place in range(len(training.places)):
        here = training.place == place
        u = np.log(training.parallelism[here])
        if np.ptp(u) > 0:
            away = u - u.mean()
            slopes.append(float(away @ training.log_s[here] / (away @ away)))
    return float(np.median(slopes)) if slopes else None


def _usual_slope(others: Sequence[float]) -> tuple[float, SpreadPrior]:
    """Mean slope of programs and its spread, the usual one counting as one program [Gelman13, ch. 5]."""
    mean = (ANY_SLOPE + sum(others)) / (1 + len(others))
    squares = sum((slope - mean) ** 2 for slope in others)
    return mean, SpreadPrior(spread=ANY_SLOPE_SPREAD, weight=1.0).updated(squares, len(others))


def _shape_alone(others: Sequence[float], prior: Prior, context: ExecutionContext) -> InformedPrior:
    """How steep curves of other programs are, which says how durations compare but not how long they are."""
    mean, spread = _usual_slope(others)
    away = np.log(GRID) - np.log(GRID).mean()
    trainings = [one.training for name, one in sorted(prior.programs.items()) if name != context.program]
    sources: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for training in trainings:
        for name, places in zip(training.contributors, training.measured_places, strict=True):
            sources[name].append((len(places), len(np.unique(places))))
    listed = sorted(((sum(a for a, _ in v), sum(b for _, b in v), name) for name, v in sources.items()), reverse=True)
    curve = PriorCurve(
        log_s=tuple((mean * away).tolist()),
        directions=any_directions(GRID, float(np.log(GRID).mean()), spread.spread),
        roughness=ANY_ROUGHNESS,
        level_known=False,
        shared=any(name != THIS_MACHINE for name in sources),
    )
    return InformedPrior(
        parallelisms=GRID,
        curves=(curve,),
        noise=SUPERSTEP_NOISE.spread,
        noise_weight=SUPERSTEP_NOISE.weight,
        run_level=RUN_LEVEL.spread,
        least_measured=int(min(one.parallelism.min() for one in trainings)),
        most_measured=int(max(one.parallelism.max() for one in trainings)),
        stretch=(1.0,),
        degrees_of_freedom=(ANY_TAIL,),
        sources=tuple(
            PriorSource(contributor=name, observations=count, contexts=contexts, weight=1.0)
            for count, contexts, name in listed[:MAX_SOURCES]
        ),
    )
