"""What a setting is, and how each kind is written and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptor.domain.duration import parse_duration_s
from adaptor.errors import InvalidValueError

PREFIX = "ADAPTOR_"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is written and read.

    Attributes:
        name: What the documentation calls it.
        parse: Value of a text, given the setting's name for errors.
        toml_types: What a TOML file may hold instead of a text.
    """

    name: str
    parse: Callable[[str, str], Any]
    toml_types: tuple[type, ...] = ()


def _integer(text: str, field: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise InvalidValueError(field, f"{text!r} is not a whole number") from None
    if value < 0:
        raise InvalidValueError(field, f"must be zero or more, got {value}")
    return value


def _fraction(text: str, field: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidValueError(field, f"{text!r} is not a number") from None
    if not 0 < value < 1:
        raise InvalidValueError(field, f"must lie between 0 and 1, both excluded, got {text}")
    return value


def _duration(text: str, field: str) -> float:
    value = parse_duration_s(text, field=field)
    if value <= 0:
        raise InvalidValueError(field, f"must be longer than nothing, got {text}")
    return value


def _switch(text: str, field: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidValueError(field, f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _level(text: str, field: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise InvalidValueError(field, f"{text!r} is none of debug, info, warning, error")
    return text.upper()


TEXT = Kind("text", lambda text, _: text)
PATH = Kind("path", lambda text, _: Path(text).expanduser())
INTEGER = Kind("number", _integer, (int,))
FRACTION = Kind("fraction", _fraction, (float,))
DURATION = Kind("duration", _duration)
SWITCH = Kind("true or false", _switch, (bool,))
LEVEL = Kind("log level", _level)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: ``table.key`` as in the TOML file.
        kind: How it is written.
        default: Written as a user would.
        meaning: What it does.
        reason: Where the default comes from.
    """

    name: str
    kind: Kind
    default: str
    meaning: str
    reason: str

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return variable_of(self.name)


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.replace(".", "_").upper()
