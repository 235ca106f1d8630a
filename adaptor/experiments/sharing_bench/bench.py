"""The benchmark: trials of one back end, in both ways of giving records, and OrbitDB beside them."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptor.experiments.report import Report
from adaptor.experiments.sharing_bench import orbitdb
from adaptor.experiments.sharing_bench.figures import details_of, figures_of, scaling_figures
from adaptor.experiments.sharing_bench.records import SEED
from adaptor.experiments.sharing_bench.trial import Outcome, Trial, run

SCALES = (1_000, 10_000, 100_000)
"""Sizes of log at which the time per entry is to be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be measured.

    Attributes:
        backend: One of `trial.BACKENDS`.
        records: How many the first peer writes.
        peers: Peers that live in the end, the first one included.
        newcomers: How many join, one after another.
        batched: In which ways records are given.
        singles: Records that are sent one by one in the end.
        validate: Whether peers judge contributions.
    """

    backend: str
    records: int
    peers: int
    newcomers: int
    batched: Sequence[bool] = (False, True)
    singles: int = 200
    validate: bool = True

    def trial(self, *, batched: bool) -> Trial:
        """The trial of one way of giving records."""
        return Trial(
            backend=self.backend,
            batched=batched,
            records=self.records,
            peers=self.peers,
            newcomers=max(self.newcomers, self.peers - 1),
            singles=self.singles,
            validate=self.validate,
        )


def bench_sharing(question: Question, *, beside: Path | None, progress: Callable[[str], None]) -> Report:
    """Measure one back end.

    Args:
        question: What is to be measured.
        beside: Folder with OrbitDB's script and packages, or a file of its output; ``None`` leaves it out.
        progress: Told what is being done, a line at a time.

    Raises:
        TrialError: If a peer ends or hangs.
        AdaptorError: If a Kubo node or OrbitDB cannot be used.
    """
    return asyncio.run(_measure(question, beside, progress))


def bench_scaling(backend: str, *, progress: Callable[[str], None], scales: Sequence[int] = SCALES) -> Report:
    """Measure the time per entry at several sizes of log, with one newcomer each and an entry for each record.

    Args:
        backend: One of `trial.BACKENDS`.
        progress: Told what is being done, a line at a time.
        scales: Sizes, in records.

    Raises:
        TrialError: If a peer ends or hangs.
        AdaptorError: If a Kubo node cannot be used.
    """
    trials = [
        Trial(backend=backend, batched=False, records=records, peers=2, newcomers=1, singles=0, validate=False)
        for records in scales
    ]
    before = os.getloadavg()
    outcomes = asyncio.run(_outcomes(trials, progress))
    return Report(
        title=f"Sharing, {backend}: time per entry from {min(scales)} to {max(scales)}",
        figures=scaling_figures(outcomes),
        seeds={"records": SEED},
        details={
            "backend": backend,
            "load_before": before,
            "load_after": os.getloadavg(),
            "trials": {one.trial.records: details_of(one) for one in outcomes},
        },
    )


async def _measure(question: Question, beside: Path | None, progress: Callable[[str], None]) -> Report:
    before = os.getloadavg()
    outcomes = await _outcomes([question.trial(batched=one) for one in question.batched], progress)
    other = None
    if beside is not None:
        progress(f"{orbitdb.NAME}: {question.records} records")
        with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as work:
            other = await orbitdb.measured(beside, records=question.records, work=Path(work))
    return Report(
        title=f"Sharing, {question.backend}: {question.records} records, {question.peers} peers",
        figures=figures_of(outcomes, other),
        seeds={"records": SEED},
        details={
            "backend": question.backend,
            "records": question.records,
            "peers": question.peers,
            "load_before": before,
            "load_after": os.getloadavg(),
            "trials": {one.trial.mode: details_of(one) for one in outcomes},
            "orbitdb": [] if other is None else list(other.lines),
        },
    )


async def _outcomes(trials: Sequence[Trial], progress: Callable[[str], None]) -> list[Outcome]:
    outcomes = []
    for trial in trials:
        with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder:
            outcomes.append(await run(trial, Path(folder), progress=progress))
    return outcomes
