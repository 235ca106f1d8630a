"""Curves of whole runs over nodes, as files hold them or a law makes them, and a run that follows one.

A file is either repeated runs (``Nodes,Runtime`` in milliseconds; their median counts) or means with statistics
(``nodes,runtime_ms,cpu_usr_pct,cpu_sys_pct,...``), or the report of `adaptor experiment local`, of which the runs at
static parallelisms count. A superstep is the run divided by the number of supersteps; between
two measured scale-outs runtimes are interpolated linearly, as the published replays were.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from adaptor.errors import InvalidValueError
from adaptor.models.arrays import Floats

STATIC = "static "
"""What the names of static variants of local runs begin with."""

LONGEST_S = (300.0, 6000.0)
"""Range of the seconds of a synthetic run at its narrowest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Seconds of a whole run over scale-outs.

    Attributes:
        name: Of the file without its ending, or of the law.
        nodes: Ascending, shape (n,).
        runtime_s: At each, shape (n,).
        utilisation: CPU time over wall-clock time, 0 to 1, shape (n,); ``None`` where it was not measured.
        repeated_s: Seconds of every single run at each, where a file holds them.
    """

    name: str
    nodes: Floats
    runtime_s: Floats
    utilisation: Floats | None = None
    repeated_s: tuple[Floats, ...] = ()

    def at(self, nodes: float) -> float:
        """Seconds at a number of nodes; at the ends, what was measured there."""
        return float(np.interp(nodes, self.nodes, self.runtime_s))


def read_curve(file: Path) -> Curve:
    """A curve file of any shape.

    Raises:
        InvalidValueError: If it cannot be read, or holds something else.
    """
    try:
        nodes, seconds, busy = _measured_locally(file) if file.suffix == ".json" else _of_table(file)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidValueError("FILE", f"{file} does not hold numbers under nodes and runtime ({error})") from error
    if len(nodes) == 0 or not (np.isfinite(seconds).all() and (seconds > 0).all() and (nodes > 0).all()):
        raise InvalidValueError("FILE", f"{file} must hold positive numbers of nodes and milliseconds")
    distinct = np.unique(nodes)
    repeated = tuple(seconds[nodes == one] for one in distinct)
    return Curve(
        name=file.name.removesuffix(file.suffix),
        nodes=distinct,
        runtime_s=np.array([float(np.median(one)) for one in repeated]),
        utilisation=_means(nodes, np.array(busy) / 100, distinct) if len(busy) == len(nodes) else None,
        repeated_s=repeated if max(len(one) for one in repeated) > 1 else (),
    )


def _of_table(file: Path) -> tuple[Floats, Floats, list[float]]:
    """Nodes, seconds and CPU utilisation in per cent, if there is any, of the rows of a table."""
    with file.open(newline="") as text:
        rows = [{name.lower(): value for name, value in row.items() if name} for row in csv.DictReader(text)]
    runtime = "runtime_ms" if rows and "runtime_ms" in rows[0] else "runtime"
    nodes = np.array([float(row["nodes"]) for row in rows])
    seconds = np.array([float(row[runtime]) / 1000 for row in rows])
    busy = [float(row["cpu_usr_pct"]) + float(row["cpu_sys_pct"]) for row in rows if "cpu_usr_pct" in row]
    return nodes, seconds, busy


def _measured_locally(file: Path) -> tuple[Floats, Floats, list[float]]:
    """The same of the static runs that a report of local runs tells of; a slot is a node there."""
    runs = [one for one in orjson.loads(file.read_bytes())["runs"] if str(one["variant"]).startswith(STATIC)]
    nodes = np.array([float(one["start_parallelism"]) for one in runs])
    return nodes, np.array([float(one["runtime_s"]) for one in runs]), []


def _means(nodes: Floats, values: Floats, distinct: Floats) -> Floats:
    return np.array([float(values[nodes == one].mean()) for one in distinct])


def synthetic_curves(seed: int, count: int = 20) -> tuple[Curve, ...]:
    """Laws of four kinds in turn, over 4 to 60 nodes like the measured files.

    Linear speed-up with a serial part [Amdahl67], contention and coherence that make a peak [Gunther07], nearly flat,
    and a cliff below which the data do not fit memory.
    """
    rng = np.random.default_rng(seed)
    nodes = np.arange(4.0, 61.0, 4.0)
    kinds = (_linear, _peaked, _flat, _cliff)
    return tuple(
        _synthetic(f"{kinds[i % 4].__name__[1:]}-{i // 4 + 1}", kinds[i % 4](rng, nodes), nodes, rng)
        for i in range(count)
    )


def _synthetic(name: str, shape: Floats, nodes: Floats, rng: np.random.Generator) -> Curve:
    """A curve of this shape that takes minutes to hours at the narrowest, as the measured ones do."""
    longest_s = float(np.exp(rng.uniform(*np.log(LONGEST_S))))
    return Curve(name=name, nodes=nodes, runtime_s=longest_s * shape / shape[0])


def _linear(rng: np.random.Generator, nodes: Floats) -> Floats:
    serial = rng.uniform(0.0, 0.02)
    shape: Floats = serial + (1 - serial) * 4 / nodes
    return shape


def _peaked(rng: np.random.Generator, nodes: Floats) -> Floats:
    contention, coherence = rng.uniform(0.0, 0.05), np.exp(rng.uniform(np.log(2e-4), np.log(4e-3)))
    shape: Floats = (1 + contention * (nodes - 1) + coherence * nodes * (nodes - 1)) / nodes
    return shape


def _flat(rng: np.random.Generator, nodes: Floats) -> Floats:
    serial = rng.uniform(0.6, 0.98)
    shape: Floats = serial + (1 - serial) * 4 / nodes
    return shape


def _cliff(rng: np.random.Generator, nodes: Floats) -> Floats:
    edge, factor = rng.choice(nodes[1:8]), rng.uniform(1.8, 5.0)
    shape: Floats = _linear(rng, nodes) * np.where(nodes < edge, factor, 1.0)
    return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveWorld:
    """A run whose supersteps follow a curve.

    Attributes:
        curve: Of whole runs.
        supersteps: Of the run.
        slots_per_node: Slots of one TaskManager.
        noise: Standard deviation of the log of each superstep's duration.
        seed: Of the noise; the same superstep has the same noise at every parallelism.
    """

    curve: Curve
    supersteps: int
    slots_per_node: int
    noise: float = 0.0
    seed: int = 0

    def duration_s(self, superstep: int, parallelism: int) -> float:
        """The curve's share of one superstep, times its noise."""
        usual = self.curve.at(parallelism / self.slots_per_node) / self.supersteps
        if not self.noise:
            return usual
        return usual * float(np.exp(self.noise * np.random.default_rng((self.seed, superstep)).standard_normal()))

    def utilisation(self, parallelism: int) -> float | None:
        """Of the file, interpolated."""
        if self.curve.utilisation is None:
            return None
        return float(np.interp(parallelism / self.slots_per_node, self.curve.nodes, self.curve.utilisation))
