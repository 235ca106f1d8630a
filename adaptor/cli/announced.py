"""Announced capacity as people write it: ``+20@14:00``, ``8@18:00``, ``-4@in+30m``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.domain.duration import parse_duration_s
from adaptor.errors import InvalidValueError

_CHANGE = re.compile(r"([+-]?)(\d{1,9})@(\S+)", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_EPOCH = re.compile(r"\d{9,11}(?:\.\d+)?", re.ASCII)


def announced_capacity(texts: Iterable[str], *, now_s: float) -> list[pb.AnnouncedCapacity]:
    """What texts announce.

    Args:
        texts: Each a change and a time.
        now_s: Seconds since the epoch.

    Raises:
        InvalidValueError: If one is not written so.
    """
    return [_announced(text, now_s) for text in texts]


def _announced(text: str, now_s: float) -> pb.AnnouncedCapacity:
    match = _CHANGE.fullmatch(text)
    if match is None:
        raise InvalidValueError("change", f"{text!r} is none; write for example +20@14:00, 8@18:00 or -4@in+30m")
    sign, slots, when = match.groups()
    at_s = _time_s(when, now_s)
    if sign:
        return pb.AnnouncedCapacity(at_s=at_s, more_slots=int(sign + slots))
    return pb.AnnouncedCapacity(at_s=at_s, total_slots=int(slots))


def _time_s(text: str, now_s: float) -> float:
    if text.startswith("in+"):
        return now_s + parse_duration_s(text.removeprefix("in+"), field="change")
    if _EPOCH.fullmatch(text):
        return float(text)
    match = _CLOCK.fullmatch(text)
    try:
        hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
        now = datetime.fromtimestamp(now_s)
        then = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        raise InvalidValueError(
            "change", f"{text!r} is no time; write for example 14:00, in+30m or seconds since the epoch"
        ) from None
    return (then if then > now else then + timedelta(days=1)).timestamp()
