"""An observer that says what a test told it to say."""

from __future__ import annotations

import asyncio

from adaptor.domain.statistics import FlinkStatistics


class ScriptedObserver:
    """Answers from a list, then that nothing is known.

    Args:
        answers: What to say, one for each observation.

    Attributes:
        asked: Run and job of every observation asked for.
        forgotten: Runs that were forgotten.
        open: While it is cleared, observations wait.
    """

    def __init__(self, *answers: FlinkStatistics) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.forgotten: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def observe(self, *, run_id: str, flink_url: str, job_id: str) -> FlinkStatistics:  # noqa: ARG002 - the port
        """The next answer."""
        self.asked.append((run_id, job_id))
        await self.open.wait()
        return self._answers.pop(0) if self._answers else FlinkStatistics(problem="the script is at its end")

    def forget(self, run_id: str) -> None:
        """Note that the run was forgotten."""
        self.forgotten.append(run_id)
