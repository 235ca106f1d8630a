"""The log of refused calls: who, what, why, and never what was shown as proof. A flood leaves a line now and then."""

from __future__ import annotations

import logging
from collections import Counter

from adaptor.access.buckets import Buckets

_log = logging.getLogger(__name__)

LINES_PER_S, LINES_AT_ONCE = 1.0, 30
"""Of one caller or address; what is left out is counted in the next line that is not."""

MOST_COUNTED = 10_000
"""Callers whose left-out lines are counted."""


class Refusals:
    """Writes a line for each refusal, as far as one caller does not fill the disk with them."""

    def __init__(self) -> None:
        self._buckets = Buckets(rate_per_s=LINES_PER_S, burst=LINES_AT_ONCE, most_callers=MOST_COUNTED)
        self._left_out: Counter[str] = Counter()

    def note(self, line: str, *, key: str, now_s: float) -> None:
        """Write a line, or count it.

        Args:
            line: Who was refused what, and why.
            key: Whom it is about: a caller's name, or an address.
            now_s: Monotonic seconds.
        """
        if self._buckets.wait_s(key, now_s):
            if key in self._left_out or len(self._left_out) < MOST_COUNTED:
                self._left_out[key] += 1
            return
        more = self._left_out.pop(key, 0)
        _log.warning("refused %s%s", line, f" (and {more} more that were not logged)" if more else "")
