"""What all measurements of one program say of any context and parallelism."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from adaptor.models.arrays import Counts, Flags, Floats
from adaptor.models.calibration import Calibration, Held, Usual, calibrated
from adaptor.models.covariance import Covariance, Distances, Inputs
from adaptor.models.features import Encoder
from adaptor.models.learning import WHOLE, Parts, learnt
from adaptor.models.noise import SpreadPrior
from adaptor.models.process import left_out
from adaptor.models.training import Place, TrainingSet
from adaptor.models.trees import Trees, fitted_trees

DATA_EXPONENT = 0.8
"""Power of the size of the data that durations are thought to follow before it was measured: work divides by it, a
fixed part does not. If a context has several sizes, which often grow together, each gets its share."""

MOST_FOR_PREDICTION = 1000
"""Points that a prediction rests on, those most alike first: 0.1 s and 10 MB each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramModel:
    """A fitted model of one program; arrays of N training points.

    Attributes:
        training: What it was fitted to.
        encoder: Turns contexts into numbers.
        covariance: Sizes and lengths.
        centre: Expected log seconds at the middle of everything, the middle log parallelism, and the middles of the
            numeric properties.
        slope: Of expected log seconds over log parallelism.
        noise: Variance of measuring each point, doubt about it included, shape (N,).
        trees: Beside the process, or ``None``.
        calibration: Of intervals.
        weights: From 0 to 1, how far each contributor agrees with the others.
    """

    training: TrainingSet
    encoder: Encoder
    covariance: Covariance
    centre: Centre
    slope: float
    noise: Floats
    trees: Trees | None
    calibration: Calibration
    weights: Floats

    @classmethod
    def fit(
        cls, training: TrainingSet, *, slope: SpreadPrior, mean_slope: float, seed: int, parts: Parts = WHOLE
    ) -> ProgramModel:
        """The model of these points.

        Args:
            training: Of one program.
            slope: Spread of the slope over log parallelism between programs.
            mean_slope: Its expectation.
            seed: Of everything random.
            parts: What it is made of.
        """
        encoder = Encoder.fit(training.places, cliffs=parts.cliffs)
        centre = Centre.of(encoder, training, slope=mean_slope)
        inputs = centre.inputs(encoder, training.places, training.place, training.parallelism, training.contributor)
        start = Covariance.initial(len(encoder.numeric), slope_spread=slope.spread)
        expected = centre.expected(inputs, mean_slope)
        found = learnt(start, inputs, training, expected, parts)
        training, covariance, noise = found.training, found.covariance, found.noise
        values = training.log_s - expected
        total = covariance.of(Distances.of(inputs, inputs)) + np.diag(noise)
        apart = np.empty(len(values))
        blocks = left_out(total, values, training.place)
        for one in blocks:
            apart[one.places] = training.log_s[one.places] - values[one.places] + one.mean
        trust = training.belief * np.minimum(1.0, training.variance / noise)
        trees = None
        if parts.trees:
            trees, apart = fitted_trees(inputs, training.log_s, weights=trust, without_context=apart, seed=seed)
        held = [
            Held.of(
                parallelism=training.parallelism[sound],
                log_s=training.log_s[sound],
                error=(training.log_s - apart)[sound],
                covariance=one.covariance[np.ix_(kept, kept)] - np.diag(noise[sound]),
                noise=noise[sound],
            )
            for one in blocks
            for kept in [np.flatnonzero(trust[one.places] > SOUND)]
            for sound in [one.places[kept]]
        ]
        return cls(
            training=training,
            encoder=encoder,
            covariance=covariance,
            centre=centre,
            slope=mean_slope,
            noise=noise,
            trees=trees,
            calibration=calibrated(held, Usual(noise=training.noise, run_level=training.run_level)),
            weights=found.weights,
        )

    def curve(
        self, place: Place, parallelisms: Floats, *, contributor: str, sources: Sequence[str] | None = None
    ) -> tuple[Floats, Floats]:
        """Mean and covariance of log seconds of a context, what was measured of itself left out.

        Args:
            place: The context.
            parallelisms: Shape (n,).
            contributor: Who runs it.
            sources: Contributors whose measurements count; ``None`` for all.

        Returns:
            Shapes (n,) and (n, n).
        """
        places = (*self.training.places, place)
        wanted = self._wanted(places, parallelisms, contributor)
        train = self.centre.inputs(
            self.encoder, places, self.training.place, self.training.parallelism, self.training.contributor
        )
        known = self._usable(place, sources)
        known = self._nearest(known, train, wanted)
        own = self.covariance.of(Distances.of(wanted, wanted))
        mean = self.centre.expected(wanted, self.slope)
        if not known.any():
            return mean, own
        chosen = train.taken(known)
        factor = cho_factor(self.covariance.of(Distances.of(chosen, chosen)) + np.diag(self.noise[known]), lower=True)
        across = self.covariance.of(Distances.of(wanted, chosen))
        values = (self.training.log_s - self.centre.expected(train, self.slope))[known]
        mean = mean + across @ cho_solve(factor, values)
        covariance: Floats = own - across @ cho_solve(factor, across.T)
        return self._with_trees(mean, wanted, place, sources), covariance

    def _with_trees(self, mean: Floats, wanted: Inputs, place: Place, sources: Sequence[str] | None) -> Floats:
        """Trees join in where they did not see the context itself."""
        if self.trees is None or sources is not None or place.context.key in self._keys:
            return mean
        return mean + self.trees.share * (self.trees.log_s(wanted) - mean)

    @property
    def _keys(self) -> set[str]:
        return {one.context.key for one in self.training.places}

    def _wanted(self, places: Sequence[Place], parallelisms: Floats, contributor: str) -> Inputs:
        names = self.training.contributors
        # After the last name comes what several measured together, then who is not known.
        code = names.index(contributor) if contributor in names else len(names) + 1
        count = len(parallelisms)
        return self.centre.inputs(
            self.encoder,
            places,
            np.full(count, len(places) - 1, dtype=np.int64),
            parallelisms,
            np.full(count, code, dtype=np.int64),
        )

    def _usable(self, place: Place, sources: Sequence[str] | None) -> Flags:
        other = np.array([one.context.key != place.context.key for one in self.training.places])
        heard = np.array([sources is None or one in sources for one in self.training.contributors] + [sources is None])
        usable: Flags = other[self.training.place] & heard[self.training.contributor]
        return usable

    def _nearest(self, usable: Flags, train: Inputs, wanted: Inputs) -> Flags:
        """At most `MOST_FOR_PREDICTION` of the usable points: those that vary most with what is wanted."""
        if usable.sum() <= MOST_FOR_PREDICTION:
            return usable
        near = self.covariance.of(Distances.of(train, wanted)).max(axis=1)
        order = np.argsort(np.where(usable, -near, np.inf), kind="stable")
        chosen = np.zeros(len(usable), dtype=np.bool_)
        chosen[order[:MOST_FOR_PREDICTION]] = True
        return chosen


SOUND = 0.25
"""Share of its weight that a point must have kept to count in the calibration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """The middle of the training part, from which everything is counted.

    Attributes:
        log_s: Expected log seconds there.
        log_parallelism: Its log parallelism.
        properties: Its numeric properties, shape (J,).
        exponents: Powers that durations are thought to follow, shape (J,).
        data: Which properties are of data, shape (J,).
    """

    log_s: float
    log_parallelism: float
    properties: Floats
    exponents: Floats
    data: Floats

    @classmethod
    def of(cls, encoder: Encoder, training: TrainingSet, *, slope: float) -> Centre:
        """The middle of these points; medians, so that a few wild ones do not move it."""
        encoded = encoder.encode(training.places)
        data = encoder.data_columns
        sizes = data * [column.logarithmic for column in encoder.numeric]
        exponents = DATA_EXPONENT * sizes / max(1.0, sizes.sum())
        middle = np.median(encoded.natural, axis=0) if encoded.natural.size else np.empty(0)
        log_parallelism = float(np.median(np.log(training.parallelism)))
        without = cls(log_s=0.0, log_parallelism=log_parallelism, properties=middle, exponents=exponents, data=data)
        inputs = without.inputs(encoder, training.places, training.place, training.parallelism, training.contributor)
        level = float(np.median(training.log_s - without.expected(inputs, slope)))
        return cls(log_s=level, log_parallelism=log_parallelism, properties=middle, exponents=exponents, data=data)

    def expected(self, inputs: Inputs, slope: float) -> Floats:
        """Log seconds by the laws that were believed beforehand, shape (N,)."""
        expected: Floats = self.log_s + slope * inputs.log_parallelism + inputs.natural @ self.exponents
        return expected

    def inputs(
        self, encoder: Encoder, places: Sequence[Place], place: Counts, parallelism: Floats, contributor: Counts
    ) -> Inputs:
        """Points at places, counted from here.

        Args:
            encoder: Turns the places into numbers.
            places: All of them.
            place: Index into them, shape (N,).
            parallelism: Shape (N,).
            contributor: Shape (N,).
        """
        encoded = encoder.encode(places)
        natural = encoded.natural[place] - self.properties
        log_parallelism = np.log(parallelism)
        return Inputs(
            log_parallelism=log_parallelism - self.log_parallelism,
            natural=natural,
            scaled=natural / encoded.scale,
            categories=encoded.categories[place],
            crowding=encoded.crowding[place] - (log_parallelism if encoder.cliffs else 0.0),
            context=place,
            contributor=contributor,
            data=self.data,
        )
