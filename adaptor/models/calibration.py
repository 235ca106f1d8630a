"""How wide intervals must be to hold what they claim: learnt from contexts that were left out.

Each context of the training part is predicted from the others, with 0, 1, 2, ... of its own parallelisms given; how
often the truth lay inside says by which factor the spread has to be stretched, and which Student's t its tails
follow. This is cross-conformal calibration [Vovk15] of standardised residuals, with contexts as what is exchangeable:
a new context is one more of them. What is judged is what a run would have been told: its own parallelisms update the
prior through every hypothesis of `adaptor.models.hypotheses`, so what doubt adds to intervals is part of it. A quantile
of n contexts is taken at (n + 1) / n of its level, as conformal prediction does, so that few contexts give wide
intervals. Nothing is promised for contexts unlike all others, or outside of the parallelisms that were measured; there
the spread of the process widens by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.special import stdtrit

from adaptor.domain.informed_prior import InformedPrior, PriorCurve
from adaptor.models.arrays import Floats
from adaptor.models.curve import main_directions
from adaptor.models.informed import InformedModel
from adaptor.models.noise import SpreadPrior
from adaptor.models.points import Points, no_points

LEVELS = (0.5, 0.8, 0.9)
"""Levels that intervals are fitted to; their shares of the tails are matched by one Student's t."""

TAILS = (3.0, 4.0, 6.0, 10.0, 30.0)
"""Degrees of freedom that are tried."""

MOST_GIVEN = 3
"""Parallelisms of its own up to which a context is calibrated; later ones change little."""

SUBSETS = 3
"""Choices of given parallelisms that are tried for each context and number: they differ less than contexts do."""

MOST_CONTEXTS = 60
"""Contexts that are tried, evenly chosen: a share of 80 % of so many is known within 5 %. Each takes 20 ms."""

USUAL_STRETCH, USUAL_TAIL = 1.0, 5.0
"""What holds where there are too few contexts to learn from: what the process itself says, which before it has learnt
is wide, with heavy tails."""

USUAL_WEIGHT = 1.0
"""Contexts that the usual stretch is worth."""

WIDEST = 10.0
"""Largest stretch: beyond it there is no prediction left to stretch."""

