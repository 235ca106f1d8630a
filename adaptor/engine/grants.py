"""What the engine asks about grants: how much of its cluster a run may use, and whether it has to wait."""

from __future__ import annotations

from typing import Protocol

from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.events import RunStarted
from adaptor.domain.run import RunSpec
from adaptor.store.history import Recorded


class Grants(Protocol):
    """What managers of clusters let runs use. Nothing here waits for a decision but `admitted`."""

    def bounded(self, run: RunSpec, capacity: Capacity) -> Capacity:
        """Slots that a run may count on, of those that there are for it; the same where nobody manages its cluster."""
        ...

    async def admitted(self, started: RunStarted) -> RunStarted:
        """A run's start with no more slots than it is granted; the grant is on disk by then.

        Raises:
            InvalidValueError: If its tenant is not known.
        """
        ...

    def withdraw(self, run: RunSpec) -> None:
        """Take back the admission of a run whose start could not be recorded."""
        ...

    def note(self, record: RunRecord, recorded: Recorded) -> None:
        """Learn what happened to a run; it is recorded already."""
        ...

    def is_paused(self, run_id: str) -> bool:
        """Whether a run waits for slots and holds none."""
        ...

    async def still_paused(self, run_id: str, *, wait_s: float) -> bool:
        """Whether a run has no slots after so many seconds; returns early once it has some."""
        ...


class NobodyManages:
    """Grants where no cluster is managed: every run may use what there is."""

    def bounded(self, run: RunSpec, capacity: Capacity) -> Capacity:  # noqa: ARG002 - the port's signature
        """All that there is."""
        return capacity

    async def admitted(self, started: RunStarted) -> RunStarted:
        """The start as it is."""
        return started

    def withdraw(self, run: RunSpec) -> None:
        """Do nothing."""

    def note(self, record: RunRecord, recorded: Recorded) -> None:
        """Do nothing."""

    def is_paused(self, run_id: str) -> bool:  # noqa: ARG002 - the port's signature
        """Never."""
        return False

    async def still_paused(self, run_id: str, *, wait_s: float) -> bool:  # noqa: ARG002 - the port's signature
        """Never."""
        return False
