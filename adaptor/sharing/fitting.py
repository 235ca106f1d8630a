"""Fits a prior in a process of its own: what to read on standard input, the prior on standard output, both pickled.

Reading and fitting thousands of observations takes seconds of Python; in the service they would hold up barriers. Only
the process that started this one writes and reads them.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptor.domain.context import ExecutionContext
from adaptor.domain.shared import SharedContext
from adaptor.models.prior import Prior
from adaptor.models.training import TrainingRow
from adaptor.sharing.gate import Gate
from adaptor.sharing.index.reader import IndexReader
from adaptor.sharing.index.rows import TrainingRows, View

NICENESS = 15
"""Jobs and barriers on this machine go first."""

MAX_ROWS = 10_000
"""Most observations a prior is fitted to, shared out among algorithms; a fit of so many takes some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a prior is fitted to.

    Attributes:
        index: File of the index.
        view: Which contributions count.
        gate: Through which own contexts pass, so that they compare with those of peers.
    """

    index: Path
    view: View
    gate: Gate


def as_context(shared: SharedContext) -> ExecutionContext:
    """A context as peers see it, in the form that models know."""
    return ExecutionContext(
        program=shared.algorithm,
        parameters=shared.parameters,
        data=shared.data,
        node_type=shared.node_type or "unknown",
    )


def training_rows(source: Source) -> list[TrainingRow]:
    """Rows of every algorithm, each its share, every context as peers see it."""
    with contextlib.closing(IndexReader(source.index)) as reader:
        algorithms = reader.algorithms()
        share = MAX_ROWS // max(1, len(algorithms))
        found = (reader.training_rows(algorithm=one, view=source.view, limit=share) for one in algorithms)
        return [row for rows in found for row in _rows_of(rows, source.gate)]


def _rows_of(found: TrainingRows, gate: Gate) -> Iterator[TrainingRow]:
    theirs = [as_context(one) for one in found.contexts]
    own = [as_context(gate.shared_context(one)) for one in theirs]
    for context, author, superstep, parallelism, duration_s, cold, is_own in zip(
        found.context,
        found.author,
        found.superstep,
        found.parallelism,
        found.duration_s,
        found.cold,
        found.own,
        strict=True,
    ):
        yield TrainingRow(
            context=own[context] if is_own else theirs[context],
            parallelism=int(parallelism),
            duration_s=float(duration_s),
            superstep=int(superstep),
            cold=bool(cold),
            contributor="" if is_own else found.authors[author],
        )


def main() -> None:
    """Fit what is named on standard input."""
    os.nice(NICENESS)
    rows = training_rows(pickle.load(sys.stdin.buffer))  # noqa: S301 - from the process that started this one
    pickle.dump(Prior.fit(rows) if rows else None, sys.stdout.buffer)


if __name__ == "__main__":
    main()
