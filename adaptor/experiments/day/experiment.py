"""Plays the same day once for every way of looking after the stream, on one real cluster, and keeps every look."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptor.control.stream_watch import load_between
from adaptor.errors import FlinkError, InvalidValueError, TrialError
from adaptor.experiments.day.core_shares import CoreShares
from adaptor.experiments.day.load import DayLoad
from adaptor.experiments.day.tally import Look
from adaptor.experiments.day.ways import LOOK_S, Kind, Ward, Way, looked_after
from adaptor.experiments.rescale_bench.stage import ANSWER_S, StreamJobOptions, StreamStage
from adaptor.flink.stream_client import StreamClient
from adaptor.local.pinning import allowed_cores
from adaptor.planner.stream_rates import true_rate

UTILISATIONS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the Autoscaler's rule: its default, and what a patient user might try on either side."""

WORKERS_PER_CORE = 2
"""Half a core each: with two cores there are four widths to choose from."""

UTILISATION = 0.7
"""That is wanted of every way, and that the load of noon is measured by."""

KEY_GROUPS = 120
"""Spread evenly over any number of subtasks up to six: the Autoscaler widens to a divisor, and is not to be put at a
disadvantage by that."""

CHECKPOINTS = "10 s"
"""Between two periodic checkpoints: a bare wish comes true at the next one."""

WARM_UP_S = 20.0
"""Of the first stream, at full load, before the rate of a worker is read: code is compiled by then."""

MEASURE_S = 20.0
"""Over which that rate is read."""

START_S = 300.0
"""Longest wait for a stream to run in full: its driver loads Flink's planner on starved cores."""

FULL_RATE = 20_000
"""Records a second of the stream that a worker is measured with: more than a worker of any machine hashes."""

FULL_ROWS = 1_000_000
"""Of that stream. Flink's source keeps the numbers to come in memory and in every checkpoint, so they must end."""

