"""What the models cost: fitting a prior in the background, and what is left to do at a barrier."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from adaptor.domain.context import ExecutionContext
from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.models.prior import Prior
from adaptor.models.runtime import RuntimeModel
from adaptor.models.training import TrainingRow

T = TypeVar("T")

MOST_PARALLELISM = 512
SUPERSTEPS_LEFT = 100
OWN_SUPERSTEPS = 20
"""Supersteps that the run itself has done at the barrier that is measured."""

REPEATED = 5
"""Observations of one context at one parallelism."""

PARALLELISMS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)

SHOWN_IMPORT = "import sys, adaptor.models.runtime, adaptor.models.prior; print('sklearn' in sys.modules)"


def bench_models(*, observations: int, calls: int, seed: int) -> Report:
    """Time and memory of the models.

    Args:
        observations: That the prior is fitted to.
        calls: Barriers to measure.
        seed: Of the observations.
    """
    rows = synthetic_rows(observations, seed=seed)
    with threadpool_limits(limits=1):
        began_s = time.process_time()
        fit_s, prior = _timed(lambda: Prior.fit(rows, seed=seed))
        fit_cpu_s = time.process_time() - began_s
        target = _context(4.5e6, 12)
        tabulate_s, informed = _timed(lambda: prior.informed(target))
        candidates = np.arange(1, MOST_PARALLELISM + 1, dtype=np.int64)
        own = [
            ObservedDuration(parallelism=16 if i < OWN_SUPERSTEPS // 2 else 8, duration_s=20.0 + i % 3, superstep=i + 1)
            for i in range(OWN_SUPERSTEPS)
        ]

        def barrier(prior_of_run: InformedPrior | None) -> None:
            model = RuntimeModel.fit(own, prior=prior_of_run)
            model.predict(candidates).rest_s(SUPERSTEPS_LEFT)
            model.work_ahead(OWN_SUPERSTEPS + 1, SUPERSTEPS_LEFT)

        times = [_timed(lambda: barrier(informed))[0] for _ in range(calls)]
        plain = [_timed(lambda: barrier(None))[0] for _ in range(calls)]
        peak = _peak_bytes(lambda: Prior.fit(rows, seed=seed))
    shown = subprocess.run([sys.executable, "-c", SHOWN_IMPORT], check=True, capture_output=True, text=True)
    figures = (
        Figure(name="models_fit", value=fit_s, unit="s"),
        Figure(name="models_fit_cpu", value=fit_cpu_s, unit="CPU-s"),
        Figure(name="models_tabulate", value=1000 * tabulate_s, unit="ms"),
        Figure(
            name="models_barrier_median",
            value=1000 * percentile(times, 0.5),
            unit="ms",
            baseline=1000 * percentile(plain, 0.5),
            baseline_name="no prior",
        ),
        Figure(
            name="models_barrier_p99",
            value=1000 * percentile(times, 0.99),
            unit="ms",
            baseline=1000 * percentile(plain, 0.99),
            baseline_name="no prior",
        ),
        Figure(name="models_fit_peak_memory", value=peak / 1e6, unit="MB"),
        Figure(name="models_import_loads_sklearn", value=float(shown.stdout.strip() == "True"), unit="times"),
    )
    return Report(
        title=f"models over {len(rows)} observations",
        figures=figures,
        seeds={"seed": seed},
        details={"observations": len(rows), "calls": calls, "parallelisms": MOST_PARALLELISM},
    )


def synthetic_rows(count: int, *, seed: int) -> list[TrainingRow]:
    """Observations of one program on data of many sizes, whose work divides in part, with noise."""
    rng = np.random.default_rng(seed)
    rows: list[TrainingRow] = []
    while len(rows) < count:
        size, k = float(rng.uniform(1e6, 1e7)), int(rng.integers(2, 20))
        for parallelism in PARALLELISMS:
            seconds = 2.0 + size / 1e6 * k / 8 * (1.0 + 20.0 / parallelism) + 0.02 * parallelism
            rows += [
                TrainingRow(
                    context=_context(size, k),
                    parallelism=parallelism,
                    duration_s=float(seconds * np.exp(0.03 * rng.normal())),
                    superstep=i + 1,
                    contributor=f"peer-{len(rows) % 7}",
                    run=f"run-{len(rows)}",
                )
                for i in range(REPEATED)
            ]
    return rows[:count]


def _context(size: float, k: int) -> ExecutionContext:
    return ExecutionContext(program="kmeans", parameters={"k": f"{k}"}, data={"rows": f"{size:.0f}"}, node_type="node")


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def _peak_bytes(work: Callable[[], object]) -> int:
    """Most memory that Python and NumPy held at once while it ran, beyond what they held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
