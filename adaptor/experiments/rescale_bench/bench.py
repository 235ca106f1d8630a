"""Turns of rescales up and down, by adaptor and by the bare wish, on one stream after the other; and the report.

A stream is bounded, so that at its end every record can be counted at the transactional sink. When one ends before
all rescales were made the next one begins; a rescale that met the end is made again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from adaptor.errors import FlinkError, InvalidValueError, TrialError
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.experiments.rescale_bench.stage import StreamJobOptions, StreamStage
from adaptor.experiments.rescale_bench.trial import Trial, aligned_rescale, bare_rescale
from adaptor.flink.stream_client import StreamClient

VERSIONS = ("2.3",)
"""Versions of Flink that there is an embedded cluster of."""

ADAPTOR, BARE = "adaptor", "bare"

TURNS = ((ADAPTOR, 2), (ADAPTOR, 1), (BARE, 2), (BARE, 1))
"""Way and parallelism of one round; the stream begins at 1."""

MOST_STREAMS = 30
"""Streams that may be used up; then the machine is too quick or too slow for the number of rows."""

SETTLE_S = 3.0
"""Between two rescales: what is processed again has come out by then."""

START_S = 120.0
"""Longest wait for a stream to run."""

END_S = 600.0
"""Longest wait for a stream to work off its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is measured.

    Attributes:
        times: Rescales by each way.
        rate: Records a second.
        rows: Records of each stream.
        work: How much is done for each record.
        interval_s: Between two periodic checkpoints.
        max_delay: Flink's `rescale-trigger.max-delay`; empty leaves it as delivered.
    """

    times: int
    rate: int = 1000
    rows: int = 60_000
    work: int = 4000
    interval_s: int = 10
    max_delay: str = ""


def bench_rescale(question: Question, *, flink: str, progress: Callable[[str], None]) -> Report:
    """Measure; see the module.

    Raises:
        InvalidValueError: If there is no cluster of that version.
        AdaptorError: If the cluster or the stream cannot be started.
    """
    if flink not in VERSIONS:
        raise InvalidValueError("--flink", f"{flink!r} is none of {', '.join(VERSIONS)}")
    options = {
        "web.refresh-interval": "20 ms",
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "1 s",
    }
    if question.max_delay:
        options["jobmanager.adaptive-scheduler.rescale-trigger.max-delay"] = question.max_delay
    with tempfile.TemporaryDirectory(prefix="adaptor-rescale-") as home, StreamStage(Path(home), options=options) as on:
        trials, streams = _measured(on, question, progress)
    return _report(question, trials, streams)


def _measured(
    stage: StreamStage, question: Question, progress: Callable[[str], None]
) -> tuple[list[Trial], list[bool]]:
    """All trials, and of each stream whether every record came out exactly once."""
    trials: list[Trial] = []
    exact: list[bool] = []
    while not _enough(trials, question) and len(exact) < MOST_STREAMS:
        job_id, folder = stage.submit(
            StreamJobOptions(
                rate=question.rate,
                rows=question.rows,
                work=question.work,
                checkpoint_interval=f"{question.interval_s} s",
            )
        )
        _await(lambda: _runs(stage.client, job_id), START_S)  # noqa: B023 - awaited within the turn
        _rescale_until_end(stage, question, (job_id, folder), trials, progress)
        _await(lambda: stage.client.job(job_id).state.ended, END_S)  # noqa: B023 - likewise
        exact.append(stage.output(folder).exactly_once(question.rows))
        progress(f"stream {len(exact)} ended, exactly once: {exact[-1]}")
    return [one for way in (ADAPTOR, BARE) for one in _of(way, trials)[: question.times]], exact


def _of(way: str, trials: Sequence[Trial]) -> list[Trial]:
    return [one for one in trials if one.way == way]


def _enough(trials: Sequence[Trial], question: Question) -> bool:
    return all(len(_of(way, trials)) >= question.times for way in (ADAPTOR, BARE))


def _rescale_until_end(
    stage: StreamStage,
    question: Question,
    stream: tuple[str, Path],
    trials: list[Trial],
    progress: Callable[[str], None],
) -> None:
    job_id, folder = stream
    before = 0
    while not _enough(trials, question):
        for way, parallelism in TURNS:
            time.sleep(SETTLE_S)
            try:
                trial = _trial(stage, job_id, folder, way=way, parallelism=parallelism, before=before)
            except (TrialError, FlinkError) as error:
                if _has_ended(stage.client, job_id):
                    return
                raise TrialError(f"a rescale came to nothing ({way}, to {parallelism}): {error}") from error
            before += trial.reprocessed
            trials.append(trial)
            progress(
                f"{len(trials)}: {way} to {parallelism}: {trial.timing.ask_to_restart_s:.2f} s to the restart, "
                f"gap {trial.timing.gap_s:.2f} s, {trial.reprocessed} records again"
            )


def _trial(stage: StreamStage, job_id: str, folder: Path, *, way: str, parallelism: int, before: int) -> Trial:
    if way == ADAPTOR:
        timing, proof = aligned_rescale(stage.client, job_id, parallelism)
    else:
        timing, proof = bare_rescale(stage.client, job_id, parallelism), None
    time.sleep(SETTLE_S)
    again = stage.output(folder).reprocessed - before
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


def _report(question: Question, trials: Sequence[Trial], streams: Sequence[bool]) -> Report:
    own, bare = _of(ADAPTOR, trials), _of(BARE, trials)
    return Report(
        title=f"Rescales of a real stream, checkpoints every {question.interval_s} s",
        figures=_figures(question, own, bare, streams),
        details={
            "flink": VERSIONS[0],
            "checkpoint_interval_s": question.interval_s,
            "max_delay": question.max_delay or "as delivered",
            "cooldown": "1 s, on the measured cluster alone",
            "rescales": [_told(one) for one in trials],
        },
    )


def _figures(question: Question, own: Sequence[Trial], bare: Sequence[Trial], streams: Sequence[bool]) -> list[Figure]:
    at = f"{question.interval_s}s"
    above = [
        one.timing.ask_to_restart_s - (one.proof.checkpoint_s or 0.0) for one in own if one.proof and one.proof.aligned
    ]
    aligned = sum(one.proof is not None and one.proof.aligned for one in own)
    name = "bare PUT"
    return [
        Figure(name=f"rescale_not_aligned_{at}", value=len(own) - aligned, unit=f"of {len(own)} rescales"),
        Figure(name=f"rescale_streams_not_exactly_once_{at}", value=streams.count(False), unit=f"of {len(streams)}"),
        Figure(name=f"rescale_ask_above_checkpoint_median_{at}", value=median(above) if above else None, unit="s"),
        Figure(name=f"rescale_ask_above_checkpoint_max_{at}", value=max(above, default=None), unit="s"),
        *(
            Figure(
                name=f"rescale_{what}_{kind}_{at}",
                value=summed([pick(one) for one in own]),
                unit=unit,
                baseline=summed([pick(one) for one in bare]),
                baseline_name=name,
            )
            for what, unit, pick in _PICKS
            for kind, summed in _SUMMARIES
            if own and bare
        ),
        *(
            Figure(
                name=f"rescale_{what}_ratio_{at}",
                value=_ratio([pick(one) for one in own], [pick(one) for one in bare]),
                unit="of the bare PUT's median",
            )
            for what, _, pick in _PICKS
        ),
    ]


def _ratio(own: Sequence[float], bare: Sequence[float]) -> float | None:
    """Median by median; ``None`` if the bare way's is nothing."""
    return median(own) / median(bare) if own and bare and median(bare) > 0 else None


_PICKS: Sequence[tuple[str, str, Callable[[Trial], float]]] = (
    ("ask_to_restart", "s", lambda one: one.timing.ask_to_restart_s),
    ("gap", "s", lambda one: one.timing.gap_s),
    ("reprocessed", "records", lambda one: float(one.reprocessed)),
)

_SUMMARIES: Sequence[tuple[str, Callable[[Sequence[float]], float]]] = (
    ("median", median),
    ("p95", lambda values: percentile(values, 0.95)),
)


def _told(trial: Trial) -> dict[str, object]:
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
