"""What was known of a run before its first superstep: curves learnt from other runs and other execution contexts.

The value is made in the background from everything that was measured and shared, and is kept with the run, so that
its plans can be made again from the record alone. A curve is a normal distribution of log seconds over parallelism,
written down at some parallelisms: its mean, and the directions in which the truth may lie off together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from adaptor.domain.checks import require_finite, require_not_negative, require_positive
from adaptor.errors import InvalidValueError

MAX_PARALLELISMS = 64
"""Most parallelisms that a curve is written down at: eight to a doubling up to 256, finer than any law bends."""

MAX_DIRECTIONS = 16
"""Most directions of a curve: with smooth laws the tenth carries less than a thousandth of the variance."""

MAX_SOURCES = 32
"""Most contributors that are named; the others are summed up in the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorSource:
    """Whose measurements a prior rests on.

    Attributes:
        contributor: Who measured; empty for this machine.
        observations: How many of them were used.
        contexts: Of how many execution contexts.
        weight: From 0 to 1, how far they agree with the rest; the factor by which each of them counts.
    """

    contributor: str
    observations: int
    contexts: int
    weight: float

    def __post_init__(self) -> None:
        require_not_negative("observations", self.observations)
        require_not_negative("contexts", self.contexts)
        if not 0 <= self.weight <= 1:
            raise InvalidValueError("weight", f"must lie between 0 and 1, got {self.weight}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorCurve:
    """A distribution of curves over parallelism.

    The covariance of the logarithms at two of the parallelisms is the sum over all directions of the product of
    their entries there, plus `roughness` squared where both are the same.

    Attributes:
        log_s: Expected log seconds of a warm superstep at each parallelism of the prior.
        directions: Each holds one entry for each parallelism; a standard deviation of log seconds, with a sign.
        roughness: Standard deviation of what is left, independent from one parallelism to the next.
        level_known: Whether `log_s` says how long, or only how durations at two parallelisms compare.
        shared: Whether measurements of peers are part of it.
    """

    log_s: tuple[float, ...]
    directions: tuple[tuple[float, ...], ...]
    roughness: float
    level_known: bool
    shared: bool

    def __post_init__(self) -> None:
        require_finite("log_s", *self.log_s)
        require_not_negative("roughness", self.roughness)
        if len(self.directions) > MAX_DIRECTIONS:
            raise InvalidValueError("directions", f"must be at most {MAX_DIRECTIONS}, got {len(self.directions)}")
        for one in self.directions:
            require_finite("directions", *one)
            if len(one) != len(self.log_s):
                raise InvalidValueError("directions", "each must have as many entries as log_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class InformedPrior:
    """What earlier measurements say about an execution context, those of the context itself left out.

    Attributes:
        parallelisms: Where the curves are written down, ascending; between two of them they are straight lines over
            the logarithm of the parallelism.
        curves: What rests on most comes first; at least one.
        noise: Standard deviation of log durations between supersteps of one run at one parallelism.
        noise_weight: How many measured points that is worth.
        run_level: Standard deviation of the log of the factor by which runs of one execution context differ.
        least_measured: Least parallelism that the first curve rests on.
        most_measured: Greatest parallelism that the first curve rests on.
        stretch: Factors on the spread of the curves, learnt where the truth was known, after 0, 1, 2, ... distinct
            parallelisms were measured in this context; the last one holds for more.
        degrees_of_freedom: Of Student's t, for the same numbers of parallelisms.
        sources: Whose measurements were used, the largest first.
    """

    parallelisms: tuple[int, ...]
    curves: tuple[PriorCurve, ...]
    noise: float
    noise_weight: float
    run_level: float
    least_measured: int
    most_measured: int
    stretch: tuple[float, ...]
    degrees_of_freedom: tuple[float, ...]
    sources: tuple[PriorSource, ...]

    def __post_init__(self) -> None:
        self._require_curves()
        require_positive("noise", self.noise)
        require_positive("noise_weight", self.noise_weight)
        require_not_negative("run_level", self.run_level)
        if not self.stretch or len(self.stretch) != len(self.degrees_of_freedom):
            raise InvalidValueError("stretch", "must hold one factor for each of degrees_of_freedom, and at least one")
        for factor in (*self.stretch, *self.degrees_of_freedom):
            require_positive("stretch and degrees_of_freedom", factor)
        if not 1 <= self.least_measured <= self.most_measured:
            raise InvalidValueError("least_measured", "must lie between 1 and most_measured")
        if len(self.sources) > MAX_SOURCES:
            raise InvalidValueError("sources", f"must be at most {MAX_SOURCES}, got {len(self.sources)}")

    def _require_curves(self) -> None:
        if not 1 <= len(self.parallelisms) <= MAX_PARALLELISMS:
            raise InvalidValueError("parallelisms", f"must be 1 to {MAX_PARALLELISMS}, got {len(self.parallelisms)}")
        if self.parallelisms[0] < 1 or any(b <= a for a, b in pairwise(self.parallelisms)):
            raise InvalidValueError("parallelisms", "must ascend from at least 1")
        if not self.curves:
            raise InvalidValueError("curves", "must hold at least one")
        if any(len(curve.log_s) != len(self.parallelisms) for curve in self.curves):
            raise InvalidValueError("curves", "must have one entry for each parallelism")

    @property
    def level_known(self) -> bool:
        """Whether it says how long a superstep takes, before the run's first one."""
        return self.curves[0].level_known

    @property
    def observations(self) -> int:
        """How many observations it rests on."""
        return sum(source.observations for source in self.sources)

    @property
    def shared_observations(self) -> int:
        """How many of those came from peers."""
        return sum(source.observations for source in self.sources if source.contributor)