SPARE = 1.5
"""By how much a day's stream has more records than the day takes: it is not to end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChoices:
    """What a user may choose.

    Attributes:
        day_s: Seconds of a day.
        work: How much is done for each record, in tens of characters hashed.
        utilisations: Of the Autoscaler's rule.
    """

    day_s: int = 600
    work: int = 4000
    utilisations: Sequence[float] = UTILISATIONS

    def __post_init__(self) -> None:
        if self.day_s < _LEAST_DAY_S:
            raise InvalidValueError("--seconds", f"a day must last {_LEAST_DAY_S} s at least, got {self.day_s}")


_LEAST_DAY_S = 60
"""Shorter, and a surge is over before two looks of it lie behind a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day that was played.

    Attributes:
        way: Who looked after the stream.
        looks: Of the whole day, in order.
        reprocessed: Records that came out again at the sink without transactions.
    """

    way: Way
    looks: Sequence[Look]
    reprocessed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """All days.

    Attributes:
        days: One for each way.
        load: What arrived.
        worker_records_per_s: What one worker can process at full work.
        slots: Workers that there were.
    """

    days: Sequence[Day]
    load: DayLoad
    worker_records_per_s: float
    slots: int


def ways_of(choices: DayChoices, *, slots: int) -> list[Way]:
    """Every way that is played."""
    return [
        Way(name="adaptor", kind=Kind.ADAPTOR, start=1, utilisation=UTILISATION),
        *(
            Way(name=f"autoscaler {share:g}", kind=Kind.AUTOSCALER, start=1, utilisation=share)
            for share in choices.utilisations
        ),
        Way(name="static least", kind=Kind.STATIC, start=1),
        Way(name="static most", kind=Kind.STATIC, start=slots),
    ]


def play_days(choices: DayChoices, *, progress: Callable[[str], None]) -> Played:
    """Measure what a worker can do, then play a day for every way.

    Raises:
        AdaptorError: If cluster, stream or service cannot be started; every process has been ended then.
    """
    cores = allowed_cores()
    slots = WORKERS_PER_CORE * len(cores)
    with (
        tempfile.TemporaryDirectory(prefix="adaptor-day-") as home,
        StreamStage(Path(home), options={}, slots=slots) as stage,
        _shared_cores(stage, cores),
    ):
        rate = _worker_rate(stage, choices, progress)
        noon = UTILISATION * rate * (slots - 0.5)
        progress(f"a worker of 1/{WORKERS_PER_CORE} core processes {rate:.0f} records/s; {noon:.0f} arrive at noon")
        load = DayLoad(day_s=choices.day_s, noon_records_per_s=noon)
        days = [_day(stage, way, load, choices, progress, slots=slots) for way in ways_of(choices, slots=slots)]
    return Played(days=days, load=load, worker_records_per_s=rate, slots=slots)


@contextlib.contextmanager
def _shared_cores(stage: StreamStage, cores: Sequence[int]) -> Iterator[None]:
    workers = {slot: process.handle for slot, process in stage.flink.task_managers().items()}
    with CoreShares(workers, cores=cores):
        yield


def _worker_rate(stage: StreamStage, choices: DayChoices, progress: Callable[[str], None]) -> float:
    """Records a second that one worker processes at full work."""
    progress("measuring what one worker can process ...")
    job_id, _ = stage.submit(_options(choices, rate=FULL_RATE, rows=FULL_ROWS, echo=False))
    with _running(stage.client, job_id):
        time.sleep(WARM_UP_S)
        earlier = stage.client.stream_job(job_id)
        time.sleep(MEASURE_S)
        load = load_between(earlier, stage.client.stream_job(job_id), pending={}, least_s=MEASURE_S / 2)
        rates = [rate for one in (load.vertices if load else ()) if not one.is_source and (rate := true_rate(one))]
        if not rates:
            raise TrialError("the rate of a worker could not be read: the stream processed nothing")
        return min(rates)


def _options(
    choices: DayChoices,
    *,
    rate: float,
    rows: float,
    start: int = 1,
    day_start_s: int = 0,
    day_s: int = 0,
    echo: bool = True,
) -> StreamJobOptions:
    return StreamJobOptions(
        rate=max(1, round(rate)),
        rows=math.ceil(rows),
        work=choices.work,
        checkpoint_interval=CHECKPOINTS,
        day_s=day_s,
        day_start_s=day_start_s,
        parallelism=start,
        key_groups=KEY_GROUPS,
        echo=echo,
    )


def _day(
    stage: StreamStage,
    way: Way,
    load: DayLoad,
    choices: DayChoices,
    progress: Callable[[str], None],
    *,
    slots: int,
) -> Day:
    # The day begins once the stream has settled; before, it is the night of the day before.
    day_start_s = int(time.time()) + int(_LEAD_S)
    job_id, folder = stage.submit(
        _options(
            choices,
            rate=load.noon_records_per_s,
            rows=SPARE * load.noon_records_per_s * (choices.day_s + 2 * _LEAD_S),
            start=way.start,
            day_start_s=day_start_s,
            day_s=choices.day_s,
        )
    )
    with _running(stage.client, job_id):
        client = StreamClient(stage.rest_url, timeout_s=ANSWER_S)
        ward = Ward(
            client=client,
            flink_url=stage.rest_url,
            job_id=job_id,
            day_s=choices.day_s,
            slots=slots,
            home=stage.home / f"service-{way.name.replace(' ', '-')}",
        )
        with contextlib.closing(client), looked_after(way, ward):
            time.sleep(max(0.0, day_start_s - time.time()))
            looks = _looks(stage.client, job_id, day_start_s=day_start_s, day_s=choices.day_s)
    again = stage.output(folder).reprocessed
    progress(f"{way.name}: {len(looks)} looks, {again} records processed again")
    return Day(way=way, looks=looks, reprocessed=again)


_LEAD_S = 45.0
"""Between the submission and the beginning of the day: the driver and the service start, and rates settle."""


def _looks(client: StreamClient, job_id: str, *, day_start_s: float, day_s: float) -> list[Look]:
    looks: list[Look] = []
    while (at_s := time.time() - day_start_s) < day_s:
        with contextlib.suppress(FlinkError):  # the next look tells
            look = Look(at_s=at_s, job=client.stream_job(job_id), wish=client.requirements(job_id))
            if look.job.ended:
                raise TrialError(f"the stream ended in the middle of the day ({look.job.state})")
            looks.append(look)
        time.sleep(LOOK_S)
    return looks


@contextlib.contextmanager
def _running(client: StreamClient, job_id: str) -> Iterator[None]:
    """A stream that runs in full within, and is cancelled behind."""
    until_s = time.monotonic() + START_S
    while not (job := client.stream_job(job_id)).all_running:
        if job.ended or time.monotonic() > until_s:
            raise TrialError(f"the stream did not run within {START_S:g} s: {job.state}")
        time.sleep(LOOK_S)
    try:
        yield
    finally:
        client.cancel(job_id)
        while not client.stream_job(job_id).ended and time.monotonic() < until_s + START_S:
            time.sleep(LOOK_S)
