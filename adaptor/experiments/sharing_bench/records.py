"""Observations as a K-Means gives them: what one superstep of one run measured, no two of them alike."""

from __future__ import annotations

import random

from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.statistics import FlinkStatistics

BATCH = 500
"""Records given at once: the default of `sharing.publish_batch`."""

SUPERSTEPS = 1000
"""Supersteps of each run; so runs are longer than a batch, and batches are full."""

CURVE_S = {1: 15.6, 2: 11.6, 3: 13.9, 4: 17.7}
"""Seconds of a superstep by parallelism: a K-Means over 3.3 million rows on two cores."""

SPREAD = 0.03
"""Relative deviation of one superstep from the curve, as was seen in those runs."""

SEED = 1
"""Of the deviations."""


def observation(number: int, *, apart: bool = False) -> Observation:
    """The record of a number, from 0; the same at every call.

    Args:
        number: Which one.
        apart: Whether it is of a run of its own.
    """
    run, superstep = number // SUPERSTEPS, 1 + number % SUPERSTEPS
    run_id = f"kmeans-bench-{run:04d}" + (f"-{superstep}" if apart else "")
    parallelism = 1 + superstep // 10 % len(CURVE_S)
    chance = random.Random(f"{SEED}/{number}")  # noqa: S311 - no secret
    duration_s = CURVE_S[parallelism] * (1 + run % 5 / 10) * chance.lognormvariate(0.0, SPREAD)
    return Observation(
        observation_id=f"{run_id}/{superstep}/1",
        run_id=run_id,
        superstep=superstep,
        attempt=1,
        context=_context(run),
        planned_parallelism=parallelism,
        requested_parallelism=parallelism,
        observed_parallelism=parallelism,
        duration_s=duration_s,
        cold=superstep == 1,
        failed=False,
        shareable=True,
        flink=FlinkStatistics(observed_parallelism=parallelism, cpu_utilisation=chance.uniform(0.6, 0.95)),
    )


def _context(run: int) -> ExecutionContext:
    return ExecutionContext(
        program="kmeans",
        parameters={"k": str(8 * (1 + run % 5)), "max_iterations": "1000", "tolerance": "0.0001"},
        data={"rows": str(3_367_760 * (1 + run % 5)), "columns": "8", "bytes": str(210_000_000 * (1 + run % 5))},
        node_type="local-1-core",
    )
