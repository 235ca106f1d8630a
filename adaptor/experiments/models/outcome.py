"""What a protocol is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adaptor.experiments.models.scores import Scores
from adaptor.experiments.report import Figure

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Told how many parts of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to evaluate, and how.

    Attributes:
        folder: Where the files are.
        protocol: Which protocol.
        format: Shape of the files.
        numbers_given: How many points of a context to give, each in turn.
        repeats: Random splits or draws, or most parts of a job that are left out, evenly chosen; ``None`` for what
            the protocol says.
        seed: Of everything random.
        processes: To spread the work over.
    """

    folder: Path
    protocol: str
    format: str
    numbers_given: tuple[int, ...]
    repeats: int | None
    seed: int
    processes: int


def thinned(every: Sequence[T], most: int | None) -> Sequence[T]:
    """At most so many of them, evenly chosen; all without a number."""
    return every if most is None else every[:: max(1, len(every) // most)][:most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was found.

    Attributes:
        figures: For the report.
        tables: Rows by name of table.
        scores: Every prediction, where it is about contexts; for plots.
    """

    figures: Sequence[Figure]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    scores: Scores | None = None