NARROWEST = 0.2
"""Least stretch that is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A context that was left out, with b of its points; arrays of shape (b,) unless said otherwise.

    Attributes:
        parallelism: Distinct, ascending.
        log_s: Log seconds that were measured.
        error: Those less what the others said.
        covariance: What the others said of it, noise left out, shape (b, b).
        noise: Variances of measuring.
    """

    parallelism: Floats
    log_s: Floats
    error: Floats
    covariance: Floats
    noise: Floats

    @classmethod
    def of(cls, *, parallelism: Floats, log_s: Floats, error: Floats, covariance: Floats, noise: Floats) -> Held:
        """One point for each parallelism: where several measured it apart, the surest."""
        order = np.lexsort((noise, parallelism))
        kept = order[np.flatnonzero(np.diff(parallelism[order], prepend=-1.0))]
        return cls(
            parallelism=parallelism[kept],
            log_s=log_s[kept],
            error=error[kept],
            covariance=covariance[np.ix_(kept, kept)],
            noise=noise[kept],
        )

    def prior(self, usual: Usual) -> InformedPrior:
        """What a run of this context would have begun with."""
        directions, roughness = main_directions(self.covariance)
        expected = tuple((self.log_s - self.error).tolist())
        curve = PriorCurve(log_s=expected, directions=directions, roughness=roughness, level_known=True, shared=False)
        return InformedPrior(
            parallelisms=tuple(int(one) for one in self.parallelism),
            curves=(curve,),
            noise=usual.noise.spread,
            noise_weight=usual.noise.weight,
            run_level=usual.run_level,
            least_measured=int(self.parallelism[0]),
            most_measured=int(self.parallelism[-1]),
            stretch=(1.0,),
            degrees_of_freedom=(USUAL_TAIL,),
            sources=(),
        )

    def given(self, chosen: Sequence[int], usual: Usual) -> Points:
        """Points of its own, as a run would have measured them."""
        if not chosen:
            return no_points()
        places = list(chosen)
        return replace(
            no_points(),
            parallelisms=self.parallelism[places],
            log_means=self.log_s[places],
            counts=usual.noise.spread**2 / self.noise[places],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What holds for all contexts of a program.

    Attributes:
        noise: Spread between observations of one group.
        run_level: Standard deviation between runs of one context.
    """

    noise: SpreadPrior
    run_level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Stretch of the spread and degrees of freedom after 0, 1, 2, ... parallelisms."""

    stretch: tuple[float, ...]
    degrees_of_freedom: tuple[float, ...]


def calibrated(held: Sequence[Held], usual: Usual) -> Calibration:
    """What makes intervals hold over these contexts."""
    sound = [one for one in held if len(one.error)]
    tried = sound[:: max(1, -(-len(sound) // MOST_CONTEXTS))]
    priors = [one.prior(usual) for one in tried]
    found: list[tuple[float, float]] = []
    for given in range(MOST_GIVEN + 1):
        found.append(_fitted(_residuals(tried, priors, usual, given)))
        # Hypotheses are weighed with the calibration of what was said before the first superstep.
        if not given:
            stretch, tail = found[0]
            priors = [replace(one, stretch=(stretch,), degrees_of_freedom=(tail,)) for one in priors]
    return Calibration(
        stretch=tuple(stretch for stretch, _ in found), degrees_of_freedom=tuple(tail for _, tail in found)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Residuals:
    """Errors with variances of expectation and noise, shapes (n,), from so many contexts."""

    squares: Floats
    variances: Floats
    noise: Floats
    contexts: int


def _residuals(held: Sequence[Held], priors: Sequence[InformedPrior], usual: Usual, given: int) -> _Residuals:
    squares, variances, noise, contexts = [np.empty(0)], [np.empty(0)], [np.empty(0)], 0
    for one, prior in zip(held, priors, strict=True):
        choices = list(_choices(len(one.error), given))
        contexts += bool(choices)
        for chosen in choices:
            rest = np.setdiff1d(np.arange(len(one.error)), chosen)
            points = one.given(chosen, usual)
            model = InformedModel.fit(prior, own=points, earlier=no_points(), peers=no_points())
            mean, variance = model.expectation(one.parallelism[rest])
            squares.append((one.log_s[rest] - mean) ** 2)
            variances.append(np.maximum(variance, 1e-12))
            noise.append(one.noise[rest])
    return _Residuals(
        squares=np.concatenate(squares),
        variances=np.concatenate(variances),
        noise=np.concatenate(noise),
        contexts=contexts,
    )


def _choices(points: int, given: int) -> Iterator[tuple[int, ...]]:
    """At most `SUBSETS` choices of so many points, that leave at least one to be predicted."""
    every = list(combinations(range(points), given)) if points > given else []
    yield from every[:: max(1, len(every) // SUBSETS)][:SUBSETS]


def _fitted(residuals: _Residuals) -> tuple[float, float]:
    """Stretch and degrees of freedom, shrunk towards the usual ones where contexts are few."""
    if residuals.contexts < len(LEVELS):
        return USUAL_STRETCH, USUAL_TAIL
    candidates = []
    for tail in TAILS:
        logs = np.log([_needed(residuals, level, tail) for level in LEVELS])
        candidates.append((float(np.ptp(logs)), float(logs[1:].mean()), tail))
    _, log_stretch, tail = min(candidates)
    share = residuals.contexts / (residuals.contexts + USUAL_WEIGHT)
    return float(np.exp(share * log_stretch + (1 - share) * np.log(USUAL_STRETCH))), tail


def _needed(residuals: _Residuals, level: float, tail: float) -> float:
    """The stretch by which an interval of this level would have held."""
    reach = float(stdtrit(tail, 0.5 + level / 2)) ** 2
    needed = np.sqrt(np.maximum(residuals.squares / reach - residuals.noise, 0.0) / residuals.variances)
    corrected = min(1.0, level * (residuals.contexts + 1) / residuals.contexts)
    return min(max(NARROWEST, float(np.quantile(needed, corrected))), WIDEST)
