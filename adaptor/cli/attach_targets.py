"""What is wanted of attached jobs, from the command line's texts such as ``rate=5000`` or ``runtime=300s``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import runs_pb2
from adaptor.domain.duration import parse_duration_s
from adaptor.errors import InvalidValueError

STREAM_TARGETS = ("utilisation", "rate", "lag", "catch-up")
SUPERSTEP_TARGETS = ("runtime", "efficiency", "budget")

HELP = (
    "What is wanted. Of a stream: utilisation=0.7 (share of its time that a subtask works), rate=5000 (records a "
    "second that the sources must be able to emit), lag=5s (waiting records that are left alone), catch-up=60s (time "
    "within which the rest should be gone). Of supersteps: runtime=300s (for those that are left), efficiency=0.7, or "
    "budget=2000 (slot-seconds). May be repeated."
)

MOST = 1e15
"""More records a second, or slot-seconds, than any machine sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperstepOptions:
    """What else the command line says of supersteps.

    Attributes:
        supersteps: How many the job will have done at its end; ``None`` if that is not said.
        source: Where they are told; empty for the usual name.
        program: Under which observations are kept; empty takes the job's name.
        data: Characteristics of the data.
        shareable: Whether observations may leave the service's machine.
    """

    supersteps: int | None = None
    source: str = ""
    program: str = ""
    data: Mapping[str, str]
    shareable: bool = False


def stream_target(texts: Iterable[str]) -> pb.StreamTarget:
    """What is wanted of a stream; what is wanted of supersteps is left out.

    Raises:
        InvalidValueError: If a name is unknown or a value makes no sense.
    """
    target = pb.StreamTarget()
    for name, value in _pairs(texts):
        if name == "utilisation":
            target.utilisation = _number(name, value)
        elif name == "rate":
            target.rate_records_per_s = round(_number(name, value))
        elif name == "lag":
            target.max_lag_s = parse_duration_s(value, field="lag")
        elif name == "catch-up":
            target.catch_up_s = parse_duration_s(value, field="catch-up")
    return target


def superstep_wish(texts: Iterable[str], options: SuperstepOptions) -> pb.SuperstepWish | None:
    """What is wanted of supersteps; ``None`` if nothing is.

    Raises:
        InvalidValueError: If it is not clear what is wanted, or a value makes no sense.
    """
    pairs = _pairs(texts)
    of_supersteps = [(name, value) for name, value in pairs if name in SUPERSTEP_TARGETS]
    if not of_supersteps:
        if options.supersteps or options.source:
            raise InvalidValueError("--target", "say what is wanted of the supersteps, such as --target runtime=300s")
        return None
    if len(of_supersteps) > 1 or len(pairs) > 1:
        raise InvalidValueError("--target", f"{of_supersteps[0][0]}=... must be the only one: one thing is planned for")
    (name, value), wish = of_supersteps[0], pb.SuperstepWish()
    if name == "runtime":
        wish.runtime_target.target_s = parse_duration_s(value, field="runtime")
    elif name == "efficiency":
        wish.efficiency_target.min_efficiency = _number(name, value)
    else:
        wish.cost_budget.budget_slot_s = _number(name, value)
    wish.max_supersteps, wish.source, wish.shareable = options.supersteps or 0, options.source, options.shareable
    wish.context.CopyFrom(runs_pb2.ExecutionContext(program=options.program, data=options.data))
    return wish


def pairs_of(texts: Iterable[str], *, field: str) -> dict[str, str]:
    """Names and values, from texts such as ``rows=3367760``.

    Args:
        texts: As given.
        field: The option that they were given to.

    Raises:
        InvalidValueError: If one has no name or no value.
    """
    pairs = [text.partition("=") for text in texts]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise InvalidValueError(field, f"{name + sign + value!r} is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _pairs(texts: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, _, value = text.partition("=")
        if name not in (*STREAM_TARGETS, *SUPERSTEP_TARGETS):
            known = ", ".join(f"{one}=..." for one in (*STREAM_TARGETS, *SUPERSTEP_TARGETS))
            raise InvalidValueError("--target", f"{text!r} is none of {known}")
        pairs.append((name, value))
    return pairs


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < MOST:
        raise InvalidValueError("--target", f"{name} must be a positive number, got {text!r}")
    return number
