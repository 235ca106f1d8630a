"""The mechanism of driver loops: the job's own driver submits the next superstep with what the plan says."""

from __future__ import annotations

from adaptor.domain.run import RunSpec


class DriverLoopRescaler:
    """Leaves the change to the driver, which reads the plan in the answer to its barrier call."""

    async def rescale(self, run: RunSpec, parallelism: int) -> float | None:  # noqa: ARG002 - the port's signature
        """Nothing is left to do: the answer carries the plan, and the next barrier shows what Flink used."""
        return None
