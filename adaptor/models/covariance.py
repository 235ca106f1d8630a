"""How log durations of two contexts at two parallelisms vary together: a sum of parts, each with a size of its own.

Every part says one thing that programs do [Rasmussen06, ch. 4]: durations follow a smooth curve over parallelism, and
a power law over each numeric property; contexts alike have like levels and like curves; properties act each on its
own before they act together; where the data stop fitting into memory, durations jump at one ratio of data to memory,
at whatever parallelism that is; and each context and each parallelism has something of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.models.arrays import Counts, Flags, Floats
from adaptor.models.curve import ANY_SLOPE_SPREAD

LEVEL_VARIANCE = 9.0
"""Of the level of a program, around the mean of what was measured of it: three, a factor of twenty, squared."""

AMPLITUDES = {
    "slope": ANY_SLOPE_SPREAD,
    "bend": 0.4,
    "power_of_data": 0.3,
    "power": 0.4,
    "level": 0.2,
    "shape": 0.15,
    "context": 0.05,
    "context_shape": 0.03,
    "memory": 0.1,
    "parallelism": 0.03,
    "context_parallelism": 0.03,
    "single": 0.02,
    "contributor": 0.1,
    "category": 0.2,
    "category_shape": 0.1,
}
"""Standard deviations of log seconds that each part has before anything was measured. Curves over parallelism differ
by tens of per cent, contexts by more than that; what is a context's own is of the order of the noise, 2 to 5 %."""

OWN_LEVEL, OWN_SHAPE = 0.15, 0.1
"""The same for what one numeric property does by itself to level and curve."""

LENGTHS = {"bend": 1.2, "memory": 0.7}
"""Logs of parallelism, and of data over memory, within which things stay alike: a factor of three, and of two."""

MISMATCH = 1.0
"""How far two contexts come apart by one category in which they differ: by a factor of e."""

DOUBT = 2.0
"""Standard deviation of the log of each variance before anything was measured: a factor of e in an amplitude."""

