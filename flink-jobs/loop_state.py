"""Loop state too large for a line: a folder for each superstep, whole or not there, and vectors as CSV files in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

# As many as the edges have at least, so that reading a vector is spread over as many subtasks.
PARTS = 12


class StateFolders:
    """The loop state on disk after the last two supersteps, superstep 0 being the start."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "supersteps"
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, superstep: int) -> Path:
        """Return where the state after a superstep is."""
        return self.folder / f"{superstep:04d}"

    def write(self, superstep: int, fill: Callable[[Path], None]) -> Path:
        """Put the state after a superstep on disk and let go of what no superstep will read again.

        Args:
            superstep: Whose state it is.
            fill: Writes it into a new folder.

        Returns:
            The folder.
        """
        draft = self.folder / f".{superstep:04d}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        fill(draft)
        shutil.rmtree(self.path(superstep), ignore_errors=True)
        draft.rename(self.path(superstep))
        shutil.rmtree(self.path(superstep - 2), ignore_errors=True)
        return self.path(superstep)

    def last(self) -> int:
        """Return the last superstep whose state is there, -1 where there is none."""
        return max((int(folder.name) for folder in self.folder.glob("[0-9]*")), default=-1)


def write_rows(folder: Path, *columns: np.ndarray) -> None:
    """Write columns of equal length as CSV files of a new folder; every number reads back as it was."""
    folder.mkdir()
    table = pa.table({f"c{place}": column for place, column in enumerate(columns)})
    size = -(-max(1, len(table)) // PARTS)
    for number in range(PARTS):
        part = table.slice(number * size, size)
        if len(part) or number == 0:
            pa.csv.write_csv(part, folder / f"part-{number:02d}.csv", pa.csv.WriteOptions(include_header=False))


def read_rows(folder: Path, *, columns: int) -> list[np.ndarray]:
    """Return the columns of the CSV files in a folder, in whatever order the files are read; empty without any."""
    options = pa.csv.ReadOptions(autogenerate_column_names=True)
    files = [file for file in sorted(folder.glob("[!._]*")) if file.stat().st_size]
    tables = [pa.csv.read_csv(file, options) for file in files]
    if not tables:
        return [np.zeros(0, dtype=np.int64)] * columns
    return [np.concatenate([table.column(place).to_numpy() for table in tables]) for place in range(columns)]
