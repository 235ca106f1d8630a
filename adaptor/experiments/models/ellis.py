"""Files of iterative jobs with the time of each superstep: pipe-separated, one superstep in a row.

``ID`` is the run, ``JOB_ID`` the index of the superstep in it, ``DURATION_MS`` its milliseconds and ``SCALE_OUT`` the
workers. Only runs whose scale-out stays are read: in the others it is what was asked for and not always what ran.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptor.errors import InvalidValueError
from adaptor.models.arrays import Floats

_NAMES = ("ID", "JOB_ID", "DURATION_MS", "SCALE_OUT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Runs of one job at constant scale-outs, R of them, all of as many supersteps.

    Attributes:
        name: Of the file.
        scale_out: Workers of each run, shape (R,).
        seconds: Of each superstep, shape (R, S).
    """

    name: str
    scale_out: Floats
    seconds: Floats


def read_traces(folder: Path) -> list[Traced]:
    """Every job of a folder.

    Raises:
        InvalidValueError: If the folder holds no such file, or a file is of another shape.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise InvalidValueError("DIR", f"{folder} holds no *.csv; see docs/models.md for where such data can be had")
    return [_read(file) for file in files]


def _read(file: Path) -> Traced:
    runs: defaultdict[str, list[tuple[int, float, float]]] = defaultdict(list)
    try:
        with file.open(newline="") as text:
            lines = csv.reader(text, delimiter="|")
            header = next(lines)
            # Some names occur twice, once for the run and once for the superstep.
            places = [header.index(name) for name in _NAMES]
            for line in lines:
                run, index, milliseconds, workers = (line[place] for place in places)
                runs[run].append((int(index), float(milliseconds) / 1000, float(workers)))
    except (StopIteration, ValueError, IndexError) as error:
        raise InvalidValueError(file.name, f"is not a trace with {', '.join(_NAMES)} ({error})") from error
    constant = [sorted(run) for run in runs.values() if len({workers for _, _, workers in run}) == 1]
    if not constant:
        raise InvalidValueError(file.name, "holds no run of constant scale-out")
    usual = Counter(len(run) for run in constant).most_common(1)[0][0]
    kept = [run for run in constant if len(run) == usual]
    return Traced(
        name=file.stem,
        scale_out=np.array([run[0][2] for run in kept]),
        seconds=np.array([[max(seconds, 1e-3) for _, seconds, _ in run] for run in kept]),
    )
