"""Back ends of the meter: none, or every duration kept for a benchmark."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


class NoMeter:
    """Measures nothing."""

    def span(self, stage: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        """A span that does nothing."""
        return nullcontext()


class RecordingMeter:
    """Keeps every duration.

    Attributes:
        durations_s: Seconds of every span, by stage.
    """

    def __init__(self) -> None:
        self.durations_s: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def span(self, stage: str) -> Iterator[None]:
        """Measures what runs inside the span."""
        began_s = time.perf_counter()
        yield
        self.durations_s[stage].append(time.perf_counter() - began_s)
