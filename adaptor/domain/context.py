"""What a duration depends on besides parallelism, and the key under which like runs find each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptor.domain.checks import require_text
from adaptor.errors import InvalidValueError

MAX_TEXT = 200
"""Longest name, key or value of a context, in characters: readable in one line of a terminal."""

MAX_PAIRS = 64
"""Most parameters or data characteristics of a context: what a person would still call a description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionContext:
    """Program, parameters, data and machine of a run.

    Attributes:
        program: Name of the algorithm, for example ``kmeans``.
        parameters: Parameters that change the work, for example ``{"k": "8"}``.
        data: Characteristics of the data, for example ``{"rows": "3367760"}``.
        node_type: Kind of worker, as a cloud or an operator names it.
    """

    program: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    node_type: str = "unknown"

    def __post_init__(self) -> None:
        require_text("context.program", self.program, max_length=MAX_TEXT)
        require_text("context.node_type", self.node_type, max_length=MAX_TEXT)
        _require_pairs("context.parameters", self.parameters)
        _require_pairs("context.data", self.data)

    @property
    def key(self) -> str:
        """Digest that is equal for equal contexts, whatever the order in which pairs were given."""
        canonical = json.dumps(
            [self.program, sorted(self.parameters.items()), sorted(self.data.items()), self.node_type]
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def _require_pairs(name: str, pairs: Mapping[str, str]) -> None:
    if len(pairs) > MAX_PAIRS:
        raise InvalidValueError(name, f"must have at most {MAX_PAIRS} entries, got {len(pairs)}")
    for key, value in pairs.items():
        require_text(f"{name} key", key, max_length=MAX_TEXT)
        require_text(f"{name}[{key!r}]", value, max_length=MAX_TEXT)
