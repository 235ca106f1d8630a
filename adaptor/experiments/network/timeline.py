"""Virtual time: things happen one after another, in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Action = Callable[[], None]

MOST_EVENTS = 400_000
"""Of one timeline, unless told otherwise: thirty times what a run of a few peers takes."""


class RestlessError(Exception):
    """Far more happens than should."""


class Timeline:
    """What is still to happen.

    Args:
        start_s: Seconds since the epoch at the beginning.
        most_events: After which it is given up.
    """

    def __init__(self, start_s: float, *, most_events: int = MOST_EVENTS) -> None:
        self.now_s = start_s
        self.events = 0
        self._start_s = start_s
        self._most_events = most_events
        self._ahead: list[tuple[float, int, Action]] = []
        self._count = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self.now_s - self._start_s

    def after(self, delay_s: float, action: Action) -> None:
        """Let something happen so much later; what was said first happens first among equals."""
        self._count += 1
        heapq.heappush(self._ahead, (self.now_s + delay_s, self._count, action))

    def run(self, seconds: float) -> None:
        """Let so much time pass.

        Raises:
            RestlessError: If more happens than should.
        """
        end_s = self.now_s + seconds
        ahead = self._ahead
        while ahead and ahead[0][0] <= end_s:
            self.now_s, _, action = heapq.heappop(ahead)
            self.events += 1
            action()
            if self.events > self._most_events:
                raise RestlessError(f"more than {self._most_events} events within {self.elapsed_s:.0f} s")
        self.now_s = end_s
