"""A clock that only moves when a test says so."""

from __future__ import annotations


class ManualClock:
    """Tells the time that it was set to.

    Args:
        now_s: Seconds since the epoch at its start.
    """

    def __init__(self, now_s: float = 1_000_000.0) -> None:
        self._began_s = now_s
        self._passed_s = 0.0
        self._set_by_s = 0.0

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return self._began_s + self._passed_s + self._set_by_s

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return self._passed_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed_s += seconds

    def set_by(self, seconds: float) -> None:
        """Set the wall clock, forward or back, without time passing."""
        self._set_by_s += seconds
