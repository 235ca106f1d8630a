"""Durations as people write them: ``90s``, ``1.5h``, ``2m30s``. A bare number is refused: it hides its unit."""

from __future__ import annotations

import re

from adaptor.domain.checks import require_finite
from adaptor.errors import InvalidValueError

_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", re.ASCII)


def parse_duration_s(text: str, *, field: str = "duration") -> float:
    """Seconds that a text like ``90s``, ``10m`` or ``1h30m`` stands for.

    Raises:
        InvalidValueError: If the text is not a sequence of numbers each followed by ms, s, m, h or d.
    """
    parts = list(_PART.finditer(text.strip().lower()))
    if not parts or "".join(part[0] for part in parts) != text.strip().lower():
        raise InvalidValueError(field, f"{text!r} is not a duration; write for example 500ms, 90s, 10m or 1h30m")
    seconds = sum(float(part[1]) * _SECONDS_PER_UNIT[part[2]] for part in parts)
    require_finite(field, seconds)
    return seconds


def format_duration(seconds: float) -> str:
    """A duration as a person reads it, with about three digits: ``850ms``, ``12.3s``, ``2m05s``, ``1h02m``."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.0f}ms"
    if round(seconds, 1) < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - minutes in an hour
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"
