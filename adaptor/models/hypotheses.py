"""What may hold for a run, of all that was measured before it.

Several hypotheses are held at once:

- everything that was measured and shared holds for this run, up to the usual difference between runs;
- only what this machine measured itself does;
- everything does but at single parallelisms, where something of its own happens (too little memory, a bad worker);
- the shape of the curve does, but not its level (another clock, another machine);
- nothing does: this run alone counts, with the law that any program might follow.

Before the run's first superstep the first one is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from adaptor.domain.informed_prior import InformedPrior
from adaptor.models.curve import LeveledCurve, any_curve

OTHER_LEVEL = 2.0
"""Standard deviation of the log of a level that is only vaguely known: a factor of seven either way; a thousand, as
between seconds and milliseconds, is then three and a half of them."""

UNKNOWN_LEVEL = 100.0
"""The same of a level of which nothing is known. Supersteps last from milliseconds to hours, six either way of a
second; it is taken so much wider that the unit of time says nothing of the slope, either."""

ALTERNATIVE_CHANCE = 0.03
"""How likely each but the first hypothesis is before the first superstep: together about one run in ten is like
nothing that was measured before it: peers err, and one may lie."""

SINGLE_SPREAD = 0.5
"""Standard deviation of log seconds of what happens at a single parallelism alone: a memory cliff makes supersteps
longer by a third to a factor of three."""


class Hypothesis(Enum):
    """What holds for this run."""

    EVERYTHING = "everything"
    THIS_MACHINE = "this_machine"
    NOT_EVERYWHERE = "not_everywhere"
    SHAPE_ONLY = "shape_only"
    THIS_RUN = "this_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A hypothesis, ready to be updated.

    Attributes:
        kind: Which one.
        curve: What it says of the execution context.
        earlier: Whether earlier runs of the context on this machine count.
        peers: Whether those of peers do.
        shared: Whether measurements of peers are part of the curve.
        single: Standard deviation of log seconds of what each measured parallelism may have of its own.
    """

    kind: Hypothesis
    curve: LeveledCurve
    earlier: bool
    peers: bool
    shared: bool
    single: float = 0.0


def hypotheses(prior: InformedPrior, *, earlier: bool, peers: bool) -> tuple[Held, ...]:
    """All hypotheses that differ, the believed one first.

    Args:
        prior: What other contexts say.
        earlier: Whether there are earlier runs of the context on this machine.
        peers: Whether peers shared some.
    """
    machine = _this_machine(prior, earlier=earlier) if prior.curves[0].shared or peers else ()
    everything = _first(prior, Hypothesis.EVERYTHING, run_level=prior.run_level)
    shape = (
        replace(everything, kind=Hypothesis.NOT_EVERYWHERE, single=SINGLE_SPREAD),
        _first(prior, Hypothesis.SHAPE_ONLY, run_level=OTHER_LEVEL),
    )
    level = OTHER_LEVEL if prior.level_known else UNKNOWN_LEVEL
    any_law = LeveledCurve(prior.parallelisms, any_curve(prior), level_spread=level, run_level=0.0)
    alone = Held(kind=Hypothesis.THIS_RUN, curve=any_law, earlier=False, peers=False, shared=False)
    return (everything, *machine, *(shape if prior.level_known else ()), alone)


def _first(prior: InformedPrior, kind: Hypothesis, *, run_level: float) -> Held:
    first = prior.curves[0]
    level = 0.0 if first.level_known else UNKNOWN_LEVEL
    curve = LeveledCurve(prior.parallelisms, first, level_spread=level, run_level=run_level)
    return Held(kind=kind, curve=curve, earlier=True, peers=True, shared=first.shared)


def _this_machine(prior: InformedPrior, *, earlier: bool) -> tuple[Held, ...]:
    """What this machine measured in other contexts or in this one; nothing if it measured neither."""
    own = next((curve for curve in prior.curves if not curve.shared), None)
    if own is None and not earlier:
        return ()
    level = OTHER_LEVEL if prior.level_known else UNKNOWN_LEVEL
    if own and own.level_known:
        level = 0.0
    curve = LeveledCurve(prior.parallelisms, own or any_curve(prior), level_spread=level, run_level=prior.run_level)
    return (Held(kind=Hypothesis.THIS_MACHINE, curve=curve, earlier=True, peers=False, shared=False),)
