"""Claims that values make about themselves when they are built.

Every value refuses nonsense in its constructor, so nothing further in needs to ask again. The errors name the
field, because the same error travels unchanged to whoever typed the value.
"""

from __future__ import annotations

import math

from adaptor.errors import InvalidValueError


def require_positive(field: str, value: float, *, unit: str = "") -> None:
    """Refuse what is not a finite number above zero.

    Raises:
        InvalidValueError: If `value` is zero, negative, NaN or infinite.
    """
    if not (math.isfinite(value) and value > 0):
        raise InvalidValueError(field, f"must be a positive number{_of(unit)}, got {value}")


def require_not_negative(field: str, value: float, *, unit: str = "") -> None:
    """Refuse what is not a finite number of zero or more.

    Raises:
        InvalidValueError: If `value` is negative, NaN or infinite.
    """
    if not (math.isfinite(value) and value >= 0):
        raise InvalidValueError(field, f"must be zero or more{_of(unit)}, got {value}")


SHORTEST_S = 1e-6
"""Least seconds of anything measured: the resolution of the clocks that measure it."""

LONGEST_S = 1e9
"""Most seconds of anything measured: thirty years. Between the two no model's arithmetic overflows."""


def require_measurable(field: str, value: float) -> None:
    """Refuse seconds that no clock of a job can have measured.

    Raises:
        InvalidValueError: If `value` is not a number from `SHORTEST_S` to `LONGEST_S`.
    """
    require_positive(field, value, unit="seconds")
    if not SHORTEST_S <= value <= LONGEST_S:
        raise InvalidValueError(field, f"must lie between {SHORTEST_S:g} and {LONGEST_S:g} seconds, got {value:g}")


def require_finite(field: str, *values: float) -> None:
    """Refuse NaN and infinity, which JSON cannot hold.

    Raises:
        InvalidValueError: If one of `values` is not finite.
    """
    if not all(map(math.isfinite, values)):
        raise InvalidValueError(field, f"must be finite, got {', '.join(map(str, values))}")


def require_fraction(field: str, value: float) -> None:
    """Refuse what does not lie strictly between 0 and 1.

    Raises:
        InvalidValueError: If `value` is outside (0, 1).
    """
    if not 0 < value < 1:
        raise InvalidValueError(field, f"must lie between 0 and 1, both excluded, got {value}")


def require_text(field: str, value: str, *, max_length: int) -> None:
    """Refuse an empty or overlong text.

    Raises:
        InvalidValueError: If `value` is blank or longer than `max_length` characters.
    """
    if not value.strip():
        raise InvalidValueError(field, "must not be empty")
    if len(value) > max_length:
        raise InvalidValueError(field, f"must have at most {max_length} characters, got {len(value)}")


def _of(unit: str) -> str:
    return f" of {unit}" if unit else ""
