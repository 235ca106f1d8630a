"""Rows of the index as columns for models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adaptor.sharing.index.reads import context_of
from adaptor.sharing.index.rows import TrainingRows

_OF_BATCH = 9
"""Columns of a row that its batch decides: id, context, contribution, author, own. What was measured follows."""


class Columns:
    """Gathers rows, each text and context once."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[str, ...], int] = {}
        self._authors: dict[str, int] = {}
        self._contributions: dict[str, int] = {"": -1}

    def of(self, rows: Iterable[Sequence[Any]]) -> TrainingRows:
        """The rows by columns.

        Args:
            rows: Id of the batch, `CONTEXT`, contribution, author, own, `MEASURED`.
        """
        batches: dict[int, tuple[int, ...]] = {}
        places, measured = [], []
        for row in rows:
            if row[0] not in batches:
                batches[row[0]] = self._batch(row[1:_OF_BATCH])
            places.append(batches[row[0]])
            superstep, parallelism, scale_out, duration_s, cold, *_ = row[_OF_BATCH:]
            measured.append((superstep, parallelism, np.nan if scale_out is None else scale_out, duration_s, cold))
        context, author, contribution, own = np.array(places, dtype=np.int64).reshape(-1, 4).T
        superstep, parallelism, scale_out, duration_s, cold = np.array(measured, dtype=np.float64).reshape(-1, 5).T
        return TrainingRows(
            contexts=tuple(map(context_of, self._contexts)),
            context=context,
            authors=tuple(self._authors),
            author=author,
            contributions=tuple(self._contributions)[1:],
            contribution=contribution,
            superstep=superstep.astype(np.int64),
            parallelism=parallelism.astype(np.int64),
            scale_out=scale_out,
            duration_s=duration_s,
            cold=cold.astype(np.bool_),
            own=own.astype(np.bool_),
        )

    def _batch(self, columns: Sequence[Any]) -> tuple[int, ...]:
        *context, contribution, author, own = columns
        return (
            self._contexts.setdefault(tuple(context), len(self._contexts)),
            self._authors.setdefault(author, len(self._authors)),
            self._contributions.setdefault(contribution, len(self._contributions) - 1),
            int(own),
        )
