"""Files of whole jobs on clusters of many sizes: one TSV for each job, one run in a row.

What is looked for by name is what the format is about: ``instance_count`` (scale-out), ``machine_type``, ``slots`` and
``memory`` of the whole cluster, ``data_size_MB`` and ``gross_runtime`` in seconds. Every other column is a parameter,
whatever it is called.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptor.domain.context import ExecutionContext
from adaptor.errors import InvalidValueError
from adaptor.models.arrays import Counts, Floats
from adaptor.models.training import Place, TrainingRow

SIZE = "data_size_MB"
_COLUMNS = ("instance_count", "machine_type", "slots", "memory", "gross_runtime")
_EXPLAINED = (*_COLUMNS, SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredContext:
    """One execution context with everything measured in it; arrays over its scale-outs, ascending.

    Attributes:
        place: The context with its workers.
        rows: All runs.
        scale_outs: Shape (n,).
        parallelisms: Cores at each, shape (n,).
        log_s: Log of the median seconds, shape (n,).
        repetitions: Runs behind each, shape (n,).
    """

    place: Place
    rows: tuple[TrainingRow, ...]
    scale_outs: Counts
    parallelisms: Counts
    log_s: Floats
    repetitions: Counts

    @classmethod
    def of(cls, rows: Sequence[TrainingRow]) -> MeasuredContext:
        """The runs of one context, grouped."""
        by_scale_out: defaultdict[int, list[TrainingRow]] = defaultdict(list)
        for row in rows:
            by_scale_out[row.scale_out or row.parallelism].append(row)
        scale_outs = sorted(by_scale_out)
        first = rows[0]
        return cls(
            place=Place(
                context=first.context,
                cores=first.parallelism / (first.scale_out or 1),
                memory_mb=first.memory_mb / first.parallelism if first.memory_mb else None,
            ),
            rows=tuple(rows),
            scale_outs=np.array(scale_outs, dtype=np.int64),
            parallelisms=np.array([by_scale_out[n][0].parallelism for n in scale_outs], dtype=np.int64),
            log_s=np.log([float(np.median([row.duration_s for row in by_scale_out[n]])) for n in scale_outs]),
            repetitions=np.array([len(by_scale_out[n]) for n in scale_outs], dtype=np.int64),
        )

    @property
    def numbers(self) -> dict[str, float]:
        """Size and parameters that are numbers."""
        pairs = {**self.place.context.data, **self.place.context.parameters}
        return {name: float(text) for name, text in pairs.items() if _is_number(text)}

    @property
    def size(self) -> float:
        """Of the data; one where it is not told."""
        return float(self.place.context.data.get(SIZE, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All contexts of one job.

    Attributes:
        name: Of the file.
        contexts: In the order of the file.
    """

    name: str
    contexts: tuple[MeasuredContext, ...]

    @property
    def rows(self) -> list[TrainingRow]:
        """Runs of all contexts."""
        return [row for context in self.contexts for row in context.rows]

    @property
    def complete(self) -> list[MeasuredContext]:
        """Contexts that were measured at every scale-out of the file."""
        every = {int(n) for context in self.contexts for n in context.scale_outs}
        return [context for context in self.contexts if len(context.scale_outs) == len(every)]


def read_jobs(folder: Path) -> list[Job]:
    """Every job of a folder.

    Raises:
        InvalidValueError: If the folder holds no such file, or a file lacks a column.
    """
    files = sorted(folder.glob("*.tsv"))
    if not files:
        raise InvalidValueError("DIR", f"{folder} holds no *.tsv; see docs/models.md for where such data can be had")
    return [read_job(file) for file in files]


def read_job(file: Path) -> Job:
    """One file.

    Raises:
        InvalidValueError: If a column is missing or a value makes no sense.
    """
    with file.open(newline="") as text:
        records = list(csv.DictReader(text, delimiter="\t"))
    missing = [name for name in _COLUMNS if not records or name not in records[0]]
    if missing:
        raise InvalidValueError(file.name, f"has no column {', '.join(missing)}")
    by_context: defaultdict[str, list[TrainingRow]] = defaultdict(list)
    for record in records:
        row = _row(file.stem, record)
        by_context[row.context.key].append(row)
    return Job(name=file.stem, contexts=tuple(MeasuredContext.of(rows) for rows in by_context.values()))


def _row(job: str, record: dict[str, str]) -> TrainingRow:
    try:
        return TrainingRow(
            context=ExecutionContext(
                program=job,
                parameters={name: value for name, value in record.items() if name not in _EXPLAINED},
                data={SIZE: record[SIZE]} if SIZE in record else {},
                node_type=record["machine_type"],
            ),
            parallelism=round(float(record["slots"])),
            duration_s=float(record["gross_runtime"]),
            scale_out=round(float(record["instance_count"])),
            memory_mb=float(record["memory"]),
        )
    except ValueError as error:
        raise InvalidValueError(job, f"holds {record} ({error})") from error


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
