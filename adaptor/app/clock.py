"""The system's clock."""

from __future__ import annotations

import time


class SystemClock:
    """Tells the time of this machine."""

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return time.monotonic()
