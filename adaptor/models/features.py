"""Execution contexts as numbers: what can be compared on a scale, and what is only equal or not.

A column is numeric if every value in it is a number; it is then compared by logarithms if all are above zero. Sizes
of data, cores and memory of a worker differ by factors, so a doubling is the same step everywhere. Names of columns
decide which values belong together and nothing else; columns are put into an order by their values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.models.arrays import Counts, Floats
from adaptor.models.training import Place

LEAST_SCALE = math.log(2.0)
"""Least range of a column, in logs, that counts as one step: where less was seen, a doubling is a step."""

FARTHEST = 1000.0
"""Largest values of training that a value may lie away: beyond that it is only far."""

FARTHEST_LOG = 12.0
"""The same of logarithms, beyond the range of training: a factor of 160,000."""

DATA, PARAMETER, WORKER = "data", "parameter", "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A numeric column.

    Attributes:
        kind: `DATA`, `PARAMETER` or `WORKER`.
        name: Key in the context, or which property of the worker.
        logarithmic: Whether it is compared by logarithms.
        unit: What values are counted in where it is not: the largest in training.
        fill: What stands in where it is missing: the middle value.
        scale: What counts as one step.
    """

    kind: str
    name: str
    logarithmic: bool
    unit: float
    fill: float
    scale: float

    def raw(self, place: Place) -> float | None:
        """Its number in a place, as a logarithm if it is compared so; ``None`` if there is none."""
        value = _value(place, self.kind, self.name)
        number = _number(value) if isinstance(value, str) else value
        if number is None or (self.logarithmic and number <= 0):
            return None
        if self.logarithmic:
            reach = self.scale + FARTHEST_LOG
            return min(max(math.log(number), self.fill - reach), self.fill + reach)
        return min(max(number / self.unit, -FARTHEST), FARTHEST)

    def value(self, place: Place) -> float:
        """Its number in a place, filled in where it is missing."""
        found = self.raw(place)
        return self.fill if found is None else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Places as arrays, C of them.

    Attributes:
        natural: Numeric columns, by logarithms where they are compared so, shape (C, J).
        scale: What counts as one step of each column, shape (J,).
        categories: Codes, equal where the value is, shape (C, Q); -1 is a value that was never seen.
        crowding: Log of the size of the data over the memory of one subtask, up to a constant, shape (C,).
    """

    natural: Floats
    scale: Floats
    categories: Counts
    crowding: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Turns places into numbers; fitted to the places of a training set.

    Attributes:
        numeric: Numeric columns.
        categorical: Kind and name of the others.
        codes: For each of those its known values, in order.
        has_memory: Whether the memory of all workers is known.
        cliffs: Whether crowding is told; else it is the same everywhere.
    """

    numeric: tuple[Column, ...]
    categorical: tuple[tuple[str, str], ...]
    codes: tuple[tuple[str, ...], ...]
    has_memory: bool
    cliffs: bool = True

    @classmethod
    def fit(cls, places: Sequence[Place], *, cliffs: bool = True) -> Encoder:
        """The columns of these places."""
        numeric, categorical = [], []
        for kind, name in _columns(places):
            values = [_value(place, kind, name) for place in places]
            numbers = [_number(one) if isinstance(one, str) else one for one in values if one is not None]
            if all(number is not None for number in numbers):
                numeric.append(_numeric(kind, name, [number for number in numbers if number is not None]))
            else:
                categorical.append((kind, name))
        numeric.sort(key=lambda column: [round(column.value(place), 9) for place in places])
        found = [tuple(dict.fromkeys(_category(place, *one) for place in places)) for one in categorical]
        order = sorted(range(len(found)), key=lambda i: _codes(places, *categorical[i], found[i]))
        return cls(
            numeric=tuple(numeric),
            categorical=tuple(categorical[i] for i in order),
            codes=tuple(found[i] for i in order),
            has_memory=all(place.memory_mb for place in places),
            cliffs=cliffs,
        )

    @property
    def data_columns(self) -> Floats:
        """One for columns of data, zero for others, shape (J,)."""
        return np.array([column.kind == DATA for column in self.numeric], dtype=np.float64)

    def encode(self, places: Sequence[Place]) -> Encoded:
        """The places as arrays."""
        natural = np.array([[column.value(place) for column in self.numeric] for place in places])
        natural = natural.reshape(len(places), len(self.numeric)).astype(np.float64)
        codes = [_codes(places, *one, known) for one, known in zip(self.categorical, self.codes, strict=True)]
        return Encoded(
            natural=natural,
            scale=np.array([column.scale for column in self.numeric], dtype=np.float64),
            categories=np.array(codes, dtype=np.int64).reshape(len(codes), len(places)).T,
            crowding=self._crowding(places, natural),
        )

    def _crowding(self, places: Sequence[Place], natural: Floats) -> Floats:
        if not self.cliffs:
            return np.zeros(len(places))
        data = [i for i, column in enumerate(self.numeric) if column.kind == DATA and column.logarithmic]
        size = natural[:, data].mean(axis=1) if data else np.zeros(len(places))
        if not self.has_memory:
            return size
        known = [math.log(place.memory_mb) for place in places if place.memory_mb]
        middle = float(np.median(known)) if known else 0.0
        memory = [math.log(place.memory_mb) if place.memory_mb else middle for place in places]
        crowding: Floats = size - np.array(memory)
        return crowding


def _columns(places: Sequence[Place]) -> list[tuple[str, str]]:
    names = {(DATA, name) for place in places for name in place.context.data}
    names |= {(PARAMETER, name) for place in places for name in place.context.parameters}
    return [*sorted(names), (WORKER, "cores"), (WORKER, "memory_mb"), (WORKER, "node_type")]


def _value(place: Place, kind: str, name: str) -> str | float | None:
    if kind == DATA:
        return place.context.data.get(name)
    if kind == PARAMETER:
        return place.context.parameters.get(name)
    # The kind of node is a word even where it happens to be a number.
    return {"cores": place.cores, "memory_mb": place.memory_mb, "node_type": f"={place.context.node_type}"}[name]


def _numeric(kind: str, name: str, numbers: Sequence[float]) -> Column:
    logarithmic = all(number > 0 for number in numbers)
    unit = 1.0 if logarithmic else max(abs(number) for number in numbers) or 1.0
    values = np.log(numbers) if logarithmic else np.array(numbers, dtype=np.float64) / unit
    spread = float(np.ptp(values)) if len(values) else 0.0
    scale = max(spread, LEAST_SCALE) if logarithmic else spread or 1.0
    fill = float(np.median(values)) if len(values) else 0.0
    return Column(kind=kind, name=name, logarithmic=logarithmic, unit=unit, fill=fill, scale=scale)


def _category(place: Place, kind: str, name: str) -> str:
    value = _value(place, kind, name)
    return "" if value is None else str(value)


def _codes(places: Sequence[Place], kind: str, name: str, known: Sequence[str]) -> list[int]:
    rank = {value: code for code, value in enumerate(known)}
    return [rank.get(_category(place, kind, name), -1) for place in places]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
