"""What peers tell each other of a run, as they see it: contexts behind a filter, durations, and how they were measured.

These values are built from a peer's bytes as well, so they refuse more than own ones need to: nothing in them can
overflow a model, break a line of a terminal or fill a screen.
"""

from __future__ import annotations

import enum
import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from adaptor.domain.checks import require_finite, require_measurable, require_text
from adaptor.domain.context import MAX_PAIRS, MAX_TEXT
from adaptor.domain.run import MAX_SUPERSTEPS
from adaptor.errors import InvalidValueError

MAX_PARALLELISM = 1_000_000
"""Most subtasks or workers that are believed: thirty times Flink's own most, 32,768 key groups."""

MAX_UTILISATION = 1e6
"""Most utilisation that can be written down: far above the cores of any machine. What is plausible is a validator's
question."""

MAX_RUN_NAME = 100
"""Longest name of a run, in characters: as long as ids of runs may be."""

CONTEXTS_KEPT = 256
"""Contexts that are remembered with what was made of them: many contributions have few contexts between them."""

_Pairs = tuple[tuple[str, str], ...]

_BREAKING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode's categories of control and format characters, lone surrogates, and separators of lines and paragraphs:
what moves a cursor, turns the direction of writing, or hides."""


class Measurement(enum.Enum):
    """How a duration was measured."""

    UNKNOWN = "unknown"
    DRIVER_CLOCK = "driver_clock"
    FLINK = "flink"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedContext:
    """An execution context as its author lets peers see it; an empty text was not told.

    Attributes:
        algorithm: Name of the algorithm.
        parameters: Parameters that change the work.
        data: Characteristics of the data.
        node_type: Kind of worker.
        flink_version: For example ``2.3.0``.
    """

    algorithm: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    node_type: str = ""
    flink_version: str = ""

    def __post_init__(self) -> None:
        require_text("algorithm", self.algorithm, max_length=MAX_TEXT)
        for name in ("algorithm", "node_type", "flink_version"):
            _require_harmless(name, getattr(self, name), max_length=MAX_TEXT)
        _require_pairs("parameters", self.parameters)
        _require_pairs("data", self.data)

    @property
    def key(self) -> str:
        """Digest that is equal for equal contexts.

        Flink's version is not part of it, because a run asks for peers' observations before anybody asked its cluster.
        """
        parameters, data = tuple(sorted(self.parameters.items())), tuple(sorted(self.data.items()))
        return _context_key(self.algorithm, parameters, data, self.node_type)


@lru_cache(CONTEXTS_KEPT)
def _context_key(algorithm: str, parameters: _Pairs, data: _Pairs, node_type: str) -> str:
    canonical = json.dumps([algorithm, parameters, data, node_type])
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedObservation:
    """One superstep of somebody's run.

    Attributes:
        superstep: Number in its run, from 1.
        parallelism: Subtasks it ran with.
        scale_out: Workers it ran on; ``None`` if unknown.
        duration_s: Wall-clock seconds.
        cold: Whether start-up weighs on the duration.
        cpu_utilisation: CPU time over wall-clock time and slots; ``None`` if unknown.
        measurement: How the duration was measured.
    """

    superstep: int
    parallelism: int
    scale_out: int | None = None
    duration_s: float
    cold: bool = False
    cpu_utilisation: float | None = None
    measurement: Measurement = Measurement.UNKNOWN

    def __post_init__(self) -> None:
        _require_count("superstep", self.superstep, most=MAX_SUPERSTEPS)
        _require_count("parallelism", self.parallelism, most=MAX_PARALLELISM)
        if self.scale_out is not None:
            _require_count("scale_out", self.scale_out, most=MAX_PARALLELISM)
        require_measurable("duration_s", self.duration_s)
        if self.cpu_utilisation is not None:
            require_finite("cpu_utilisation", self.cpu_utilisation)
            if not 0 <= self.cpu_utilisation <= MAX_UTILISATION:
                raise InvalidValueError(
                    "cpu_utilisation", f"must lie between 0 and {MAX_UTILISATION:g}, got {self.cpu_utilisation:g}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBatch:
    """Measured supersteps of one run, all of one execution context.

    Attributes:
        context: What the durations depend on besides parallelism.
        run: Name of the run among its author's contributions; empty if it was not told.
        observations: At least one.
        schema_version: Version of the schema that they were written with.
    """

    context: SharedContext
    run: str
    observations: tuple[SharedObservation, ...]
    schema_version: int = 1

    def __post_init__(self) -> None:
        _require_harmless("run", self.run, max_length=MAX_RUN_NAME)
        if not self.observations:
            raise InvalidValueError("observations", "must hold at least one")
        if self.schema_version < 1:
            raise InvalidValueError("schema_version", f"must be at least 1, got {self.schema_version}")


def harmless(text: str) -> str:
    """The text with U+FFFD in place of every character that peers refuse."""
    if text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(one) in _BREAKING else one for one in text)


def _require_harmless(name: str, text: str, *, max_length: int) -> None:
    if len(text) > max_length:
        raise InvalidValueError(name, f"must have at most {max_length} characters, got {len(text)}")
    if harmless(text) != text:
        raise InvalidValueError(name, "must not hold control characters")


def _require_pairs(name: str, pairs: Mapping[str, str]) -> None:
    if len(pairs) > MAX_PAIRS:
        raise InvalidValueError(name, f"must have at most {MAX_PAIRS} entries, got {len(pairs)}")
    for key, value in pairs.items():
        for text in (key, value):
            require_text(name, text, max_length=MAX_TEXT)
            _require_harmless(name, text, max_length=MAX_TEXT)


def _require_count(name: str, value: int, *, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidValueError(name, f"must lie between 1 and {most}, got {value}")
