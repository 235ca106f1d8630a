"""How often each may call: token buckets, one a caller, in bounded memory. Time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_CALLERS = 10_000
"""Buckets kept, about 2 MB; beyond that the one that was used longest ago is forgotten, which by then is full again
unless so many callers share a second."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at_s: float


class Buckets:
    """Buckets that fill at a rate up to a burst, and from which each call takes one.

    Args:
        rate_per_s: Calls a second; 0 limits nothing.
        burst: Calls at once.
        most_callers: Buckets kept.
    """

    def __init__(self, *, rate_per_s: float, burst: float, most_callers: int = MOST_CALLERS) -> None:
        self._rate_per_s = rate_per_s
        self._burst = max(1.0, burst)
        self._most_callers = most_callers
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """Buckets in memory."""
        return len(self._buckets)

    def wait_s(self, key: str, now_s: float) -> float:
        """Take one of a caller's calls.

        Args:
            key: The caller.
            now_s: Monotonic seconds.

        Returns:
            0 if the call was had, otherwise the seconds until one can be.
        """
        if not self._rate_per_s:
            return 0.0
        bucket = self._bucket(key, now_s)
        bucket.level = min(self._burst, bucket.level + self._rate_per_s * max(0.0, now_s - bucket.at_s))
        bucket.at_s = now_s
        if bucket.level < 1.0:
            return (1.0 - bucket.level) / self._rate_per_s
        bucket.level -= 1.0
        return 0.0

    def _bucket(self, key: str, now_s: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now_s)
            if len(self._buckets) > self._most_callers:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket
