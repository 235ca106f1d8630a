"""Files of repeated whole runs of one job over scale-outs: ``Nodes,Runtime`` with the runtime in milliseconds."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptor.errors import InvalidValueError
from adaptor.models.arrays import Floats

FEWEST_TO_TRIM = 4
"""Runs of a scale-out from which on the fastest and the slowest are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Runs of one job.

    Attributes:
        name: Of the file.
        scale_outs: Distinct, ascending, shape (n,).
        seconds: For each of them its runs, the fastest and the slowest dropped.
    """

    name: str
    scale_outs: Floats
    seconds: tuple[Floats, ...]


def read_repeated(folder: Path) -> list[Repeated]:
    """Every job of a folder.

    Raises:
        InvalidValueError: If the folder holds no such file, or a file is of another shape.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise InvalidValueError("DIR", f"{folder} holds no *.csv; see docs/models.md for where such data can be had")
    return [_read(file) for file in files]


def _read(file: Path) -> Repeated:
    try:
        with file.open(newline="") as text:
            pairs = [(float(row["Nodes"]), float(row["Runtime"]) / 1000) for row in csv.DictReader(text)]
    except (KeyError, ValueError) as error:
        raise InvalidValueError(file.name, f"does not hold numbers under Nodes and Runtime ({error})") from error
    scale_outs = np.unique([nodes for nodes, _ in pairs])
    runs = [np.sort([seconds for nodes, seconds in pairs if nodes == one]) for one in scale_outs]
    trimmed = tuple(one[1:-1] if len(one) >= FEWEST_TO_TRIM else one for one in runs)
    return Repeated(name=file.name.removesuffix(".csv"), scale_outs=scale_outs, seconds=trimmed)
