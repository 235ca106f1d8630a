"""Turns of rescales up and down, by adaptor and by the bare wish, on one stream after the other; and the report.

A stream is bounded, so that at its end every record can be counted at the transactional sink. When one ends before
all rescales were made the next one begins; a rescale that met the end is made again.

Where Flink restarts at once on the bare wish (before 2.0, and with a maximum delay of nothing), the wish is put at a
random moment of the interval between two checkpoints, as it is by whoever does not look at them. Otherwise it would
profit from the checkpoint that adaptor took in the turn before.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptor.errors import FlinkError, TrialError
from adaptor.experiments.report import Report
from adaptor.experiments.rescale_bench.figures import figures
from adaptor.experiments.rescale_bench.stage import StreamJobOptions, StreamStage
from adaptor.experiments.rescale_bench.trial import (
    ADAPTOR,
    BARE,
    Condition,
    Measured,
    Trial,
    aligned_rescale,
    bare_rescale,
)
from adaptor.flink.stream_client import StreamClient
from adaptor.local.release import INSTALLED, RELEASES

VERSIONS = (INSTALLED, *RELEASES)
"""Series of Flink that there is an embedded cluster of."""

TURNS = ((ADAPTOR, 2), (ADAPTOR, 1), (BARE, 2), (BARE, 1))
"""Way and parallelism of one round; the stream begins at 1."""

MOST_STREAMS = 30
"""Streams that may be used up; then the machine is too quick or too slow for the number of rows."""

MOST_FAILURES = 3
"""Rescales of one condition that may come to nothing; more are no accident."""

SETTLE_S = 3.0
"""Between two rescales: what is processed again has come out by then."""

START_S = 120.0
"""Longest wait for a stream to run."""

END_S = 600.0
"""Longest wait for a stream to work off its rows."""

MAX_DELAY = "jobmanager.adaptive-scheduler.rescale-trigger.max-delay"
"""Flink's option: how long a wish waits for a checkpoint; since 2.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is measured.

    Attributes:
        flink: Series of Flink.
        times: Rescales by each way under each condition.
        rate: Records a second.
        rows: Records of each stream.
        work: How much is done for each record.
        intervals_s: Between two periodic checkpoints; each is measured.
        max_delays: Values of `MAX_DELAY`; each is measured, and empty leaves it as delivered. Of no effect before 2.0.
        seed: Of the moments at which the bare wish is put.
    """

    flink: str
    times: int
    rate: int = 1000
    rows: int = 60_000
    work: int = 4000
    intervals_s: Sequence[int] = (10, 60)
    max_delays: Sequence[str] = ("", "10 min", "0 s")
    seed: int = 1

    @property
    def restarts_at_once(self) -> bool:
        """Whether this Flink restarts at once on a wish."""
        return self.flink.startswith("1.")

    @property
    def delays(self) -> Sequence[str]:
        """Maximum delays that this Flink knows."""
        return ("",) if self.restarts_at_once else self.max_delays


def bench_rescale(question: Question, *, progress: Callable[[str], None]) -> Report:
    """Measure; see the module.

    Raises:
        AdaptorError: If the cluster or the stream cannot be started.
    """
    measured = [one for delay in question.delays for one in _on_one_cluster(question, delay, progress)]
    return Report(
        title=f"Rescales of a real stream on Flink {question.flink}",
        figures=[figure for one in measured for figure in figures(one)],
        seeds={"moments": question.seed},
        details={
            "flink": question.flink,
            "cooldown": "1 s, on the measured cluster alone",
            "conditions": [_told(one) for one in measured],
        },
    )


def _on_one_cluster(question: Question, max_delay: str, progress: Callable[[str], None]) -> list[Measured]:
    options = {
        "web.refresh-interval": "20 ms",
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "1 s",
    }
    if max_delay:
        options[MAX_DELAY] = max_delay
    with (
        tempfile.TemporaryDirectory(prefix="adaptor-rescale-") as home,
        StreamStage(Path(home), options=options, flink=question.flink, report=progress) as stage,
    ):
        return [
            _Campaign(stage, question, condition, progress).measured()
            for condition in (
                Condition(flink=question.flink, interval_s=interval_s, max_delay=max_delay)
                for interval_s in question.intervals_s
            )
        ]


class _Campaign:
    """All turns under one condition."""

    def __init__(
        self, stage: StreamStage, question: Question, condition: Condition, progress: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._client = stage.client
        self._question = question
        self._condition = condition
        self._progress = progress
        self._chance = random.Random(question.seed)  # noqa: S311 - moments, no secrets
        self._trials: list[Trial] = []
        self._exact: list[bool] = []
        self._failures: list[str] = []

    def measured(self) -> Measured:
        """Take turns until there are enough rescales either way."""
        while not self._enough() and len(self._exact) < MOST_STREAMS:
            self._one_stream()
        times = self._question.times
        kept = [one for way in (ADAPTOR, BARE) for one in self._of(way)[:times]]
        return Measured(
            condition=self._condition, trials=kept, exact=tuple(self._exact), failures=tuple(self._failures)
        )

    def _of(self, way: str) -> list[Trial]:
        return [one for one in self._trials if one.way == way]

    def _enough(self) -> bool:
        return all(len(self._of(way)) >= self._question.times for way in (ADAPTOR, BARE))

    def _one_stream(self) -> None:
        question = self._question
        job_id, folder = self._stage.submit(
            StreamJobOptions(
                rate=question.rate,
                rows=question.rows,
                work=question.work,
                checkpoint_interval=f"{self._condition.interval_s} s",
            )
        )
        _await(lambda: _runs(self._client, job_id), START_S)
        self._rescale_until_end(job_id, folder)
        _await(lambda: self._client.job(job_id).state.ended, END_S)
        self._exact.append(self._stage.output(folder).exactly_once(question.rows))
        self._progress(f"stream {len(self._exact)} ended, exactly once: {self._exact[-1]}")

    def _rescale_until_end(self, job_id: str, folder: Path) -> None:
        before = 0
        while not self._enough():
            for way, parallelism in TURNS:
                time.sleep(SETTLE_S + self._moment_s(way))
                try:
                    trial = self._trial(job_id, folder, way=way, parallelism=parallelism, before=before)
                except (TrialError, FlinkError) as error:
                    if _has_ended(self._client, job_id):
                        return
                    self._failed(way, parallelism, error)
                    continue
                before += trial.reprocessed
                self._trials.append(trial)
                self._tell(trial)

    def _moment_s(self, way: str) -> float:
        """Seconds to wait before a turn: nothing where Flink itself waits for a checkpoint."""
        at_once = self._question.restarts_at_once or self._condition.max_delay.startswith("0")
        return self._chance.uniform(0.0, self._condition.interval_s) if at_once and way == BARE else 0.0

    def _failed(self, way: str, parallelism: int, error: Exception) -> None:
        text = f"{way} to {parallelism}: {error}"
        self._failures.append(text)
        self._progress(text)
        if len(self._failures) > MOST_FAILURES:
            raise TrialError(f"rescales come to nothing: {'; '.join(self._failures)}")

    def _tell(self, trial: Trial) -> None:
        self._progress(
            f"{self._condition.name} {len(self._trials)}: {trial.way} to {trial.parallelism}: "
            f"{trial.timing.ask_to_restart_s:.2f} s to the restart, "
            f"gap {trial.timing.gap_s:.2f} s, {trial.reprocessed} records again"
        )

    def _trial(self, job_id: str, folder: Path, *, way: str, parallelism: int, before: int) -> Trial:
        if way == ADAPTOR:
            timing, proof = aligned_rescale(self._client, job_id, parallelism)
        else:
            timing, proof = bare_rescale(self._client, job_id, parallelism), None
        time.sleep(SETTLE_S)
        again = self._stage.output(folder).reprocessed - before
        return Trial(way=way, parallelism=parallelism, timing=timing, proof=proof, reprocessed=again)


def _runs(client: StreamClient, job_id: str) -> bool:
    job = client.stream_job(job_id)
    return job.all_running or job.ended


def _has_ended(client: StreamClient, job_id: str) -> bool:
    """Whether the stream worked off its rows, or is just about to: its source has ended by then."""
    job = client.job(job_id)
    return job.state.ended or any(vertex.status == "FINISHED" for vertex in job.vertices)


def _await(reached: Callable[[], bool], longest_s: float) -> None:
    until_s = time.monotonic() + longest_s
    while not reached():
        if time.monotonic() > until_s:
            raise TrialError(f"what was waited for did not happen within {longest_s:g} s")
        time.sleep(0.2)


def _told(measured: Measured) -> dict[str, object]:
    condition = measured.condition
    return {
        "name": condition.name,
        "checkpoint_interval_s": condition.interval_s,
        "max_delay": condition.max_delay or "as delivered",
        "failures": list(measured.failures),
        "rescales": [_rescale_told(one) for one in measured.trials],
    }


def _rescale_told(trial: Trial) -> dict[str, object]:
    return {
        "way": trial.way,
        "parallelism": trial.parallelism,
        "ask_to_restart_s": trial.timing.ask_to_restart_s,
        "gap_s": trial.timing.gap_s,
        "reprocessed": trial.reprocessed,
        "triggered_id": trial.proof.triggered_id if trial.proof else None,
        "restored_id": trial.proof.restored_id if trial.proof else None,
        "checkpoint_s": trial.proof.checkpoint_s if trial.proof else None,
    }