DOUBT_OF_LENGTH = {"property": 1.0, "mismatch": 1.0, "bend": 0.5, "memory": 0.7}
"""The same of logs of lengths; narrower where few distances are ever seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """N points; arrays have shape (N,) unless said otherwise.

    Attributes:
        log_parallelism: Log of subtasks.
        natural: Numeric properties less their middle in training, shape (N, J).
        scaled: The same in steps, shape (N, J).
        categories: Codes, shape (N, Q).
        crowding: Log of data over memory of all subtasks, up to a constant.
        context: Code of the context.
        contributor: Code of who measured.
        data: One for properties of data, shape (J,).
    """

    log_parallelism: Floats
    natural: Floats
    scaled: Floats
    categories: Counts
    crowding: Floats
    context: Counts
    contributor: Counts
    data: Floats

    def taken(self, chosen: Flags) -> Inputs:
        """Those points alone, shape (N,)."""
        return Inputs(
            log_parallelism=self.log_parallelism[chosen],
            natural=self.natural[chosen],
            scaled=self.scaled[chosen],
            categories=self.categories[chosen],
            crowding=self.crowding[chosen],
            context=self.context[chosen],
            contributor=self.contributor[chosen],
            data=self.data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """What covariances are made of, for N points against M; every array has shape (N, M), lists of J of them.

    Attributes:
        products: Of logs of parallelism, of data properties as they are, and of the others in steps.
        parallelism: Distance in log parallelism.
        properties: Distances in steps.
        alone: What each property says by itself about likeness.
        mismatches: Categories that differ.
        crowding: Distance in log data over memory.
        same_context: One where the context is the same; likewise the next two.
    """

    products: tuple[Floats, Floats, Floats]
    parallelism: Floats
    properties: list[Floats]
    alone: list[Floats]
    mismatches: Floats
    crowding: Floats
    same_context: Floats
    same_parallelism: Floats
    same_contributor: Floats

    @classmethod
    def of(cls, left: Inputs, right: Inputs) -> Distances:
        """Between two sets of points."""
        natural = (left.natural * left.data) @ (right.natural * right.data).T
        properties = [_apart(a, b) for a, b in zip(left.scaled.T, right.scaled.T, strict=True)]
        mismatches = (left.categories[:, np.newaxis, :] != right.categories[np.newaxis, :, :]).sum(axis=2)
        return cls(
            products=(
                np.outer(left.log_parallelism, right.log_parallelism),
                natural,
                (left.scaled * (1 - left.data)) @ (right.scaled * (1 - right.data)).T,
            ),
            parallelism=_apart(left.log_parallelism, right.log_parallelism),
            properties=properties,
            alone=[_matern(one) for one in properties],
            mismatches=mismatches.astype(np.float64),
            crowding=_apart(left.crowding, right.crowding),
            same_context=_same(left.context, right.context),
            same_parallelism=(_apart(left.log_parallelism, right.log_parallelism) < SAME).astype(np.float64),
            same_contributor=_same(left.contributor, right.contributor),
        )


SAME = 1e-9
"""Difference of log parallelisms that is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariance:
    """A sum of parts with their sizes and lengths.

    Attributes:
        logs: Logs of the variances of `AMPLITUDES`, then of what J properties do to level and to curve, then logs of
            J lengths in steps, of the mismatch, and of the lengths of bend and memory; shape (P,).
        properties: J.
    """

    logs: Floats
    properties: int

    @classmethod
    def initial(cls, properties: int, *, slope_spread: float = ANY_SLOPE_SPREAD) -> Covariance:
        """What is believed before anything was measured.

        Args:
            properties: Numeric ones.
            slope_spread: Standard deviation of the slope over log parallelism.
        """
        sizes = list((AMPLITUDES | {"slope": slope_spread}).values())
        sizes += [OWN_LEVEL] * properties + [OWN_SHAPE] * properties
        lengths = [0.0] * properties + [np.log(MISMATCH), np.log(LENGTHS["bend"]), np.log(LENGTHS["memory"])]
        return cls(logs=np.concatenate((2 * np.log(sizes), lengths)), properties=properties)

    @property
    def doubts(self) -> Floats:
        """Standard deviations of `logs` before anything was measured, shape (P,)."""
        sizes = len(AMPLITUDES) + 2 * self.properties
        lengths = [DOUBT_OF_LENGTH["property"]] * self.properties
        lengths += [DOUBT_OF_LENGTH[name] for name in ("mismatch", "bend", "memory")]
        return np.array([DOUBT] * sizes + lengths)

    def of(self, between: Distances) -> Floats:
        """Covariance of log seconds, noise of measuring left out, shape (N, M)."""
        sizes, parts, _ = self._parts(between)
        total: Floats = LEVEL_VARIANCE + sum(size * part for size, part in zip(sizes, parts, strict=True))
        return total

    def with_slopes(self, between: Distances) -> tuple[Floats, list[Floats]]:
        """Covariance, and its derivative by each of `logs`."""
        sizes, parts, shared = self._parts(between)
        slopes = [size * part for size, part in zip(sizes, parts, strict=True)]
        total = _sum(slopes)
        total += LEVEL_VARIANCE
        by_name = dict(zip(AMPLITUDES, slopes, strict=False))
        alike = by_name["level"] + by_name["shape"] + by_name["memory"] + by_name["context_parallelism"]
        bent = by_name["bend"] + by_name["shape"] + by_name["context_shape"] + by_name["category_shape"]
        if self.properties:
            bent = bent + _sum(slopes[len(AMPLITUDES) + self.properties :])
        slopes += [alike * steps**2 for steps in shared.steps]
        slopes.append(-shared.mismatch * between.mismatches * alike)
        return total, [*slopes, bent * shared.parallelism**2, by_name["memory"] * shared.crowding**2]

    def _parts(self, between: Distances) -> tuple[Floats, list[Floats], _Shared]:
        count = len(AMPLITUDES) + 2 * self.properties
        shared = _Shared.of(self.logs[count:], between)
        same_kind = (between.mismatches == 0).astype(np.float64)
        curve, alike = shared.curve, shared.alike
        slope, power_of_data, power = between.products
        named = {
            "slope": slope,
            "bend": curve,
            "power_of_data": power_of_data,
            "power": power,
            "level": alike,
            "shape": alike * curve,
            "context": between.same_context,
            "context_shape": between.same_context * curve,
            "memory": np.exp(-0.5 * shared.crowding**2) * alike,
            "parallelism": between.same_parallelism,
            "context_parallelism": between.same_parallelism * alike,
            "single": between.same_parallelism * between.same_context,
            "contributor": between.same_contributor,
            "category": same_kind,
            "category_shape": same_kind * curve,
        }
        parts = [named[name] for name in AMPLITUDES]
        sizes = np.exp(self.logs[:count])
        return sizes, [*parts, *between.alone, *(one * curve for one in between.alone)], shared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """Distances over their lengths, and what several parts are made of; shapes (N, M)."""

    steps: list[Floats]
    mismatch: float
    parallelism: Floats
    crowding: Floats
    alike: Floats
    curve: Floats

    @classmethod
    def of(cls, lengths: Floats, between: Distances) -> _Shared:
        inverse = np.exp(-lengths)
        steps = [one * scale for one, scale in zip(between.properties, inverse, strict=False)]
        mismatch = float(np.exp(lengths[-3]))
        parallelism = between.parallelism * inverse[-2]
        apart = -mismatch * between.mismatches
        for one in steps:
            apart = apart - 0.5 * one**2
        return cls(
            steps=steps,
            mismatch=mismatch,
            parallelism=parallelism,
            crowding=between.crowding * inverse[-1],
            alike=np.exp(apart),
            curve=np.exp(-0.5 * parallelism**2),
        )


def _sum(parts: Sequence[Floats]) -> Floats:
    total = parts[0].copy()
    for one in parts[1:]:
        total += one
    return total


def _apart(left: Floats, right: Floats) -> Floats:
    apart: Floats = np.abs(left[:, np.newaxis] - right[np.newaxis, :])
    return apart


def _same(left: Counts, right: Counts) -> Floats:
    same: Floats = (left[:, np.newaxis] == right[np.newaxis, :]).astype(np.float64)
    return same


def _matern(steps: Floats) -> Floats:
    """The Matern covariance of smoothness 3/2 and length one [Rasmussen06, eq. 4.17]."""
    scaled = np.sqrt(3.0) * steps
    likeness: Floats = (1.0 + scaled) * np.exp(-scaled)
    return likeness
